// The small parts, named as in the design's list of components.
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useId, useLayoutEffect, useRef, useState } from "preact/hooks";
import { ago, count, digest, exact, percent, plain } from "../format";
import { ApiError, type Resource } from "../api";
import { t } from "../strings";
import { toast } from "./toast";

type Kids = { children?: ComponentChildren };

export function Icon({ name, small = false }: { name: string; small?: boolean }): JSX.Element {
  return (
    <svg class={small ? "i sm" : "i"} viewBox="0 0 16 16" aria-hidden="true">
      <use href={`#i-${name}`} />
    </svg>
  );
}

export type Tone = "ok" | "warn" | "bad" | "wait" | "go" | "hold";

export function Glyph({ name }: { name: string }): JSX.Element {
  return (
    <svg class="g" viewBox="0 0 16 16" aria-hidden="true">
      <use href={`#g-${name}`} />
    </svg>
  );
}

/** Glyph and word. Without a word the title says it. */
export function St({ tone, glyph, word, title, pill }: { tone: Tone; glyph: string; word?: string; title?: string; pill?: boolean }): JSX.Element {
  return (
    <span class={`st ${tone}${pill ? " pill" : ""}`} title={title}>
      <Glyph name={glyph} />
      {word ?? (title ? <span class="sr">{title}</span> : null)}
    </span>
  );
}

/** Text that a device, or whoever named something, chose: clipped nowhere, isolated, nothing invisible. */
export function T({ v, mono }: { v: string | number | null | undefined; mono?: boolean }): JSX.Element {
  return <bdi class={mono ? "mono" : undefined}>{v === null || v === undefined || v === "" ? "—" : plain(String(v))}</bdi>;
}

let minute = Date.now();
const minuteWatchers = new Set<() => void>();
if (typeof window !== "undefined") {
  window.setInterval(() => {
    minute = Date.now();
    for (const watcher of [...minuteWatchers]) watcher();
  }, 20_000);
}

export function useNow(): number {
  const [now, set] = useState(minute);
  useEffect(() => {
    const update = (): void => set(Date.now());
    minuteWatchers.add(update);
    return () => void minuteWatchers.delete(update);
  }, []);
  return Math.max(now, minute);
}

/** Relative; exact with its zone on hover and focus. */
export function When({ at }: { at: number | null | undefined }): JSX.Element {
  const now = useNow();
  if (!at) return <span class="faint">—</span>;
  return (
    <time dateTime={new Date(at).toISOString()} title={exact(at)}>
      {ago(at, Math.max(now, Date.now()))}
    </time>
  );
}

export async function copy(text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    toast({ tone: "ok", text: t.copied });
  } catch {
    toast({ tone: "bad", text: t.notCopied });
  }
}

export function Digest({ hex, first = 8 }: { hex: string | null | undefined; first?: number }): JSX.Element {
  if (!hex) return <span class="faint">—</span>;
  return (
    <span class="dig mono" title={hex}>
      {digest(hex, first)}
      <button type="button" aria-label={t.copyDigest} onClick={() => void copy(hex)}>
        <Icon name="copy" />
      </button>
    </span>
  );
}

export function Command({ text }: { text: string }): JSX.Element {
  return (
    <div class="cmd">
      <code tabIndex={0}>{text}</code>
      <button type="button" class="btn sm" onClick={() => void copy(text)}>
        <Icon name="copy" />
        {t.copy}
      </button>
    </div>
  );
}

export interface BtnProps {
  kind?: "pri" | "quiet" | "danger" | "kill" | "";
  small?: boolean;
  icon?: string;
  busy?: boolean;
  /** why it cannot be used now: the button is shown, disabled, with this beside its name */
  why?: string | null | undefined;
  href?: string;
  label?: string;
  type?: "button" | "submit";
  onClick?: () => void;
  autofocus?: boolean;
  pressed?: boolean;
}

export function Btn({ kind = "", small, icon, busy, why, href, label, type = "button", onClick, autofocus, pressed, children }: BtnProps & Kids): JSX.Element {
  const cls = `btn${kind ? ` ${kind}` : ""}${small ? " sm" : ""}${busy ? " busy" : ""}${icon && !children ? " icon" : ""}`;
  const ref = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (autofocus) ref.current?.focus();
  }, []);
  const inside = (
    <>
      {icon && !busy ? <Icon name={icon} /> : null}
      {children}
    </>
  );
  if (href && !why) {
    return (
      <a class={cls} href={href} aria-label={label}>
        {inside}
      </a>
    );
  }
  return (
    <button ref={ref} type={type} class={cls} aria-label={label} aria-pressed={pressed} disabled={!!why || undefined} aria-busy={busy || undefined}
      title={why ?? undefined} onClick={busy ? undefined : onClick}>
      {inside}
      {why ? <span class="xs faint">· {why}</span> : null}
    </button>
  );
}

