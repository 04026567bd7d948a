import type { JSX } from "preact";
import { useMemo, useState } from "preact/hooks";
import { send, useResource, type ApiError, type Page } from "../api";
import { useReleases, type Releases } from "../data";
import { clock, dayName, exact } from "../format";
import type { LiveEvent } from "../live";
import type { Action, Command as Cmd, Device, RefusedReport, Registration, Why } from "../model";
import { go, setQuery, url, usePlace } from "../router";
import { useSession } from "../session";
import { deviceKey, lookOf, proofOf } from "../state";
import { t } from "../strings";
import { Btn, Digest, ErrorBlock, Icon, Input, Loading, Note, Panel, ProofLadder, Seg, Select, Shown, splitSentence, St, T, useDeed, When } from "../ui/base";
import { copy } from "../ui/base";
import { Dialog } from "../ui/dialog";
import { toast } from "../ui/toast";
import { Assign } from "./devices";
import { Health } from "./device-health";
import { Abilities, Credentials } from "./device-keys";

interface Rep {
  at: number;
  counter: number;
  result: string;
  message: string;
  bootReason: string;
  bytes: string;
}

type DialogName = "" | "assign" | "again" | "quarantine" | "free" | "remove" | "reboot" | "command" | "cancel";

export function DevicePage({ name }: { name: string }): JSX.Element {
  const path = `/api/v1/devices/${encodeURIComponent(name)}`;
  const mine = (event: LiveEvent): boolean => event.device === name || (event.kind === "change" && JSON.stringify(event.body["detail"] ?? "").includes(JSON.stringify(name)));
  const session = useSession();
  const device = useResource<Device>(path, { events: (event) => mine(event) || (event.kind === "change" && /rollouts/.test(String(event.body["what"]))), every: 30_000 });
  const releases = useReleases();
  const lwm2m = useResource<Registration>(`${path}/lwm2m`, { events: mine, every: 60_000 });
  const [dialog, open] = useState<DialogName>("");
  const row = device.data;
  if (!row) {
    return device.error ? <section class="panel"><ErrorBlock error={device.error} retry={device.reload} what={device.error.status === 404 ? t.device.none(name) : t.error.notRead} /></section> : <section class="panel"><Loading rows={8} /></section>;
  }
  const look = lookOf(deviceKey(row));
  const close = (): void => open("");
  const done = (text?: string) => (): void => {
    open("");
    if (text) toast({ tone: "ok", text });
    device.reload();
  };
  const action = row.action;
  return (
    <>
      <div class="say">
        <div class="grow">
          <div class="row wrap">
            <h1 class="mono id"><T v={row.name} /></h1>
            <St pill tone={look.tone} glyph={look.glyph} word={look.word} />
            {row.lastSeen ? <span class="s dim">{t.device.seen} <When at={row.lastSeen} /></span> : <St pill tone="wait" glyph="unknown" word={t.device.neverSeen} />}
          </div>
          <p class="lede">
            {[row.type, row.group].filter(Boolean).map((part) => <><T v={part as string} /> · </>)}
            {row.running ? <T v={t.device.runs(row.running.version ?? t.devices.foreignImage)} /> : t.device.runsUnknown}
            {row.assigned && row.assigned !== row.running?.release ? t.device.should(releases.version(row.assigned)) : ""}
          </p>
        </div>
        <div class="acts">
          {action && !action.active && action.error ? <Btn icon="refresh" why={session.needs("deploy")} onClick={() => open("again")}>{t.again}</Btn> : null}
          {action?.active ? <Btn icon="x" why={session.needs("deploy")} onClick={() => open("cancel")}>{t.device.cancel}</Btn> : null}
          <Btn why={session.needs("devices")} onClick={() => void (lwm2m.data ? send("POST", `${path}/commands`, { op: "updateTrigger" }) : send("POST", `${path}/poll`)).then(() => toast({ tone: "ok", text: t.device.pollDone }), (error: ApiError) => toast({ tone: "bad", text: `${error.message}. ${error.remedy}` }))}>{t.device.poll}</Btn>
          <Btn why={session.needs("deploy") ?? (row.quarantine ? t.device.inQuarantine : null)} onClick={() => open("assign")}>{t.device.assign}</Btn>
        </div>
      </div>
      <div class="grid">
        <div class="c8 stack4">
          <WhyPanel path={path} events={mine} releases={releases} />
          <Timeline path={path} events={mine} releases={releases} device={row} />
          <Health path={path} registered={lwm2m.data !== undefined} />
        </div>
        <div class="c4 stack4">
          <Runs device={row} releases={releases} />
          <LastReport path={path} events={mine} device={row} />
          <Commands path={path} events={mine} registration={lwm2m.data} open={open} />
          <Trust device={row} open={open} />
          <Credentials path={path} events={mine} kid={row.kid} />
          <Abilities path={path} events={mine} />
          <Facts path={path} device={row} registration={lwm2m.data} />
        </div>
      </div>
      {dialog === "assign" ? <Assign names={[name]} releases={releases} close={close} done={done()} /> : null}
      {dialog === "again" && action ? (
        <Dialog title={t.device.againTitle(releases.version(action.release), name)} glyph="updating" lines={[{ n: 1, text: t.device.againLine }]} safe={t.cancel} go={t.again} close={close}
          done={done(t.device.againDone)} run={() => send("POST", `/api/v1/releases/${action.release}/deploy`, { devices: [name] })} />
      ) : null}
      {dialog === "cancel" && action ? (
        <Dialog title={t.device.cancelTitle(releases.version(action.release))} glyph="stopped" tone="bad" lines={[{ n: 1, text: t.device.cancelLine }]} safe={t.device.keep} go={t.device.cancelGo} close={close}
          done={done(t.device.cancelDone)} run={() => send("POST", `/api/v1/actions/${action.id}/cancel`)} />
      ) : null}
      {dialog === "quarantine" ? (
        <Dialog title={t.device.quarantineTitle(name)} tone="hold" glyph="quarantined" lines={[{ n: 1, text: t.bulk.deeds.quarantine.line }]} reason={{ label: t.devices.quarantineReason, needed: true }}
          safe={t.cancel} go={t.bulk.deeds.quarantine.go(1)} kill close={close} done={done(t.device.quarantined)} run={(reason) => send("POST", `${path}/quarantine`, { reason })} />
      ) : null}
      {dialog === "free" ? (
        <Dialog title={t.device.freeTitle(name)} tone="hold" glyph="quarantined" lines={[{ n: 1, text: t.device.freeLine }]} safe={t.cancel} go={t.device.freeGo} close={close} done={done(t.device.freed)} run={() => send("DELETE", `${path}/quarantine`)} />
      ) : null}
      {dialog === "remove" ? (
        <Dialog title={t.device.removeTitle(name)} tone="bad" glyph="stopped" lines={[{ n: 1, text: t.device.removeLine }]} safe={t.cancel} go={t.device.removeGo} kill close={close}
          done={() => { toast({ tone: "ok", text: t.device.removed(name) }); go("/devices"); }} run={() => send("DELETE", path)} />
      ) : null}
      {dialog === "reboot" ? (
        <Dialog title={t.device.rebootTitle(name)} tone="warn" glyph="warn" lines={[{ n: 1, text: t.device.rebootLine }]} safe={t.cancel} go={t.device.rebootGo} close={close}
          done={done(t.device.queued)} run={() => send("POST", `${path}/commands`, { op: "reboot" })} />
      ) : null}
      {dialog === "command" ? <CommandDialog path={path} close={close} done={done(t.device.queued)} /> : null}
    </>
  );
}

