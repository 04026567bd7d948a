import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { send, useResource, type Page, type Resource } from "../api";
import { count, day, duration, percent, releaseName } from "../format";
import type { Anchor, AuditEntry, Device, Rollout } from "../model";
import { devicesUrl, setQuery, url, usePlace } from "../router";
import { useSession } from "../session";
import { bad, good, lookOf, memberSegments } from "../state";
import { t } from "../strings";
import { Bar, Btn, Panel, Seg, Select, Shown, St, T, When, type Segment, type Tone } from "../ui/base";
import { Chart, type Series } from "../ui/chart";
import { Dialog } from "../ui/dialog";
import { SaysHead, type Says } from "../ui/says";
import { DevicesPage } from "./devices";

export interface TodoItem {
  id: string;
  kind: string;
  what: string;
  why: string;
  action: string;
  may: boolean;
  page: string;
  of: string | null;
  count: number;
  since: number | null;
  snoozedUntil: number | null;
}

interface Overview {
  at: number;
  says: Says;
  devices: Record<string, number> & { total: number };
  actions: Record<string, number>;
  reach: { within: number; reachable: number; silent: number; never: number };
  todo: TodoItem[];
  snoozed: number;
  rollouts: Rollout[];
  rolloutStates: Record<string, number>;
}

const STANDINGS: [string, string, string][] = [
  ["confirmed", "status==in_sync;quarantined==false", "b-conf"],
  ["claimed", "status==in_sync;quarantined==false", "b-claim"],
  ["updating", "status==pending;quarantined==false", "b-boot"],
  ["registered", "status==registered;quarantined==false", "b-off"],
  ["unknown", "status==unknown;quarantined==false", "b-wait"],
  ["failed", "status==failed;quarantined==false", "b-fail"],
  ["reverted", "status==reverted;quarantined==false", "b-rev"],
  ["drifted", "status==drifted;quarantined==false", "b-v5"],
  ["quarantined", "quarantined==true", "b-hold"],
];

const moved = (event: { kind: string }): boolean => event.kind === "action" || event.kind === "change";

export function OverviewPage(): JSX.Element {
  const session = useSession();
  // Who is limited to a group sees that group's devices: there is no overview of a part of the fleet.
  return session.me.group ? <DevicesPage /> : <Whole />;
}

function Whole(): JSX.Element {
  const session = useSession();
  const overview = useResource<Overview>("/api/v1/overview", { events: moved, every: 30_000 });
  const says: Resource<Says> = { ...overview, data: overview.data?.says };
  return (
    <>
      <SaysHead says={says} fallback={t.nav.overview}
        acts={
          <>
            <Btn icon="upload" href="/releases?upload=1" why={session.needs("upload")}>{t.overview.upload}</Btn>
            <Btn kind="pri" icon="rollouts" href="/rollouts/new" why={session.needsWhole("deploy")}>{t.overview.start}</Btn>
          </>
        }
      />
      <div class="stack4">
        <Standing of={overview} />
        <div class="grid eq">
          <div class="c7 w4"><Todo of={overview} /></div>
          <div class="c5 w4"><InFlight of={overview} /></div>
        </div>
        <div class="grid eq">
          <div class="c7 w4"><Versions /></div>
          <div class="c5 stack4 w4">
            <Reach of={overview} />
            <Security />
          </div>
        </div>
      </div>
    </>
  );
}

