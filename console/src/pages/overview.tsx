import type { JSX } from "preact";
import { useResource, type Page, type Resource } from "../api";
import { rolloutChanged, useReleases } from "../data";
import { count, percent } from "../format";
import type { Anchor, AuditEntry, Device, Rollout, Token, Webhook } from "../model";
import { devicesUrl, url } from "../router";
import { useSession } from "../session";
import { attention, bad, good, isOpen, lookOf, memberSegments } from "../state";
import { t } from "../strings";
import { Bar, Btn, Panel, Say, Shown, splitSentence, St, T, When, type Segment } from "../ui/base";

const STANDINGS: [string, string, string][] = [
  ["confirmed", "status==in_sync;quarantined==false", "b-conf"],
  ["updating", "status==pending;quarantined==false", "b-boot"],
  ["registered", "status==registered;quarantined==false", "b-off"],
  ["unknown", "status==unknown;quarantined==false", "b-wait"],
  ["failed", "status==failed;quarantined==false", "b-fail"],
  ["reverted", "status==reverted;quarantined==false", "b-rev"],
  ["drifted", "status==drifted;quarantined==false", "b-v5"],
  ["quarantined", "quarantined==true", "b-hold"],
];

const moved = (event: { kind: string }): boolean => event.kind === "action" || event.kind === "change";

function useCount(filter: string): Resource<Page<Device>> {
  return useResource<Page<Device>>(`/api/v1/devices?limit=1${filter ? `&q=${encodeURIComponent(filter)}` : ""}`, { events: moved, every: 60_000, keep: true });
}

export function OverviewPage(): JSX.Element {
  const session = useSession();
  const all = useCount("");
  const rollouts = useResource<Page<Rollout>>(session.me.group ? null : "/api/v1/rollouts?limit=100", { events: moved, every: 30_000 });
  const open = (rollouts.data?.content ?? []).filter(isOpen).sort((a, b) => attention(a) - attention(b) || b.id - a.id);
  const needs = open.filter((rollout) => attention(rollout) <= 1);
  const title = all.data === undefined ? t.overview.loading : all.data.total === 0 ? t.overview.empty : needs.length > 0 ? t.overview.needs(needs.length) : t.overview.calm;
  return (
    <>
      <Say
        title={title}
        rest={all.data && all.data.total > 0 ? t.overview.rest(all.data.total) : undefined}
        lede={rollouts.data ? t.overview.lede(open.length) : undefined}
        acts={
          <>
            <Btn icon="upload" href="/releases?upload=1" why={session.needs("upload")}>{t.overview.upload}</Btn>
            <Btn kind="pri" icon="rollouts" href="/rollouts/new" why={session.needsWhole("deploy")}>{t.overview.start}</Btn>
          </>
        }
      />
      <div class="stack4">
        <Standing all={all} />
        <div class="grid eq">
          <div class="c7 w4"><Todo rollouts={needs} loaded={rollouts} /></div>
          <div class="c5 w4"><InFlight rollouts={open} loaded={rollouts} /></div>
        </div>
        <div class="grid">
          <div class="c7"><Versions /></div>
          <div class="c5"><Security /></div>
        </div>
      </div>
    </>
  );
}

function Standing({ all }: { all: Resource<Page<Device>> }): JSX.Element {
  const counts = STANDINGS.map(([, filter]) => useCount(filter));
  const total = all.data?.total ?? 0;
  const segments: Segment[] = STANDINGS.map(([key, , cls], at) => ({ cls, value: counts[at]?.data?.total ?? 0, label: lookOf(key).word.toLowerCase() }));
  const atLeast = counts.some((one) => one.data?.atLeast);
  return (
    <Panel cls="clip-panel" title={t.overview.stand(total)} caption={atLeast ? t.overview.atLeast : t.overview.opens}>
      <div class="in"><Bar size="lg" segments={segments} total={Math.max(total, segments.reduce((sum, one) => sum + one.value, 0))} /></div>
      <div class="tiles t8 in-panel">
        {STANDINGS.map(([key, filter], at) => {
          const look = lookOf(key);
          const n = counts[at]?.data;
          return (
            <a key={key} class="tile" href={devicesUrl(filter)} title={t.standing[key as keyof typeof t.standing]}>
              <div class="k"><St tone={look.tone} glyph={look.glyph} />{look.word}</div>
              <div class="v">
                {n ? (n.atLeast ? "≥ " : "") + count(n.total) : "…"} <small>{n && total > 0 && n.total > 0 ? percent(n.total, total) : ""}</small>
              </div>
            </a>
          );
        })}
      </div>
    </Panel>
  );
}

