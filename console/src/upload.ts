// Uploads of releases: envelopes and the files that they name, any number at a time, resumed to the byte. A file is an envelope
// when it decodes as one; everything else is a payload, known by its SHA-256. What the server is missing for an envelope is waited
// for until its file is given. The uploads stay when the page is left for another one of the console.
import { useEffect, useState } from "preact/hooks";
import { ApiError, request } from "./api";
import { explain } from "./suit";
import { t } from "./strings";

export interface Upload {
  key: number;
  name: string;
  size: number;
  state: "hashing" | "sending" | "lost" | "paused" | "waiting" | "publishing" | "kept" | "refused";
  done: number;
  rate: number; // bytes a second
  checked: string;
  missing: string[];
  release: number | null;
  error: ApiError | null;
}

interface Work extends Upload {
  file: Blob;
  sha256: string;
  envelope: Uint8Array | null;
  title: string;
  version: string;
  stop: AbortController | null;
  pause: number;
}

const CHUNK_BYTES = 4 << 20;
const PAUSE_MS = 1000;
const PAUSE_MAX_MS = 30_000;
const ENVELOPE_BYTES_MAX = 1 << 20;

let list: Work[] = [];
let next = 1;
const watchers = new Set<() => void>();

function tell(): void {
  for (const watcher of [...watchers]) watcher();
}

export function useUploads(): Upload[] {
  const [, turn] = useState(0);
  useEffect(() => {
    const update = (): void => turn((old) => old + 1);
    watchers.add(update);
    return () => void watchers.delete(update);
  }, []);
  return list;
}

/** SHA-256 over a file, in pieces: subtle crypto wants all at once, so this is our own. */
export class Sha256 {
  private readonly h = new Uint32Array([0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19]);
  private readonly block = new Uint8Array(64);
  private readonly w = new Uint32Array(64);
  private held = 0;
  private total = 0;

  update(data: Uint8Array): this {
    this.total += data.length;
    let at = 0;
    if (this.held > 0) {
      const take = Math.min(64 - this.held, data.length);
      this.block.set(data.subarray(0, take), this.held);
      this.held += take;
      at = take;
      if (this.held === 64) {
        this.turn(this.block, 0);
        this.held = 0;
      }
    }
    for (; at + 64 <= data.length; at += 64) this.turn(data, at);
    if (at < data.length) {
      this.block.set(data.subarray(at), 0);
      this.held = data.length - at;
    }
    return this;
  }

  hex(): string {
    const bits = BigInt(this.total) * 8n;
    const pad = new Uint8Array((this.held < 56 ? 56 : 120) - this.held + 8);
    pad[0] = 0x80;
    for (let k = 0; k < 8; k++) pad[pad.length - 1 - k] = Number((bits >> BigInt(8 * k)) & 255n);
    this.update(pad);
    return [...this.h].map((word) => word.toString(16).padStart(8, "0")).join("");
  }

  private turn(data: Uint8Array, at: number): void {
    const w = this.w;
    for (let k = 0; k < 16; k++) {
      const p = at + 4 * k;
      w[k] = ((data[p] as number) << 24) | ((data[p + 1] as number) << 16) | ((data[p + 2] as number) << 8) | (data[p + 3] as number);
    }
    for (let k = 16; k < 64; k++) {
      const a = w[k - 15] as number;
      const b = w[k - 2] as number;
      const s0 = ((a >>> 7) | (a << 25)) ^ ((a >>> 18) | (a << 14)) ^ (a >>> 3);
      const s1 = ((b >>> 17) | (b << 15)) ^ ((b >>> 19) | (b << 13)) ^ (b >>> 10);
      w[k] = ((w[k - 16] as number) + s0 + (w[k - 7] as number) + s1) | 0;
    }
    let [a, b, c, d, e, f, g, h] = this.h as unknown as [number, number, number, number, number, number, number, number];
    for (let k = 0; k < 64; k++) {
      const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
      const one = (h + s1 + ((e & f) ^ (~e & g)) + (K[k] as number) + (w[k] as number)) | 0;
      const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
      const two = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      h = g;
      g = f;
      f = e;
      e = (d + one) | 0;
      d = c;
      c = b;
      b = a;
      a = (one + two) | 0;
    }
    const add = [a, b, c, d, e, f, g, h];
    for (let k = 0; k < 8; k++) this.h[k] = ((this.h[k] as number) + (add[k] as number)) | 0;
  }
}

// The first 32 bits of the fractional parts of the cube roots of the first 64 primes (FIPS 180-4).
const K = ((): Uint32Array => {
  const out = new Uint32Array(64);
  let found = 0;
  for (let n = 2; found < 64; n++) {
    let prime = true;
    for (let k = 2; k * k <= n; k++) if (n % k === 0) prime = false;
    if (!prime) continue;
    // floor(cbrt(n) * 2^32) by whole numbers, so that no rounding is in it
    const wanted = BigInt(n) << 96n;
    let low = 0n;
    let high = 1n << 36n;
    while (low + 1n < high) {
      const middle = (low + high) >> 1n;
      if (middle * middle * middle <= wanted) low = middle;
      else high = middle;
    }
    out[found++] = Number(low & 0xffffffffn);
  }
  return out;
})();

function fail(work: Work, cause: unknown): void {
  work.state = "refused";
  work.error = cause instanceof ApiError ? cause : new ApiError(0, "UD_ERR_IO", String(cause), "");
  tell();
}