function WhyPanel({ path, events, releases }: { path: string; events: (event: LiveEvent) => boolean; releases: Releases }): JSX.Element {
  const why = useResource<Why>(`${path}/why`, { events: (event) => events(event) || event.kind === "change", every: 30_000 });
  const fine = why.data?.answer === "up_to_date" || why.data?.answer === "claimed";
  return (
    <Panel id="why" cls={fine ? "" : why.data && !why.data.error ? "answer w" : "answer"} title={fine ? t.device.whyFine : t.device.why} caption={t.device.whyCaption}
      right={<button type="button" class="btn quiet sm" onClick={() => void copy(window.location.href)}>{t.device.link}</button>}>
      <Shown of={why} rows={5}>
        {(answer) => {
          const [first, rest] = splitSentence(answer.sentence);
          return (
            <div class="in stack4">
              <p class="answer-text">
                <b><T v={first} /></b> {rest ? <T v={rest} /> : null}
              </p>
              {answer.remedy ? (
                <Note tone="plain" icon="right">
                  <b>{t.device.remedy}</b> <T v={answer.remedy} />
                </Note>
              ) : null}
              <div class="row wrap">
                {answer.rollout ? <Btn kind="pri" href={url("rollouts", answer.rollout)}>{t.device.toRollout}</Btn> : null}
                {answer.rollout && answer.error ? <Btn href={`/devices?q=${encodeURIComponent(`failedin==${answer.rollout}`)}`}>{t.device.others}</Btn> : null}
                {answer.error ? <code class="faint">{answer.error}</code> : null}
              </div>
              <ol class="path">
                {answer.path.map((step) => {
                  const stop = step.verdict === "fails";
                  const later = step.verdict === "later";
                  return (
                    <li key={step.check} class={stop ? "stop" : later ? "later" : ""}>
                      <svg class={`st ${stop ? "bad" : later ? "wait" : "ok"}`} viewBox="0 0 16 16" role="img" aria-label={stop ? t.device.fails : later ? t.device.later : t.device.holds}>
                        <use href={`#g-${stop ? "failed" : later ? "none" : "confirmed"}`} />
                      </svg>
                      <span>{stop ? <b>{t.device.checks[step.check as keyof typeof t.device.checks] ?? step.check}</b> : (t.device.checks[step.check as keyof typeof t.device.checks] ?? step.check)}</span>
                      <span class={stop ? "ink" : later ? "" : "dim"}>{later && !step.evidence ? t.device.notReached : <T v={step.evidence} />}</span>
                    </li>
                  );
                })}
              </ol>
              {releases.error ? null : null}
            </div>
          );
        }}
      </Shown>
    </Panel>
  );
}

