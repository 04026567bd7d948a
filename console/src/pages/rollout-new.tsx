import type { JSX } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { ApiError, send, useResource, type Page } from "../api";
import { useReleases } from "../data";
import { bytes, clock, count, counted, day, exact, percent, releaseName } from "../format";
import type { Device, Forecast, Release, Rollout } from "../model";
import { and } from "../fiql";
import { devicesUrl, go, setQuery, url, usePlace } from "../router";
import { useSession } from "../session";
import { t } from "../strings";
import { Bar, Btn, Check, Icon, Input, Note, Panel, Refused, Say, Select, St, T, useDeed, When } from "../ui/base";
import { Query } from "../ui/query";
import { toast } from "../ui/toast";

const STEPS = ["what", "which", "groups", "windows", "limits", "review"] as const;
type StepName = (typeof STEPS)[number];

export interface GroupPlan {
  name: string;
  percent: number; // of what is left; 0: all that is left
  success: number;
  error: number;
  gate: boolean;
}

export const PRESETS: Record<string, GroupPlan[]> = {
  canary: [
    { name: "Canary", percent: 1, success: 95, error: 5, gate: true },
    { name: "Early", percent: 10, success: 95, error: 5, gate: false },
    { name: "Rest", percent: 0, success: 95, error: 5, gate: false },
  ],
  quarters: [
    { name: "First quarter", percent: 25, success: 95, error: 5, gate: false },
    { name: "Second", percent: 33.33, success: 95, error: 5, gate: false },
    { name: "Third", percent: 50, success: 95, error: 5, gate: false },
    { name: "Last", percent: 0, success: 95, error: 5, gate: false },
  ],
  one: [{ name: "All", percent: 0, success: 100, error: 10, gate: false }],
};

/** How the server will share them out (docs/design/rollouts.md): percent of what is left, nearest, halves up. */
export function sizes(total: number, groups: GroupPlan[]): number[] {
  let left = total;
  return groups.map((group, at) => {
    const n = at === groups.length - 1 || group.percent === 0 ? left : Math.min(left, Math.floor((left * group.percent) / 100 + 0.5));
    left -= n;
    return n;
  });
}

function readGroups(text: string | null): GroupPlan[] {
  if (!text) return PRESETS["canary"] as GroupPlan[];
  const list = text.split("~").map((row) => row.split("|"));
  return list.map(([name = "", percentText = "0", success = "95", error = "5", gate = ""]) => ({
    name, percent: Number(percentText) || 0, success: Number(success) || 0, error: Number(error) || 0, gate: gate === "g",
  }));
}
function writeGroups(groups: GroupPlan[]): string {
  return groups.map((group) => [group.name.replace(/[|~]/g, " "), group.percent, group.success, group.error, group.gate ? "g" : ""].join("|")).join("~");
}

const DAYS: [string, string][] = [["?", t.wizard.everyDay], ["MON-FRI", t.wizard.workdays], ["SAT,SUN", t.wizard.weekend]];

const DAY_MS = 86400_000;

/** What it would do, by the server: the first plan at once, changes of it when the typing rests. The last answer stays until the next. */
function useForecast(plan: Record<string, unknown> | null): { data: Forecast | undefined; error: ApiError | null } {
  const [data, set] = useState<Forecast | undefined>(undefined);
  const [error, setError] = useState<ApiError | null>(null);
  const text = plan === null ? "" : JSON.stringify(plan);
  const asked = useRef(false);
  useEffect(() => {
    if (text === "") return;
    let gone = false;
    const timer = window.setTimeout(() => {
      asked.current = true;
      send<Forecast>("POST", "/api/v1/rollouts/forecast", JSON.parse(text)).then(
        (answer) => { if (!gone) { set(answer); setError(null); } },
        (cause: unknown) => { if (!gone && cause instanceof ApiError) setError(cause); },
      );
    }, asked.current ? 150 : 0);
    return () => {
      gone = true;
      window.clearTimeout(timer);
    };
  }, [text]);
  return { data, error };
}

