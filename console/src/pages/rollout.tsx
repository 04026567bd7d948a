import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { send, useResource, type Page } from "../api";
import { useReleases, type Releases } from "../data";
import { bytes, clockSeconds, count, counted, exact, percent, releaseName } from "../format";
import { onEvent, type LiveEvent } from "../live";
import type { Clusters, Counts, Course, Group, Member, Rollout } from "../model";
import { go, setQuery, url, usePlace } from "../router";
import { useSession } from "../session";
import { bad, ended, good, groupLook, isOpen, lookOf, memberSegments } from "../state";
import { t } from "../strings";
import { Bar, Btn, ErrorBlock, Gauge, Input, Loading, Note, Pager, Panel, Refused, Select, Shown, St, T, When } from "../ui/base";
import { Chart } from "../ui/chart";
import { Dialog, type Consequence } from "../ui/dialog";
import { SaysHead, useSays } from "../ui/says";
import { toast } from "../ui/toast";

type DialogName = "" | "start" | "pause" | "resume" | "stop" | "next" | "retry" | "approve" | "deny" | "remove" | "back";

export function RolloutPage({ id }: { id: string }): JSX.Element {
  const path = `/api/v1/rollouts/${encodeURIComponent(id)}`;
  const session = useSession();
  const releases = useReleases();
  // whatever happens to devices may be of this rollout; reading again is cheap and comes once a second at most
  const moved = (event: LiveEvent): boolean => event.kind === "action" || event.kind === "rollout" || (event.kind === "change" && /rollouts|releases|devices/.test(String(event.body["what"])));
  const rollout = useResource<Rollout>(path, { events: moved, every: 20_000 });
  const groups = useResource<Page<Group>>(`${path}/groups?limit=100`, { events: moved, every: 20_000 });
  const says = useSays(`rollouts/${encodeURIComponent(id)}`, moved);
  const [dialog, open] = useState<DialogName>("");
  const row = rollout.data;
  if (!row) return <section class="panel">{rollout.error ? <ErrorBlock error={rollout.error} retry={rollout.reload} /> : <Loading rows={8} />}</section>;
  const look = lookOf(row.state);
  const list = groups.data?.content ?? [];
  const running = list.filter((group) => group.state === "running" || group.state === "error").pop();
  const deploy = session.needsWhole("deploy");
  const approve = session.needsWhole("approve") ?? (row.createdBy === session.me.name ? t.rollout.ownNot : null);
  return (
    <>
      <SaysHead says={says} fallback={row.now}
        above={
          <>
            <St pill tone={look.tone} glyph={look.glyph} word={running && isOpen(row) ? t.rollout.stateGroup(look.word, running.number, row.groups) : look.word} />
            <span class="s dim"><T v={row.name} /> · <a href={url("releases", row.release)}><T v={releases.name(row.release)} /></a></span>
          </>
        }
        acts={
          <>
            {row.state === "ready" ? <Btn kind="pri" icon="rollouts" why={deploy} onClick={() => open("start")}>{t.rollout.start}</Btn> : null}
            {row.state === "waiting_for_approval" || row.state === "approval_denied" ? <Btn kind="pri" icon="check" why={approve} onClick={() => open("approve")}>{t.rollout.approve}</Btn> : null}
            {row.state === "waiting_for_approval" ? <Btn why={approve} onClick={() => open("deny")}>{t.rollout.deny}</Btn> : null}
            {row.state === "running" ? <Btn icon="pause" why={deploy} onClick={() => open("pause")}>{t.rollout.pause}</Btn> : null}
            {row.state === "running" && list.some((group) => group.state === "scheduled") ? <Btn icon="right" why={deploy} onClick={() => open("next")}>{t.rollout.nextGroup}</Btn> : null}
            {row.state === "paused" ? <Btn kind="pri" icon="rollouts" why={deploy ?? (row.pausedBy === "recall" ? t.rollout.recalled : null)} onClick={() => open("resume")}>{t.rollout.resume}</Btn> : null}
            {["creating", "ready", "running", "paused", "waiting_for_approval"].includes(row.state) ? <Btn kind="danger" icon="stop" why={deploy} onClick={() => open("stop")}>{t.rollout.stop}</Btn> : null}
            {["stopped", "finished"].includes(row.state) && bad(row.devices) + row.devices.canceled > 0 ? <Btn kind="pri" icon="refresh" why={deploy} onClick={() => open("retry")}>{t.rollout.retry}</Btn> : null}
            {row.devices.confirmed > 0 ? <Btn icon="undo" why={deploy} onClick={() => open("back")}>{t.rollout.back}</Btn> : null}
            {["stopped", "finished"].includes(row.state) ? <Btn why={deploy} onClick={() => open("remove")}>{t.rollout.remove}</Btn> : null}
          </>
        }
      />
      <div class="stack4">
        <Whole row={row} groups={list} />
        {list.some((group) => group.startedAt !== null) ? (
          <div class="grid">
            <div class="c8 stack4">
              <CoursePanel key={id} path={path} row={row} groups={list} events={moved} />
            </div>
            <div class="c4 stack4 first-s">
              <Next row={row} running={running} groups={list} />
              <AsAgreed row={row} releases={releases} />
            </div>
          </div>
        ) : (
          <div class="grid eq">
            <div class="c6"><AsAgreed row={row} releases={releases} /></div>
            <div class="c6 first-s"><Next row={row} running={running} groups={list} /></div>
          </div>
        )}
        <Groups row={row} of={groups} />
        <div class="grid">
          <div class="c8 stack4">
            <Failures path={path} row={row} events={moved} />
            <Members path={path} groups={list} events={moved} />
          </div>
          <div class="c4"><Feed row={row} /></div>
        </div>
      </div>
      {dialog !== "" ? <Steps name={dialog} row={row} groups={list} releases={releases} path={path} close={() => open("")} done={() => { open(""); rollout.reload(); groups.reload(); says.reload(); }} /> : null}
    </>
  );
}