export function Panel({ title, caption, right, footer, children, id, cls = "" }: { title: ComponentChildren; caption?: ComponentChildren; right?: ComponentChildren; footer?: ComponentChildren; id?: string; cls?: string } & Kids): JSX.Element {
  const own = useId();
  const at = id ?? own;
  return (
    <section class={`panel ${cls}`} aria-labelledby={at}>
      <header>
        <h2 id={at} tabIndex={-1}>{title}</h2>
        {caption ? <span class="cap">{caption}</span> : null}
        {right ? <span class="right row wrap">{right}</span> : null}
      </header>
      {children}
      {footer ? <footer>{footer}</footer> : null}
    </section>
  );
}

export function Say({ title, rest, lede, acts, above }: { title: ComponentChildren; rest?: ComponentChildren; lede?: ComponentChildren; acts?: ComponentChildren; above?: ComponentChildren }): JSX.Element {
  return (
    <div class="say">
      <div class="grow">
        {above ? <div class="row wrap">{above}</div> : null}
        <h1>
          {title}
          {rest ? <span class="dim"> {rest}</span> : null}
        </h1>
        {lede ? <p class="lede">{lede}</p> : null}
      </div>
      {acts ? <div class="acts">{acts}</div> : null}
    </div>
  );
}

/** The server's sentence: what stands before the first full stop is the answer, the rest is calm. */
export function splitSentence(text: string): [string, string] {
  const match = /^(.*?[.!?])\s+(.+)$/s.exec(text);
  return match ? [match[1] as string, match[2] as string] : [text, ""];
}

// --- progress

export interface Segment {
  cls: string;
  value: number;
  label: string;
}

export function Bar({ segments, total, size = "", marks = [], label }: { segments: Segment[]; total: number; size?: "" | "sm" | "lg"; marks?: { at: number; label: string; right?: boolean }[]; label?: string }): JSX.Element {
  const shown = segments.filter((segment) => segment.value > 0);
  const words = label ?? (shown.map((segment) => `${percent(segment.value, total)} ${segment.label}`).join(", ") || t.nothingYet);
  return (
    <div class={`bar ${size}`} role="img" aria-label={words} title={words}>
      {shown.map((segment) => (
        <span key={segment.cls} class={segment.cls} style={{ width: `${total > 0 ? (100 * segment.value) / total : 0}%` }} />
      ))}
      {marks.map((mark) => (
        <span key={mark.label + mark.at} class={`mark${mark.right ? " r" : ""}`} data-l={mark.label} style={{ left: `${Math.min(100, mark.at)}%` }} />
      ))}
    </div>
  );
}

/** One number against a limit: amber from two thirds of it, red at it. */
export function Gauge({ value, limit, top, label, good }: { value: number; limit: number; top: number; label: string; good?: boolean }): JSX.Element {
  const cls = good ? "" : value >= limit ? "b" : value >= (2 * limit) / 3 && value > 0 ? "w" : "";
  const at = (of: number): string => `${Math.min(100, top > 0 ? (100 * of) / top : 0)}%`;
  return (
    <div class={`gauge ${cls}`} role="img" aria-label={label} title={label}>
      <span class={good ? "ok" : undefined} style={{ width: at(value) }} />
      <em style={{ left: at(limit) }} />
    </div>
  );
}

const STEPS = ["offered", "downloaded", "installed", "booted", "confirmed"] as const;

/** Five bars that rise with the proof. `step` 0: not offered; `failed`: the step that did not hold. */
export function Ladder({ step, failed = 0, claimed = false }: { step: number; failed?: number; claimed?: boolean }): JSX.Element {
  const words = failed > 0 ? t.ladder.failed(failed, STEPS[failed - 1] ?? "") : step === 0 ? t.ladder.none : claimed && step === 5 ? t.ladder.claimed : t.ladder.at(step, STEPS[step - 1] ?? "");
  return (
    <svg class="ladder" viewBox="0 0 26 16" role="img" aria-label={words}>
      <title>{words}</title>
      {[1, 2, 3, 4, 5].map((n) => {
        const height = 1.2 + 2.8 * n;
        const cls = failed === n ? "bx" : (failed === 0 || n < failed) && n <= step ? (claimed && n === 5 ? "b" : `b${n}`) : "b";
        return <rect key={n} class={cls} x={5.3 * (n - 1)} y={16 - height} width="4" height={height} rx="1" />;
      })}
    </svg>
  );
}

