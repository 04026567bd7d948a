import type { ComponentChildren, JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { all, send, useResource, type Page, type Resource } from "../api";
import { useReleases, type Releases } from "../data";
import { count, counted, csvCell, releaseName } from "../format";
import { isSingle } from "../keys";
import type { Device, DeviceType } from "../model";
import { devicesUrl, go, setQuery, url, usePlace } from "../router";
import { useSession } from "../session";
import { deviceKey, happening, lookOf, proofOf } from "../state";
import { t } from "../strings";
import { Blank, Btn, Check, Command, Digest, ErrorBlock, Field, Input, Ladder, Loading, Note, Pager, Refused, Say, Select, St, T, useDeed, When } from "../ui/base";
import { Dialog, Modal } from "../ui/dialog";
import { Query } from "../ui/query";
import { SavedFilters } from "../ui/saved";
import { SaysHead, useSays, type Says } from "../ui/says";
import { toast } from "../ui/toast";
import { BulkActions, BulkBar } from "./devices-bulk";

const LIMIT = 50;

export function DevicesPage(): JSX.Element {
  const here = usePlace();
  const session = useSession();
  const query = here.query.get("q") ?? "";
  const offset = Math.max(0, Number(here.query.get("offset") ?? 0) || 0);
  const [selected, select] = useState<Set<string>>(new Set());
  const [dialog, open] = useState<"" | "add" | "assign" | "again" | "export">(here.query.get("add") ? "add" : "");
  const releases = useReleases();
  const [everything, selectEverything] = useState(false);
  const sort = here.query.get("sort") ?? "";
  const path = `/api/v1/devices?limit=${LIMIT}&offset=${offset}${query ? `&q=${encodeURIComponent(query)}` : ""}${sort ? `&sort=${encodeURIComponent(sort)}` : ""}`;
  const list = useResource<Page<Device>>(path, { events: (event) => event.kind === "action" || (event.kind === "change" && /devices|targets/.test(String(event.body["what"]))), every: 60_000, keep: true });
  const says = useSays(`devices${query ? `?q=${encodeURIComponent(query)}` : ""}`, (event) => event.kind === "action" || event.kind === "change", true);
  const rows = list.data?.content ?? [];
  const total = list.data?.total ?? 0;
  const filterError = list.error && (list.error.status === 400 || list.error.status === 422) ? list.error : undefined;
  const clear = (): void => {
    select(new Set());
    selectEverything(false);
  };
  useEffect(clear, [query]);

  const chosen = rows.filter((row) => selected.has(row.name));
  const which = { names: [...selected], all: everything ? { query, count: total } : null };
  const failedOnes = everything ? [] : chosen.filter((row) => row.action && !row.action.active && row.action.error !== null);
  const apply = (next: string): void => setQuery({ q: next, offset: null });
  return (
    <>
      <Head says={says} query={query} list={list.data}
        acts={
          <>
            <Btn icon="download" onClick={() => open("export")}>{t.devices.export}</Btn>
            <Btn icon="plus" why={session.needs("devices")} onClick={() => open("add")}>{t.devices.add}</Btn>
            <Btn kind="pri" icon="rollouts" why={session.needsWhole("deploy")} href={`/rollouts/new${query ? `?q=${encodeURIComponent(query)}` : ""}`}>{t.devices.rollOut}</Btn>
          </>
        }
      />
      <div class="stack3">
        <SavedFilters query={query} apply={apply} />
        <Query value={query} apply={apply} error={filterError} {...(list.data ? { result: t.devices.result(total, list.data.atLeast === true, Math.round(list.took)) } : {})} />
        <section class="panel" aria-label={t.nav.devices}>
          {list.data === undefined ? (
            list.error && !filterError ? <ErrorBlock error={list.error} retry={list.reload} /> : list.error ? <Blank icon="filter" title={t.filter.notYet}><Btn onClick={() => apply("")}>{t.filter.clearAll}</Btn></Blank> : <Loading rows={8} />
          ) : rows.length === 0 ? (
            <Empty query={query} apply={apply} add={() => open("add")} />
          ) : (
            <>
              <Rows rows={rows} selected={selected} select={(names) => { selectEverything(false); select(names); }} releases={releases} sort={sort} columns={columns(here.query.get("cols"))} />
              <footer>
                <Columns shown={columns(here.query.get("cols"))} />
                <Pager offset={offset} size={rows.length} total={total} atLeast={list.data.atLeast} limit={LIMIT} onPage={(next) => setQuery({ offset: next > 0 ? String(next) : null })} />
              </footer>
            </>
          )}
        </section>
      </div>
      {selected.size > 0 ? (
        <BulkBar chosen={which} total={total} pageFull={chosen.length === rows.length && list.data?.atLeast !== true} selectAll={() => selectEverything(true)} clear={clear}>
          <>
            {everything ? (
              session.me.group ? null : <Btn small icon="rollouts" why={session.needs("deploy")} href={`/rollouts/new${query ? `?q=${encodeURIComponent(query)}` : ""}`}>{t.devices.allOfThem(total)}</Btn>
            ) : (
              <Btn small icon="rollouts" why={session.needs("deploy")} onClick={() => open("assign")}>{t.devices.assign}</Btn>
            )}
            {failedOnes.length > 0 ? (
              <Btn small icon="refresh" why={session.needs("deploy")} onClick={() => open("again")}>
                {failedOnes.length === chosen.length ? t.again : t.devices.againFor(failedOnes.length, chosen.length)}
              </Btn>
            ) : null}
            <BulkActions chosen={which} done={() => { clear(); list.reload(); says.reload(); }} />
          </>
        </BulkBar>
      ) : null}
      {dialog === "add" ? <AddDevice close={() => { open(""); setQuery({ add: null }, true); }} done={list.reload} /> : null}
      {dialog === "export" ? <Export query={query} total={total} close={() => open("")} releases={releases} /> : null}
      {dialog === "assign" ? <Assign names={[...selected]} releases={releases} close={() => open("")} done={() => { open(""); clear(); list.reload(); }} /> : null}
      {dialog === "again" ? (
        <Dialog title={t.devices.againTitle(failedOnes.length)} glyph="updating" lines={[{ n: failedOnes.length, text: t.devices.againLine }]} safe={t.cancel}
          go={t.devices.againGo(failedOnes.length)} close={() => open("")} done={() => { open(""); clear(); toast({ tone: "ok", text: t.devices.againDone(failedOnes.length) }); list.reload(); }}
          run={async () => {
            const byRelease = new Map<number, string[]>();
            for (const row of failedOnes) if (row.action) byRelease.set(row.action.release, [...(byRelease.get(row.action.release) ?? []), row.name]);
            for (const [release, devices] of byRelease) await send("POST", `/api/v1/releases/${release}/deploy`, { devices });
          }} />
      ) : null}
    </>
  );
}

/** The server's sentence; people with a group of devices, whom it is not for, get the count of theirs. */
function Head({ says, query, list, acts }: { says: Resource<Says>; query: string; list: Page<Device> | undefined; acts: ComponentChildren }): JSX.Element {
  if (says.data && !says.error) return <SaysHead says={says} fallback="" acts={acts} />;
  return <Say title={list ? (query ? t.devices.fit(list.total, list.atLeast === true) : t.devices.total(list.total)) : t.nav.devices} rest={list && query ? t.devices.fitRest : undefined} acts={acts} />;
}

function Empty({ query, apply, add }: { query: string; apply: (query: string) => void; add: () => void }): JSX.Element {
  const session = useSession();
  return query ? (
    <Blank icon="filter" title={t.devices.noneFit}>
      <p>{t.devices.noneFitHint}</p>
      <Btn onClick={() => apply("")}>{t.filter.clearAll}</Btn>
    </Blank>
  ) : (
    <Blank icon="devices" title={t.devices.none}>
      <p>{t.devices.noneHint}</p>
      <div class="row wrap">
        <Btn kind="pri" why={session.needs("devices")} onClick={add}>{t.devices.addFirst}</Btn>
        <Btn href="/first-hour">{t.nav.firstHour}</Btn>
      </div>
    </Blank>
  );
}

const COLUMNS = ["state", "device", "type", "runs", "assigned", "proof", "happening", "seen", "group", "zone", "created"] as const;
type Column = (typeof COLUMNS)[number];
const FIRST_COLUMNS: Column[] = ["state", "device", "type", "runs", "assigned", "proof", "happening", "seen"];
/** What the server sorts by. */
const SORTS: Partial<Record<Column, string>> = { state: "status", device: "name", type: "type", runs: "runs", assigned: "assigned", seen: "lastSeen", group: "group", created: "created" };

/** As the address says; the device itself is always there. */
export function columns(text: string | null): Column[] {
  const wanted = new Set((text ?? "").split("."));
  const known = COLUMNS.filter((one) => wanted.has(one) || one === "device");
  return text === null || known.length < 2 ? FIRST_COLUMNS : known;
}

export function Columns({ shown }: { shown: Column[] }): JSX.Element {
  return (
    <details class="cols">
      <summary class="btn quiet sm">{t.devices.columns}</summary>
      <fieldset>
        <legend class="sr">{t.devices.columns}</legend>
        {COLUMNS.filter((one) => one !== "device").map((one) => (
          <Check key={one} label={t.devices[one]} on={shown.includes(one)} onChange={(on) => {
            const next = COLUMNS.filter((other) => (other === one ? on : shown.includes(other)));
            setQuery({ cols: next.join(".") === FIRST_COLUMNS.join(".") ? null : next.join(".") }, true);
          }} />
        ))}
      </fieldset>
    </details>
  );
}

function Head2({ column, sort }: { column: Column; sort: string }): JSX.Element {
  const by = SORTS[column];
  const cls = column === "seen" || column === "created" ? "num" : undefined;
  if (!by) return <th class={cls}>{t.devices[column]}</th>;
  const up = sort.toLowerCase() === by.toLowerCase();
  const down = sort.toLowerCase() === `-${by.toLowerCase()}`;
  return (
    <th class={cls} aria-sort={up ? "ascending" : down ? "descending" : "none"}>
      <button type="button" class="sort" onClick={() => setQuery({ sort: up ? `-${by}` : down ? null : by, offset: null })}>
        {t.devices[column]}
        <span aria-hidden="true">{up ? " ↑" : down ? " ↓" : ""}</span>
      </button>
    </th>
  );
}

function Cell({ column, row, releases }: { column: Column; row: Device; releases: Releases }): JSX.Element {
  const look = lookOf(deviceKey(row));
  const what = happening(row, releases.version);
  switch (column) {
    case "state": return <td><St tone={look.tone} glyph={look.glyph} word={look.word} /></td>;
    case "device": return (
      <td class="two max230">
        <a class="mono clipped" href={url("devices", row.name)}><T v={row.name} /></a>
        {row.group ? <small class="clipped"><T v={row.group} /></small> : null}
      </td>
    );
    case "type": return <td><T v={row.type} /></td>;
    case "runs": return <td class="mono"><T v={row.running ? (row.running.version ?? t.devices.foreignImage) : null} /></td>;
    case "assigned": return <td class="mono"><T v={releases.version(row.assigned)} /></td>;
    case "proof": return <td><Ladder {...proofOf(row.action)} /></td>;
    case "happening": return (
      <td class="two max300">
        <span class="clipped"><T v={what.text} /></span>
        {what.code ? <small class="mono">{what.code}</small> : null}
      </td>
    );
    case "seen": return <td class="num"><When at={row.lastSeen} /></td>;
    case "group": return <td class="max230"><span class="clipped"><T v={row.group} /></span></td>;
    case "zone": return <td><T v={row.zone} /></td>;
    case "created": return <td class="num"><When at={row.createdAt} /></td>;
  }
}

function Rows({ rows, selected, select, releases, sort, columns: shown }: { rows: Device[]; selected: Set<string>; select: (names: Set<string>) => void; releases: Releases; sort: string; columns: Column[] }): JSX.Element {
  const body = useRef<HTMLTableSectionElement>(null);
  const anchor = useRef(-1);
  const toggle = (at: number, range: boolean): void => {
    const next = new Set(selected);
    const name = rows[at]?.name ?? "";
    const on = !next.has(name);
    const from = range && anchor.current >= 0 ? Math.min(anchor.current, at) : at;
    const to = range && anchor.current >= 0 ? Math.max(anchor.current, at) : at;
    for (let n = from; n <= to; n++) {
      const one = rows[n]?.name;
      if (one === undefined) continue;
      if (on) next.add(one);
      else next.delete(one);
    }
    anchor.current = at;
    select(next);
  };
  const keys = (event: KeyboardEvent, at: number): void => {
    if (event.target !== event.currentTarget || (event.key.length === 1 && !isSingle(event))) return;
    const move = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1 }[event.key];
    if (move) {
      event.preventDefault();
      body.current?.querySelectorAll<HTMLTableRowElement>("tr")[at + move]?.focus();
    } else if (event.key.toLowerCase() === "x") toggle(at, event.shiftKey);
    else if (event.key === "Enter") go(url("devices", rows[at]?.name ?? ""));
  };
  const everything = rows.every((row) => selected.has(row.name));
  return (
    <>
      <div class="scroll hide-s">
        <table class="tbl">
          <thead>
            <tr>
              <th class="w20">
                <input type="checkbox" aria-label={t.devices.selectPage} checked={everything} onChange={() => select(everything ? new Set() : new Set(rows.map((row) => row.name)))} />
              </th>
              {shown.map((column) => <Head2 key={column} column={column} sort={sort} />)}
            </tr>
          </thead>
          <tbody ref={body}>
            {rows.map((row, at) => (
              <tr key={row.name} tabIndex={at === 0 ? 0 : -1} aria-selected={selected.has(row.name)} onKeyDown={(event) => keys(event, at)}>
                <td class="w20">
                  <input type="checkbox" aria-label={t.devices.select(row.name)} checked={selected.has(row.name)} onClick={(event) => toggle(at, event.shiftKey)} />
                </td>
                {shown.map((column) => <Cell key={column} column={column} row={row} releases={releases} />)}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <ul class="mcards only-s">
        {rows.map((row) => {
          const look = lookOf(deviceKey(row));
          const what = happening(row, releases.version);
          return (
            <li key={row.name}>
              <a class="h mono" href={url("devices", row.name)}><T v={row.name} /></a>
              <span class="faint xs"><When at={row.lastSeen} /></span>
              <div class="p row">
                <St tone={look.tone} glyph={look.glyph} word={look.word} />
                <span class="faint"><T v={row.running?.version} /> → <T v={releases.version(row.assigned)} /></span>
                <span class="right"><Ladder {...proofOf(row.action)} /></span>
              </div>
              <div class="p clipped"><T v={what.text} /></div>
            </li>
          );
        })}
      </ul>
    </>
  );
}

export function Assign({ names, releases, close, done }: { names: string[]; releases: Releases; close: () => void; done: () => void }): JSX.Element {
  const list = [...(releases.data?.content ?? [])].sort((a, b) => b.id - a.id);
  const [release, setRelease] = useState("");
  const chosen = release || String(list[0]?.id ?? "");
  return (
    <Dialog title={t.assign.title(names.length)} glyph="updating" note={t.assign.note} safe={t.cancel} go={t.assign.go(names.length)} why={chosen === "" ? t.assign.noRelease : null}
      lines={[{ n: names.length, text: t.assign.line(releases.name(Number(chosen))) }, { n: 0, text: t.assign.others }]}
      close={close} done={() => { toast({ tone: "ok", text: t.assign.done(names.length) }); done(); }}
      run={() => send("POST", `/api/v1/releases/${chosen}/deploy`, { devices: names })}>
      <Select label={t.release.word} value={chosen} onChange={setRelease} options={list.map((one) => [String(one.id), releaseName(one)])} />
    </Dialog>
  );
}

function AddDevice({ close, done }: { close: () => void; done: () => void }): JSX.Element {
  const session = useSession();
  const types = useResource<Page<DeviceType>>("/api/v1/device-types?limit=500");
  const [name, setName] = useState("");
  const [type, setType] = useState("");
  const [group, setGroup] = useState("");
  const [key, setKey] = useState("");
  const [code, setCode] = useState(true);
  const [made, setMade] = useState<{ name: string; token?: string; code?: string; kid?: string } | null>(null);
  const deed = useDeed();
  if (made) {
    const secret = made.code ?? made.token ?? "";
    return (
      <Modal label="added" close={close}>
        <div class="dlg">
          <header><div><h2 id="added">{t.addDevice.made(made.name)}</h2><p class="s dim">{t.addDevice.once}</p></div></header>
          <div class="in">
            <Command text={secret} />
            {made.kid ? <p class="s dim">{t.addDevice.kid} <Digest hex={made.kid} /></p> : null}
            <Note tone="plain" icon="key">{made.code ? t.addDevice.codeHint : t.addDevice.tokenHint}</Note>
          </div>
          <footer>
            <Btn autofocus onClick={close}>{t.done}</Btn>
            <Btn kind="pri" href={url("devices", made.name)}>{t.addDevice.open}</Btn>
          </footer>
        </div>
      </Modal>
    );
  }
  return (
    <Dialog title={t.addDevice.title} note={t.addDevice.note} safe={t.cancel} go={t.addDevice.go} why={name.trim() === "" ? t.addDevice.needsName : null} close={close}
      done={() => done()}
      run={async () => {
        setMade(await send("POST", "/api/v1/devices", {
          name: name.trim(), ...(type ? { type } : {}), ...(group.trim() ? { group: group.trim() } : {}), ...(key.trim() ? { key } : {}), code: code && key.trim() === "",
        }));
      }}>
      <div class="stack3">
        <Input label={t.addDevice.name} value={name} onInput={setName} mono hint={t.addDevice.nameHint} max={128} />
        <Select label={t.addDevice.type} value={type} onChange={setType} options={[["", t.addDevice.noType], ...(types.data?.content ?? []).map((one): [string, string] => [one.name, one.foreign ? `${one.name} (${t.addDevice.foreign})` : one.name])]} />
        {session.me.group ? null : <Input label={t.addDevice.group} value={group} onInput={setGroup} hint={t.addDevice.groupHint} max={128} />}
        <Field label={t.addDevice.key} hint={t.addDevice.keyHint}>
          {(props) => <textarea {...props} class="inp" value={key} spellcheck={false} onInput={(event) => setKey(event.currentTarget.value)} />}
        </Field>
        <Check label={t.addDevice.code} on={code && key.trim() === ""} disabled={key.trim() !== ""} onChange={setCode} />
        <Refused error={deed.error} />
      </div>
    </Dialog>
  );
}

const EXPORT_MAX = 100_000;

function Export({ query, total, close, releases }: { query: string; total: number; close: () => void; releases: Releases }): JSX.Element {
  const [done, setDone] = useState(0);
  return (
    <Dialog title={t.exporting.title(Math.min(total, EXPORT_MAX))} note={t.exporting.note} safe={t.cancel} go={t.exporting.go} busyWord={done > 0 ? t.exporting.busy(done) : t.exporting.begin} close={close} done={close}
      lines={total > EXPORT_MAX ? [{ n: EXPORT_MAX, text: t.exporting.most }] : []}
      run={async () => {
        const rows = await all<Device>(`/api/v1/devices${query ? `?q=${encodeURIComponent(query)}` : ""}`, EXPORT_MAX, setDone);
        const head = ["name", "type", "group", "status", "runs", "sequence", "assigned", "error", "last seen", "reported"];
        const lines = rows.map((row) =>
          [row.name, row.type ?? "", row.group ?? "", deviceKey(row), row.running?.version ?? "", String(row.running?.sequence ?? ""), releases.version(row.assigned),
            row.action?.error ?? "", row.lastSeen ? new Date(row.lastSeen).toISOString() : "", row.running ? new Date(row.running.reportedAt).toISOString() : ""].map(csvCell).join(","));
        download("devices.csv", [head.map(csvCell).join(","), ...lines].join("\r\n") + "\r\n", "text/csv");
      }} />
  );
}

export function download(name: string, text: BlobPart, type: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
  window.setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

export { count, counted, devicesUrl };
