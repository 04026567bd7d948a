// Where we are is the URL: path for the page, query for everything chosen on it.
import { useEffect, useState } from "preact/hooks";

export interface Place {
  path: string;
  segments: string[];
  query: URLSearchParams;
}

const listeners = new Set<() => void>();

export function place(): Place {
  const { pathname, search } = window.location;
  const segments = pathname.split("/").filter(Boolean).map((part) => {
    try {
      return decodeURIComponent(part);
    } catch {
      return part;
    }
  });
  return { path: pathname, segments, query: new URLSearchParams(search) };
}

function tell(): void {
  for (const listener of [...listeners]) listener();
}

export function go(url: string, replace = false): void {
  if (replace) window.history.replaceState(null, "", url);
  else window.history.pushState(null, "", url);
  tell();
  if (!replace) window.scrollTo(0, 0);
}

/** Change some of the query, keep the page. An empty value removes it. */
export function setQuery(changes: Record<string, string | null>, replace = false): void {
  const { path, query } = place();
  for (const [name, value] of Object.entries(changes)) {
    if (value === null || value === "") query.delete(name);
    else query.set(name, value);
  }
  const text = query.toString();
  if (replace) window.history.replaceState(null, "", path + (text ? `?${text}` : ""));
  else window.history.pushState(null, "", path + (text ? `?${text}` : ""));
  tell();
}

export function usePlace(): Place {
  const [here, set] = useState(place);
  useEffect(() => {
    const update = (): void => set(place());
    listeners.add(update);
    return () => void listeners.delete(update);
  }, []);
  return here;
}

export function url(...segments: (string | number)[]): string {
  return "/" + segments.map((part) => encodeURIComponent(String(part))).join("/");
}

export function devicesUrl(filter: string): string {
  return "/devices" + (filter ? `?q=${encodeURIComponent(filter)}` : "");
}

/** Links of the page stay in the page. */
export function startRouter(): void {
  window.addEventListener("popstate", tell);
  document.addEventListener("click", (event) => {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = (event.target as Element | null)?.closest?.("a");
    if (!link || link.target || link.hasAttribute("download") || link.origin !== window.location.origin) return;
    if (link.pathname.startsWith("/api/") || link.pathname.startsWith("/rest/")) return;
    event.preventDefault();
    if (link.hash && link.pathname === window.location.pathname && link.search === window.location.search) {
      document.getElementById(link.hash.slice(1))?.focus();
      return;
    }
    go(link.pathname + link.search);
  });
}