export function ProofLadder({ step, failed = 0, claimed = false, notes }: { step: number; failed?: number; claimed?: boolean; notes: string[] }): JSX.Element {
  const words = failed > 0 ? t.ladder.failed(failed, STEPS[failed - 1] ?? "") : step === 0 ? t.ladder.none : t.ladder.at(step, STEPS[step - 1] ?? "");
  return (
    <ol class="proof" aria-label={words}>
      {STEPS.map((name, at) => {
        const n = at + 1;
        const cls = failed === n ? "x" : n <= step && (failed === 0 || n < failed) ? (n === 5 && claimed ? "f5c" : `f${n}`) : "";
        return (
          <li key={name}>
            <i class={`ro${n} ${cls}`} />
            <span>
              <b>{t.ladder.names[name]}</b>
              {notes[at] ?? "—"}
            </span>
          </li>
        );
      })}
    </ol>
  );
}

// --- states of a panel

export function ErrorBlock({ error, retry, what }: { error: ApiError; retry?: () => void; what?: string }): JSX.Element {
  if (error.status === 403) {
    return (
      <div class="blank">
        <Icon name="lock" />
        <h2>{t.error.forbidden}</h2>
        <p>{error.message}. {error.remedy}.</p>
        <code class="xs faint">{error.code}</code>
      </div>
    );
  }
  const details = `${error.code} · ${new Date(error.at).toISOString()}`;
  return (
    <div class="blank" role="alert">
      <span class="st bad svg-scale">
        <Glyph name="failed" />
      </span>
      <h2>{plain(what ?? (error.status === 404 ? t.error.gone : t.error.notRead))}</h2>
      <p>
        {error.message}
        {error.remedy ? `. ${error.remedy[0]?.toUpperCase()}${error.remedy.slice(1)}.` : "."}
      </p>
      <div class="row wrap">
        {retry ? <Btn onClick={retry}>{t.again}</Btn> : null}
        <Btn kind="quiet" onClick={() => void copy(`${error.message} ${details}`)}>{t.copyDetails}</Btn>
      </div>
      <code class="xs faint">{details}</code>
    </div>
  );
}

/** Nothing before 200 ms, skeleton of about the final size to 2 s, then a sentence. */
export function Loading({ rows = 4 }: { rows?: number }): JSX.Element {
  const [stage, set] = useState(0);
  useEffect(() => {
    const one = window.setTimeout(() => set(1), 200);
    const two = window.setTimeout(() => set(2), 2000);
    return () => {
      window.clearTimeout(one);
      window.clearTimeout(two);
    };
  }, []);
  return (
    <div class="in skel" aria-busy="true">
      {Array.from({ length: rows }, (_, at) => (
        <span key={at} class={stage > 0 ? `sk w${(at % 3) + 1}` : "sk-none"} />
      ))}
      {stage === 2 ? <p class="s dim" role="status">{t.slow}</p> : <span class="sr" role="status">{t.loading}</span>}
    </div>
  );
}

/** Shows what was read; loads and fails on its own. */
export function Shown<T>({ of, rows, what, children }: { of: Resource<T>; rows?: number; what?: string; children: (data: T) => ComponentChildren }): JSX.Element {
  if (of.data !== undefined) return <>{children(of.data)}</>;
  if (of.error) return <ErrorBlock error={of.error} retry={of.reload} {...(what ? { what } : {})} />;
  return <Loading {...(rows ? { rows } : {})} />;
}

export function Blank({ icon, title, children }: { icon: string; title: string } & Kids): JSX.Element {
  return (
    <div class="blank">
      <Icon name={icon} />
      <h2>{title}</h2>
      {children}
    </div>
  );
}

export function Note({ tone = "", glyph, icon, children, role, right }: { tone?: "" | "warn" | "bad" | "ok" | "plain"; glyph?: string; icon?: string; role?: "status" | "alert"; right?: ComponentChildren } & Kids): JSX.Element {
  return (
    <div class={`note ${tone}`} role={role}>
      {glyph ? <St tone={tone === "warn" || tone === "bad" || tone === "ok" ? tone : "go"} glyph={glyph} /> : icon ? <Icon name={icon} /> : null}
      <span class="grow">{children}</span>
      {right}
    </div>
  );
}

// --- fields

export interface FieldProps {
  label: string;
  hint?: string;
  error?: string | null | undefined;
  children: (props: { id: string; "aria-describedby": string; "aria-invalid": boolean | undefined }) => ComponentChildren;
}

