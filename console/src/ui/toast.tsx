// Bottom left, one at a time; 8 s, held while hovered or focused. Errors stay until closed.
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { plain } from "../format";
import { t } from "../strings";

export interface Toast {
  tone: "ok" | "bad" | "warn";
  text: string;
  undo?: () => void;
}

let current: (Toast & { id: number }) | null = null;
let next = 1;
const watchers = new Set<() => void>();

function set(value: (Toast & { id: number }) | null): void {
  current = value;
  for (const watcher of [...watchers]) watcher();
}

export function toast(what: Toast): void {
  set({ ...what, id: next++ });
}

export function Toasts(): JSX.Element {
  const [, turn] = useState(0);
  const [held, hold] = useState(false);
  useEffect(() => {
    const update = (): void => turn((old) => old + 1);
    watchers.add(update);
    return () => void watchers.delete(update);
  }, []);
  const id = current?.id;
  useEffect(() => {
    if (!current || held || current.tone === "bad") return;
    const timer = window.setTimeout(() => set(null), 8000);
    return () => window.clearTimeout(timer);
  }, [id, held]);
  const glyph = { ok: "confirmed", bad: "failed", warn: "warn" };
  return (
    <div class="toasts" role="status" aria-live="polite">
      {current ? (
        <div class="toast" onMouseEnter={() => hold(true)} onMouseLeave={() => hold(false)} onFocusIn={() => hold(true)} onFocusOut={() => hold(false)}>
          <span class={`st ${current.tone}`}>
            <svg class="g" viewBox="0 0 16 16" aria-hidden="true">
              <use href={`#g-${glyph[current.tone]}`} />
            </svg>
          </span>
          <div class="grow">{plain(current.text)}</div>
          {current.undo ? (
            <button type="button" class="btn quiet sm" onClick={() => { current?.undo?.(); set(null); }}>{t.undo}</button>
          ) : null}
          <button type="button" class="btn quiet sm icon" aria-label={t.close} onClick={() => set(null)}>
            <svg class="i" viewBox="0 0 16 16" aria-hidden="true">
              <use href="#i-x" />
            </svg>
          </button>
        </div>
      ) : null}
    </div>
  );
}