export function RolloutNewPage(): JSX.Element {
  const here = usePlace();
  const session = useSession();
  const releases = useReleases();
  const q = here.query;
  const query = q.get("q") ?? "";
  const release = releases.byId(Number(q.get("release") ?? 0));
  const step = (STEPS as readonly string[]).includes(q.get("step") ?? "") ? (q.get("step") as StepName) : release ? "review" : "what";
  const groups = useMemo(() => readGroups(q.get("groups")), [q.get("groups")]);
  const name = q.get("name") ?? (release ? releaseName(release) : "");
  const set = (changes: Record<string, string | null>): void => setQuery(changes, true);
  const to = (next: StepName): void => setQuery({ step: next });
  const at = STEPS.indexOf(step);

  const eligible = query;
  const useCount = (filter: string | null): { total: number | null; atLeast: boolean; error: ReturnType<typeof useResource<Page<Device>>>["error"] } => {
    const list = useResource<Page<Device>>(filter === null ? null : `/api/v1/devices?limit=1${filter ? `&q=${encodeURIComponent(filter)}` : ""}`, { events: (event) => event.kind === "change", keep: true });
    return { total: list.data?.total ?? null, atLeast: list.data?.atLeast ?? false, error: list.error };
  };
  const fit = useCount(eligible);
  const all = useCount("");
  const total = fit.total ?? 0;
  const parts = sizes(total, groups);
  const size = release?.artifacts.reduce((sum, one) => sum + one.size, 0) ?? 0;
  const perMinute = Number(q.get("perMinute") ?? 0) || 0;
  const schedule = q.get("hour") ? `0 ${q.get("minute") ?? "0"} ${q.get("hour")} ? * ${(q.get("days") ?? "?") === "?" ? "*" : q.get("days")}` : "";
  const duration = `${(q.get("hours") ?? "4").padStart(2, "0")}:00:00`;
  const zone = q.get("zone") ?? "device";
  const start = q.get("start") ?? "manual";
  const plan: Record<string, unknown> = {
    name, release: release?.id, ...(query ? { filter: query } : {}),
    groups: groups.map((group) => ({ name: group.name, ...(group.percent > 0 ? { percent: group.percent } : {}), success: group.success, error: group.error, gate: group.gate })),
    start,
    ...(start === "time" && q.get("startAt") ? { startAt: Number(q.get("startAt")) } : {}),
    ...(schedule ? { window: { schedule, duration, zone } } : {}),
    ...(perMinute > 0 ? { rate: { perMinute } } : {}),
    ...(Number(q.get("downloads") ?? 0) > 0 ? { downloadsMax: Number(q.get("downloads")) } : {}),
    ...(q.get("drift") ? { drift: q.get("drift"), ...(q.get("drift") === "again" ? { again: 1 } : {}) } : {}),
    ...(q.get("dynamic") ? { dynamic: true } : {}),
    ...(q.get("approval") ? { approval: true } : {}),
    ...(release?.foreign ? { claimedCounts: true } : {}),
  };
  const forecast = useForecast(release && !fit.error && step === "review" ? plan : null);
  const deed = useDeed();
  const [made, setMade] = useState(false);
  const missing = session.needsWhole("deploy") ?? (!release ? t.wizard.needsRelease : total === 0 ? t.wizard.needsDevices : name.trim() === "" ? t.wizard.needsName : fit.error ? t.wizard.needsFilter : null);
  const create = (startNow: boolean): void => {
    void deed.run(async () => {
      const row = await send<Rollout>("POST", "/api/v1/rollouts", { ...plan, count: forecast.data?.count ?? total, ...(startNow ? { start: "auto" } : {}) });
      setMade(true);
      toast({ tone: "ok", text: startNow ? t.wizard.madeAndStarts : t.wizard.made });
      go(url("rollouts", row.id));
    });
  };
  const notes: Record<StepName, string> = {
    what: release ? releaseName(release) : t.wizard.nothingChosen,
    which: fit.total === null ? "…" : t.wizard.ofAll(total, all.total ?? 0),
    groups: t.wizard.groupCount(groups.length),
    windows: schedule ? `${q.get("hour")?.padStart(2, "0")}:${(q.get("minute") ?? "0").padStart(2, "0")}, ${q.get("hours") ?? "4"}\u00a0h` : t.wizard.anyTime,
    limits: t.wizard.stopAt(Math.max(...groups.map((group) => group.error))),
    review: t.wizard.reviewNote,
  };
  return (
    <div class="wiz">
      <nav class="wsteps" aria-label={t.wizard.steps}>
        {STEPS.map((one, n) => (
          <a key={one} href={here.path} aria-label={t.wizard.stepNames[one]} aria-current={one === step ? "step" : undefined} onClick={(event) => { event.preventDefault(); to(one); }}>
            <span class="n">{n < at ? <Icon name="check" small /> : n + 1}</span>
            <span>{t.wizard.stepNames[one]}<small><T v={notes[one]} /></small></span>
          </a>
        ))}
      </nav>
      <div class="stack4">
        {step === "what" ? <What releases={releases.data?.content ?? []} release={release} name={name} set={set} /> : null}
        {step === "which" ? (
          <>
            <Say title={fit.total === null ? t.wizard.stepNames.which : t.wizard.whichTitle(total, fit.atLeast)} lede={t.wizard.whichLede} />
            <Query value={query} apply={(next) => set({ q: next || null })} error={fit.error} {...(fit.total !== null ? { result: count(total) } : {})} />
            <Panel title={t.wizard.first} right={<a class="s" href={devicesUrl(query)}>{t.wizard.openList}</a>}>
              <First filter={query} />
            </Panel>
            <Check label={t.wizard.dynamic} on={q.get("dynamic") === "1"} onChange={(on) => set({ dynamic: on ? "1" : null })} />
          </>
        ) : null}
        {step === "groups" ? <Groups groups={groups} parts={parts} set={(next) => set({ groups: writeGroups(next) })} perMinute={q.get("perMinute") ?? ""} downloads={q.get("downloads") ?? ""} change={set} /> : null}
        {step === "windows" ? <Windows q={q} set={set} schedule={schedule} duration={duration} zone={zone} start={start} /> : null}
        {step === "limits" ? <Limits groups={groups} parts={parts} set={(next) => set({ groups: writeGroups(next) })} q={q} change={set} /> : null}
        {step === "review" ? (
          <Review {...{ release, name, query, total, parts, groups, size, perMinute, schedule, duration, zone, start, all: all.total ?? 0, forecast: forecast.data, atLeast: fit.atLeast, to }} startAt={Number(q.get("startAt") ?? 0)} dynamic={q.get("dynamic") === "1"} approval={q.get("approval") === "1"} drift={q.get("drift") ?? "hold"} />
        ) : null}
        <Refused error={deed.error ?? (step === "review" && forecast.error?.status === 400 ? forecast.error : null)} />
        {deed.error?.code === "UD_ERR_COUNT_MOVED" ? <Note tone="warn" glyph="warn" role="alert">{t.wizard.moved}</Note> : null}
        <div class="panel sticky-panel">
          <div class="in row wrap">
            <span class="s grow">{step === "review" ? <><b>{t.wizard.nothingYet}</b> {start === "manual" ? t.wizard.thenManual : start === "time" ? t.wizard.thenTime : t.wizard.thenAuto}</> : null}</span>
            {at > 0 ? <Btn onClick={() => to(STEPS[at - 1] as StepName)}>{t.wizard.back}</Btn> : null}
            {step === "review" ? (
              <>
                {start === "manual" ? <Btn why={missing} busy={deed.busy} onClick={() => create(false)}>{t.wizard.create}</Btn> : null}
                <Btn kind="pri" icon="check" why={missing} busy={deed.busy || made} onClick={() => create(start === "manual" && !q.get("approval"))}>
                  {q.get("approval") ? t.wizard.ask(total) : start === "manual" ? t.wizard.createAndStart(total) : t.wizard.createFor(total)}
                </Btn>
              </>
            ) : (
              <Btn kind="pri" icon="right" onClick={() => to(STEPS[at + 1] as StepName)}>{t.wizard.next}</Btn>
            )}
          </div>
        </div>
      </div>
    </div>
  );
}