function Standing({ of }: { of: Resource<Overview> }): JSX.Element {
  const devices = of.data?.devices;
  const total = devices?.total ?? 0;
  const segments: Segment[] = STANDINGS.map(([key, , cls]) => ({ cls, value: devices?.[key] ?? 0, label: lookOf(key).word.toLowerCase() }));
  // nine ways to stand, eight places: what nobody is in gives way, claimed first
  const shown = STANDINGS.filter(([key]) => !(key === "claimed" && (devices?.["claimed"] ?? 0) === 0)).slice(0, 9);
  return (
    <Panel cls="clip-panel" title={t.overview.stand(total)} caption={<span class="hide-s">{t.overview.opens}</span>}>
      <div class="in"><Bar size="lg" segments={segments} total={total} /></div>
      <div class={`tiles in-panel ${shown.length > 8 ? "t9" : "t8"}`}>
        {shown.map(([key, filter]) => {
          const look = lookOf(key);
          const n = devices?.[key];
          return (
            <a key={key} class="tile" href={devicesUrl(filter)} title={t.standing[key as keyof typeof t.standing]}>
              <div class="k"><St tone={look.tone} glyph={look.glyph} /><span class="clipped">{look.word}</span></div>
              <div class="v">{n === undefined ? "…" : count(n)} <small>{n !== undefined && n > 0 ? percent(n, total) : ""}</small></div>
            </a>
          );
        })}
      </div>
    </Panel>
  );
}

const TODO_LOOKS: [RegExp, string, Tone][] = [
  [/^rollout-stopped|rollout-recalled/, "stopped", "bad"],
  [/approval/, "approval", "warn"],
  [/^failed/, "failed", "bad"],
  [/^reverted/, "reverted", "bad"],
  [/^drifted/, "drifted", "warn"],
  [/^silent/, "silent", "warn"],
  [/^rollout-/, "paused", "warn"],
  [/^reports-refused/, "failed", "bad"],
];

export function todoUrl(item: TodoItem): string {
  switch (item.page) {
    case "rollout":
      return url("rollouts", item.of ?? "");
    case "release":
      return url("releases", item.of ?? "");
    case "device":
      return url("devices", item.of ?? "");
    case "devices":
      return devicesUrl(item.of ?? "");
    case "security":
      return item.kind === "reports-refused" ? "/security?tab=refused" : item.kind === "tokens-end" ? "/security?tab=tokens" : "/security";
    default:
      return `/${item.page}`;
  }
}

const DAY_MS = 86400_000;

function Todo({ of }: { of: Resource<Overview> }): JSX.Element {
  const session = useSession();
  const here = usePlace();
  const late = here.query.get("snoozed") === "1";
  const [off, putOff] = useState<TodoItem | null>(null);
  const [days, setDays] = useState("1");
  const list = (of.data?.todo ?? []).filter((item) => (item.snoozedUntil !== null) === late);
  const snoozed = of.data?.snoozed ?? 0;
  const snooze = (item: TodoItem, until: number | null): Promise<unknown> => send("PUT", `/api/v1/todo/${encodeURIComponent(item.id)}/snooze`, { until });
  return (
    <Panel title={late ? t.overview.snoozedTitle : t.overview.todo}
      right={
        <>
          {!late && list.length > 0 ? <span class="tag w">{list.length}</span> : null}
          {snoozed > 0 || late ? <button type="button" class="btn quiet sm" onClick={() => setQuery({ snoozed: late ? null : "1" }, true)}>{late ? t.overview.backToAll : t.overview.snoozed(snoozed)}</button> : null}
        </>
      }>
      <Shown of={of}>
        {() => list.length === 0 ? <div class="in s dim">{t.overview.nothingToDo}</div> : (
          <ul class="todo">
            {list.map((item) => {
              const [, glyph, tone] = TODO_LOOKS.find(([words]) => words.test(item.kind)) ?? [null, "warn", "warn" as Tone];
              return (
                <li key={item.id}>
                  <St tone={tone} glyph={glyph} />
                  <div>
                    <div class="h"><T v={item.what} /></div>
                    <div class="p"><T v={item.why} /> {item.since ? <When at={item.since} /> : null} {item.snoozedUntil ? <>{t.overview.until} <When at={item.snoozedUntil} /></> : null}</div>
                  </div>
                  <div class="row">
                    {session.can("deploy") ? (
                      item.snoozedUntil ? <Btn small kind="quiet" onClick={() => void snooze(item, null).then(of.reload)}>{t.overview.wake}</Btn> : <Btn small kind="quiet" icon="waiting" label={t.overview.snoozeOne(item.what)} onClick={() => putOff(item)}>{t.overview.later}</Btn>
                    ) : null}
                    <Btn small href={todoUrl(item)}>{item.action}</Btn>
                  </div>
                </li>
              );
            })}
          </ul>
        )}
      </Shown>
      {off ? (
        <Dialog title={t.overview.snoozeTitle} note={off.what} safe={t.cancel} go={t.overview.snoozeGo} lines={[{ n: 1, text: t.overview.snoozeLine }]} close={() => putOff(null)} done={() => { putOff(null); of.reload(); }} run={() => snooze(off, Date.now() + Number(days) * DAY_MS)}>
          <Select label={t.overview.forHowLong} value={days} onChange={setDays} options={[["1", t.overview.days(1)], ["3", t.overview.days(3)], ["7", t.overview.days(7)], ["30", t.overview.days(30)]]} />
        </Dialog>
      ) : null}
    </Panel>
  );
}