function Whole({ row, groups }: { row: Rollout; groups: Group[] }): JSX.Element {
  const counts = row.devices;
  let sum = 0;
  const marks = groups.slice(0, 12).map((group, at) => {
    const mark = { at: counts.total > 0 ? (100 * sum) / counts.total : 0, label: t.rollout.groupMark(group.number), right: false };
    sum += group.devices.total;
    return at === 0 ? null : mark;
  }).filter((mark): mark is { at: number; label: string; right: boolean } => mark !== null);
  return (
    <section class="panel" aria-label={t.rollout.whole}>
      <div class="in barpad">
        <div class="row wrap">
          <span class="bigfig">{percent(good(row, counts), counts.total)}</span>
          <span class="dim">{row.claimedCounts ? t.rollout.confirmedOrClaimed(good(row, counts), counts.total) : t.rollout.confirmed(counts.confirmed, counts.total)}</span>
        </div>
        <Bar size="lg" segments={memberSegments(counts)} total={counts.total} marks={marks.length <= 8 ? marks : []} />
      </div>
      <div class="in">
        <div class="key">
          {memberSegments(counts).map((one) => (
            <span key={one.cls}><i class={one.cls} />{one.label} <b>{count(one.value)}</b></span>
          ))}
        </div>
      </div>
    </section>
  );
}