function Todo({ rollouts, loaded }: { rollouts: Rollout[]; loaded: Resource<Page<Rollout>> }): JSX.Element {
  const session = useSession();
  const drifted = useCount("status==drifted;quarantined==false").data?.total ?? 0;
  const failed = useCount("status=in=(failed,reverted);quarantined==false").data?.total ?? 0;
  const tokens = useResource<Page<Token>>("/api/v1/tokens?limit=200");
  const hooks = useResource<Page<Webhook>>(session.can("settings") ? "/api/v1/webhooks" : null, { every: 60_000 });
  const soon = (tokens.data?.content ?? []).filter((token) => token.expiresAt !== null && token.expiresAt < Date.now() + 14 * 86400_000 && token.expiresAt > Date.now());
  const failing = (hooks.data?.content ?? []).filter((hook) => hook.failures > 0);
  const total = rollouts.length + (drifted > 0 ? 1 : 0) + (failed > 0 ? 1 : 0) + soon.length + failing.length;
  return (
    <Panel title={t.overview.todo} right={total > 0 ? <span class="tag w">{total}</span> : null}>
      {total === 0 ? (
        <div class="in s dim">{loaded.data || session.me.group ? t.overview.nothingToDo : t.loading}</div>
      ) : (
        <ul class="todo">
          {rollouts.map((rollout) => {
            const look = lookOf(rollout.state);
            return (
              <li key={rollout.id}>
                <St tone={look.tone} glyph={rollout.pausedBy && rollout.pausedBy !== "person" ? "stopped" : look.glyph} />
                <div>
                  <div class="h"><T v={rollout.name} /> · {look.word}</div>
                  <div class="p"><T v={rollout.now} /> <T v={rollout.next} /></div>
                </div>
                <Btn small href={url("rollouts", rollout.id)}>{t.overview.look}</Btn>
              </li>
            );
          })}
          {failed > 0 ? (
            <li>
              <St tone="bad" glyph="failed" />
              <div><div class="h">{t.overview.failed(failed)}</div><div class="p">{t.overview.failedHint}</div></div>
              <Btn small href={devicesUrl("status=in=(failed,reverted);quarantined==false")}>{t.overview.show}</Btn>
            </li>
          ) : null}
          {drifted > 0 ? (
            <li>
              <St tone="warn" glyph="drifted" />
              <div><div class="h">{t.overview.drifted(drifted)}</div><div class="p">{t.overview.driftedHint}</div></div>
              <Btn small href={devicesUrl("status==drifted;quarantined==false")}>{t.overview.show}</Btn>
            </li>
          ) : null}
          {failing.map((hook) => (
            <li key={hook.id}>
              <St tone="warn" glyph="warn" />
              <div><div class="h">{t.overview.hook(hook.failures)}</div><div class="p"><T v={hook.url} />: <T v={hook.error} /></div></div>
              <Btn small href="/settings#webhooks">{t.overview.look}</Btn>
            </li>
          ))}
          {soon.map((token) => (
            <li key={token.id}>
              <St tone="warn" glyph="warn" />
              <div><div class="h">{t.overview.token(token.label || token.user)}</div><div class="p">{t.overview.ends} <When at={token.expiresAt} /></div></div>
              <Btn small href="/security?tab=people">{t.overview.look}</Btn>
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}

export function RolloutRow({ rollout }: { rollout: Rollout }): JSX.Element {
  const look = lookOf(rollout.state);
  const counts = rollout.devices;
  return (
    <li class="rollrow">
      <div class="row wrap">
        <a class="w550" href={url("rollouts", rollout.id)}><T v={rollout.name} /></a>
        <St tone={look.tone} glyph={look.glyph} word={look.word} />
        <span class="right s"><b>{percent(good(rollout, counts), counts.total)}</b></span>
      </div>
      <Bar segments={memberSegments(counts)} total={counts.total} />
      <div class="row s dim">
        <span>{t.overview.progress(good(rollout, counts), counts.total, bad(counts))}</span>
        <span class="right faint xs"><When at={rollout.updatedAt} /></span>
      </div>
    </li>
  );
}

function InFlight({ rollouts, loaded }: { rollouts: Rollout[]; loaded: Resource<Page<Rollout>> }): JSX.Element {
  const session = useSession();
  return (
    <Panel title={t.overview.inFlight} right={<a class="s" href="/rollouts">{t.overview.allRollouts(loaded.data?.total ?? 0)}</a>}>
      {session.me.group ? (
        <div class="in s dim">{t.needsWhole}</div>
      ) : (
        <Shown of={loaded}>
          {() => (rollouts.length === 0 ? <div class="in s dim">{t.overview.noRollouts}</div> : <ul>{rollouts.slice(0, 5).map((rollout) => <RolloutRow key={rollout.id} rollout={rollout} />)}</ul>)}
        </Shown>
      )}
    </Panel>
  );
}

const SERIES = ["b-v1", "b-v2", "b-v3", "b-v4"];

function Versions(): JSX.Element {
  const releases = useReleases();
  const newest = [...(releases.data?.content ?? [])].sort((a, b) => b.id - a.id).slice(0, 4);
  return (
    <Panel title={t.overview.runs} caption={t.overview.runsHint} footer={<a href="/releases">{t.overview.allReleases}</a>}>
      <Shown of={releases}>
        {() =>
          newest.length === 0 ? (
            <div class="in s dim">{t.overview.noReleases}</div>
          ) : (
            <div class="scroll">
              <table class="tbl">
                <thead><tr><th>{t.release.word}</th><th>{t.overview.share}</th><th class="num">{t.overview.devices}</th></tr></thead>
                <tbody>{newest.map((release, at) => <RunsRow key={release.id} id={release.id} name={`${release.name} ${release.version}`} cls={SERIES[at] ?? "b-v4"} />)}</tbody>
              </table>
            </div>
          )
        }
      </Shown>
    </Panel>
  );
}

function RunsRow({ id, name, cls }: { id: number; name: string; cls: string }): JSX.Element {
  const total = useCount("").data?.total ?? 0;
  const runs = useCount(`runs==${id}`);
  const n = runs.data?.total ?? 0;
  return (
    <tr>
      <td><a href={url("releases", id)}><T v={name} /></a></td>
      <td class="w34p"><Bar segments={[{ cls, value: n, label: t.overview.runsIt }]} total={total} /></td>
      <td class="num"><a href={devicesUrl(`runs==${id}`)}>{count(n)}</a></td>
    </tr>
  );
}

function Security(): JSX.Element {
  const session = useSession();
  const anchors = useResource<Page<Anchor>>("/api/v1/anchors?limit=1");
  const audit = useResource<Page<AuditEntry>>(session.can("audit") ? "/api/v1/audit?limit=1" : null, { events: (event) => event.kind === "change" });
  const policy = useResource<{ approvals: number }>("/api/v1/policy");
  return (
    <Panel title={t.overview.security} right={<a class="s" href="/security">{t.overview.open}</a>}>
      <div class="in">
        <dl class="dl">
          <dt>{t.overview.anchors}</dt>
          <dd>{anchors.data ? (anchors.data.total > 0 ? t.overview.anchorCount(anchors.data.total) : <span class="warnc">{t.overview.noAnchors}</span>) : "…"}</dd>
          <dt>{t.overview.approvals}</dt>
          <dd>{policy.data ? (policy.data.approvals > 0 ? t.overview.approvalCount(policy.data.approvals) : t.overview.noApprovals) : "…"}</dd>
          <dt>{t.overview.audit}</dt>
          <dd>{audit.data ? <a href="/security?tab=audit">{t.overview.auditCount(audit.data.total)}</a> : session.can("audit") ? "…" : session.needs("audit")}</dd>
        </dl>
      </div>
    </Panel>
  );
}

export { splitSentence, rolloutChanged };