interface Happening {
  at: number;
  kind: "updates" | "contact" | "people";
  tone: string;
  glyph?: string;
  icon?: string;
  title: string;
  text?: string;
  code?: string;
}

/** Equal happenings in a row are one, with how often. */
function fold(list: Happening[]): Happening[] {
  const out: (Happening & { times: number })[] = [];
  for (const one of list) {
    const last = out[out.length - 1];
    if (last && last.title === one.title && last.text === one.text && last.code === one.code) last.times++;
    else out.push({ ...one, times: 1 });
  }
  return out.map(({ times, ...one }) => (times > 1 ? { ...one, title: t.timeline.times(one.title, times) } : one));
}

function Timeline({ path, events, releases, device }: { path: string; events: (event: LiveEvent) => boolean; releases: Releases; device: Device }): JSX.Element {
  const here = usePlace();
  const show = here.query.get("show") ?? "all";
  const actions = useResource<Page<Action>>(`${path}/actions?limit=100`, { events });
  const reports = useResource<Page<Rep>>(`${path}/reports?limit=100`, { events });
  const newest = [...(actions.data?.content ?? [])].sort((a, b) => b.id - a.id);
  const commands = useResource<Page<Cmd>>(`${path}/commands?limit=100`, { events });
  const refused = useResource<Page<RefusedReport>>(`${path}/refused-reports?limit=20`, { events });
  const detail = useResource<Action>(newest[0] ? `/api/v1/actions/${newest[0].id}` : null, { events });
  const list = useMemo(() => {
    const all: Happening[] = [];
    for (const action of newest) {
      const version = releases.version(action.release);
      const look = lookOf(action.state);
      if (action.active && action.id !== detail.data?.id) all.push({ at: action.updatedAt, kind: "updates", tone: "go", glyph: "updating", title: t.timeline.state(action.state, version) });
      if (!action.active) {
        all.push({ at: action.updatedAt, kind: "updates", tone: look.tone, glyph: look.glyph, title: t.timeline.ended(action.state, version), text: action.message ?? (action.proof === "signed" ? t.timeline.signed : t.timeline.unsigned), ...(action.error ? { code: action.error } : {}) });
      }
      all.push({ at: action.createdAt, kind: "updates", tone: "", icon: "send", title: t.timeline.given(version) });
    }
    for (const entry of detail.data?.history ?? []) {
      if (entry.messages.length > 0 || (detail.data?.active && entry.state !== "offered")) {
        all.push({ at: entry.at, kind: "updates", tone: "", icon: "right", title: t.timeline.state(entry.state, releases.version(detail.data?.release)), text: entry.messages.filter((words) => words !== entry.state).join(" · ") });
      }
    }
    for (const report of reports.data?.content ?? []) {
      const ok = report.result === "UD_OK";
      all.push({ at: report.at, kind: "contact", tone: ok ? "" : "bad", ...(ok ? { icon: "doc" } : { glyph: "failed" }), title: ok ? t.timeline.report(report.counter) : t.timeline.reportBad(report.counter), text: ok ? t.timeline.boot(report.bootReason) : report.message, ...(ok ? {} : { code: report.result }) });
    }
    for (const one of commands.data?.content ?? []) {
      all.push({ at: one.createdAt, kind: "people", tone: "", icon: "send", title: t.timeline.command(String(one.command["op"]), String(one.command["path"] ?? "")), ...(one.by ? { text: t.timeline.commandBy(one.by) } : {}) });
    }
    for (const one of refused.data?.content ?? []) {
      all.push({ at: one.last, kind: "contact", tone: "bad", glyph: "failed", title: t.timeline.refused, text: `${one.message}. ${t.timeline.refusedTimes(one.times)}`, code: one.error });
    }
    if (device.quarantine) all.push({ at: device.quarantine.since, kind: "people", tone: "hold", glyph: "quarantined", title: t.timeline.quarantined, text: device.quarantine.reason });
    all.push({ at: device.createdAt, kind: "people", tone: "", icon: "plus", title: t.timeline.added });
    return fold(all.sort((a, b) => b.at - a.at));
  }, [actions.data, reports.data, detail.data, commands.data, refused.data, releases.data, device]);
  const shown = list.filter((one) => show === "all" || one.kind === show).slice(0, 60);
  let lastDay = "";
  return (
    <Panel title={t.timeline.title} right={<Seg label={t.timeline.which} value={show} onChange={(next) => setQuery({ show: next === "all" ? null : next }, true)} options={[["all", t.timeline.all], ["updates", t.timeline.updates], ["contact", t.timeline.contact], ["people", t.timeline.people]]} />}>
      <Shown of={actions} rows={6}>
        {() => (
          <div class="in">
            <ol class="tl">
              {shown.map((one, at) => {
                const today = dayName(one.at);
                const head = today !== lastDay;
                lastDay = today;
                return (
                  <>
                    {head ? <li class="dayrow"><span class="day">{today}</span></li> : null}
                    <li key={at}>
                      {one.glyph ? <svg class={`st ${one.tone}`} viewBox="0 0 16 16" aria-hidden="true"><use href={`#g-${one.glyph}`} /></svg> : <Icon name={one.icon ?? "right"} />}
                      <div>
                        <div class="h"><T v={one.title} /></div>
                        {one.text || one.code ? <div class="p">{one.text ? <T v={one.text} /> : null} {one.code ? <code>{one.code}</code> : null}</div> : null}
                      </div>
                      <time title={exact(one.at)} dateTime={new Date(one.at).toISOString()}>{clock(one.at)}</time>
                    </li>
                  </>
                );
              })}
            </ol>
            {shown.length === 0 ? <p class="s dim">{t.timeline.none}</p> : null}
          </div>
        )}
      </Shown>
    </Panel>
  );
}

