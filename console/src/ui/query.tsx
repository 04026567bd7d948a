// A filter to write, with completion; the last good result stays while it is wrong, and the wrong part is marked.
import type { JSX } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { get, type ApiError } from "../api";
import { parse, splice, without, type Completion } from "../fiql";
import { isKey, useSingleKeys } from "../keys";
import type { Completions } from "../model";
import { t } from "../strings";
import { Btn, Icon, St, T } from "./base";

export interface QueryProps {
  value: string;
  apply: (query: string) => void;
  error?: ApiError | undefined;
  result?: string;
}

export function Query({ value, apply, error, result }: QueryProps): JSX.Element {
  const id = useId();
  const single = useSingleKeys();
  const [draft, setDraft] = useState(value);
  const [list, setList] = useState<Completion[]>([]);
  const [at, setAt] = useState(-1);
  const input = useRef<HTMLInputElement>(null);
  const caretNext = useRef<number | null>(null);

  useEffect(() => setDraft(value), [value]);
  useEffect(() => {
    if (caretNext.current !== null) {
      input.current?.setSelectionRange(caretNext.current, caretNext.current);
      caretNext.current = null;
    }
  }, [draft]);
  useEffect(() => {
    const key = (event: KeyboardEvent): void => {
      if (isKey(event, "f")) {
        event.preventDefault();
        input.current?.focus();
      }
    };
    window.addEventListener("keydown", key);
    return () => window.removeEventListener("keydown", key);
  }, []);

  const asked = useRef<AbortController | null>(null);
  const suggest = (text: string, caret: number): void => {
    setAt(-1);
    asked.current?.abort();
    const stop = new AbortController();
    asked.current = stop;
    const bytes = new TextEncoder().encode(text.slice(0, caret)).length;
    get<Completions>(`/api/v1/completions?q=${encodeURIComponent(text)}&at=${bytes}`, stop.signal).then(
      (answer) => setList(answer.content.map((one) => splice(text, answer.from, answer.to, one))),
      () => { if (!stop.signal.aborted) setList([]); },
    );
  };
  const take = (item: Completion): void => {
    caretNext.current = item.caret;
    setDraft(item.query);
    suggest(item.query, item.caret);
    input.current?.focus();
  };
  const commit = (query: string): void => {
    asked.current?.abort();
    setList([]);
    setDraft(query);
    apply(query.trim());
  };
  const wrongAt = typeof error?.body["at"] === "number" ? (error.body["at"] as number) : null;
  const wrongBytes = typeof error?.body["bytes"] === "number" ? Math.max(1, error.body["bytes"] as number) : 1;
  const costly = error?.code === "UD_ERR_FILTER_COST";
  const conditions = parse(value);
  return (
    <div class="stack">
      <div class="qwrap">
        <div class={`query${error ? (costly ? " cost" : " err") : ""}`}>
          <Icon name="filter" />
          <input ref={input} id={id} role="combobox" aria-label={t.filter.label} aria-expanded={list.length > 0} aria-controls={`${id}-list`} aria-autocomplete="list"
            aria-activedescendant={at >= 0 ? `${id}-${at}` : undefined} aria-invalid={error ? true : undefined} aria-describedby={error ? `${id}-error` : undefined}
            value={draft} placeholder={t.filter.placeholder + (single ? t.filter.pressKey : "")} spellcheck={false} autocomplete="off" maxLength={1024}
            onInput={(event) => { setDraft(event.currentTarget.value); suggest(event.currentTarget.value, event.currentTarget.selectionStart ?? 0); }}
            onFocus={(event) => suggest(draft, event.currentTarget.selectionStart ?? draft.length)}
            onBlur={() => { asked.current?.abort(); window.setTimeout(() => setList([]), 150); }}
            onKeyDown={(event) => {
              if (event.key === "ArrowDown" && list.length > 0) { event.preventDefault(); setAt((at + 1) % list.length); }
              else if (event.key === "ArrowUp" && list.length > 0) { event.preventDefault(); setAt(at <= 0 ? list.length - 1 : at - 1); }
              else if (event.key === "Tab" && at >= 0 && list[at]) { event.preventDefault(); take(list[at] as Completion); }
              else if (event.key === "Enter") { event.preventDefault(); if (at >= 0 && list[at]) take(list[at] as Completion); else commit(draft); }
              else if (event.key === "Escape") { if (list.length > 0) setList([]); else { setDraft(value); input.current?.blur(); } }
            }} />
          {result && !error ? <span class="tag o hide-s" role="status">{result}</span> : null}
          {draft !== value ? <Btn small kind="pri" onClick={() => commit(draft)}>{t.filter.apply}</Btn> : null}
          {draft !== "" ? <Btn small kind="quiet" onClick={() => commit("")}>{t.filter.clear}</Btn> : null}
        </div>
        <ul id={`${id}-list`} class="menu qmenu" role="listbox" aria-label={t.filter.suggestions} hidden={list.length === 0}>
          {list.map((item, n) => (
            <li key={item.text} id={`${id}-${n}`} role="option" aria-selected={n === at} onMouseDown={(event) => { event.preventDefault(); take(item); }}>
              <code>{item.text}</code>
              <span class="faint">{item.note}</span>
            </li>
          ))}
        </ul>
      </div>
      {error ? (
        <div id={`${id}-error`} class="row top s" role="alert">
          <St tone={costly ? "warn" : "bad"} glyph={costly ? "warn" : "failed"} title={costly ? t.filter.costly : t.filter.wrong} />
          <div>
            <b>{error.message}.</b>{" "}
            {wrongAt !== null ? (
              <>
                {t.filter.atCharacter(wrongAt + 1)} <code>{value.slice(0, wrongAt)}<span class="wavy">{value.slice(wrongAt, wrongAt + wrongBytes) || "…"}</span>{value.slice(wrongAt + wrongBytes)}</code>{" "}
              </>
            ) : null}
            {error.remedy ? `${error.remedy[0]?.toUpperCase()}${error.remedy.slice(1)}.` : ""}
            {result ? <div class="faint">{t.filter.lastGood}</div> : null}
          </div>
        </div>
      ) : null}
      {conditions.length > 0 ? (
        <div class="row wrap">
          {conditions.map((condition, n) => (
            <span key={n} class="chip">
              {condition ? (
                <span>
                  {condition.field.replace(/^attribute\./, "")} {t.filter.opWords[condition.op as keyof typeof t.filter.opWords] ?? condition.op}{" "}
                  {condition.values.map((one, k) => (
                    <>
                      {k > 0 ? ", " : null}
                      <b><T v={one} /></b>
                    </>
                  ))}
                </span>
              ) : (
                <span class="faint">{t.filter.more}</span>
              )}
              {conditions.length === 1 || condition ? (
                <button type="button" class="chipbtn" aria-label={t.filter.remove} onClick={() => commit(conditions.length === 1 ? "" : without(value, n))}>
                  <Icon name="x" />
                </button>
              ) : null}
            </span>
          ))}
        </div>
      ) : null}
    </div>
  );
}
