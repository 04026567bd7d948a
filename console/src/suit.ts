// An envelope in words beside its bytes (RFC 9019, draft-ietf-suit-manifest). Made from the bytes alone, here in the browser: a
// server that lies about a release cannot lie about this. The sentences are those of `updraft inspect`.

export interface Item {
  from: number;
  to: number; // behind its last byte
  type: "uint" | "nint" | "bytes" | "text" | "array" | "map" | "tag" | "simple";
  value: bigint | number | string | Uint8Array | boolean | null;
  items: Item[]; // of an array; key, value, key, value ... of a map; the one of a tag
  /** what a byte string holds, where it is CBOR again */
  inner?: Item;
}

export class Malformed extends Error {
  constructor(readonly at: number, words: string) {
    super(`byte ${at}: ${words}`);
  }
}

const DEPTH_MAX = 24;
const ITEMS_MAX = 20_000;

/** One item and all in it. Definite lengths only, as SUIT demands. */
export function decode(bytes: Uint8Array, from = 0, to = bytes.length, budget = { left: ITEMS_MAX }, depth = 0): Item {
  if (depth > DEPTH_MAX) throw new Malformed(from, "nested too deeply");
  if (budget.left-- <= 0) throw new Malformed(from, "too many items");
  if (from >= to) throw new Malformed(from, "ends inside an item");
  const head = bytes[from] as number;
  const major = head >> 5;
  const info = head & 31;
  let at = from + 1;
  let argument = BigInt(info);
  if (info >= 24) {
    const size = info === 24 ? 1 : info === 25 ? 2 : info === 26 ? 4 : info === 27 ? 8 : 0;
    if (size === 0) throw new Malformed(from, "no definite length");
    if (at + size > to) throw new Malformed(from, "ends inside an item");
    argument = 0n;
    for (let k = 0; k < size; k++) argument = (argument << 8n) | BigInt(bytes[at++] as number);
  }
  const number = (value: bigint): bigint | number => (value <= 9007199254740991n && value >= -9007199254740991n ? Number(value) : value);
  const length = Number(argument);
  const item = (type: Item["type"], value: Item["value"], items: Item[] = []): Item => ({ from, to: at, type, value, items });
  switch (major) {
    case 0:
      return item("uint", number(argument));
    case 1:
      return item("nint", number(-1n - argument));
    case 2:
    case 3: {
      if (argument > BigInt(to - at)) throw new Malformed(from, "longer than its place");
      const data = bytes.subarray(at, at + length);
      at += length;
      return item(major === 2 ? "bytes" : "text", major === 2 ? data : new TextDecoder().decode(data));
    }
    case 4:
    case 5: {
      const wanted = major === 4 ? length : 2 * length;
      if (argument > BigInt(to - at)) throw new Malformed(from, "more items than bytes");
      const items: Item[] = [];
      for (let k = 0; k < wanted; k++) {
        const next = decode(bytes, at, to, budget, depth + 1);
        items.push(next);
        at = next.to;
      }
      return item(major === 4 ? "array" : "map", null, items);
    }
    case 6: {
      const inside = decode(bytes, at, to, budget, depth + 1);
      at = inside.to;
      return item("tag", length, [inside]);
    }
    default:
      if (info === 20 || info === 21) return item("simple", info === 21);
      if (info === 22) return item("simple", null);
      throw new Malformed(from, "a value that SUIT does not use");
  }
}

/** The item that a byte string holds. */
function open(bytes: Uint8Array, item: Item | undefined, budget: { left: number }): Item | undefined {
  if (!item || item.type !== "bytes") return undefined;
  const start = item.to - (item.value as Uint8Array).length;
  if (start === item.to) return undefined;
  const inner = decode(bytes, start, item.to, budget);
  if (inner.to !== item.to) throw new Malformed(inner.to, "more bytes than one item");
  item.inner = inner;
  return inner;
}

export function field(map: Item | undefined, key: number | string): Item | undefined {
  if (!map || map.type !== "map") return undefined;
  for (let k = 0; k + 1 < map.items.length; k += 2) if ((map.items[k] as Item).value === key) return map.items[k + 1];
  return undefined;
}