function Runs({ device, releases }: { device: Device; releases: Releases }): JSX.Element {
  const running = device.running;
  const action = device.action;
  const proof = proofOf(action);
  const notes = [0, 1, 2, 3, 4].map((at) => (proof.failed === at + 1 ? t.actionState(action?.state ?? "") : at + 1 === proof.step && action ? clock(action.updatedAt) : at + 1 < proof.step ? "✓" : "—"));
  return (
    <Panel title={t.device.whatRuns} right={running ? <St tone="ok" glyph="confirmed" word={t.device.proven} /> : <St tone="wait" glyph="unknown" word={t.device.notProven} />}>
      <div class="in stack3">
        {running ? (
          <>
            <div>
              <div class="ver">{running.release ? <a href={url("releases", running.release)}><T v={running.version} /></a> : t.devices.foreignImage}</div>
              <div class="dim s">{t.device.reported} <When at={running.reportedAt} /></div>
            </div>
            <dl class="dl">
              <dt>{t.device.image}</dt><dd><Digest hex={running.digest} /></dd>
              <dt>{t.device.sequence}</dt><dd>{running.sequence}{device.assigned && releases.byId(device.assigned)?.sequence ? <span class="faint"> {t.device.assignedSequence(releases.byId(device.assigned)?.sequence ?? 0)}</span> : null}</dd>
              <dt>{t.device.boot}</dt><dd>{t.bootReason(running.bootReason)}</dd>
            </dl>
          </>
        ) : (
          <p class="s dim">{t.device.noReport}</p>
        )}
      </div>
      {action ? (
        <div class="in">
          <div class="row">
            <h3>{t.device.lastAction(releases.version(action.release))}</h3>
            <span class="right"><St tone={lookOf(action.state).tone} glyph={action.active ? "updating" : lookOf(action.state).glyph} word={t.actionState(action.state)} /></span>
          </div>
          <div class="proofbig"><ProofLadder {...proof} notes={notes} /></div>
        </div>
      ) : null}
    </Panel>
  );
}

