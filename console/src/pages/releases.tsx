import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { all, useResource, type Page } from "../api";
import { releaseChanged } from "../data";
import { bytes, count, releaseName } from "../format";
import type { Device, Release } from "../model";
import { devicesUrl, setQuery, url, usePlace } from "../router";
import { useSession } from "../session";
import { t } from "../strings";
import { Bar, Blank, Btn, Panel, Refused, St, T, When } from "../ui/base";
import { ErrorBlock, Loading, Pager } from "../ui/base";
import { SaysHead, useSays } from "../ui/says";
import { drop, pauseUpload, removeUpload, resumeUpload, useUploads, type Upload } from "../upload";

const LIMIT = 50;

export function ReleasesPage(): JSX.Element {
  const here = usePlace();
  const session = useSession();
  const says = useSays("releases", releaseChanged);
  const offset = Math.max(0, Number(here.query.get("offset") ?? 0) || 0);
  const total = useResource<Page<Release>>("/api/v1/releases?limit=1", { events: releaseChanged });
  // the newest first: the list is by number, so its last page is the first one here
  const n = total.data?.total ?? 0;
  const from = Math.max(0, n - offset - LIMIT);
  const size = Math.max(0, Math.min(LIMIT, n - offset));
  const list = useResource<Page<Release>>(total.data && size > 0 ? `/api/v1/releases?offset=${from}&limit=${size}` : null, { events: (event) => releaseChanged(event) || event.kind === "action", keep: true });
  const rows = [...(list.data?.content ?? [])].reverse();
  const uploads = useUploads();
  const [over, setOver] = useState(false);
  const may = session.needs("upload");
  useEffect(() => {
    if (here.query.get("upload")) {
      setQuery({ upload: null }, true);
      document.getElementById("files")?.focus();
    }
  }, []);
  const take = (files: FileList | null): void => {
    if (files && files.length > 0 && !may) void drop([...files]);
  };
  return (
    <div class={over ? "drop" : undefined}
      onDragOver={(event) => { if (!may) { event.preventDefault(); setOver(true); } }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => { event.preventDefault(); setOver(false); take(event.dataTransfer?.files ?? null); }}>
      <SaysHead says={says} fallback={t.nav.releases}
        acts={
          may ? (
            <Btn kind="pri" icon="upload" why={may}>{t.releases.upload}</Btn>
          ) : (
            <>
              <label class="btn pri" for="files">{t.releases.uploadMany}</label>
              <input id="files" class="sr" type="file" multiple aria-label={t.releases.uploadMany} onChange={(event) => { take(event.currentTarget.files); event.currentTarget.value = ""; }} />
            </>
          )
        } />
      <div class="stack4">
        {uploads.length > 0 ? <Uploading uploads={uploads} /> : null}
        <Panel title={t.releases.list(n)} caption={may ? undefined : <span class="hide-s">{t.releases.dropHint}</span>}
          footer={n > 0 ? <Pager offset={offset} size={rows.length} total={n} limit={LIMIT} onPage={(next) => setQuery({ offset: next > 0 ? String(next) : null })} /> : undefined}>
          {total.error ? <ErrorBlock error={total.error} retry={total.reload} /> : !total.data ? <Loading rows={6} /> : n === 0 ? (
            <Blank icon="releases" title={t.releases.none}>
              <p>{t.releases.noneHint}</p>
              <Btn href="/first-hour">{t.nav.firstHour}</Btn>
            </Blank>
          ) : !list.data ? <Loading rows={6} /> : <Rows rows={rows} />}
        </Panel>
      </div>
    </div>
  );
}

function Rows({ rows }: { rows: Release[] }): JSX.Element {
  const devices = useResource<Page<Device>>("/api/v1/devices?limit=1", { every: 60_000 });
  return (
    <>
      <div class="scroll hide-s">
        <table class="tbl">
          <thead>
            <tr><th>{t.release.word}</th><th>{t.releases.signed}</th><th>{t.releases.state}</th><th class="num">{t.release.size}</th><th class="num">{t.release.runsOn}</th><th>{t.releases.ofAll}</th><th class="num">{t.release.uploaded}</th></tr>
          </thead>
          <tbody>{rows.map((row) => <Row key={row.id} row={row} total={devices.data?.total ?? 0} />)}</tbody>
        </table>
      </div>
      <ul class="mcards only-s">
        {rows.map((row) => (
          <li key={row.id}>
            <a class="h" href={url("releases", row.id)}><T v={releaseName(row)} /></a>
            <span class="faint xs"><When at={row.createdAt} /></span>
            <div class="p row">{row.recalledAt ? <St tone="hold" glyph="quarantined" word={t.release.recalled} /> : row.foreign ? <St tone="warn" glyph="claimed" word={t.release.foreign} /> : <St tone="ok" glyph="confirmed" word={t.release.signedBy(row.signers.length)} />}<span class="right">{bytes(row.artifacts.reduce((sum, one) => sum + one.size, 0))}</span></div>
          </li>
        ))}
      </ul>
    </>
  );
}

