import { counted } from "./format";

// A filter in plain words, and back. The server's parser decides; this one only reads what people mostly write: conditions
// joined by ";" (docs/server.md). What it cannot say stays one grey chip.

export interface Condition {
  field: string;
  op: string;
  values: string[];
  /** as it stands in the query */
  text: string;
}

const CONDITION = /^\s*([A-Za-z][\w.:-]*)\s*(==|!=|=lt=|=le=|=gt=|=ge=|=in=|=out=|<=|>=|<|>)\s*(.*)$/s;

/** Split at `mark` outside quotes and parentheses. */
export function split(text: string, mark: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let quote = "";
  let part = "";
  for (let at = 0; at < text.length; at++) {
    const c = text[at] as string;
    if (quote !== "") {
      if (c === "\\" && at + 1 < text.length) {
        part += c + text[++at];
        continue;
      }
      if (c === quote) quote = "";
    } else if (c === '"' || c === "'") quote = c;
    else if (c === "(") depth++;
    else if (c === ")") depth--;
    if (c === mark && quote === "" && depth === 0) {
      parts.push(part);
      part = "";
    } else part += c;
  }
  parts.push(part);
  return parts;
}

export function unquote(text: string): string {
  const trimmed = text.trim();
  const match = /^(["'])(.*)\1$/s.exec(trimmed);
  return match ? (match[2] as string).replace(/\\(.)/gs, "$1") : trimmed;
}

export function quote(value: string): string {
  return /^[\w.:*-]+$/.test(value) ? value : `"${value.replace(/[\\"]/g, "\\$&")}"`;
}

/** The conditions that all must hold; null where the query says more than that. */
export function parse(query: string): (Condition | null)[] {
  if (query.trim() === "") return [];
  if (split(query, ",").length > 1) return [null];
  return split(query, ";").map((part) => {
    const match = CONDITION.exec(part);
    if (!match) return null;
    const [, field = "", op = "", rest = ""] = match;
    const list = /^\((.*)\)$/s.exec(rest.trim());
    if (op === "=in=" || op === "=out=") {
      return list ? { field, op, values: split(list[1] ?? "", ",").map(unquote), text: part } : null;
    }
    return list ? null : { field, op, values: [unquote(rest)], text: part };
  });
}

export function without(query: string, at: number): string {
  return split(query, ";").filter((_, n) => n !== at).join(";");
}

export function and(query: string, condition: string): string {
  if (query.trim() === "") return condition;
  return split(query, ",").length > 1 ? `(${query});${condition}` : `${query};${condition}`;
}

export interface Completion {
  text: string;
  note: string;
  /** the whole query with it */
  query: string;
  /** where the caret stands then */
  caret: number;
}

/** Put a completion of the server's in: it counts in bytes of UTF-8. */
export function splice(query: string, from: number, to: number, one: { text: string; means: string | null; devices: number | null }): Completion {
  const bytes = new TextEncoder().encode(query);
  const head = new TextDecoder().decode(bytes.slice(0, from));
  const tail = new TextDecoder().decode(bytes.slice(to));
  const note = one.devices === null ? (one.means ?? "") : `${one.means ? `${one.means} · ` : ""}${counted(one.devices, "device")}`;
  return { text: one.text, note, query: head + one.text + tail, caret: head.length + one.text.length };
}
