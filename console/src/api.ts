// The one way to the server: its public API. A session's cookie goes by itself; what changes something proves by the
// CSRF token that this page sent it.
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { onEvent, type LiveEvent } from "./live";
import { t } from "./strings";

export interface Page<T> {
  content: T[];
  total: number;
  size: number;
  atLeast?: boolean;
}

/** What the server refused, in its words: what happened, what to do, and the name from the one list. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly remedy: string,
    readonly body: Record<string, unknown> = {},
    readonly at = Date.now(),
  ) {
    super(message);
  }
}

let csrf = "";
let onSignedOut: () => void = () => undefined;

export function setCsrf(token: string): void {
  csrf = token;
}
export function whenSignedOut(call: () => void): void {
  onSignedOut = call;
}

export async function errorOf(reply: Response): Promise<ApiError> {
  let body: Record<string, unknown> = {};
  try {
    const parsed: unknown = await reply.json();
    if (parsed !== null && typeof parsed === "object") body = parsed as Record<string, unknown>;
  } catch {
    /* no JSON: the status says it */
  }
  const text = (name: string): string => (typeof body[name] === "string" ? (body[name] as string) : "");
  return new ApiError(reply.status, text("errorCode") || `HTTP ${reply.status}`, text("message") || t.error.unknown(reply.status),
    text("remedy"), body);
}

export interface Ask {
  method?: string;
  body?: unknown;
  raw?: Blob;
  type?: string;
  signal?: AbortSignal;
  headers?: Record<string, string>;
}

export async function request(path: string, ask: Ask = {}): Promise<Response> {
  const method = ask.method ?? "GET";
  const headers: Record<string, string> = { ...ask.headers };
  if (method !== "GET" && method !== "HEAD") headers["X-CSRF-Token"] = csrf;
  if (ask.body !== undefined) headers["Content-Type"] = "application/json";
  if (ask.type) headers["Content-Type"] = ask.type;
  let reply: Response;
  try {
    reply = await fetch(path, {
      method,
      headers,
      body: ask.raw ?? (ask.body === undefined ? undefined : JSON.stringify(ask.body)),
      signal: ask.signal ?? null,
      credentials: "same-origin",
      cache: "no-store",
    });
  } catch (cause) {
    if (cause instanceof DOMException && cause.name === "AbortError") throw cause;
    throw new ApiError(0, "UD_ERR_CONNECT", t.error.noConnection, t.error.noConnectionRemedy);
  }
  if (reply.ok) return reply;
  const error = await errorOf(reply);
  if (reply.status === 401) onSignedOut();
  throw error;
}

export async function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  const reply = await request(path, signal ? { signal } : {});
  return (await reply.json()) as T;
}

export async function send<T = unknown>(method: string, path: string, body?: unknown): Promise<T> {
  const reply = await request(path, body === undefined ? { method } : { method, body });
  if (reply.status === 204) return undefined as T;
  const text = await reply.text();
  return (text === "" ? undefined : JSON.parse(text)) as T;
}

export interface Resource<T> {
  data: T | undefined;
  error: ApiError | undefined;
  loading: boolean;
  /** how long the last answer took, in ms */
  took: number;
  reload: () => void;
}

export interface Watch {
  /** which events make it stale */
  events?: (event: LiveEvent) => boolean;
  /** ask again after so many ms in any case */
  every?: number;
  /** keep the last good answer while a new address is read (filters) */
  keep?: boolean;
}

/** Read a resource, and again when something happened to it. What was read stays on screen until the next is there. */
export function useResource<T>(path: string | null, watch: Watch = {}): Resource<T> {
  const [state, set] = useState<{ path: string | null; data?: T; error?: ApiError; took: number }>({ path: null, took: 0 });
  const [turn, setTurn] = useState(0);
  const events = useRef(watch.events);
  events.current = watch.events;

  useEffect(() => {
    if (path === null) return;
    const stop = new AbortController();
    const begun = performance.now();
    get<T>(path, stop.signal).then(
      (data) => set({ path, data, took: performance.now() - begun }),
      (error: unknown) => {
        if (stop.signal.aborted) return;
        const why = error instanceof ApiError ? error : new ApiError(0, "UD_ERR_INTERNAL", String(error), "");
        set((old) => (old.path === path || watch.keep ? { ...old, path, error: why } : { path, error: why, took: 0 }));
      },
    );
    return () => stop.abort();
  }, [path, turn]);

  const reload = useCallback(() => setTurn((old) => old + 1), []);

  useEffect(() => {
    if (path === null) return;
    let timer = 0;
    let last = 0;
    const soon = (): void => {
      if (timer !== 0) return;
      const wait = Math.max(250, 1000 - (Date.now() - last));
      timer = window.setTimeout(() => {
        timer = 0;
        last = Date.now();
        reload();
      }, wait);
    };
    const off = onEvent((event) => {
      if (event.kind === "lost" || event.kind === "again" || events.current?.(event)) soon();
    });
    const tick = watch.every ? window.setInterval(soon, watch.every) : 0;
    return () => {
      off();
      window.clearTimeout(timer);
      window.clearInterval(tick);
    };
  }, [path, watch.every]);

  const mine = state.path === path || watch.keep;
  return {
    data: mine ? state.data : undefined,
    error: mine ? state.error : undefined,
    loading: path !== null && state.path !== path,
    took: state.took,
    reload,
  };
}

/** Every page of a list, for what must be complete (exports, choices); `most` bounds it. */
export async function all<T>(path: string, most = 5000, onPage?: (done: number, total: number) => void, signal?: AbortSignal): Promise<T[]> {
  const rows: T[] = [];
  const joint = path.includes("?") ? "&" : "?";
  for (;;) {
    const page = await get<Page<T>>(`${path}${joint}offset=${rows.length}&limit=500`, signal);
    rows.push(...page.content);
    onPage?.(rows.length, page.total);
    if (page.content.length < 500 || rows.length >= most) return rows.slice(0, most);
  }
}

/** The session is new: everything that said no may say yes. */
export const paths = {
  session: "/api/v1/session",
  whoami: "/api/v1/whoami",
};
