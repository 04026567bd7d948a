// Small choices of one person on one machine: theme, zone, keys. Nothing secret is kept in the browser.
import { setUtc } from "./format";

export function keep(name: string, value: string | null): void {
  try {
    if (value === null) localStorage.removeItem(`updraft.${name}`);
    else localStorage.setItem(`updraft.${name}`, value);
  } catch {
    /* a private window: the choice lasts as long as the page */
  }
}
export function kept(name: string): string | null {
  try {
    return localStorage.getItem(`updraft.${name}`);
  } catch {
    return null;
  }
}

export function isDark(): boolean {
  const chosen = document.documentElement.dataset["theme"];
  return chosen ? chosen === "dark" : window.matchMedia("(prefers-color-scheme: dark)").matches;
}
export function applyTheme(): void {
  const theme = kept("theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset["theme"] = theme;
  setUtc(kept("utc") === "1");
}
export function toggleTheme(): void {
  const next = isDark() ? "light" : "dark";
  document.documentElement.dataset["theme"] = next;
  keep("theme", next);
  window.dispatchEvent(new Event("updraft-theme"));
}