function LastReport({ path, events, device }: { path: string; events: (event: LiveEvent) => boolean; device: Device }): JSX.Element {
  const reports = useResource<Page<Rep>>(`${path}/reports?limit=500`, { events });
  const last = [...(reports.data?.content ?? [])].sort((a, b) => b.at - a.at)[0];
  return (
    <Panel title={t.device.report} right={last ? <St tone="ok" glyph="confirmed" word={t.device.signatureHolds} /> : null}>
      <Shown of={reports}>
        {() =>
          last ? (
            <div class="in stack3">
              <dl class="dl">
                <dt>{t.device.signedBy}</dt><dd>{t.device.deviceKey} <Digest hex={device.kid} first={6} /></dd>
                <dt>{t.device.received}</dt><dd><When at={last.at} /></dd>
                <dt>{t.device.counter}</dt><dd>{last.counter}</dd>
                <dt>{t.device.says}</dt><dd><T v={last.message} /> {last.result !== "UD_OK" ? <code>{last.result}</code> : null}</dd>
                <dt>{t.device.boot}</dt><dd>{t.bootReason(last.bootReason)}</dd>
              </dl>
              <details class="s">
                <summary>{t.device.theBytes(last.bytes.length / 2)}</summary>
                <pre class="code" tabIndex={0}>{(last.bytes.match(/.{1,32}/g) ?? []).join("\n")}</pre>
              </details>
            </div>
          ) : (
            <div class="in s dim">{device.kid ? t.device.noReportYet : t.device.noKey}</div>
          )
        }
      </Shown>
    </Panel>
  );
}