/** Confirmed and failed from the first offer on, as the server keeps it; it ends with what is known now. */
function CoursePanel({ path, row, groups, events }: { path: string; row: Rollout; groups: Group[]; events: (event: LiveEvent) => boolean }): JSX.Element | null {
  const course = useResource<Course>(`${path}/course`, { events, every: 30_000, keep: true });
  const counts = row.devices;
  const started = groups.map((group) => group.startedAt).filter((at): at is number => at !== null).sort((a, b) => a - b)[0];
  if (!started) return null;
  const stored = (course.data?.content ?? []).filter((point) => point.at >= started);
  const open = isOpen(row);
  const last = open ? Math.max(Date.now(), (stored[stored.length - 1]?.at ?? 0) + 1) : 0;
  const line = (of: (point: Course["content"][number]) => number, now: number): [number, number][] => [
    [started, 0], ...stored.map((point): [number, number] => [point.at, of(point)]), ...(open ? [[last, now] as [number, number]] : []),
  ];
  return (
    <Panel title={t.rollout.course} caption={t.rollout.courseHint}>
      <div class="in">
        <Chart label={t.rollout.courseLabel(good(row, counts), counts.total)} height={230} top={Math.max(counts.total, 1)} now={open}
          series={[
            { label: t.member.confirmed, tone: "ok", fill: true, points: line((point) => point.confirmed + (row.claimedCounts ? point.claimed : 0), good(row, counts)) },
            { label: t.rollout.failedShort, tone: "bad", points: line((point) => point.failed, bad(counts)) },
          ]} />
      </div>
    </Panel>
  );
}

function share(part: number, whole: number): number {
  return whole > 0 ? (100 * part) / whole : 0;
}

function Next({ row, running, groups }: { row: Rollout; running: Group | undefined; groups: Group[] }): JSX.Element {
  const next = groups.find((group) => group.state === "scheduled");
  const counts = running?.devices;
  const whole = counts ? counts.total - counts.skipped : 0;
  return (
    <Panel title={t.rollout.whatNext} footer={<span class="faint">{t.rollout.evaluated}</span>}>
      <div class="in stack4">
        {running && counts && isOpen(row) ? (
          <>
            <div class="stack">
              <div class="row s"><span>{next ? t.rollout.toOpen(next.number) : t.rollout.toFinish}</span><b class="right">{t.rollout.of(percent(good(row, counts), whole), `${running.success}\u00a0%`)}</b></div>
              <Gauge good value={share(good(row, counts), whole)} limit={running.success} top={100} label={t.rollout.gaugeGood(percent(good(row, counts), whole), running.success)} />
            </div>
            <div class="stack">
              <div class="row s"><span>{t.rollout.toStop}</span><b class="right">{t.rollout.of(percent(bad(counts), whole), `${running.error}\u00a0%`)}</b></div>
              <Gauge value={share(bad(counts), whole)} limit={running.error} top={Math.max(1, Math.min(100, (4 * running.error) / 3))} label={t.rollout.gaugeBad(percent(bad(counts), whole), running.error)} />
            </div>
          </>
        ) : null}
        <p class="s dim"><T v={row.next} /></p>
        {row.pausedBy === "error limit" ? <Note tone="bad" glyph="stopped"><b>{t.rollout.stoppedItself}</b> {t.rollout.stoppedHint}</Note> : null}
      </div>
    </Panel>
  );
}

function AsAgreed({ row, releases }: { row: Rollout; releases: Releases }): JSX.Element {
  return (
    <Panel title={t.rollout.agreed}>
      <div class="in">
        <dl class="dl">
          <dt>{t.release.word}</dt><dd><a href={url("releases", row.release)}><T v={releases.name(row.release)} /></a></dd>
          <dt>{t.nav.devices}</dt><dd>{row.filter === null ? t.rollout.listed : row.filter === "" ? t.rollout.everybody : <code class="kv"><T v={row.filter} /></code>}{row.dynamic ? ` ${t.rollout.dynamic}` : ""}</dd>
          <dt>{t.rollout.pace}</dt><dd>{(row.rate?.perMinute ?? 0) > 0 ? t.rollout.perMinute(row.rate?.perMinute ?? 0) : t.rollout.noPace}{(row.downloadsMax ?? 0) > 0 ? `, ${t.rollout.atOnce(row.downloadsMax ?? 0)}` : ""}{(row.bytesPerSecond ?? 0) > 0 ? `, ${bytes(row.bytesPerSecond ?? 0)}/s` : ""}</dd>
          <dt>{t.rollout.window}</dt><dd>{row.window ? t.rollout.windowWords(row.window.schedule, row.window.duration, row.window.zone ?? "UTC") : t.rollout.noWindow}</dd>
          <dt>{t.rollout.priority}</dt><dd>{row.weight}</dd>
          <dt>{t.rollout.ends}</dt><dd>{row.endAt ? exact(row.endAt) : t.rollout.noEnd}</dd>
          <dt>{t.rollout.ifDrift}</dt><dd>{t.rollout.drift[row.drift as keyof typeof t.rollout.drift] ?? row.drift}</dd>
          <dt>{t.rollout.made}</dt><dd><T v={row.createdBy} />, <When at={row.createdAt} />{row.decidedBy ? <>, {t.rollout.decided} <T v={row.decidedBy} />{row.remark ? <>: <T v={row.remark} /></> : null}</> : null}</dd>
        </dl>
      </div>
    </Panel>
  );
}