export function RolloutRow({ rollout }: { rollout: Rollout }): JSX.Element {
  const look = lookOf(rollout.state);
  const counts = rollout.devices;
  return (
    <li class="rollrow">
      <div class="row wrap">
        <a class="w550 clipped" href={url("rollouts", rollout.id)}><T v={rollout.name} /></a>
        <St tone={look.tone} glyph={look.glyph} word={look.word} />
        <span class="right s"><b>{percent(good(rollout, counts), counts.total)}</b></span>
      </div>
      <Bar segments={memberSegments(counts)} total={counts.total} />
      <div class="row s dim">
        <span class="clipped">{t.overview.progress(good(rollout, counts), counts.total, bad(counts))}</span>
        <span class="right faint xs"><When at={rollout.updatedAt} /></span>
      </div>
    </li>
  );
}

function InFlight({ of }: { of: Resource<Overview> }): JSX.Element {
  const all = Object.values(of.data?.rolloutStates ?? {}).reduce((sum, n) => sum + n, 0);
  return (
    <Panel title={t.overview.inFlight} right={<a class="s" href="/rollouts">{t.overview.allRollouts(all)}</a>}>
      <Shown of={of}>
        {({ rollouts }) => (rollouts.length === 0 ? <div class="in s dim">{t.overview.noRollouts}</div> : <ul>{rollouts.slice(0, 5).map((rollout) => <RolloutRow key={rollout.id} rollout={rollout} />)}</ul>)}
      </Shown>
    </Panel>
  );
}

interface RunsLine {
  release: number | null;
  name: string | null;
  version: string | null;
  kind: string;
  devices: number[];
  now: number;
}
interface VersionsAnswer {
  from: number;
  days: number;
  content: RunsLine[];
}

const TONES = ["v1", "v2", "v3", "v4", "v5"] as const;

/** The newest release rises from below; what is beyond five lines is one. */
export function versionSeries(answer: VersionsAnswer): (Series & { now: number; release: number | null })[] {
  const named = answer.content.filter((line) => line.release !== null).sort((a, b) => (b.release ?? 0) - (a.release ?? 0));
  const rest = answer.content.filter((line) => line.release === null);
  const shown = named.slice(0, rest.length > 0 ? 4 : 5);
  const older = [...named.slice(shown.length), ...rest];
  const points = (line: RunsLine): [number, number][] => line.devices.map((n, at) => [answer.from + at * DAY_MS, n]);
  const list = shown.map((line, at) => ({ label: releaseName(line), tone: TONES[at] ?? "v5", points: points(line), now: line.now, release: line.release }));
  if (older.length > 0) {
    const sum = (older[0] as RunsLine).devices.map((_, at) => older.reduce((total, line) => total + (line.devices[at] ?? 0), 0));
    list.push({
      label: older.every((line) => line.kind === "unknown") ? t.overview.notSaid : t.overview.others, tone: "v5", points: sum.map((n, at): [number, number] => [answer.from + at * DAY_MS, n]),
      now: older.reduce((total, line) => total + line.now, 0), release: null,
    });
  }
  return list;
}

