// Numbers, times and device texts as people read them. English; every unit stands behind a no-break space.

const NBSP = "\u00a0";
const MINUS = "\u2212";

export function count(value: number): string {
  return (value < 0 ? MINUS : "") + Math.abs(Math.round(value)).toLocaleString("en-US");
}

/** "1 device", "3,120 devices". */
export function counted(value: number, one: string, many = one + "s"): string {
  return `${count(value)}${NBSP}${value === 1 ? one : many}`;
}

/** One decimal, two below 1; never 100 % or 0 % by rounding. */
export function percent(part: number, whole: number): string {
  if (whole <= 0 || part <= 0) return `0${NBSP}%`;
  if (part >= whole) return `100${NBSP}%`;
  const share = (100 * part) / whole;
  if (share < 0.01) return `<0.01${NBSP}%`;
  const text = share < 1 ? share.toFixed(2) : Math.min(share, 99.9).toFixed(1);
  return `${text.replace(/^1\.00$/, "1.0")}${NBSP}%`;
}

/** Axes only: 80 k. */
export function short(value: number): string {
  if (Math.abs(value) >= 1e6) return `${+(value / 1e6).toFixed(1)}${NBSP}M`;
  if (Math.abs(value) >= 1e4) return `${+(value / 1e3).toFixed(0)}${NBSP}k`;
  return count(value);
}

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];

export function bytes(value: number): string {
  let unit = 0;
  let amount = value;
  while (amount >= 1024 && unit < UNITS.length - 1) {
    amount /= 1024;
    unit++;
  }
  return unit === 0 ? `${count(value)}${NBSP}B` : `${amount.toFixed(1)}${NBSP}${UNITS[unit]}`;
}

/** 45 s, 12 min, 3 h 10 min, 9 d. */
export function duration(ms: number): string {
  const s = Math.max(0, Math.round(ms / 1000));
  if (s < 60) return `${s}${NBSP}s`;
  if (s < 3600) return `${Math.floor(s / 60)}${NBSP}min`;
  if (s < 86400) {
    const minutes = Math.floor((s % 3600) / 60);
    return `${Math.floor(s / 3600)}${NBSP}h${minutes > 0 ? ` ${minutes}${NBSP}min` : ""}`;
  }
  const hours = Math.floor((s % 86400) / 3600);
  const days = Math.floor(s / 86400);
  return `${count(days)}${NBSP}d${hours > 0 && days < 10 ? ` ${hours}${NBSP}h` : ""}`;
}

let utc = false;
export function setUtc(on: boolean): void {
  utc = on;
}
export function isUtc(): boolean {
  return utc;
}
export function zoneName(): string {
  return utc ? "UTC" : Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
}

function format(at: number, options: Intl.DateTimeFormatOptions, zone?: string): string {
  const timeZone = zone ?? (utc ? "UTC" : undefined);
  try {
    return new Intl.DateTimeFormat("en-GB", { ...options, ...(timeZone ? { timeZone } : {}), hour12: false }).format(at);
  } catch {
    return new Intl.DateTimeFormat("en-GB", { ...options, timeZone: "UTC", hour12: false }).format(at);
  }
}

export function clock(at: number, zone?: string): string {
  return format(at, { hour: "2-digit", minute: "2-digit" }, zone);
}
export function clockSeconds(at: number): string {
  return format(at, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
}
export function day(at: number): string {
  const same = new Date(at).getFullYear() === new Date().getFullYear();
  return format(at, { day: "numeric", month: "short", ...(same ? {} : { year: "numeric" }) });
}
export function dayName(at: number): string {
  return format(at, { weekday: "long", day: "numeric", month: "long", year: "numeric" });
}
/** Exact, with its zone: for titles. */
export function exact(at: number): string {
  return format(at, {
    weekday: "short", day: "numeric", month: "short", year: "numeric",
    hour: "2-digit", minute: "2-digit", second: "2-digit", timeZoneName: "short",
  });
}
/** Relative up to 7 days, then the date. */
export function ago(at: number, now = Date.now()): string {
  const past = now - at;
  if (past >= 7 * 86400_000 || past <= -7 * 86400_000) return day(at);
  if (Math.abs(past) < 5000) return "just now";
  return past >= 0 ? `${duration(coarse(past))} ago` : `in ${duration(coarse(-past))}`;
}
/** Only the largest unit. */
function coarse(ms: number): number {
  const unit = ms >= 86400_000 ? 86400_000 : ms >= 3600_000 ? 3600_000 : ms >= 60_000 ? 60_000 : 1000;
  return Math.floor(ms / unit) * unit;
}

/** What comes from a device is text: control and direction characters become visible. */
export function plain(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]/g, (c) =>
    "\\u" + c.charCodeAt(0).toString(16).padStart(4, "0"));
}

export function digest(hex: string, first = 8): string {
  return hex.length <= first + 5 ? hex : `${hex.slice(0, first)}…${hex.slice(-4)}`;
}

/** One cell of a CSV file: quoted, and never a formula where a spreadsheet opens it. */
export function csvCell(value: string): string {
  const safe = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return `"${plain(safe).replace(/"/g, '""')}"`;
}

/** "app 2.0"; a name that ends in its version already does not say it twice. */
export function releaseName(release: { name: string | null; version: string | null }): string {
  const name = release.name ?? "";
  const version = release.version ?? "";
  return plain(version === "" || name === version || name.endsWith(` ${version}`) ? name : `${name} ${version}`);
}
