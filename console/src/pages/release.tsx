import type { JSX } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { ApiError, request, send, useResource, type Page } from "../api";
import { releaseChanged } from "../data";
import { bytes, count, counted, digest, releaseName } from "../format";
import type { Anchor, Device, Release, Rollout } from "../model";
import { devicesUrl, setQuery, url, usePlace } from "../router";
import { useSession } from "../session";
import { lookOf } from "../state";
import { t } from "../strings";
import { explain, hex, notation, type Explained, type Range } from "../suit";
import { Bar, Btn, Digest, ErrorBlock, Loading, Note, Panel, Refused, Seg, Shown, St, T, useDeed, When } from "../ui/base";
import { Dialog } from "../ui/dialog";
import { SaysHead, useSays } from "../ui/says";
import { toast } from "../ui/toast";
import { download } from "./devices";

interface Approval {
  user: string | null;
  at: number;
}

export function ReleasePage({ id }: { id: string }): JSX.Element {
  const path = `/api/v1/releases/${encodeURIComponent(id)}`;
  const session = useSession();
  const release = useResource<Release>(path, { events: releaseChanged });
  const says = useSays(`releases/${encodeURIComponent(id)}`, (event) => releaseChanged(event) || event.kind === "action");
  const [dialog, open] = useState<"" | "recall" | "approve">("");
  const row = release.data;
  if (!row) return <section class="panel">{release.error ? <ErrorBlock error={release.error} retry={release.reload} /> : <Loading rows={8} />}</section>;
  const recalled = row.recalledAt !== null;
  return (
    <>
      <SaysHead says={says} fallback={releaseName(row)}
        above={
          <>
            <span class="w550"><T v={releaseName(row)} /></span>
            {recalled ? <St pill tone="hold" glyph="quarantined" word={t.release.recalled} /> : null}
            {row.foreign ? <St pill tone="warn" glyph="claimed" word={t.release.foreign} /> : <St pill tone="ok" glyph="confirmed" word={t.release.signedBy(row.signers.length)} />}
          </>
        }
        acts={
          <>
            <Btn kind="danger" why={session.needsWhole("deploy") ?? (recalled ? t.release.isRecalled : null)} onClick={() => open("recall")}>{t.release.recall}</Btn>
            {row.foreign ? null : <Btn icon="download" onClick={() => void request(`${path}/envelope`).then(async (reply) => download(`${row.name}-${row.version}.suit`.replace(/[^\w.-]+/g, "-"), await reply.arrayBuffer(), "application/suit-envelope+cose"))}>{t.release.envelope}</Btn>}
            <Btn kind="pri" icon="rollouts" why={session.needsWhole("deploy") ?? (recalled ? t.release.isRecalled : null)} href={`/rollouts/new?release=${row.id}`}>{t.release.rollOut}</Btn>
          </>
        }
      />
      <div class="grid">
        <div class="c8">{row.foreign ? <Foreign release={row} /> : <Manifest path={path} release={row} />}</div>
        <div class="c4 stack4">
          <Behind path={path} release={row} approve={() => open("approve")} />
          <Sizes release={row} />
          <Where release={row} />
        </div>
      </div>
      {dialog === "recall" ? <Recall path={path} release={row} close={() => open("")} done={() => { open(""); release.reload(); }} /> : null}
      {dialog === "approve" ? (
        <Dialog title={t.release.approveTitle(releaseName(row))} glyph="approval" lines={[{ n: 1, text: t.release.approveLine }]} safe={t.cancel} go={t.release.approveGo} close={() => open("")}
          done={() => { open(""); toast({ tone: "ok", text: t.release.approved }); release.reload(); }} run={() => send("POST", `${path}/approvals`)} />
      ) : null}
    </>
  );
}

function Recall({ path, release, close, done }: { path: string; release: Release; close: () => void; done: () => void }): JSX.Element {
  const runs = useResource<Page<Device>>(`/api/v1/devices?limit=1&q=runs==${release.id}`);
  const assigned = useResource<Page<Device>>(`/api/v1/devices?limit=1&q=${encodeURIComponent(`assigned==${release.id};runs!=${release.id}`)}`);
  return (
    <Dialog title={t.release.recallTitle(releaseName(release))} tone="hold" glyph="quarantined" note={t.release.recallNote}
      lines={[
        { n: runs.data?.total ?? "…", text: t.release.recallRuns },
        { n: assigned.data?.total ?? "…", text: t.release.recallAssigned },
        { n: t.release.all, text: t.release.recallRollouts },
      ]}
      reason={{ label: t.release.recallReason, needed: true }} safe={t.release.keep} go={t.release.recallGo} kill close={close} done={() => { toast({ tone: "ok", text: t.release.recallDone }); done(); }}
      run={(reason) => send("POST", `${path}/recall`, { reason })} />
  );
}