function Groups({ row, of }: { row: Rollout; of: ReturnType<typeof useResource<Page<Group>>> }): JSX.Element {
  return (
    <Panel title={t.rollout.groups} caption={<span class="hide-s">{t.rollout.groupsHint}</span>}>
      <Shown of={of}>
        {(page) => (
          <div class="scroll" tabIndex={0} role="group" aria-label={t.rollout.groups}>
            <table class="tbl keep">
              <thead>
                <tr><th>{t.rollout.group}</th><th>{t.devices.state}</th><th class="num">{t.nav.devices}</th><th>{t.devices.proof}</th><th class="num">{t.member.confirmed}</th><th colSpan={2} class="hide-s">{t.rollout.failedShort}</th><th class="num hide-s">{t.rollout.startedAt}</th></tr>
              </thead>
              <tbody>
                {page.content.map((group) => {
                  const look = groupLook(group);
                  const counts = group.devices;
                  const whole = counts.total - counts.skipped;
                  return (
                    <tr key={group.number}>
                      <td class="two"><b><T v={group.name || t.rollout.groupMark(group.number)} /></b>{group.filter ? <small class="mono clipped max230"><T v={group.filter} /></small> : group.percent > 0 ? <small>{group.percent}&nbsp;%</small> : null}</td>
                      <td><St tone={look.tone} glyph={look.glyph} word={look.word} />{group.gate ? <small class="faint"> {t.rollout.gate}</small> : null}</td>
                      <td class="num">{count(counts.total)}</td>
                      <td class="w34p"><Bar segments={memberSegments(counts)} total={counts.total} marks={[{ at: group.success, label: "", right: true }]} /></td>
                      <td class="num">{percent(good(row, counts), whole)}</td>
                      <td class="w120 hide-s"><Gauge value={share(bad(counts), whole)} limit={group.error} top={Math.max(1, Math.min(100, (4 * group.error) / 3))} label={t.rollout.gaugeBad(percent(bad(counts), whole), group.error)} /></td>
                      <td class="num hide-s">{percent(bad(counts), whole)}</td>
                      <td class="num hide-s">{group.startedAt ? <When at={group.startedAt} /> : "—"}</td>
                    </tr>
                  );
                })}
              </tbody>
            </table>
          </div>
        )}
      </Shown>
    </Panel>
  );
}

