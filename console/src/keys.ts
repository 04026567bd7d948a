// Keys that are single letters or signs, and whether somebody wants them (WCAG 2.1.4): speech input and a slip of the hand press them, too.
import { useEffect, useState } from "preact/hooks";
import { keep, kept } from "./theme";

const CHANGED = "updraft-keys";
const NOT_WRITTEN = /^(?:button|checkbox|color|file|image|radio|range|reset|submit)$/;

let wanted = kept("keys") !== "off";

export const singleKeys = (): boolean => wanted;

export function setSingleKeys(on: boolean): void {
  wanted = on;
  keep("keys", on ? null : "off");
  window.dispatchEvent(new Event(CHANGED));
}

export function useSingleKeys(): boolean {
  const [on, set] = useState(wanted);
  useEffect(() => {
    const changed = (): void => set(wanted);
    changed();
    window.addEventListener(CHANGED, changed);
    return () => window.removeEventListener(CHANGED, changed);
  }, []);
  return on;
}

function isWriting(target: EventTarget | null): boolean {
  if (target instanceof HTMLInputElement) return !NOT_WRITTEN.test(target.type);
  return target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement;
}

/** Is this one letter or sign, and no part of another key? In a table that has the focus it means something without more. */
export function isSingle(event: KeyboardEvent): boolean {
  return wanted && event.key.length === 1 && !event.ctrlKey && !event.metaKey && !event.altKey;
}

/** Is this the key `sign` for the whole page? Not where somebody writes, nor behind an open dialog. */
export function isKey(event: KeyboardEvent, sign: string): boolean {
  return event.key === sign && isSingle(event) && !isWriting(event.target) && document.querySelector("dialog[open]") === null;
}