const ROW = 12;

function overlaps(ranges: Range[], from: number, to: number): boolean {
  return ranges.some(([a, b]) => from < b && to > a);
}

function Manifest({ path, release }: { path: string; release: Release }): JSX.Element {
  const here = usePlace();
  const [data, setData] = useState<Uint8Array | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  useEffect(() => {
    const stop = new AbortController();
    request(`${path}/envelope`, { signal: stop.signal }).then(
      async (reply) => setData(new Uint8Array(await reply.arrayBuffer())),
      (cause: unknown) => { if (!stop.signal.aborted && cause instanceof ApiError) setError(cause); },
    );
    return () => stop.abort();
  }, [path]);
  const explained = useMemo((): Explained | string | null => {
    if (!data) return null;
    try {
      return explain(data);
    } catch (cause) {
      return String((cause as Error).message);
    }
  }, [data]);
  const view = here.query.get("view") ?? "decoded";
  const step = Math.max(0, Number(here.query.get("step") ?? 1) - 1) || 0;
  const list = useRef<HTMLOListElement>(null);
  if (error) return <Panel title={t.release.steps}><ErrorBlock error={error} /></Panel>;
  if (!data || explained === null) return <Panel title={t.release.steps}><Loading rows={8} /></Panel>;
  if (typeof explained === "string") return <Panel title={t.release.steps}><div class="in"><Note tone="bad" glyph="failed">{t.release.unreadable} <T v={explained} /></Note></div></Panel>;
  const chosen = Math.min(step, explained.steps.length - 1);
  const ranges = explained.steps[chosen]?.ranges ?? [];
  const choose = (n: number): void => {
    const to = Math.max(0, Math.min(n, explained.steps.length - 1));
    setQuery({ step: String(to + 1) }, true);
    list.current?.querySelectorAll<HTMLButtonElement>("button")[to]?.focus();
  };
  let section = "";
  return (
    <Panel title={t.release.steps} caption={<span class="hide-s">{t.release.stepsHint}</span>}
      right={<Seg label={t.release.view} value={view} onChange={(next) => setQuery({ view: next === "decoded" ? null : next }, true)} options={[["decoded", t.release.decoded], ["bytes", t.release.bytes]]} />}
      footer={
        <>
          <span>{t.release.chosen(chosen + 1, data.length)}</span>
          <Digest hex={release.digest} first={6} />
          <span class="right faint hide-s"><kbd>↑</kbd> <kbd>↓</kbd> {t.release.keys}</span>
        </>
      }>
      <div class="mbytes">
        <ol class="steps" ref={list}>
          {explained.steps.map((one, at) => {
            const head = one.section !== section ? one.section : null;
            section = one.section;
            return (
              <li key={at} aria-current={at === chosen ? "step" : undefined} onClick={() => setQuery({ step: String(at + 1) }, true)}>
                <span class="n">{at + 1}</span>
                <div class={`lvl${Math.min(one.depth, 4)}`}>
                  {head ? <div class="cap">{t.release.sections[head]}</div> : null}
                  <button type="button" class="h" onClick={() => setQuery({ step: String(at + 1) }, true)}
                    onKeyDown={(event) => {
                      if (event.key === "ArrowDown") { event.preventDefault(); choose(at + 1); }
                      if (event.key === "ArrowUp") { event.preventDefault(); choose(at - 1); }
                    }}>
                    <Does text={one.does} />
                  </button>
                  <div class="by">{t.release.at((one.ranges[1] ?? one.ranges[0])?.[0] ?? 0, ((one.ranges[1] ?? one.ranges[0])?.[1] ?? 1) - 1)}</div>
                </div>
              </li>
            );
          })}
        </ol>
        <div class="bytes">{view === "decoded" ? <Decoded explained={explained} ranges={ranges} /> : null}<Dump data={data} ranges={ranges} whole={view === "bytes"} /></div>
      </div>
    </Panel>
  );
}

/** A digest of 64 digits is a word too long: its ends stand, the whole is in the title. */
function Does({ text }: { text: string }): JSX.Element {
  return <>{text.split(/([0-9a-f]{64})/).map((part, at) => (at % 2 === 1 ? <span key={at} class="mono nowrap" title={part}>{digest(part)}</span> : <T key={at} v={part === "" ? " " : part} />))}</>;
}