function Row({ row, total }: { row: Release; total: number }): JSX.Element {
  const n = row.runs;
  return (
    <tr>
      <td class="two max300"><a class="w550 clipped" href={url("releases", row.id)}><T v={releaseName(row)} /></a>{row.sequence === null ? null : <small>{t.releases.sequence(row.sequence)}</small>}</td>
      <td>{row.foreign ? <St tone="warn" glyph="claimed" word={t.release.foreign} /> : <St tone="ok" glyph="confirmed" word={t.release.signedBy(row.signers.length)} />}</td>
      <td>{row.recalledAt ? <St tone="hold" glyph="quarantined" word={t.release.recalled} /> : n > 0 ? <St tone="ok" glyph="confirmed" word={t.releases.deployed} /> : <St tone="wait" glyph="none" word={t.releases.ready} />}</td>
      <td class="num">{bytes(row.artifacts.reduce((sum, one) => sum + one.size, 0))}</td>
      <td class="num"><a href={devicesUrl(`runs==${row.id}`)}>{count(n)}</a></td>
      <td class="w120"><Bar size="sm" segments={[{ cls: "b-v1", value: n, label: t.release.runIt }]} total={total} /></td>
      <td class="num"><When at={row.createdAt} /></td>
    </tr>
  );
}

function Uploading({ uploads }: { uploads: Upload[] }): JSX.Element {
  return (
    <Panel title={t.upload.title} caption={t.upload.hint}>
      <ul class="in stack3">
        {uploads.map((one) => (
          <li key={one.key} class="stack">
            <div class="row s wrap">
              {one.state === "kept" ? <St tone="ok" glyph="confirmed" title={t.upload.kept} /> : one.state === "refused" ? <St tone="bad" glyph="failed" title={t.upload.refused} /> : null}
              <span class="mono kv"><T v={one.name} /></span>
              {one.checked ? <span class="tag o">{one.checked}</span> : null}
              {one.release ? <a href={url("releases", one.release)}>{t.upload.open}</a> : null}
              <span class="right dim">
                {one.state === "hashing" ? t.upload.hashing(one.done, one.size) : one.state === "sending" ? t.upload.sending(one.done, one.size, one.rate) : one.state === "lost" ? <St tone="warn" glyph="paused" word={t.upload.lost(one.done, one.size)} /> : one.state === "paused" ? t.upload.paused(one.done, one.size) : one.state === "waiting" ? t.upload.waiting : one.state === "kept" ? t.upload.kept : one.state === "publishing" ? t.upload.publishing : null}
              </span>
              {one.state === "sending" ? <Btn small kind="quiet" onClick={() => pauseUpload(one.key)}>{t.upload.pause}</Btn> : null}
              {one.state === "paused" || one.state === "lost" ? <Btn small onClick={() => resumeUpload(one.key)}>{one.state === "lost" ? t.upload.now : t.upload.resume}</Btn> : null}
              {["kept", "refused", "waiting", "paused"].includes(one.state) ? <Btn small kind="quiet" icon="x" label={t.upload.hide} onClick={() => removeUpload(one.key)} /> : null}
            </div>
            {["hashing", "sending", "lost", "paused"].includes(one.state) ? (
              <Bar size="sm" segments={[{ cls: one.state === "lost" || one.state === "paused" ? "b-off" : "b-boot", value: one.done, label: t.upload.sent }]} total={one.size} />
            ) : null}
            {one.missing && one.missing.length > 0 ? <p class="s dim">{t.upload.missing(one.missing.length)}</p> : null}
            {one.error ? <Refused error={one.error} /> : null}
          </li>
        ))}
      </ul>
    </Panel>
  );
}

export { all };
