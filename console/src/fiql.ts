// A filter in plain words, and back. The server's parser decides; this one only reads what people mostly write: conditions
// joined by ";" (docs/server.md). What it cannot say stays one grey chip.

export interface Condition {
  field: string;
  op: string;
  values: string[];
  /** as it stands in the query */
  text: string;
}

export const FIELDS = [
  "status", "type", "name", "tag", "group", "zone", "runs", "runs.name", "runs.version", "assigned", "created", "lastseen", "reported",
  "quarantined", "rollout", "failedin", "attribute.",
];
export const OPS = ["==", "!=", "=lt=", "=le=", "=gt=", "=ge=", "=in=", "=out="];
export const STATUSES = ["unknown", "registered", "pending", "in_sync", "failed", "reverted", "drifted", "error"];

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
  caret: number;
}

/** What may stand at the caret: a field, an operator, or a value. */
export function complete(query: string, caret: number, values: (field: string) => string[], words: { field: string; op: Record<string, string>; value: string }): Completion[] {
  const before = query.slice(0, caret);
  const after = query.slice(caret);
  const start = Math.max(before.lastIndexOf(";"), before.lastIndexOf(","), before.lastIndexOf("(")) + 1;
  const piece = before.slice(start);
  const make = (text: string, note: string, from: number): Completion => ({
    text, note, query: query.slice(0, from) + text + after, caret: from + text.length,
  });
  const lead = piece.length - piece.trimStart().length;
  const operator = /^\s*([A-Za-z][\w.:-]*)\s*([=!<>][a-z]*=?)?(.*)$/s.exec(piece);
  const inList = /([A-Za-z][\w.:-]*)\s*(=in=|=out=)\s*\([^)]*$/s.exec(before);
  if (inList && !/[=!<>]/.test(piece)) {
    const typed = piece.trim();
    return values(inList[1] as string).filter((value) => value.startsWith(typed)).slice(0, 8).map((value) => make(quote(value), words.value, start + lead));
  }
  if (!operator || piece.trim() === "") {
    return FIELDS.slice(0, 8).map((field) => make(field, words.field, start + lead));
  }
  const [, field = "", op = "", rest = ""] = operator;
  if (op === "") {
    const fields = FIELDS.filter((name) => name.startsWith(field) && name !== field).map((name) => make(name, words.field, start + lead));
    const ops = FIELDS.includes(field) || field.startsWith("attribute.") ? OPS.map((name) => make(name, words.op[name] ?? "", caret)) : [];
    return [...fields, ...ops].slice(0, 8);
  }
  if (!OPS.includes(op)) {
    return OPS.filter((name) => name.startsWith(op)).map((name) => make(name, words.op[name] ?? "", caret - rest.length - op.length)).slice(0, 8);
  }
  const typed = rest.trim();
  const from = caret - rest.length + (rest.length - rest.trimStart().length);
  if (op === "=in=" || op === "=out=") return typed === "" ? [make("(", words.value, from)] : [];
  return values(field).filter((value) => value.startsWith(typed) && value !== typed).slice(0, 8).map((value) => make(quote(value), words.value, from));
}
