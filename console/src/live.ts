// Server-sent events with resume: a page left open overnight is right in the morning. The browser sends the last id by
// itself when a stream ends; when it gives up (server away, proxy error), we come back with a growing pause and ask for what
// came behind the last id. "lost" says that this is no longer kept: then everything is read again.
import { useEffect, useState } from "preact/hooks";

export interface LiveEvent {
  kind: string; // "action", "change", "lost", and "again" (connected anew)
  id: string;
  at: number;
  device: string;
  body: Record<string, unknown>;
}

export interface LiveState {
  on: boolean;
  /** since when not */
  since: number;
  /** when it is tried again */
  next: number;
}

type Listener = (event: LiveEvent) => void;
const listeners = new Set<Listener>();
const watchers = new Set<() => void>();
let state: LiveState = { on: true, since: 0, next: 0 };
let source: EventSource | null = null;
let lastId = "";
let pause = 1000;
let timer = 0;
let clockTimer = 0;
let wanted = false;

const KINDS = ["action", "change", "lost", "rollout", "device", "alert"];
const FIRST_PAUSE_MS = 1000;
const PAUSE_MAX_MS = 30_000;
const SILENT_MS = 45_000; // the server says something every 15 s

export function onEvent(listener: Listener): () => void {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

function set(next: Partial<LiveState>): void {
  state = { ...state, ...next };
  for (const watcher of [...watchers]) watcher();
}

export function useLive(): LiveState {
  const [, turn] = useState(0);
  useEffect(() => {
    const update = (): void => turn((old) => old + 1);
    watchers.add(update);
    return () => void watchers.delete(update);
  }, []);
  return state;
}

function tell(event: LiveEvent): void {
  for (const listener of [...listeners]) listener(event);
}

export function parse(kind: string, id: string, data: string): LiveEvent {
  let parsed: Record<string, unknown> = {};
  try {
    const value: unknown = JSON.parse(data);
    if (value !== null && typeof value === "object") parsed = value as Record<string, unknown>;
  } catch {
    /* an event without a body still says that something happened */
  }
  const body = parsed["body"];
  return {
    kind,
    id,
    at: typeof parsed["at"] === "number" ? parsed["at"] : Date.now(),
    device: typeof parsed["device"] === "string" ? parsed["device"] : "",
    body: body !== null && typeof body === "object" ? (body as Record<string, unknown>) : {},
  };
}

function lost(): void {
  source?.close();
  source = null;
  if (!wanted) return;
  set({ on: false, since: state.on ? Date.now() : state.since, next: Date.now() + pause });
  window.clearTimeout(timer);
  timer = window.setTimeout(connect, pause);
  pause = Math.min(pause * 2, PAUSE_MAX_MS);
}

async function connect(): Promise<void> {
  window.clearTimeout(timer);
  source?.close();
  source = null;
  if (!wanted) return;
  // An EventSource does not say why it was refused. Ask first.
  try {
    const reply = await fetch("/api/v1/whoami", { credentials: "same-origin", cache: "no-store" });
    if (reply.status === 401) {
      set({ on: false, since: state.on ? Date.now() : state.since, next: 0 });
      onGone();
      return;
    }
    if (!reply.ok) return lost();
  } catch {
    return lost();
  }
  if (!wanted) return;
  const stream = new EventSource(`/api/v1/events${lastId ? `?after=${encodeURIComponent(lastId)}` : ""}`);
  source = stream;
  let heard = Date.now();
  stream.onopen = () => {
    heard = Date.now();
    const was = state.on;
    pause = FIRST_PAUSE_MS;
    set({ on: true });
    if (!was) tell({ kind: "again", id: "", at: Date.now(), device: "", body: {} });
  };
  stream.onerror = () => {
    if (source !== stream) return;
    // The stream ends every ten minutes by design: the browser is back at once. Only when it is not, say so.
    if (stream.readyState === EventSource.CLOSED) lost();
    else
      window.setTimeout(() => {
        if (source === stream && stream.readyState !== EventSource.OPEN) lost();
      }, 5000);
  };
  for (const kind of KINDS) {
    stream.addEventListener(kind, (message) => {
      const { data, lastEventId } = message as MessageEvent<string>;
      heard = Date.now();
      if (lastEventId) lastId = lastEventId;
      tell(parse(kind, lastEventId, data));
    });
  }
  window.clearInterval(clockTimer);
  clockTimer = window.setInterval(() => {
    // asleep over night: timers stood still, the stream may be dead without knowing
    if (source === stream && stream.readyState === EventSource.OPEN && Date.now() - heard > 20 * SILENT_MS) {
      heard = Date.now();
      void connect();
    }
  }, SILENT_MS);
}

let onGone: () => void = () => undefined;

export function startLive(whenGone: () => void): void {
  onGone = whenGone;
  wanted = true;
  void connect();
  window.addEventListener("online", retryLive);
}

export function retryLive(): void {
  if (!wanted || (source && source.readyState === EventSource.OPEN)) return;
  pause = FIRST_PAUSE_MS;
  void connect();
}

export function stopLive(): void {
  wanted = false;
  window.clearTimeout(timer);
  window.clearInterval(clockTimer);
  window.removeEventListener("online", retryLive);
  source?.close();
  source = null;
  lastId = "";
  state = { on: true, since: 0, next: 0 };
}