/** Why devices failed, and what they have in common: error, hardware, what they ran before. */
function Failures({ path, row, events }: { path: string; row: Rollout; events: (event: LiveEvent) => boolean }): JSX.Element {
  const key = usePlace().query.get("hardware") ?? "";
  const [draft, setDraft] = useState(key);
  useEffect(() => setDraft(key), [key]);
  const clusters = useResource<Clusters>(`${path}/clusters${key ? `?hardware=${encodeURIComponent(key)}` : ""}`, { events, every: 30_000, keep: true });
  const page = clusters.data;
  const most = Math.max(1, ...(page?.content ?? []).map((one) => one.devices));
  return (
    <Panel id="failures" title={t.rollout.failures(bad(row.devices), page?.content.length ?? 0)} footer={
      <>
        <span>{page && page.looked < page.failed ? t.rollout.looked(page.looked, page.failed) : t.rollout.failuresHint}</span>
        <a class="right" href={`/devices?q=${encodeURIComponent(`failedin==${row.id}`)}`}>{t.rollout.allFailures}</a>
      </>
    }>
      {clusters.error && page ? <div class="in"><Refused error={clusters.error} /></div> : null}
      <Shown of={clusters}>
        {(shown) =>
          shown.content.length === 0 ? <div class="in s dim">{t.rollout.noFailures}</div> : (
            <>
              <div class="in">
                <p><b><T v={shown.says.bold} /></b>{shown.says.rest ? <span class="dim"> <T v={shown.says.rest} /></span> : null}</p>
                {shown.says.lede ? <p class="s"><T v={shown.says.lede} /></p> : null}
                <form class="row wrap s" onSubmit={(event) => { event.preventDefault(); setQuery({ hardware: draft === "hardware" ? null : draft.trim() || null }); }}>
                  <Input label={t.rollout.hardwareIs} hint={t.rollout.hardwareHint} value={draft === "" ? shown.hardware : draft} onInput={setDraft} mono max={128} />
                  <Btn small type="submit">{t.rollout.group2}</Btn>
                </form>
              </div>
              <div class="scroll" tabIndex={0} role="group" aria-label={t.rollout.cause}>
                <table class="tbl keep">
                  <thead><tr><th>{t.rollout.cause}</th><th>{t.rollout.hardware}</th><th>{t.rollout.ranBefore}</th><th>{t.nav.devices}</th><th class="hide-s">{t.rollout.said}</th><th class="hide-s">{t.rollout.youCan}</th><th class="num">{t.rollout.example}</th></tr></thead>
                  <tbody>
                    {shown.content.map((one) => (
                      <tr key={[one.state, one.error, one.proof, one.hardwareFrom, one.hardware, one.before?.release].join("\n")}>
                        <td class="two"><b><T v={one.message} /></b><small class="mono">{one.error ?? lookOf(one.state).word}</small></td>
                        <td class="two"><span class="clipped max160"><T v={one.hardware} /></span>{one.hardwareFrom === "type" ? <small>{t.rollout.byType}</small> : null}</td>
                        <td><span class="clipped max160"><T v={one.before ? (one.before.version ?? t.devices.foreignImage) : t.rollout.ranNothing} /></span></td>
                        <td class="w150"><div class="row"><b class="num">{one.filter ? <a href={`/devices?q=${encodeURIComponent(one.filter)}`}>{count(one.devices)}</a> : count(one.devices)}</b><div class="grow"><Bar size="sm" segments={[{ cls: "b-fail", value: one.devices, label: t.member.failed }]} total={most} label={counted(one.devices, "device")} /></div></div></td>
                        <td class="hide-s">{one.proof === "signed" ? <St tone="ok" glyph="confirmed" word={t.rollout.signed} /> : <St tone="warn" glyph="claimed" word={t.rollout.claimed} />}</td>
                        <td class="s hide-s"><T v={one.remedy} /></td>
                        <td class="num"><a class="mono" href={url("devices", one.example)}><T v={one.example} /></a></td>
                      </tr>
                    ))}
                  </tbody>
                </table>
              </div>
            </>
          )
        }
      </Shown>
    </Panel>
  );
}

const MEMBERS = 25;

