// Filters to choose from: those that everybody needs, the tenant's, and one's own.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { send, useResource, type Page } from "../api";
import { t } from "../strings";
import { Icon, Input, T } from "./base";
import { Dialog } from "./dialog";

interface Saved {
  name: string;
  query: string;
  shared: boolean;
}

export const READY_MADE: [string, string][] = [
  [t.saved.failed, "status=in=(failed,reverted)"],
  [t.saved.drifted, "status==drifted"],
  [t.saved.pending, "status==pending"],
  [t.saved.silent, "lastseen=lt=${overdue_ts};lastseen=gt=0"],
  [t.saved.quarantined, "quarantined==true"],
];

export function SavedFilters({ query, apply }: { query: string; apply: (query: string) => void }): JSX.Element {
  const list = useResource<Page<Saved>>("/api/v1/filters?limit=200", { events: (event) => event.kind === "change" });
  const [naming, setNaming] = useState(false);
  const [name, setName] = useState("");
  const saved = list.data?.content ?? [];
  const known = READY_MADE.some(([, filter]) => filter === query) || saved.some((one) => one.query === query);
  const chip = (key: string, words: string, filter: string, own: boolean): JSX.Element => (
    <span key={key} class={`chip${query === filter ? " on" : ""}`}>
      <button type="button" class="chipword" aria-pressed={query === filter} onClick={() => apply(query === filter ? "" : filter)}>
        <Icon name="star" />
        <T v={words} />
      </button>
      {own ? (
        <button type="button" class="chipbtn" aria-label={`${t.saved.remove}: ${words}`} onClick={() => void send("DELETE", `/api/v1/filters/${encodeURIComponent(words)}`).then(list.reload)}>
          <Icon name="x" />
        </button>
      ) : null}
    </span>
  );
  return (
    <div class="row wrap hscroll" role="group" aria-label={t.saved.label}>
      {READY_MADE.map(([words, filter]) => chip(filter, words, filter, false))}
      {saved.map((one) => chip(`${one.shared}${one.name}`, one.name, one.query, !one.shared))}
      {query !== "" && !known ? <button type="button" class="chip add" onClick={() => { setName(""); setNaming(true); }}><Icon name="plus" />{t.saved.save}</button> : null}
      {naming ? (
        <Dialog title={t.saved.saveTitle} note={query} safe={t.cancel} go={t.save} why={name.trim() === "" ? t.addDevice.needsName : null} close={() => setNaming(false)} done={() => { setNaming(false); list.reload(); }} run={() => send("PUT", `/api/v1/filters/${encodeURIComponent(name.trim())}`, { query })}>
          <Input label={t.saved.name} value={name} onInput={setName} max={64} />
        </Dialog>
      ) : null}
    </div>
  );
}