function Versions(): JSX.Element {
  const here = usePlace();
  const days = here.query.get("days") ?? "30";
  const versions = useResource<VersionsAnswer>(`/api/v1/versions?days=${/^\d{1,3}$/.test(days) ? days : "30"}`, { events: moved, every: 60_000, keep: true });
  return (
    <Panel title={t.overview.runs} right={<Seg label={t.health.range} value={days} onChange={(next) => setQuery({ days: next === "30" ? null : next }, true)} options={[["7", "7\u00a0d"], ["30", "30\u00a0d"], ["365", "1\u00a0y"]]} />} footer={<><span>{t.overview.runsHint}</span><a class="right" href="/releases">{t.overview.allReleases}</a></>}>
      <Shown of={versions}>
        {(answer) => {
          const series = versionSeries(answer);
          if (series.length === 0) return <div class="in s dim">{t.overview.noReleases}</div>;
          return (
            <div class="in stack3">
              <Chart label={t.overview.runsLabel(series.map((one) => `${one.label}: ${count(one.now)}`).join(", "))} height={220} stacked series={series} />
              <div class="key">
                {series.map((one) => (
                  <span key={one.label}><i class={`b-${one.tone}`} />{one.release ? <a href={devicesUrl(`runs==${one.release}`)}><T v={one.label} /></a> : one.label} <b>{count(one.now)}</b></span>
                ))}
              </div>
            </div>
          );
        }}
      </Shown>
    </Panel>
  );
}

function Reach({ of }: { of: Resource<Overview> }): JSX.Element {
  return (
    <Panel title={t.overview.reachable} caption={of.data ? t.overview.within(duration(of.data.reach.within)) : undefined}>
      <Shown of={of} rows={2}>
        {({ reach, devices }) => (
          <div class="in stack3">
            <div class="row"><span class="bigfig">{count(reach.reachable)}</span><span class="dim">{percent(reach.reachable, devices.total)}</span><a class="right s" href={devicesUrl("lastseen=lt=${overdue_ts};lastseen=gt=0")}>{t.overview.silent(reach.silent)}</a></div>
            <Bar segments={[{ cls: "b-v1", value: reach.reachable, label: t.overview.reachableWord }, { cls: "b-v5", value: reach.silent, label: t.state.silent.toLowerCase() }, { cls: "b-wait", value: reach.never, label: t.state.unknown.toLowerCase() }]} total={devices.total} />
          </div>
        )}
      </Shown>
    </Panel>
  );
}

function Security(): JSX.Element {
  const session = useSession();
  const anchors = useResource<Page<Anchor>>("/api/v1/anchors?limit=1");
  const audit = useResource<Page<AuditEntry>>(session.can("audit") ? "/api/v1/audit?limit=1" : null, { events: (event) => event.kind === "change" });
  const policy = useResource<{ approvals: number }>("/api/v1/policy");
  const refused = useResource<Page<unknown>>("/api/v1/refused-reports?limit=1", { every: 60_000 });
  return (
    <Panel title={t.overview.security} right={<a class="s" href="/security">{t.overview.open}</a>}>
      <div class="in">
        <dl class="dl">
          <dt>{t.overview.anchors}</dt>
          <dd>{anchors.data ? (anchors.data.total > 0 ? t.overview.anchorCount(anchors.data.total) : <span class="warnc">{t.overview.noAnchors}</span>) : "…"}</dd>
          <dt>{t.overview.approvals}</dt>
          <dd>{policy.data ? (policy.data.approvals > 0 ? t.overview.approvalCount(policy.data.approvals) : t.overview.noApprovals) : "…"}</dd>
          <dt>{t.security.refused}</dt>
          <dd>{refused.data ? <a href="/security?tab=refused">{count(refused.data.total)}</a> : "…"}</dd>
          <dt>{t.overview.audit}</dt>
          <dd>{audit.data ? <a href="/security?tab=audit">{t.overview.auditCount(audit.data.total)}</a> : session.can("audit") ? "…" : session.needs("audit")}</dd>
        </dl>
      </div>
    </Panel>
  );
}

export type { Device };
export { day };
