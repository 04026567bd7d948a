// The audit log, checked here: each entry's hash covers the one before (docs/formats.md section 13). The server is not believed;
// what it says is computed again.
import { get, type Page } from "./api";
import type { AuditEntry } from "./model";
import { hex } from "./suit";
import { Sha256 } from "./upload";

function big(value: number): Uint8Array {
  const out = new Uint8Array(8);
  new DataView(out.buffer).setBigUint64(0, BigInt(value));
  return out;
}
function text(value: string): Uint8Array[] {
  const bytes = new TextEncoder().encode(value);
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, bytes.length);
  return [length, bytes];
}

export function sealOf(before: Uint8Array, entry: AuditEntry): string {
  const sha = new Sha256();
  for (const part of [before, big(entry.tenant), big(entry.n), big(entry.at), ...text(entry.who), ...text(entry.what), ...text(entry.detail)]) sha.update(part);
  return sha.hex();
}

export function unhex(digits: string): Uint8Array {
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

export interface Verdict {
  holds: boolean;
  entries: number;
  head: string;
  /** the entry that is not what it should be */
  brokenAt: number | null;
  took: number;
}

/** Check entries in order from the first one. */
export class Chain {
  n = 0;
  private before = new Uint8Array(32);
  brokenAt: number | null = null;

  add(entry: AuditEntry): void {
    if (this.brokenAt !== null) return;
    if (entry.n !== this.n + 1 || sealOf(this.before, entry) !== entry.hash) {
      this.brokenAt = entry.n;
      return;
    }
    this.n = entry.n;
    this.before = unhex(entry.hash);
  }

  get head(): string {
    return this.n > 0 ? hex(this.before) : "";
  }
}

export async function verify(progress: (done: number, total: number) => void, signal?: AbortSignal): Promise<Verdict> {
  const chain = new Chain();
  const begun = performance.now();
  for (;;) {
    const page = await get<Page<AuditEntry>>(`/api/v1/audit?offset=${chain.n}&limit=500`, signal);
    for (const entry of page.content) chain.add(entry);
    progress(chain.n, page.total);
    if (chain.brokenAt !== null || page.content.length < 500) break;
  }
  return { holds: chain.brokenAt === null, entries: chain.n, head: chain.head, brokenAt: chain.brokenAt, took: performance.now() - begun };
}