export function Commands({ path, events, registration, open }: { path: string; events: (event: LiveEvent) => boolean; registration: Registration | undefined; open: (name: DialogName) => void }): JSX.Element | null {
  const session = useSession();
  const list = useResource<Page<Cmd>>(registration ? `${path}/commands?limit=10` : null, { events, every: 10_000 });
  const deed = useDeed();
  if (!registration) return null;
  return (
    <Panel title={t.device.commands} caption={registration.queueMode ? t.device.sleeps : t.device.awake}>
      <div class="in stack3">
        <div class="row wrap">
          <Btn icon="refresh" why={session.needs("devices")} onClick={() => open("reboot")}>{t.device.reboot}</Btn>
          <Btn icon="eye" why={session.needs("devices")} onClick={() => open("command")}>{t.device.command}</Btn>
        </div>
        <Shown of={list} rows={2}>
          {(page) => (
            <ul class="s stack">
              {page.content.map((one) => (
                <li key={one.id} class="row">
                  <St tone={one.state === "done" ? "ok" : one.state === "failed" ? "bad" : "wait"} glyph={one.state === "done" ? "confirmed" : one.state === "failed" ? "failed" : "waiting"} title={one.state ?? ""} />
                  <span class="grow kv">
                    <b><T v={`${String(one.command["op"])} ${String(one.command["path"] ?? "")}`} /></b> {one.state === "queued" ? <span class="dim">{t.device.waits}</span> : null}
                    {one.answer ? <div>{answerOf(one.answer).split("\n").map((line) => <code class="answerline" key={line}><T v={line} /></code>)}</div> : one.message ? <div><T v={one.message} /></div> : null}
                  </span>
                  {one.state === "queued" ? <Btn small kind="quiet" icon="x" label={t.device.takeBack} why={session.needs("devices")} onClick={() => void deed.run(() => send("POST", `/api/v1/commands/${one.id}/cancel`)).then(list.reload)} /> : null}
                  <span class="faint xs nowrap"><When at={one.updatedAt} /></span>
                </li>
              ))}
              {page.content.length === 0 ? <li class="dim">{t.device.noCommands}</li> : null}
            </ul>
          )}
        </Shown>
      </div>
    </Panel>
  );
}

/** What came back, in words: values with their paths, links, or the device's own words for its refusal. */
export function answerOf(answer: unknown): string {
  const parts = answer as { values?: Record<string, unknown>; links?: string; words?: string; code?: string };
  const values = Object.entries(parts.values ?? {});
  if (values.length > 0) return values.map(([path, value]) => `${path} = ${typeof value === "string" ? value : JSON.stringify(value)}`).join("\n");
  return parts.links ?? parts.words ?? parts.code ?? "";
}

function CommandDialog({ path, close, done }: { path: string; close: () => void; done: () => void }): JSX.Element {
  const [op, setOp] = useState("read");
  const [at, setAt] = useState("/3/0");
  const [value, setValue] = useState("");
  const body = (): Record<string, unknown> => {
    if (op === "write") return { op, path: at, value: /^-?\d+(\.\d+)?$/.test(value) ? Number(value) : value === "true" || value === "false" ? value === "true" : value };
    if (op === "execute") return { op, path: at, ...(value ? { arguments: value } : {}) };
    return { op, path: at };
  };
  return (
    <Dialog title={t.device.commandTitle} note={t.device.commandNote} safe={t.cancel} go={t.device.commandGo} why={/^\/\d/.test(at) ? null : t.device.commandPath} close={close} done={done} run={() => send("POST", `${path}/commands`, body())}>
      <div class="stack3">
        <Select label={t.device.op} value={op} onChange={setOp} options={["read", "write", "execute", "discover", "observe"].map((one) => [one, one])} />
        <Input label={t.device.objectPath} value={at} onInput={setAt} mono hint={t.device.objectHint} />
        {op === "write" || op === "execute" ? <Input label={op === "write" ? t.device.value : t.device.arguments} value={value} onInput={setValue} mono /> : null}
      </div>
    </Dialog>
  );
}

