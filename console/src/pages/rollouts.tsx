import type { JSX } from "preact";
import { useResource, type Page } from "../api";
import { useReleases } from "../data";
import { count, percent } from "../format";
import type { Rollout } from "../model";
import { setQuery, url, usePlace } from "../router";
import { useSession } from "../session";
import { attention, good, isOpen, lookOf, memberSegments } from "../state";
import { t } from "../strings";
import { Bar, Blank, Btn, ErrorBlock, Loading, Pager, Seg, St, T, When } from "../ui/base";
import { SaysHead, useSays } from "../ui/says";

const LIMIT = 100;
const FILTERS: Record<string, string> = {
  open: "status=out=(finished,stopped,deleting)",
  finished: "status=in=(finished,stopped)",
};

export function RolloutsPage(): JSX.Element {
  const here = usePlace();
  const session = useSession();
  const show = here.query.get("show") ?? "all";
  const offset = Math.max(0, Number(here.query.get("offset") ?? 0) || 0);
  const filter = FILTERS[show];
  const moved = (event: { kind: string; body: Record<string, unknown> }): boolean => event.kind === "action" || (event.kind === "change" && /rollouts/.test(String(event.body["what"])));
  const says = useSays("rollouts", moved);
  const releases = useReleases();
  const list = useResource<Page<Rollout>>(`/api/v1/rollouts?limit=${LIMIT}&offset=${offset}${filter ? `&q=${encodeURIComponent(filter)}` : ""}`, { events: moved, every: 30_000, keep: true });
  const rows = [...(list.data?.content ?? [])].sort((a, b) => attention(a) - attention(b) || b.id - a.id);
  return (
    <>
      <SaysHead says={says} fallback={t.nav.rollouts} acts={<Btn kind="pri" icon="plus" why={session.needsWhole("deploy")} href="/rollouts/new">{t.rollouts.new}</Btn>} />
      <section class="panel" aria-label={t.nav.rollouts}>
        <header>
          <Seg label={t.rollouts.which} value={show} onChange={(next) => setQuery({ show: next === "all" ? null : next, offset: null })} options={[["all", t.rollouts.all], ["open", t.rollouts.open], ["finished", t.rollouts.finished]]} />
          <span class="cap right hide-s">{t.rollouts.sorted}</span>
        </header>
        {!list.data ? (list.error ? <ErrorBlock error={list.error} retry={list.reload} /> : <Loading rows={6} />) : rows.length === 0 ? (
          <Blank icon="rollouts" title={show === "all" ? t.rollouts.none : t.rollouts.noneOfThese}>
            <p>{t.rollouts.noneHint}</p>
          </Blank>
        ) : (
          <>
            <div class="scroll hide-s">
              <table class="tbl">
                <thead>
                  <tr><th>{t.rollouts.rollout}</th><th>{t.devices.state}</th><th>{t.release.word}</th><th>{t.rollouts.now}</th><th>{t.devices.proof}</th><th class="num">{t.member.confirmed}</th><th class="num">{t.nav.devices}</th><th class="num">{t.rollouts.changed}</th></tr>
                </thead>
                <tbody>
                  {rows.map((row) => {
                    const look = lookOf(row.state);
                    return (
                      <tr key={row.id}>
                        <td class="two max230"><a class="w550 clipped" href={url("rollouts", row.id)}><T v={row.name} /></a><small class="clipped">{t.rollouts.by} <T v={row.createdBy} /></small></td>
                        <td><St tone={look.tone} glyph={look.glyph} word={look.word} /></td>
                        <td class="clipped max230"><T v={releases.name(row.release)} /></td>
                        <td class="max300 s">{isOpen(row) ? <T v={row.next} /> : <T v={row.now} />}</td>
                        <td class="w24p"><Bar segments={memberSegments(row.devices)} total={row.devices.total} /></td>
                        <td class="num">{percent(good(row, row.devices), row.devices.total)}</td>
                        <td class="num">{count(row.devices.total)}</td>
                        <td class="num"><When at={row.updatedAt} /></td>
                      </tr>
                    );
                  })}
                </tbody>
              </table>
            </div>
            <ul class="mcards only-s">
              {rows.map((row) => {
                const look = lookOf(row.state);
                return (
                  <li key={row.id}>
                    <a class="h" href={url("rollouts", row.id)}><T v={row.name} /></a>
                    <b>{percent(good(row, row.devices), row.devices.total)}</b>
                    <div class="p"><St tone={look.tone} glyph={look.glyph} word={look.word} /></div>
                    <div class="p"><Bar segments={memberSegments(row.devices)} total={row.devices.total} /></div>
                  </li>
                );
              })}
            </ul>
            <footer><Pager offset={offset} size={rows.length} total={list.data.total} atLeast={list.data.atLeast} limit={LIMIT} onPage={(next) => setQuery({ offset: next > 0 ? String(next) : null })} /></footer>
          </>
        )}
      </section>
    </>
  );
}