function What({ releases, release, name, set }: { releases: Release[]; release: Release | undefined; name: string; set: (changes: Record<string, string | null>) => void }): JSX.Element {
  const list = [...releases].sort((a, b) => b.id - a.id);
  return (
    <>
      <Say title={t.wizard.whatTitle} lede={t.wizard.whatLede} />
      <Panel title={t.release.word}>
        <div class="in stack3">
          <Select label={t.wizard.choose} value={String(release?.id ?? "")} onChange={(next) => set({ release: next || null, name: null, step: "what" })}
            options={[["", t.wizard.nothingChosen], ...list.map((one): [string, string] => [String(one.id), `${releaseName(one)}${one.recalledAt ? ` (${t.release.recalled})` : ""}`])]} />
          {release?.recalledAt ? <Note tone="bad" glyph="quarantined">{t.release.isRecalled}</Note> : null}
          {release?.foreign ? <Note tone="warn" glyph="claimed">{t.release.foreignText}</Note> : null}
          <Input label={t.wizard.name} value={name} onInput={(next) => set({ name: next })} max={128} hint={t.wizard.nameHint} />
        </div>
      </Panel>
    </>
  );
}

function First({ filter }: { filter: string }): JSX.Element {
  const list = useResource<Page<Device>>(`/api/v1/devices?limit=8${filter ? `&q=${encodeURIComponent(filter)}` : ""}`, { keep: true });
  const rows = list.data?.content ?? [];
  if (rows.length === 0) return <div class="in s dim">{list.data ? t.wizard.noDevices : t.loading}</div>;
  return (
    <table class="tbl tight">
      <tbody>
        {rows.map((row) => <tr key={row.name}><td class="mono"><T v={row.name} /></td><td><T v={row.type} /></td><td class="mono"><T v={row.running?.version} /></td></tr>)}
      </tbody>
    </table>
  );
}