function Members({ path, groups, events }: { path: string; groups: Group[]; events: (event: LiveEvent) => boolean }): JSX.Element {
  const here = usePlace();
  const state = here.query.get("state") ?? "";
  const group = here.query.get("group") ?? "";
  const offset = Math.max(0, Number(here.query.get("offset") ?? 0) || 0);
  const list = useResource<Page<Member>>(`${path}/devices?limit=${MEMBERS}&offset=${offset}${state ? `&state=${state}` : ""}${group ? `&group=${group}` : ""}`, { events, every: 30_000, keep: true });
  return (
    <Panel title={t.rollout.members} right={
      <>
        <Select label={t.rollout.group} value={group} onChange={(next) => setQuery({ group: next || null, offset: null }, true)} options={[["", t.rollout.anyGroup], ...groups.map((one): [string, string] => [String(one.number), one.name || t.rollout.groupMark(one.number)])]} />
        <Select label={t.devices.state} value={state} onChange={(next) => setQuery({ state: next || null, offset: null }, true)} options={[["", t.rollout.anyState], ...["waiting", "blocked", "active", "confirmed", "claimed", "failed", "reverted", "drifted", "canceled", "skipped"].map((one): [string, string] => [one, lookOf(one).word])]} />
      </>
    } footer={list.data ? <Pager offset={offset} size={list.data.content.length} total={list.data.total} atLeast={list.data.atLeast} limit={MEMBERS} onPage={(next) => setQuery({ offset: next > 0 ? String(next) : null }, true)} /> : undefined}>
      <Shown of={list}>
        {(page) =>
          page.content.length === 0 ? <div class="in s dim">{t.rollout.noMembers}</div> : (
            <table class="tbl tight">
              <thead><tr><th>{t.devices.device}</th><th>{t.devices.state}</th><th class="num">{t.rollout.group}</th><th class="num">{t.rollout.offers}</th></tr></thead>
              <tbody>
                {page.content.map((one) => {
                  const look = lookOf(one.state);
                  return (
                    <tr key={one.device}>
                      <td class="mono clipped max300"><a href={url("devices", one.device)}><T v={one.device} /></a></td>
                      <td><St tone={look.tone} glyph={look.glyph} word={look.word} /></td>
                      <td class="num">{one.group}</td>
                      <td class="num">{one.offers}</td>
                    </tr>
                  );
                })}
              </tbody>
            </table>
          )
        }
      </Shown>
    </Panel>
  );
}

interface Heard {
  at: number;
  device: string;
  state: string;
  error: string;
}

/** The newest happenings of this release; held while it is looked at. */
function Feed({ row }: { row: Rollout }): JSX.Element {
  const [list, set] = useState<Heard[]>([]);
  const [held, hold] = useState(false);
  const waiting = useRef<Heard[]>([]);
  useEffect(() => {
    const take = (): void => set((old) => [...waiting.current.splice(0).reverse(), ...old].slice(0, 12));
    const off = onEvent((event) => {
      if (event.kind !== "action" || event.body["release"] !== row.release) return;
      waiting.current.push({ at: event.at, device: event.device, state: String(event.body["state"] ?? ""), error: String(event.body["error"] ?? "") });
      waiting.current.splice(0, Math.max(0, waiting.current.length - 50));
    });
    const timer = held ? 0 : window.setInterval(take, 500);
    if (!held) take();
    return () => {
      off();
      window.clearInterval(timer);
    };
  }, [row.release, held]);
  return (
    <Panel title={t.rollout.live} caption={t.rollout.liveHint} right={<Btn small kind="quiet" icon={held ? "right" : "pause"} pressed={held} onClick={() => hold(!held)}>{held ? t.rollout.go : t.rollout.hold}</Btn>}>
      {list.length === 0 ? <p class="in s dim">{t.rollout.quiet}</p> : null}
      <ol class={list.length > 0 ? "in tl" : "tl"} onMouseEnter={() => hold(true)} onMouseLeave={() => hold(false)}>
        {list.map((one, at) => {
          const look = lookOf(one.state);
          const known = ["confirmed", "claimed", "refused", "failed", "reverted"].includes(one.state);
          return (
            <li key={`${one.at}${one.device}${at}`}>
              <svg class={`st ${known ? look.tone : "go"}`} viewBox="0 0 16 16" aria-hidden="true"><use href={`#g-${known ? look.glyph : "updating"}`} /></svg>
              <div><a class="mono" href={url("devices", one.device)}><T v={one.device} /></a> {t.actionState(one.state).toLowerCase()} {one.error ? <code>{one.error}</code> : null}</div>
              <time title={exact(one.at)} dateTime={new Date(one.at).toISOString()}>{clockSeconds(one.at)}</time>
            </li>
          );
        })}
      </ol>
    </Panel>
  );
}