export function Field({ label, hint, error, children }: FieldProps): JSX.Element {
  const id = useId();
  return (
    <div class={`field${error ? " err" : ""}`}>
      <label for={id}>{label}</label>
      {children({ id, "aria-describedby": `${id}-hint`, "aria-invalid": error ? true : undefined })}
      <span class="hint" id={`${id}-hint`} role={error ? "alert" : undefined}>{error ?? hint ?? ""}</span>
    </div>
  );
}

export function Input({ label, value, onInput, hint, error, mono, type = "text", placeholder, autocomplete, required, max }: { label: string; value: string; onInput: (value: string) => void; hint?: string; error?: string | null | undefined; mono?: boolean; type?: string; placeholder?: string; autocomplete?: string; required?: boolean; max?: number }): JSX.Element {
  return (
    <Field label={label} {...(hint ? { hint } : {})} error={error}>
      {(props) => (
        <input {...props} class={`inp${mono ? " mono" : ""}`} type={type} value={value} placeholder={placeholder} autocomplete={autocomplete ?? "off"}
          required={required} maxLength={max} spellcheck={false} onInput={(event) => onInput(event.currentTarget.value)} />
      )}
    </Field>
  );
}

export function Select({ label, value, onChange, options, hint }: { label: string; value: string; onChange: (value: string) => void; options: [string, string][]; hint?: string }): JSX.Element {
  return (
    <Field label={label} {...(hint ? { hint } : {})}>
      {(props) => (
        <select {...props} class="inp" value={value} onChange={(event) => onChange(event.currentTarget.value)}>
          {options.map(([key, words]) => (
            <option key={key} value={key}>{plain(words)}</option>
          ))}
        </select>
      )}
    </Field>
  );
}

export function Check({ label, on, onChange, disabled }: { label: ComponentChildren; on: boolean; onChange: (on: boolean) => void; disabled?: boolean }): JSX.Element {
  return (
    <label class="check s">
      <input type="checkbox" checked={on} disabled={disabled} onChange={(event) => onChange(event.currentTarget.checked)} />
      <span>{label}</span>
    </label>
  );
}

export function Seg({ options, value, onChange, label }: { options: [string, string][]; value: string; onChange: (value: string) => void; label: string }): JSX.Element {
  return (
    <div class="seg" role="group" aria-label={label}>
      {options.map(([key, words]) => (
        <button key={key} type="button" aria-pressed={key === value} onClick={() => onChange(key)}>{words}</button>
      ))}
    </div>
  );
}

export function Pager({ offset, size, total, atLeast, limit, onPage }: { offset: number; size: number; total: number; atLeast?: boolean | undefined; limit: number; onPage: (offset: number) => void }): JSX.Element {
  return (
    <>
      <span role="status">{size === 0 ? t.pager.none : t.pager.of(count(offset + 1), count(offset + size), (atLeast ? t.pager.atLeast : "") + count(total))}</span>
      <span class="hide-s faint">{t.pager.perPage(limit)}</span>
      <span class="right row">
        <button type="button" class="btn sm icon" disabled={offset === 0} aria-label={t.pager.previous} onClick={() => onPage(Math.max(0, offset - limit))}>
          <Icon name="left" />
        </button>
        <button type="button" class="btn sm icon" disabled={offset + size >= total} aria-label={t.pager.next} onClick={() => onPage(offset + limit)}>
          <Icon name="right" />
        </button>
      </span>
    </>
  );
}

/** Something that is done on the server: busy until it is committed, then the fact; refused in the server's words. */
export function useDeed(): { busy: boolean; error: ApiError | null; run: (deed: () => Promise<unknown>) => Promise<boolean>; clear: () => void } {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);
  const alive = useRef(true);
  useLayoutEffect(() => () => void (alive.current = false), []);
  return {
    busy,
    error,
    clear: () => setError(null),
    run: async (deed) => {
      setBusy(true);
      setError(null);
      try {
        await deed();
        if (alive.current) setBusy(false);
        return true;
      } catch (cause) {
        if (alive.current) {
          setError(cause instanceof ApiError ? cause : new ApiError(0, "UD_ERR_INTERNAL", String(cause), ""));
          setBusy(false);
        }
        return false;
      }
    },
  };
}

export function Refused({ error }: { error: ApiError | null }): JSX.Element | null {
  if (!error) return null;
  return (
    <Note tone="bad" glyph="failed" role="alert">
      <b>{error.message}.</b> {error.remedy ? `${error.remedy[0]?.toUpperCase()}${error.remedy.slice(1)}. ` : ""}
      <code class="faint">{error.code}</code>
    </Note>
  );
}