export function hex(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function uuid(item: Item | undefined): string {
  if (!item || item.type !== "bytes" || (item.value as Uint8Array).length !== 16) return "(not set)";
  return hex(item.value as Uint8Array).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

export type Range = [number, number];

export interface Step {
  section: "trust" | "first" | "dependencies" | "fetch" | "install" | "uninstall" | "validate" | "load" | "start";
  depth: number;
  does: string;
  /** whose bytes say so */
  ranges: Range[];
}

export interface Explained {
  sequence: number | bigint | null;
  components: string[];
  signers: { kid: string; algorithm: string }[];
  steps: Step[];
  root: Item;
  texts: { what: string; text: string }[];
}

const ALGORITHMS: Record<string, string> = { "-7": "ES256", "-9": "ESP256", "-8": "EdDSA", "-19": "Ed25519", "-46": "HSS/LMS", "-35": "ES384", "-36": "ES512", "5": "HMAC 256" };
const SECTIONS: [number, Step["section"]][] = [[15, "dependencies"], [16, "fetch"], [20, "install"], [24, "uninstall"], [7, "validate"], [8, "load"], [9, "start"]];

interface Params {
  [key: number]: Item;
}

function componentName(item: Item): string {
  return item.items
    .map((part) => {
      if (part.type !== "bytes") return String(part.value);
      const data = part.value as Uint8Array;
      return data.length > 0 && data.every((byte) => byte > 0x20 && byte < 0x7f) ? new TextDecoder().decode(data) : hex(data);
    })
    .join("/");
}

class Walk {
  readonly steps: Step[] = [];
  params: Params[] = [];
  private imageVaries = false;
  private uriVaries = false;
  section: Step["section"] = "first";

  constructor(
    private readonly bytes: Uint8Array,
    private readonly envelope: Item,
    private readonly names: string[],
    private readonly budget: { left: number },
  ) {
    this.params = names.map(() => ({}));
  }

  private name(at: number): string {
    return this.names[at] ?? "";
  }

  private say(depth: number, does: string, item: Item, last: Item, more: (Item | undefined)[] = []): void {
    this.steps.push({ section: this.section, depth, does, ranges: [[item.from, last.to], ...more.filter((one): one is Item => one !== undefined).map((one): Range => [one.from, one.to])] });
  }

  private digest(params: Params): string {
    const held = params[3];
    const inner = held && (held.inner ?? open(this.bytes, held, this.budget));
    const data = inner?.items[1]?.value;
    return data instanceof Uint8Array ? hex(data) : "(not set)";
  }

  private text(item: Item | undefined): string {
    return item?.type === "text" ? (item.value as string) : "";
  }

  private command(code: number, at: number, depth: number, item: Item, last: Item): void {
    const p = this.params[at] ?? {};
    const name = this.name(at);
    const source = this.name(typeof p[22]?.value === "number" ? (p[22].value as number) : -1);
    const content = p[18]?.value instanceof Uint8Array ? (p[18].value as Uint8Array).length : 0;
    const size = p[14]?.value;
    const say = (does: string, ...more: (Item | undefined)[]): void => this.say(depth, does, item, last, more);
    switch (code) {
      case 1: return say(`Go on only if the device is of vendor ${uuid(p[1])}.`, p[1]);
      case 2: return say(`Go on only if the device is of class ${uuid(p[2])}.`, p[2]);
      case 24: return say(`Go on only on the one device ${uuid(p[24])}.`, p[24]);
      case 3:
        if (this.imageVaries && depth === 0) return say(`Go on only if the image in "${name}" is exactly the one of the attempt that succeeded.`);
        if (size !== undefined) return say(`Go on only if the image in "${name}" is exactly the signed one: ${String(size)} bytes, SHA-256 ${this.digest(p)}.`, p[3], p[14]);
        return say(`Go on only if the image in "${name}" is exactly the signed one: SHA-256 ${this.digest(p)}.`, p[3]);
      case 25: return say(`Go on only if the image in "${name}" is another than the one with SHA-256 ${this.digest(p)}.`, p[3]);
      case 4: {
        const time = Number(p[4]?.value ?? 0);
        const date = time > 0 && time < 2147483647 ? new Date(time * 1000).toISOString().slice(0, 16).replace("T", " ") + " UTC" : time > 0 ? `second ${time}` : "a time that is not set";
        return say(`Go on only before ${date}.`, p[4]);
      }
      case 5: return say(`Go on only if "${name}" is in slot ${String(p[5]?.value ?? "")}.`, p[5]);
      case 6: return say(`Go on only if "${name}" holds exactly the ${content} bytes given here.`, p[18]);
      case 7: return say(`Go on only if the manifest in "${name}" is genuine, and the one with digest ${this.digest(p)}.`, p[3]);
      case 8: return say(`Go on only if "${name}" is a manifest.`);
      case 11: return say(`Do what the manifest in "${name}" says for this stage.`);
      case 14: return say("Stop here.");
      case 18: return say(p[19] ? `Decrypt "the bytes given here" into "${name}".` : `Write the ${content} bytes given here into "${name}".`, p[18], p[19]);
      case 21: {
        const uri = this.text(p[21]);
        const integrated = field(this.envelope, uri);
        if (uri !== "" && integrated?.type === "bytes") return say(`Take the image for "${name}" out of this envelope (${(integrated.value as Uint8Array).length} bytes).`, p[21], integrated);
        if (this.uriVaries && depth === 0) return say(`Download the image for "${name}" from the place of the attempt that succeeded.`);
        if (uri !== "" && !uri.includes(":")) return say(`Download the image for "${name}": the file ${uri} beside this envelope.`, p[21]);
        return say(`Download the image for "${name}" from ${uri}.`, p[21]);
      }
      case 22: return say(p[19] ? `Decrypt "${source}" into "${name}".` : `Copy "${source}" into "${name}".`, p[22], p[19]);
      case 31: return say(`Exchange the contents of "${source}" and "${name}".`, p[22]);
      case 23: return say(`Start "${name}".`);
      case 26: return say(`Go on only with at least ${String(p[26]?.value ?? 0)} mWh in the battery.`, p[26]);
      case 27: return say(`Go on only once the application allows it (priority ${String(p[27]?.value ?? 0)}, the smaller the more urgent).`, p[27]);
      case 28: return say(`Go on only if the version of "${name}" is the one that these bytes name.`, p[28]);
      case 29: return say("Wait for the events that these bytes name.", p[29]);
      case 33: return say(`Give up "${name}"; when nobody else needs it, it is removed.`);
      default: return say(`Do command ${code} on "${name}".`);
    }
  }

  private index(item: Item): number[] {
    if (item.type === "simple" && item.value === true) return this.names.map((_, at) => at);
    if (item.type === "array") return item.items.map((one) => Number(one.value));
    return [Number(item.value)];
  }

  private take(map: Item, index: number[], depth: number, keepOld: boolean): void {
    for (const at of index) {
      const before = { ...(this.params[at] ?? {}) };
      const now: Params = { ...before };
      for (let k = 0; k + 1 < map.items.length; k += 2) {
        const key = Number((map.items[k] as Item).value);
        if (!(keepOld && now[key])) now[key] = map.items[k + 1] as Item;
      }
      this.params[at] = now;
      if (depth > 0) {
        if (now[3] !== before[3] && now[3]) {
          this.say(depth, `Then the image for "${this.name(at)}" is the one with SHA-256 ${this.digest(now)}.`, now[3], now[3]);
          this.imageVaries = true;
        }
        if (now[21] !== before[21] && now[21]) {
          this.say(depth, `Then the image for "${this.name(at)}" comes from ${this.text(now[21])}.`, now[21], now[21]);
          this.uriVaries = true;
        }
      }
    }
  }

  sequence(list: Item | undefined, depth: number, index: number[]): void {
    if (!list || list.type !== "array") return;
    let at = index;
    for (let k = 0; k + 1 < list.items.length; k += 2) {
      const code = list.items[k] as Item;
      const argument = list.items[k + 1] as Item;
      switch (code.value) {
        case 12:
          at = this.index(argument);
          break;
        case 19:
        case 20:
          this.take(argument, at, depth, code.value === 19);
          break;
        case 34:
          for (let n = 0; n + 1 < argument.items.length; n += 2) {
            at = [Number((argument.items[n] as Item).value)];
            this.take(argument.items[n + 1] as Item, at, depth, false);
          }
          break;
        case 15:
          this.say(depth, "Try in turn, until one of these succeeds:", code, argument);
          argument.items.forEach((branch, n) => {
            if (branch.type === "simple") return this.say(depth + 1, "Or go on without any of them.", branch, branch);
            this.say(depth + 1, `Attempt ${n + 1}:`, branch, branch);
            this.sequence(open(this.bytes, branch, this.budget), depth + 2, at);
          });
          break;
        case 32:
          this.say(depth, "Then:", code, argument);
          this.sequence(open(this.bytes, argument, this.budget), depth + 1, at);
          break;
        case 35:
          this.say(depth, "Use parameters of other components for this one as well.", code, argument);
          break;
        default:
          for (const component of at) this.command(Number(code.value), component, depth, code, argument);
      }
    }
  }
}

/** What it will do to a device. Throws Malformed for what is no envelope. */
export function explain(bytes: Uint8Array): Explained {
  const budget = { left: ITEMS_MAX };
  const root = decode(bytes, 0, bytes.length, budget);
  if (root.to !== bytes.length) throw new Malformed(root.to, "more bytes than one envelope");
  const envelope = root.type === "tag" && root.value === 107 ? root.items[0] : root;
  if (!envelope || envelope.type !== "map") throw new Malformed(0, "no envelope");
  const wrapper = open(bytes, field(envelope, 2), budget);
  const manifest = open(bytes, field(envelope, 3), budget);
  if (!manifest || manifest.type !== "map") throw new Malformed(0, "no manifest");

  const signers = (wrapper?.items ?? []).slice(1).map((held) => {
    const block = open(bytes, held, budget);
    const parts = block?.type === "tag" ? block.items[0]?.items : block?.items;
    const header = open(bytes, parts?.[0], budget);
    const kid = field(header, 4) ?? field(parts?.[1], 4);
    return { kid: kid?.value instanceof Uint8Array ? hex(kid.value) : "", algorithm: ALGORITHMS[String(field(header, 1)?.value)] ?? String(field(header, 1)?.value ?? "?"), from: held.from, to: held.to };
  });
  open(bytes, wrapper?.items[0], budget);

  const common = open(bytes, field(manifest, 3), budget);
  const components = (field(common, 2)?.items ?? []).map(componentName);
  const shared = open(bytes, field(common, 4), budget);
  const walk = new Walk(bytes, envelope, components, budget);
  const steps: Step[] = [];
  const first = wrapper?.items[0];
  if (wrapper && first) {
    steps.push({ section: "trust", depth: 0, does: signers.length === 0 ? "Nobody signed it: no device takes it." : `Believe it only if ${signers.length === 1 ? "this key" : `enough of these ${signers.length} keys`} may sign for the device: its own trust anchors decide.`, ranges: [[wrapper.from, wrapper.to]] });
  }
  const sequence = field(manifest, 2);
  if (sequence) steps.push({ section: "trust", depth: 0, does: `Go on only if it is newer: sequence ${String(sequence.value)}. A device refuses it once it runs a higher one.`, ranges: [[sequence.from, sequence.to]] });

  walk.sequence(shared, 0, [0]);
  const after = walk.params.map((one) => ({ ...one }));
  for (const [key, section] of SECTIONS) {
    let held = field(manifest, key);
    // severed: the manifest has its digest, the envelope the section
    if (held?.type === "array" || (held?.type === "bytes" && field(envelope, key))) {
      if (held.type === "bytes") open(bytes, held, budget);
      held = field(envelope, key);
    }
    if (!held) continue;
    walk.section = section;
    walk.params = after.map((one) => ({ ...one }));
    walk.sequence(open(bytes, held, budget), 0, [0]);
    if (section === "install" || section === "fetch") for (let at = 0; at < after.length; at++) after[at] = { ...after[at], ...(walk.params[at] ?? {}) };
  }

  const texts: { what: string; text: string }[] = [];
  const names: Record<string, string> = { "1": "description", "2": "update", "3": "json", "4": "yaml" };
  const componentTexts: Record<string, string> = { "1": "vendor", "2": "model", "3": "vendor domain", "4": "model info", "5": "description", "6": "version" };
  const textMap = open(bytes, field(envelope, 23), budget);
  for (let k = 0; textMap && k + 1 < textMap.items.length; k += 2) {
    const inside = textMap.items[k + 1] as Item;
    for (let n = 0; inside.type === "map" && n + 1 < inside.items.length; n += 2) {
      const key = inside.items[n] as Item;
      const value = inside.items[n + 1] as Item;
      if (value.type === "text") texts.push({ what: names[String(key.value)] ?? String(key.value), text: value.value as string });
      for (let m = 0; value.type === "map" && m + 1 < value.items.length; m += 2) {
        const text = value.items[m + 1] as Item;
        if (text.type === "text") texts.push({ what: componentTexts[String((value.items[m] as Item).value)] ?? String((value.items[m] as Item).value), text: text.value as string });
      }
    }
  }
  return { sequence: (sequence?.value as number | bigint | undefined) ?? null, components, signers: signers.map(({ kid, algorithm }) => ({ kid, algorithm })), steps: [...steps, ...walk.steps], root, texts };
}

export interface Line {
  from: number;
  to: number;
  text: string;
}

const SHOWN_MAX = 600;

/** Diagnostic notation (RFC 8949, section 8), a line for each small thing, with the bytes of each. */
export function notation(item: Item, indent = 0, prefix = "", lines: Line[] = [], suffix = ""): Line[] {
  const pad = "  ".repeat(indent);
  const put = (text: string, from = item.from, to = item.to): void => {
    if (lines.length < SHOWN_MAX) lines.push({ from, to, text: pad + text });
  };
  const flat = brief(item);
  if (flat !== null && flat.length + prefix.length + pad.length < 68) {
    put(prefix + flat + suffix);
    return lines;
  }
  if (item.type === "bytes" && item.inner) {
    put(`${prefix}<<`, item.from, item.inner.from);
    notation(item.inner, indent + 1, "", lines);
    put(`>>${suffix}`, item.to, item.to);
  } else if (item.type === "tag") {
    put(`${prefix}${String(item.value)}(`, item.from, (item.items[0] as Item).from);
    notation(item.items[0] as Item, indent + 1, "", lines);
    put(`)${suffix}`, item.to, item.to);
  } else if (item.type === "array") {
    put(`${prefix}[`, item.from, item.items[0]?.from ?? item.to);
    item.items.forEach((one, n) => notation(one, indent + 1, "", lines, n + 1 < item.items.length ? "," : ""));
    put(`]${suffix}`, item.to, item.to);
  } else if (item.type === "map") {
    put(`${prefix}{`, item.from, item.items[0]?.from ?? item.to);
    for (let k = 0; k + 1 < item.items.length; k += 2) {
      notation(item.items[k + 1] as Item, indent + 1, `${brief(item.items[k] as Item) ?? "?"}: `, lines, k + 2 < item.items.length ? "," : "");
    }
    put(`}${suffix}`, item.to, item.to);
  } else put(prefix + (flat ?? "…") + suffix);
  return lines;
}

/** On one line; null where that is not wanted. */
function brief(item: Item): string | null {
  switch (item.type) {
    case "bytes": {
      if (item.inner) {
        const inside = brief(item.inner);
        return inside === null ? null : `<<${inside}>>`;
      }
      const text = hex(item.value as Uint8Array);
      return `h'${text.length > 40 ? `${text.slice(0, 24)}…${text.slice(-8)}` : text}'`;
    }
    case "text":
      return JSON.stringify(item.value);
    case "array": {
      const parts = item.items.map(brief);
      const text = `[${parts.join(", ")}]`;
      return parts.includes(null) || text.length > 60 ? null : text;
    }
    case "map": {
      const parts: string[] = [];
      for (let k = 0; k + 1 < item.items.length; k += 2) {
        const value = brief(item.items[k + 1] as Item);
        if (value === null) return null;
        parts.push(`${brief(item.items[k] as Item)}: ${value}`);
      }
      const text = `{${parts.join(", ")}}`;
      return text.length > 60 ? null : text;
    }
    case "tag": {
      const inside = brief(item.items[0] as Item);
      return inside === null ? null : `${String(item.value)}(${inside})`;
    }
    case "simple":
      return String(item.value);
    default:
      return String(item.value);
  }
}