function Groups({ groups, parts, set, perMinute, downloads, change }: { groups: GroupPlan[]; parts: number[]; set: (groups: GroupPlan[]) => void; perMinute: string; downloads: string; change: (changes: Record<string, string | null>) => void }): JSX.Element {
  const edit = (at: number, more: Partial<GroupPlan>): void => set(groups.map((group, n) => (n === at ? { ...group, ...more } : group)));
  const number = (text: string): number => Math.min(100, Math.max(0, Number(text) || 0));
  return (
    <>
      <Say title={t.wizard.groupsTitle(groups.length)} lede={t.wizard.groupsLede} />
      <div class="row wrap">
        {Object.entries(PRESETS).map(([key, plan]) => <Btn key={key} small onClick={() => set(plan)}>{t.wizard.presets[key as keyof typeof t.wizard.presets]}</Btn>)}
      </div>
      <Panel title={t.rollout.groups} right={<Btn small icon="plus" onClick={() => set([...groups.slice(0, -1), { name: t.wizard.newGroup(groups.length), percent: 50, success: 95, error: 5, gate: false }, groups[groups.length - 1] as GroupPlan])}>{t.wizard.addGroup}</Btn>}>
        <div class="scroll" tabIndex={0}>
          <table class="tbl keep">
            <thead><tr><th>{t.wizard.groupName}</th><th>{t.wizard.share}</th><th class="num">{t.nav.devices}</th><th>{t.wizard.gate}</th><th /></tr></thead>
            <tbody>
              {groups.map((group, at) => (
                <tr key={at}>
                  <td><input class="inp" aria-label={t.wizard.groupName} value={group.name} maxLength={64} onInput={(event) => edit(at, { name: event.currentTarget.value })} /></td>
                  <td>{at === groups.length - 1 ? <span class="dim s">{t.wizard.allLeft}</span> : <span class="row"><input class="inp short" type="number" min="0.01" max="100" step="any" aria-label={t.wizard.share} value={String(group.percent)} onInput={(event) => edit(at, { percent: number(event.currentTarget.value) })} /><span class="s dim">%</span></span>}</td>
                  <td class="num">{count(parts[at] ?? 0)}</td>
                  <td><Check label={<span class="sr">{t.wizard.gate}</span>} on={group.gate} onChange={(gate) => edit(at, { gate })} /></td>
                  <td class="num">{groups.length > 1 && at < groups.length - 1 ? <Btn small kind="quiet" icon="x" label={t.wizard.removeGroup} onClick={() => set(groups.filter((_, n) => n !== at))} /> : null}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </Panel>
      <Panel title={t.rollout.pace}>
        <div class="in stack3">
          <Input label={t.wizard.perMinute} value={perMinute} onInput={(next) => change({ perMinute: next.replace(/\D/g, "") || null })} hint={t.wizard.perMinuteHint} />
          <Input label={t.wizard.downloads} value={downloads} onInput={(next) => change({ downloads: next.replace(/\D/g, "") || null })} hint={t.wizard.downloadsHint} />
        </div>
      </Panel>
    </>
  );
}

function Windows({ q, set, schedule, duration, zone, start }: { q: URLSearchParams; set: (changes: Record<string, string | null>) => void; schedule: string; duration: string; zone: string; start: string }): JSX.Element {
  const local = q.get("startAt") ? new Date(Number(q.get("startAt")) - new Date().getTimezoneOffset() * 60_000).toISOString().slice(0, 16) : "";
  return (
    <>
      <Say title={t.wizard.windowsTitle} lede={t.wizard.windowsLede} />
      <Panel title={t.rollout.window}>
        <div class="in stack3">
          <Check label={t.wizard.useWindow} on={schedule !== ""} onChange={(on) => set({ hour: on ? "1" : null })} />
          {schedule !== "" ? (
            <>
              <div class="cards2">
                <Select label={t.wizard.opensAt} value={q.get("hour") ?? "1"} onChange={(next) => set({ hour: next })} options={Array.from({ length: 24 }, (_, n): [string, string] => [String(n), `${String(n).padStart(2, "0")}:00`])} />
                <Select label={t.wizard.openFor} value={q.get("hours") ?? "4"} onChange={(next) => set({ hours: next })} options={[1, 2, 3, 4, 6, 8, 12].map((n): [string, string] => [String(n), `${n}\u00a0h`])} />
                <Select label={t.wizard.days} value={q.get("days") ?? "?"} onChange={(next) => set({ days: next === "?" ? null : next })} options={DAYS} />
                <Select label={t.device.zone} value={zone} onChange={(next) => set({ zone: next === "device" ? null : next })} options={[["device", t.wizard.theirZone], ["UTC", "UTC"], [Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC", t.wizard.yourZone]]} />
              </div>
              <p class="s dim">{t.wizard.sent} <code>{schedule}</code>, {duration}, <code>{zone}</code></p>
            </>
          ) : null}
        </div>
      </Panel>
      <Panel title={t.wizard.begin}>
        <div class="in stack3">
          <Select label={t.wizard.beginHow} value={start} onChange={(next) => set({ start: next === "manual" ? null : next })} options={[["manual", t.wizard.startManual], ["time", t.wizard.startTime], ["auto", t.wizard.startAuto]]} />
          {start === "time" ? <Input label={t.wizard.startAt} type="datetime-local" value={local} onInput={(next) => set({ startAt: next ? String(new Date(next).getTime()) : null })} hint={q.get("startAt") ? exact(Number(q.get("startAt"))) : t.wizard.startAtHint} /> : null}
          <Check label={t.wizard.approval} on={q.get("approval") === "1"} onChange={(on) => set({ approval: on ? "1" : null })} />
        </div>
      </Panel>
    </>
  );
}

function Limits({ groups, parts, set, q, change }: { groups: GroupPlan[]; parts: number[]; set: (groups: GroupPlan[]) => void; q: URLSearchParams; change: (changes: Record<string, string | null>) => void }): JSX.Element {
  const edit = (at: number, more: Partial<GroupPlan>): void => set(groups.map((group, n) => (n === at ? { ...group, ...more } : group)));
  const number = (text: string): number => Math.min(100, Math.max(0, Number(text) || 0));
  return (
    <>
      <Say title={t.wizard.limitsTitle} lede={t.wizard.limitsLede} />
      <Panel title={t.wizard.stepNames.limits}>
        <div class="scroll" tabIndex={0}>
          <table class="tbl keep">
            <thead><tr><th>{t.rollout.group}</th><th class="num">{t.nav.devices}</th><th>{t.wizard.stops}</th><th>{t.wizard.goesOn}</th></tr></thead>
            <tbody>
              {groups.map((group, at) => (
                <tr key={at}>
                  <td><b><T v={group.name} /></b></td>
                  <td class="num">{count(parts[at] ?? 0)}</td>
                  <td><span class="row"><input class="inp short" type="number" min="0" max="100" step="any" aria-label={t.wizard.stops} value={String(group.error)} onInput={(event) => edit(at, { error: number(event.currentTarget.value) })} /><span class="s dim">% = {counted(Math.floor(((parts[at] ?? 0) * group.error) / 100) + 1, "device")}</span></span></td>
                  <td><span class="row"><input class="inp short" type="number" min="0" max="100" step="any" aria-label={t.wizard.goesOn} value={String(group.success)} onInput={(event) => edit(at, { success: number(event.currentTarget.value) })} /><span class="s dim">% = {counted(Math.ceil(((parts[at] ?? 0) * group.success) / 100), "device")}</span></span></td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </Panel>
      <Panel title={t.rollout.ifDrift}>
        <div class="in">
          <Select label={t.rollout.ifDrift} value={q.get("drift") ?? "hold"} onChange={(next) => change({ drift: next === "hold" ? null : next })} options={[["hold", t.rollout.drift.hold], ["again", t.rollout.drift.again], ["alert", t.rollout.drift.alert]]} />
        </div>
      </Panel>
    </>
  );
}

interface ReviewProps {
  release: Release | undefined;
  name: string;
  query: string;
  total: number;
  atLeast: boolean;
  all: number;
  forecast: Forecast | undefined;
  parts: number[];
  groups: GroupPlan[];
  size: number;
  perMinute: number;
  schedule: string;
  duration: string;
  zone: string;
  start: string;
  startAt: number;
  dynamic: boolean;
  approval: boolean;
  drift: string;
  to: (step: StepName) => void;
}

function Review(p: ReviewProps): JSX.Element {
  const change = (step: StepName): JSX.Element => <button type="button" class="btn quiet sm" onClick={() => p.to(step)}>{t.wizard.change}</button>;
  const f = p.forecast;
  const group = (at: number): Forecast["groups"][number] | undefined => f?.groups[at];
  const will = f ? Math.max(0, f.devices.matched - f.devices.runsIt - f.devices.notForIt - f.devices.quarantined) : null;
  return (
    <>
      <Say title={<T v={f?.says.bold ?? t.wizard.reviewTitle(p.total, p.atLeast)} />} rest={<T v={f?.says.rest ?? t.wizard.nothingStarted} />} lede={<>{f?.says.lede ? <><T v={f.says.lede} />{" "}</> : null}{t.wizard.reviewLede}</>} />
      <div class="tiles">
        <Tile k={t.nav.devices} v={(p.atLeast ? "≥ " : "") + count(f?.count ?? p.total)} d={t.wizard.ofAllShort(p.all)} />
        <Tile k={t.wizard.firstGroup} v={count(group(0)?.devices ?? p.parts[0] ?? 0)} d={p.groups[0]?.gate ? t.wizard.thenPerson : t.wizard.thenItself} />
        <Tile k={t.wizard.doneBy} v={f?.endAt ? (f.endAt - Date.now() < DAY_MS ? clock(f.endAt) : day(f.endAt)) : "—"} d={f ? (f.endAt ? `${f.basis === "measured" ? t.wizard.measured : t.wizard.assumed}${f.gates > 0 ? `, ${t.wizard.plusGates(f.gates)}` : ""}` : t.wizard.noEndKnown) : "…"} />
        <Tile k={t.wizard.toSend} v={f ? bytes(f.bytes.total) : "…"} d={t.wizard.fullImages} />
        <Tile k={t.wizard.stopsAt} v={count((group(0)?.stopsAbove ?? Math.floor(((p.parts[0] ?? 0) * (p.groups[0]?.error ?? 0)) / 100)) + 1)} d={t.wizard.failedInFirst} />
      </div>
      <div class="grid">
        <div class="c6 stack4">
          <Panel title={t.wizard.who} right={<a class="s" href={devicesUrl(p.query)}>{t.wizard.openList}</a>} footer={<><span>{p.dynamic ? t.wizard.dynamicOn : t.wizard.dynamicOff}</span><span class="right">{change("which")}</span></>}>
            <div class="in stack3">
              <Bar segments={[{ cls: "b-v1", value: p.total, label: t.wizard.getIt }, { cls: "b-v4", value: Math.max(0, p.all - p.total), label: t.wizard.doNot }]} total={Math.max(p.all, p.total)} />
              <div class="cmd"><code class="clipped"><T v={p.query || t.wizard.everyDevice} /></code></div>
            </div>
            <table class="tbl tight">
              <tbody>
                <Who tone="ok" glyph="confirmed" text={t.wizard.willGet} n={will} href={devicesUrl(p.query)} />
                <Who tone="wait" glyph="none" text={t.wizard.runAlready} n={f?.devices.runsIt ?? null} href={p.release ? devicesUrl(and(p.query, `runs==${p.release.id}`)) : "/devices"} />
                <Who tone="warn" glyph="warn" text={t.wizard.notForIt} n={f?.devices.notForIt ?? null} href={devicesUrl(p.query)} />
                <Who tone="hold" glyph="quarantined" text={t.wizard.quarantined} n={f?.devices.quarantined ?? null} href={devicesUrl(and(p.query, "quarantined==true"))} />
                <Who tone="wait" glyph="waiting" text={t.wizard.busyNow} n={f?.devices.busy ?? null} href={devicesUrl(and(p.query, "status==pending"))} />
                <Who tone="warn" glyph="silent" text={t.wizard.silent} n={f ? f.devices.silent + f.devices.never : null} href={devicesUrl(and(p.query, "lastseen=lt=${overdue_ts}"))} />
              </tbody>
            </table>
          </Panel>
          <Panel title={t.wizard.ifWrong}>
            <div class="in">
              <dl class="dl">
                <dt>{t.wizard.power}</dt><dd>{t.wizard.powerText}</dd>
                <dt>{t.wizard.noConfirm}</dt><dd>{t.wizard.noConfirmText}</dd>
                <dt>{t.wizard.offline}</dt><dd>{t.wizard.offlineText}</dd>
                <dt>{t.wizard.youStop}</dt><dd>{t.wizard.youStopText}</dd>
                <dt>{t.rollout.ifDrift}</dt><dd>{t.rollout.drift[p.drift as keyof typeof t.rollout.drift]}</dd>
              </dl>
            </div>
          </Panel>
        </div>
        <div class="c6 stack4">
          <Panel title={t.wizard.when} right={change("windows")}>
            <div class="in">
              <dl class="dl">
                <dt>{t.wizard.begins}</dt><dd>{p.start === "manual" ? t.wizard.startManual : p.start === "time" && p.startAt ? exact(p.startAt) : t.wizard.startAuto}</dd>
                <dt>{t.rollout.window}</dt><dd>{p.schedule ? t.rollout.windowWords(p.schedule, p.duration, p.zone) : t.rollout.noWindow}</dd>
                <dt>{t.rollout.pace}</dt><dd>{p.perMinute > 0 ? t.rollout.perMinute(p.perMinute) : t.rollout.noPace}</dd>
              </dl>
            </div>
          </Panel>
          <Panel title={t.wizard.goesOnStops} right={change("limits")} footer={t.wizard.limitsFoot}>
            <div class="scroll" tabIndex={0}>
              <table class="tbl tight keep">
                <thead><tr><th>{t.rollout.group}</th><th class="num">{t.nav.devices}</th><th class="num">{t.wizard.stops}</th><th class="num">{t.wizard.goesOn}</th><th class="hide-s">{t.wizard.from}</th><th class="hide-s">{t.wizard.then}</th></tr></thead>
                <tbody>
                  {p.groups.map((group, at) => (
                    <tr key={at}>
                      <td><b><T v={group.name} /></b></td>
                      <td class="num">{count(f?.groups[at]?.devices ?? p.parts[at] ?? 0)}</td>
                      <td class="num">{group.error}&nbsp;% <span class="faint">= {count((f?.groups[at]?.stopsAbove ?? Math.floor(((p.parts[at] ?? 0) * group.error) / 100)) + 1)}</span></td>
                      <td class="num">{group.success}&nbsp;% <span class="faint">= {count(f?.groups[at]?.opensAt ?? Math.ceil(((p.parts[at] ?? 0) * group.success) / 100))}</span></td>
                      <td class="hide-s nowrap"><When at={f?.groups[at]?.startAt} /></td>
                      <td class="hide-s">{at === p.groups.length - 1 ? t.wizard.thenDone : group.gate ? t.wizard.thenPerson : t.wizard.thenItself}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          </Panel>
          <Panel title={t.wizard.before} right={change("what")}>
            <div class="in stack3">
              {p.release ? (
                <div class="row top">
                  <St tone={p.release.foreign ? "warn" : "ok"} glyph={p.release.foreign ? "claimed" : "confirmed"} title={t.release.word} />
                  <div><b><a href={url("releases", p.release.id)}><T v={releaseName(p.release)} /></a></b><div class="s dim">{p.release.foreign ? t.release.foreign : t.release.signedBy(p.release.signers.length)}, {bytes(p.size)}</div></div>
                </div>
              ) : <Note tone="warn" glyph="warn">{t.wizard.needsRelease}</Note>}
              {p.approval ? <div class="row top"><St tone="warn" glyph="approval" title={t.wizard.approval} /><div><b>{t.wizard.oneApproval}</b><div class="s dim">{t.wizard.neverYou}</div></div></div> : null}
            </div>
          </Panel>
        </div>
      </div>
    </>
  );
}

function Tile({ k, v, d }: { k: string; v: string; d: string }): JSX.Element {
  return (
    <div class="tile"><div class="k">{k}</div><div class="v">{v}</div><div class="d" title={d}>{d}</div></div>
  );
}

function Who({ tone, glyph, text, n, href }: { tone: "ok" | "wait" | "hold" | "warn"; glyph: string; text: string; n: number | null; href: string }): JSX.Element {
  return (
    <tr><td class="w20"><St tone={tone} glyph={glyph} /></td><td>{text}</td><td class="num">{n === null ? "…" : <a href={href}>{count(n)}</a>}</td></tr>
  );
}

export { percent };