/** Take files: envelopes are published, the others stored. */
export async function drop(files: File[]): Promise<void> {
  const added = files.map((file): Work => ({
    key: next++, name: file.name, size: file.size, state: "hashing", done: 0, rate: 0, checked: "", missing: [], release: null, error: null,
    file, sha256: "", envelope: null, title: "", version: "", stop: null, pause: PAUSE_MS,
  }));
  list = [...list, ...added];
  tell();
  // envelopes first: they say what the others are for
  for (const work of added) {
    if (work.size > ENVELOPE_BYTES_MAX) continue;
    const data = new Uint8Array(await work.file.arrayBuffer());
    try {
      const explained = explain(data);
      work.envelope = data;
      work.checked = t.upload.envelope(explained.signers.length, String(explained.sequence ?? ""));
      work.version = explained.texts.find((one) => one.what === "version")?.text ?? "";
      work.title = work.name.replace(/\.[^.]*$/, "");
    } catch {
      /* a payload */
    }
  }
  for (const work of added) {
    try {
      if (work.envelope) await publish(work);
      else await store(work);
    } catch (cause) {
      fail(work, cause);
    }
  }
}

async function hash(work: Work): Promise<void> {
  const sha = new Sha256();
  work.state = "hashing";
  for (let at = 0; at < work.size || at === 0; at += CHUNK_BYTES) {
    const piece = new Uint8Array(await work.file.slice(at, at + CHUNK_BYTES).arrayBuffer());
    sha.update(piece);
    work.done = Math.min(work.size, at + piece.length);
    tell();
  }
  work.sha256 = sha.hex();
}

async function store(work: Work): Promise<void> {
  if (work.sha256 === "") await hash(work);
  await sendRest(work);
}

/** How much of it the server has; null: all. */
async function offset(work: Work): Promise<number | null> {
  try {
    await request(`/api/v1/artifacts/${work.sha256}`, { method: "HEAD" });
    return null;
  } catch (cause) {
    if (cause instanceof ApiError && cause.status === 404) return 0;
    throw cause;
  }
}

async function sendRest(work: Work): Promise<void> {
  work.state = "sending";
  work.error = null;
  const stop = new AbortController();
  work.stop = stop;
  try {
    if ((await offset(work)) === null) return await kept(work);
    let at = await resumeAt(work);
    while (at < work.size) {
      if (stop.signal.aborted) return;
      const end = Math.min(work.size, at + CHUNK_BYTES);
      const sent = end - at;
      const begun = performance.now();
      const headers = { "Upload-Offset": String(at), "Upload-Length": String(work.size) };
      try {
        const reply = await request(`/api/v1/artifacts/${work.sha256}`, { method: "PUT", raw: work.file.slice(at, end), type: "application/octet-stream", headers, signal: stop.signal });
        at = reply.status === 201 ? work.size : Number(reply.headers.get("Upload-Offset") ?? end);
      } catch (cause) {
        if (cause instanceof ApiError && cause.status === 409) at = await resumeAt(work);
        else throw cause;
      }
      work.done = at;
      work.pause = PAUSE_MS;
      work.rate = sent / Math.max(0.001, (performance.now() - begun) / 1000);
      tell();
    }
    await kept(work);
  } catch (cause) {
    if (stop.signal.aborted) return;
    // 0: the connection; 5xx: the server is busy or comes back. It goes on by itself.
    if (cause instanceof ApiError && (cause.status === 0 || cause.status === 503 || cause.status === 502)) {
      work.state = "lost";
      tell();
      window.setTimeout(() => {
        if (work.state === "lost") void sendRest(work).catch((again: unknown) => fail(work, again));
      }, work.pause);
      work.pause = Math.min(2 * work.pause, PAUSE_MAX_MS);
      return;
    }
    throw cause;
  }
}

/** The server says where it is by refusing what does not begin there. */
async function resumeAt(work: Work): Promise<number> {
  const reply = await fetch(`/api/v1/artifacts/${work.sha256}`, { method: "HEAD", credentials: "same-origin", cache: "no-store" }).catch(() => null);
  if (reply === null) throw new ApiError(0, "UD_ERR_CONNECT", t.error.noConnection, t.error.noConnectionRemedy);
  if (reply.status === 200) return work.size;
  if (reply.status !== 404) throw new ApiError(reply.status, `HTTP ${reply.status}`, t.error.unknown(reply.status), "");
  const at = Number(reply.headers.get("Upload-Offset") ?? 0);
  work.done = at;
  tell();
  return at;
}

async function kept(work: Work): Promise<void> {
  work.done = work.size;
  work.state = "kept";
  work.stop = null;
  tell();
  // an envelope may have waited for exactly this
  for (const other of list) {
    if (other.envelope && other.state === "waiting") await publish(other).catch((cause: unknown) => fail(other, cause));
  }
}

async function publish(work: Work): Promise<void> {
  work.state = "publishing";
  work.done = work.size;
  tell();
  const query = new URLSearchParams({ name: work.title, ...(work.version ? { version: work.version } : {}) });
  try {
    const reply = await request(`/api/v1/releases?${query.toString()}`, { method: "POST", raw: work.file, type: "application/suit-envelope+cose" });
    const made = (await reply.json()) as { id: number };
    work.release = made.id;
    work.missing = [];
    work.state = "kept";
    tell();
  } catch (cause) {
    if (cause instanceof ApiError && cause.code === "UD_ERR_ARTIFACT_MISSING") {
      work.missing = Array.isArray(cause.body["missing"]) ? (cause.body["missing"] as string[]) : [];
      work.state = "waiting";
      tell();
      return;
    }
    throw cause;
  }
}

export function pauseUpload(key: number): void {
  const work = list.find((one) => one.key === key);
  if (!work) return;
  work.state = "paused";
  work.stop?.abort();
  tell();
}
export function resumeUpload(key: number): void {
  const work = list.find((one) => one.key === key);
  if (work) void sendRest(work).catch((cause: unknown) => fail(work, cause));
}
export function removeUpload(key: number): void {
  list = list.filter((one) => one.key !== key);
  tell();
}