function Decoded({ explained, ranges }: { explained: Explained; ranges: Range[] }): JSX.Element {
  const lines = useMemo(() => notation(explained.root), [explained]);
  const box = useRef<HTMLPreElement>(null);
  useEffect(() => {
    const lit = box.current?.querySelector<HTMLElement>(".hl");
    if (box.current && lit) box.current.scrollTop = Math.max(0, lit.offsetTop - box.current.offsetTop - 60);
  }, [ranges]);
  return (
    <pre ref={box} class="code" tabIndex={0} aria-label={t.release.decoded}>
      {lines.map((line, at) => (
        <span key={at} class={line.to > line.from && overlaps(ranges, line.from, line.to) ? "hl" : undefined}>{line.text}{"\n"}</span>
      ))}
    </pre>
  );
}

function Dump({ data, ranges, whole }: { data: Uint8Array; ranges: Range[]; whole: boolean }): JSX.Element {
  const first = Math.min(...ranges.map(([from]) => from), data.length);
  const start = whole ? 0 : Math.max(0, Math.floor(first / ROW) * ROW - ROW);
  const end = Math.min(data.length, whole ? start + 4096 : start + 12 * ROW);
  const rows: number[] = [];
  for (let at = start; at < end; at += ROW) rows.push(at);
  return (
    <pre class="code" tabIndex={0} aria-label={t.release.bytes}>
      {rows.map((at) => (
        <span key={at}>
          <span class="c">{at.toString(16).padStart(4, "0")}</span>
          {"  "}
          {[...data.subarray(at, Math.min(at + ROW, end))].map((byte, k) => (
            <span key={k} class={overlaps(ranges, at + k, at + k + 1) ? "hx" : undefined}>{hex(Uint8Array.of(byte))} </span>
          ))}
          {"\n"}
        </span>
      ))}
      {end < data.length ? <span class="c">{t.release.moreBytes(data.length - end)}</span> : null}
    </pre>
  );
}

function Foreign({ release }: { release: Release }): JSX.Element {
  return (
    <Panel title={t.release.foreignTitle}>
      <div class="in stack3">
        <Note tone="warn" glyph="warn">{t.release.foreignText}</Note>
        <div class="scroll" tabIndex={0} role="group" aria-label={t.release.foreignTitle}><table class="tbl">
          <thead><tr><th>{t.release.file}</th><th class="num">{t.release.size}</th><th>SHA-256</th></tr></thead>
          <tbody>
            {release.artifacts.map((one) => (
              <tr key={one.sha256}><td><T v={one.filename} /></td><td class="num">{bytes(one.size)}</td><td><Digest hex={one.sha256} /></td></tr>
            ))}
          </tbody>
        </table></div>
      </div>
    </Panel>
  );
}

function Behind({ path, release, approve }: { path: string; release: Release; approve: () => void }): JSX.Element {
  const session = useSession();
  const anchors = useResource<Page<Anchor>>("/api/v1/anchors?limit=200");
  const approvals = useResource<Page<Approval> | Approval[]>(`${path}/approvals`, { events: releaseChanged });
  const policy = useResource<{ approvals: number }>("/api/v1/policy", { events: (event) => event.kind === "change" });
  const list = Array.isArray(approvals.data) ? approvals.data : (approvals.data?.content ?? []);
  const needed = policy.data?.approvals ?? 0;
  return (
    <Panel title={t.release.behind}>
      {release.foreign ? (
        <div class="in s dim">{t.release.nobodySigned}</div>
      ) : (
        <div class="in stack3">
          {release.signers.map((kid) => {
            const known = anchors.data?.content.find((one) => one.kid === kid);
            return (
              <div key={kid} class="row top">
                <St tone={known ? "ok" : "warn"} glyph={known ? "confirmed" : "warn"} title={known ? t.release.known : t.release.unknown} />
                <div class="grow">
                  <b>{known ? <T v={known.name} /> : t.release.unknownKey}</b>
                  <div class="s dim"><Digest hex={kid} first={6} /></div>
                </div>
              </div>
            );
          })}
          <Note tone="ok" glyph="confirmed">{t.release.deviceChecks}</Note>
        </div>
      )}
      <div class="in stack">
        <div class="row"><h3>{t.release.approvals}</h3><span class="right s dim">{needed > 0 ? t.release.approvalsOf(list.length, needed) : t.release.approvalsNone}</span></div>
        {list.map((one) => (
          <div key={`${one.user}${one.at}`} class="row s"><St tone="ok" glyph="confirmed" title={t.release.approvedWord} /><T v={one.user ?? t.release.gone} /><span class="right faint xs"><When at={one.at} /></span></div>
        ))}
        <Shown of={approvals}>{() => null}</Shown>
        {needed > 0 || list.length > 0 ? <div><Btn small icon="check" why={session.needsWhole("approve")} onClick={approve}>{t.release.approve}</Btn></div> : null}
      </div>
    </Panel>
  );
}