/** What stopping does: the lines add up to all devices. */
export function stopLines(counts: Counts): Consequence[] {
  return [
    { n: counts.confirmed + counts.claimed, text: t.stop.keep },
    { n: counts.active, text: t.stop.active },
    { n: counts.waiting + counts.blocked, text: t.stop.waiting },
    { n: bad(counts), text: t.stop.failed },
    { n: counts.canceled + counts.skipped, text: t.stop.out },
  ];
}

function Steps({ name, row, groups, releases, path, close, done }: { name: DialogName; row: Rollout; groups: Group[]; releases: Releases; path: string; close: () => void; done: () => void }): JSX.Element | null {
  const [target, setTarget] = useState("");
  const [instead, setInstead] = useState(false);
  const counts = row.devices;
  const left = counts.active + counts.waiting + counts.blocked;
  const next = groups.find((group) => group.state === "scheduled");
  const step = (verb: string) => (reason: string): Promise<unknown> => send("POST", `${path}/${verb}${reason ? `?remark=${encodeURIComponent(reason)}` : ""}`);
  const said = (text: string) => (): void => {
    toast({ tone: "ok", text });
    done();
  };
  const first = groups[0];
  const others = (releases.data?.content ?? []).filter((one) => one.id !== row.release && one.name === releases.byId(row.release)?.name);
  const before = others.length > 0 ? others : (releases.data?.content ?? []).filter((one) => one.id !== row.release);
  const chosen = target || String(before[before.length - 1]?.id ?? "");
  switch (name) {
    case "start":
      return (
        <Dialog title={t.steps.startTitle(row.name, counts.total)} glyph="running" safe={t.steps.notYet} go={t.steps.startGo(first?.devices.total ?? counts.total)}
          lines={[{ n: first?.devices.total ?? counts.total, text: t.steps.startFirst }, { n: counts.total - (first?.devices.total ?? counts.total), text: t.steps.startRest }]}
          together={t.steps.together(counts.total)} close={close} done={said(t.steps.started)} run={step("start")} />
      );
    case "pause":
      return (
        <Dialog title={t.steps.pauseTitle(row.name)} tone="warn" glyph="paused" safe={t.steps.keepRunning} go={t.steps.pauseGo}
          lines={[{ n: counts.active, text: t.steps.pauseActive }, { n: counts.waiting + counts.blocked, text: t.steps.pauseWaiting }, { n: ended(counts), text: t.steps.pauseEnded }]}
          together={t.steps.together(counts.total)} close={close} done={said(t.steps.paused(counts.active))} run={step("pause")} />
      );
    case "resume":
      return (
        <Dialog title={t.steps.resumeTitle(row.name)} glyph="running" tone={row.pausedBy === "error limit" ? "bad" : "go"} safe={t.steps.leavePaused} go={t.steps.resumeGo}
          lines={[{ n: counts.waiting + counts.blocked, text: t.steps.resumeWaiting }, { n: counts.active, text: t.steps.resumeActive }, { n: ended(counts), text: t.steps.pauseEnded }]}
          together={t.steps.together(counts.total)} close={close} done={said(t.steps.resumed)} run={step("resume")}>
          {row.pausedBy === "error limit" ? <Note tone="bad" glyph="warn"><b>{t.steps.resumeLimit}</b> {t.steps.resumeLimitHint}</Note> : row.pausedBy === "gate" ? <Note tone="plain" icon="right">{t.steps.resumeGate}</Note> : null}
        </Dialog>
      );
    case "next":
      return (
        <Dialog title={t.steps.nextTitle(next?.number ?? 0)} tone="warn" glyph="warn" safe={t.steps.waitForIt} go={t.steps.nextGo(next?.devices.total ?? 0)}
          lines={[{ n: next?.devices.total ?? 0, text: t.steps.nextLine }]} close={close} done={said(t.steps.nextDone)} run={step("next")} />
      );
    case "stop":
      return (
        <Dialog title={t.steps.stopTitle(row.name)} note={t.steps.stopNote} tone="bad" glyph="stopped" lines={stopLines(counts)} together={t.steps.together(counts.total)}
          safe={t.steps.keepRunning} kill go={t.steps.stopGo(left)} busyWord={t.steps.stopping}
          also={row.state === "running" ? <Btn icon="pause" busy={instead} onClick={() => { setInstead(true); void step("pause")("").then(said(t.steps.paused(counts.active)), () => setInstead(false)); }}>{t.steps.pauseInstead}</Btn> : null}
          close={close} done={said(t.steps.stopped)} run={step("stop")} />
      );
    case "retry":
      return (
        <Dialog title={t.steps.retryTitle(bad(counts) + counts.canceled)} glyph="updating" safe={t.cancel} go={t.steps.retryGo(bad(counts) + counts.canceled)}
          lines={[{ n: bad(counts) + counts.canceled, text: t.steps.retryLine }, { n: counts.confirmed + counts.claimed, text: t.steps.retryKeep }]} close={close}
          done={() => undefined}
          run={async () => {
            const made = await send<{ id: number }>("POST", `${path}/retry`);
            close();
            go(url("rollouts", made.id));
          }} />
      );
    case "approve":
      return (
        <Dialog title={t.steps.approveTitle(row.name, counts.total)} glyph="approval" tone="warn" safe={t.cancel} go={t.steps.approveGo(counts.total)} lines={[{ n: counts.total, text: t.steps.approveLine }]}
          reason={{ label: t.steps.remark, needed: false }} close={close} done={said(t.steps.approved)} run={step("approve")} />
      );
    case "deny":
      return (
        <Dialog title={t.steps.denyTitle(row.name)} glyph="approval" tone="bad" safe={t.cancel} go={t.steps.denyGo} lines={[{ n: counts.total, text: t.steps.denyLine }]}
          reason={{ label: t.steps.remark, needed: true }} close={close} done={said(t.steps.denied)} run={step("deny")} />
      );
    case "remove":
      return (
        <Dialog title={t.steps.removeTitle(row.name)} tone="bad" glyph="stopped" safe={t.cancel} kill go={t.steps.removeGo} lines={[{ n: counts.total, text: t.steps.removeLine }]} close={close}
          done={() => { toast({ tone: "ok", text: t.steps.removed }); go("/rollouts"); }} run={() => send("DELETE", path)} />
      );
    case "back":
      return (
        <Dialog title={t.steps.backTitle(counts.confirmed)} glyph="reverted" tone="warn" safe={t.cancel} go={t.steps.backGo} why={chosen === "" ? t.assign.noRelease : null}
          lines={[{ n: counts.confirmed + counts.claimed, text: t.steps.backLine(releases.name(Number(chosen))) }, { n: counts.total - counts.confirmed - counts.claimed, text: t.steps.backRest }]}
          together={t.steps.together(counts.total)} close={close} done={() => undefined}
          run={async () => {
            // devices refuse lower numbers: what leads back is a release with the old image and a higher number
            const way = await send<{ release: number }>("GET", `/api/v1/releases/${chosen}/way-back?from=${row.release}`);
            close();
            go(`/rollouts/new?release=${way.release}&q=${encodeURIComponent(`rollout==${row.id};runs==${row.release}`)}`);
          }}>
          <Select label={t.steps.backTo} value={chosen} onChange={setTarget} options={before.map((one) => [String(one.id), releaseName(one)])} />
          <Note tone="plain" icon="right">{t.steps.backHint}</Note>
        </Dialog>
      );
    default:
      return null;
  }
}
