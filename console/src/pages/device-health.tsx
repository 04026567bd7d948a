// What a device measured of itself, as charts; and the commands that have it tell.
import type { JSX } from "preact";
import { useEffect, useMemo, useState } from "preact/hooks";
import { get, send, useResource, type Page } from "../api";
import { bytes, duration } from "../format";
import { onEvent } from "../live";
import type { Value } from "../model";
import { setQuery, usePlace } from "../router";
import { useSession } from "../session";
import { t } from "../strings";
import { Btn, Check, Panel, Seg, Select, Shown } from "../ui/base";
import { Chart } from "../ui/chart";
import { Dialog } from "../ui/dialog";
import { toast } from "../ui/toast";

interface Measure {
  path: string;
  words: string;
  format: (value: number) => string;
}

export const MEASURES: Measure[] = [
  { path: "/26241/0/7", words: t.health.uptime, format: (value) => duration(value * 1000) },
  { path: "/3/0/9", words: t.health.battery, format: (value) => `${value}\u00a0%` },
  { path: "/3/0/10", words: t.health.memory, format: (value) => bytes(value * 1024) },
  { path: "/4/0/2", words: t.health.link, format: (value) => `${value < 0 ? "\u2212" : ""}${Math.abs(value)}\u00a0dBm` },
];

const DAY_MS = 86400_000;
const RANGES: Record<string, number> = { "24h": DAY_MS, "30d": 30 * DAY_MS, "1y": 365 * DAY_MS };
const PAGE = 500;
const POINTS_MAX = 3000;
const AGAIN_MS = 10_000;
const PAUSES_S = [10, 60, 900, 3600];

export function Health({ path, registered }: { path: string; registered: boolean }): JSX.Element | null {
  const here = usePlace();
  const session = useSession();
  const range = here.query.get("range") ?? "30d";
  const from = useMemo(() => Date.now() - (RANGES[range] ?? 30 * DAY_MS), [range]);
  const newest = useResource<Page<Value>>(registered ? `${path}/values/newest` : null, { every: AGAIN_MS });
  const [asks, ask] = useState(false);
  if (!registered) return null;
  const told = (measure: Measure): boolean => newest.data?.content.some((value) => value.path === measure.path && typeof value.value === "number") ?? false;
  const shown = MEASURES.filter(told);
  return (
    <Panel title={t.health.title} right={
      <span class="row wrap">
        <Btn small kind="quiet" why={session.needs("devices")} onClick={() => ask(true)}>{t.health.record}</Btn>
        <Seg label={t.health.range} value={range} onChange={(next) => setQuery({ range: next === "30d" ? null : next }, true)} options={[["24h", "24\u00a0h"], ["30d", "30\u00a0d"], ["1y", "1\u00a0y"]]} />
      </span>
    }>
      <Shown of={newest}>
        {() => shown.length === 0
          ? <div class="in s dim">{t.health.none}</div>
          : <div class="in cards2">{shown.map((measure) => <HealthChart key={measure.path + range} path={`${path}/values?path=${encodeURIComponent(measure.path)}&from=${from}`} measure={measure} />)}</div>}
      </Shown>
      {asks ? <Record path={path} already={shown} close={() => ask(false)} /> : null}
    </Panel>
  );
}

/** The newest of a list that the server gives oldest first. */
async function newestOf(path: string, signal: AbortSignal): Promise<{ rows: Value[]; total: number }> {
  const first = await get<Page<Value>>(`${path}&limit=${PAGE}`, signal);
  let rows = first.content;
  if (first.total > PAGE) {
    rows = [];
    for (let at = Math.max(0, first.total - POINTS_MAX); at < first.total; at += PAGE) rows.push(...(await get<Page<Value>>(`${path}&offset=${at}&limit=${PAGE}`, signal)).content);
  }
  return { rows, total: first.total };
}

function HealthChart({ path, measure }: { path: string; measure: Measure }): JSX.Element {
  const [read, set] = useState<{ rows: Value[]; total: number } | null>(null);
  useEffect(() => {
    const stop = new AbortController();
    const load = (): void => void newestOf(path, stop.signal).then(set, () => undefined); // the panel says when its road is lost
    load();
    const tick = window.setInterval(load, AGAIN_MS);
    const off = onEvent((event) => { if (event.kind === "again") load(); });
    return () => {
      stop.abort();
      window.clearInterval(tick);
      off();
    };
  }, [path]);
  const points = (read?.rows ?? []).filter((one) => typeof one.value === "number").map((one): [number, number] => [one.at, one.value as number]);
  const last = points[points.length - 1];
  return (
    <div role="group" aria-label={measure.words}>
      <div class="row"><span class="s dim">{measure.words}</span><b class="right">{last ? measure.format(last[1]) : "—"}</b></div>
      {points.length > 1 ? <Chart height={90} label={measure.words} series={[{ label: measure.words, points, tone: "accent", fill: true }]} format={measure.format} /> : read ? <p class="xs faint">{t.health.few}</p> : null}
      {read && read.total > read.rows.length ? <p class="xs faint">{t.health.newest(read.rows.length, read.total)}</p> : null}
    </div>
  );
}

/** One observation of each that is chosen; the pause between two of them is the device's default for all of its observations. */
function Record({ path, already, close }: { path: string; already: Measure[]; close: () => void }): JSX.Element {
  const [chosen, choose] = useState(MEASURES.filter((one) => !already.includes(one)).map((one) => one.path));
  const [pause, setPause] = useState("60");
  const commands = (): Record<string, unknown>[] => [{ op: "write", path: "/1/0", values: { 2: Number(pause) } }, ...chosen.map((one) => ({ op: "observe", path: one }))];
  const run = async (): Promise<void> => {
    for (const command of commands()) await send("POST", `${path}/commands`, command);
  };
  return (
    <Dialog title={t.health.recordTitle} note={t.health.recordNote} safe={t.cancel} go={t.health.recordGo(chosen.length)} why={chosen.length === 0 ? t.health.recordNone : null} close={close} run={run}
      lines={[{ n: 1, text: t.health.recordLine }]} done={() => { close(); toast({ tone: "ok", text: t.device.queued }); }}>
      <div class="stack">
        {MEASURES.map((one) => (
          <Check key={one.path} label={<>{one.words} <code>{one.path}</code></>} on={chosen.includes(one.path)} onChange={(on) => choose(MEASURES.map((all) => all.path).filter((at) => (at === one.path ? on : chosen.includes(at))))} />
        ))}
        <Select label={t.health.recordPause} hint={t.health.recordPauseHint} value={pause} onChange={setPause} options={PAUSES_S.map((s) => [String(s), duration(s * 1000)])} />
      </div>
    </Dialog>
  );
}