function Sizes({ release }: { release: Release }): JSX.Element {
  const total = release.artifacts.reduce((sum, one) => sum + one.size, 0);
  const most = Math.max(1, ...release.artifacts.map((one) => one.size));
  return (
    <Panel title={t.release.sizes} footer={t.release.sizesHint}>
      <div class="in">
        <div class="sizes fit">
          {release.artifacts.map((one) => (
            <>
              <span class="clipped" title={one.sha256}><T v={one.filename} /></span>
              <Bar size="sm" segments={[{ cls: "b-v1", value: one.size, label: t.release.size }]} total={most} label={bytes(one.size)} />
              <b class="num">{bytes(one.size)}</b>
            </>
          ))}
        </div>
        {release.artifacts.length > 1 ? <p class="s dim">{t.release.together(bytes(total))}</p> : null}
      </div>
    </Panel>
  );
}

function Where({ release }: { release: Release }): JSX.Element {
  const session = useSession();
  const event = (one: { kind: string }): boolean => one.kind === "action" || one.kind === "change";
  const all = useResource<Page<Device>>("/api/v1/devices?limit=1", { events: event });
  const runs = useResource<Page<Device>>(`/api/v1/devices?limit=1&q=runs==${release.id}`, { events: event });
  const coming = useResource<Page<Device>>(`/api/v1/devices?limit=1&q=${encodeURIComponent(`assigned==${release.id};status==pending`)}`, { events: event });
  const bad = useResource<Page<Device>>(`/api/v1/devices?limit=1&q=${encodeURIComponent(`assigned==${release.id};status=in=(failed,reverted)`)}`, { events: event });
  const rollouts = useResource<Page<Rollout>>(session.me.group ? null : "/api/v1/rollouts?limit=200", { events: event });
  const mine = (rollouts.data?.content ?? []).filter((one) => one.release === release.id);
  return (
    <Panel title={t.release.where}>
      <div class="in stack3">
        <Bar segments={[
          { cls: "b-conf", value: runs.data?.total ?? 0, label: t.release.runIt },
          { cls: "b-boot", value: coming.data?.total ?? 0, label: t.release.getIt },
          { cls: "b-fail", value: bad.data?.total ?? 0, label: t.member.failed },
        ]} total={all.data?.total ?? 0} />
        <dl class="dl">
          <dt>{t.release.runsOn}</dt><dd>{runs.data ? <a href={devicesUrl(`runs==${release.id}`)}><b>{counted(runs.data.total, "device")}</b>{t.release.byReport}</a> : "…"}</dd>
          <dt>{t.release.onTheWay}</dt><dd>{coming.data ? <a href={devicesUrl(`assigned==${release.id};status==pending`)}>{count(coming.data.total)}</a> : "…"}</dd>
          <dt>{t.release.failedOn}</dt><dd>{bad.data ? <a href={devicesUrl(`assigned==${release.id};status=in=(failed,reverted)`)}>{count(bad.data.total)}</a> : "…"}</dd>
          <dt>{t.nav.rollouts}</dt>
          <dd class="stack">
            {mine.length === 0 ? t.release.noRollouts : mine.slice(0, 6).map((one) => <span key={one.id}><a href={url("rollouts", one.id)}><T v={one.name} /></a> <span class="faint">{lookOf(one.state).word}</span></span>)}
          </dd>
          {release.foreign ? null : (
            <>
              <dt>{t.release.appliesTo}</dt><dd class="mono xs kv">{t.release.vendor} {release.vendorId || "—"}<br />{t.release.class} {release.classId || "—"}</dd>
              <dt>{t.device.sequence}</dt><dd>{release.sequence}</dd>
            </>
          )}
          <dt>{t.release.uploaded}</dt><dd><When at={release.createdAt} /></dd>
        </dl>
      </div>
    </Panel>
  );
}

export { Refused, useDeed };