function Trust({ device, open }: { device: Device; open: (name: DialogName) => void }): JSX.Element {
  const session = useSession();
  return (
    <Panel title={t.device.trust} footer={
      <>
        <Btn small why={session.needs("devices")} onClick={() => open("remove")}>{t.device.remove}</Btn>
        <span class="right">
          {device.quarantine ? (
            <Btn small why={session.needs("deploy")} onClick={() => open("free")}>{t.device.free}</Btn>
          ) : (
            <Btn small kind="danger" why={session.needs("deploy")} onClick={() => open("quarantine")}>{t.device.quarantine}</Btn>
          )}
        </span>
      </>
    }>
      <div class="in stack3">
        {device.quarantine ? <Note tone="warn" glyph="quarantined"><b>{t.device.heldSince} <When at={device.quarantine.since} /></b>: <T v={device.quarantine.reason} /></Note> : null}
        <dl class="dl">
          <dt>{t.device.obeys}</dt><dd>{t.device.obeysText}</dd>
          <dt>{t.device.added}</dt><dd><When at={device.createdAt} /></dd>
        </dl>
      </div>
    </Panel>
  );
}

function Facts({ path, device, registration }: { path: string; device: Device; registration: Registration | undefined }): JSX.Element {
  const attributes = useResource<Record<string, unknown>>(`${path}/attributes`, { events: (event) => event.device === device.name, every: 60_000 });
  const session = useSession();
  const [zone, setZone] = useState<string | null>(null);
  const [group, setGroup] = useState("");
  const deed = useDeed();
  const save = async (): Promise<void> => {
    if (zone !== (device.zone ?? "")) await send("PUT", `${path}/zone`, { zone });
    if (group.trim() !== (device.group ?? "")) await send("PUT", `${path}/group`, { group: group.trim() });
  };
  return (
    <Panel title={t.device.facts} right={zone === null ? <Btn small kind="quiet" why={session.needs("devices")} onClick={() => { setZone(device.zone ?? ""); setGroup(device.group ?? ""); }}>{t.device.setZone}</Btn> : null}>
      <div class="in stack3">
        {zone !== null ? (
          <div class="stack">
            <Input label={t.device.zone} value={zone} onInput={setZone} hint={t.device.zoneHint} error={deed.error ? `${deed.error.message}: ${deed.error.remedy}` : null} />
            <Input label={t.device.group} value={group} onInput={setGroup} hint={t.device.groupHint} max={128} />
            <div class="row">
              <Btn small kind="pri" busy={deed.busy} onClick={() => void deed.run(save).then((ok) => { if (ok) setZone(null); })}>{t.save}</Btn>
              <Btn small onClick={() => setZone(null)}>{t.cancel}</Btn>
            </div>
          </div>
        ) : null}
        <dl class="dl">
          <dt>{t.devices.type}</dt><dd><T v={device.type} /></dd>
          <dt>{t.device.group}</dt><dd><T v={device.group} /></dd>
          <dt>{t.device.zone}</dt><dd><T v={device.zone} /></dd>
          {registration ? (
            <>
              <dt>{t.device.road}</dt><dd>LwM2M <T v={registration.version} />, <T v={registration.security} />{registration.queueMode ? `, ${t.device.queueMode}` : ""}</dd>
              <dt>{t.device.address}</dt><dd class="mono"><T v={registration.address} /></dd>
              <dt>{t.device.registered}</dt><dd><When at={registration.updatedAt} /></dd>
            </>
          ) : null}
          {Object.entries(attributes.data ?? {}).slice(0, 100).map(([key, value]) => (
            <>
              <dt><T v={key} /></dt>
              <dd class="kv"><T v={typeof value === "string" ? value : JSON.stringify(value)} /></dd>
            </>
          ))}
        </dl>
      </div>
    </Panel>
  );
}
