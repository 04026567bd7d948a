// What a tenant sets for itself, over the server's file: each with what it does, where it is from, and what a change does to whom
// before it is made. The server checks again, and keeps each change in the audit log.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { send, useResource, type Page } from "../api";
import type { Config } from "../api-types";
import { duration } from "../format";
import { useSession } from "../session";
import { t } from "../strings";
import { Btn, Check, Icon, Input, Note, Panel, Select, Shown, T, When } from "../ui/base";
import { Dialog, type Consequence } from "../ui/dialog";
import { toast } from "../ui/toast";

type Configs = Record<string, Config>;

export const CONFIGS = "/rest/v1/system/configs";

type Kind = "polling" | "time" | "count" | "switch" | "secret" | "set" | "list";
export type OwnName = keyof typeof t.settings.own.of;

/** In the order of the page; what the server has beside these is shown, and cannot be changed here. */
const OWN: [keyof typeof t.settings.own.parts, [OwnName, Kind][]][] = [
  ["contact", [["pollingTime", "polling"], ["pollingOverdueTime", "time"], ["maintenanceWindowPollCount", "count"]]],
  ["ways", [["authentication.targettoken.enabled", "switch"], ["authentication.gatewaytoken.enabled", "switch"], ["authentication.gatewaytoken.key", "secret"], ["authentication.gatewaytoken.registers.enabled", "switch"], ["authentication.header.enabled", "switch"], ["authentication.header.authority", "list"]]],
  ["consent", [["user.confirmation.flow.enabled", "switch"], ["rollout.approval.enabled", "switch"], ["auto.assignment.approval.enabled", "switch"], ["repository.actions.autoclose.enabled", "switch"], ["default.ds.type", "set"]]],
];
const KNOWN = new Set<string>(OWN.flatMap(([, rows]) => rows.map(([name]) => name)));

/** Seconds of the interval that devices without a filter are told: "HH:MM:SS" or ISO 8601, "~N%" behind it. null: not understood. */
export function usualInterval(line: string): number | null {
  const first = (line.split(",")[0] ?? "").replace(/~\s*\d+\s*%\s*$/, "").trim();
  const clock = /^(\d{1,2}):(\d\d):(\d\d)$/.exec(first);
  if (clock) return Number(clock[1]) * 3600 + Number(clock[2]) * 60 + Number(clock[3]) || null;
  const iso = /^PT(?=\d)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?$/i.exec(first);
  return iso ? Number(iso[1] ?? 0) * 3600 + Number(iso[2] ?? 0) * 60 + Number(iso[3] ?? 0) || null : null;
}

/** What is wrong with what was typed, as far as a page can tell; null: nothing. The server knows the rest. */
export function wrongValue(kind: Kind, text: string): string | null {
  const words = t.settings.own.wrong;
  switch (kind) {
    case "polling": return usualInterval(text) === null ? words.polling : null;
    case "time": return /^(\d+:)?\d{1,2}:\d\d:\d\d$|^P(?=[\dT])/i.test(text.trim()) ? null : words.time;
    case "count": return /^\d+$/.test(text.trim()) && Number(text) >= 1 && Number(text) <= 1000 ? null : words.count;
    case "secret": return text.length < 32 || text.length > 128 ? words.secret : null;
    case "set": return text === "" ? words.set : null;
    case "list": return text.trim().length < 1 || text.trim().length > 319 ? words.list : null;
    case "switch": return null;
  }
}

/** What a change does, to how many. */
export function consequences(name: OwnName, kind: Kind, value: string, devices: number | null): Consequence[] {
  const words = t.settings.own.of[name];
  const lines: Consequence[] = [];
  if (kind === "polling") {
    const s = usualInterval(value);
    lines.push({ n: devices ?? "", text: t.settings.own.hearAtContact });
    if (s !== null) lines.push({ n: "", text: devices === null ? t.settings.own.every(duration(s * 1000)) : t.settings.own.makes(duration(s * 1000), devices / s) });
  } else if (kind === "switch") {
    lines.push({ n: "", text: value === "true" ? words.on : words.off });
  } else {
    lines.push({ n: "", text: words.on });
  }
  return lines;
}

function shown(name: string, kind: Kind | null, one: Config, sets: Map<string, string>): string {
  if (kind === "secret") return one.global ? t.settings.own.fromFile : t.settings.secret;
  if (typeof one.value === "boolean") return one.value ? t.settings.own.yes : t.settings.own.no;
  if (one.value === null || one.value === undefined || one.value === "") return t.settings.none;
  const text = String(one.value);
  if (name === "default.ds.type") return sets.get(text) ?? text;
  const s = kind === "polling" ? usualInterval(text) : null;
  return s !== null && !text.includes(",") ? `${text} (${duration(s * 1000)})` : text;
}

/** `devices`: of this server, where that is known. `file`: the server's, and the key that counts without a value of one's own. */
export function Own({ devices, file }: { devices: number | null; file: string | null }): JSX.Element {
  const session = useSession();
  const list = useResource<Configs>(CONFIGS, { events: (event) => event.kind === "change", every: 60_000 });
  const types = useResource<Page<{ id: number; name: string }>>("/rest/v1/distributionsettypes?limit=500");
  const sets = new Map((types.data?.content ?? []).map((one): [string, string] => [String(one.id), one.name]));
  const [dialog, open] = useState<{ name: OwnName; kind: Kind } | null>(null);
  return (
    <>
      {OWN.map(([part, rows]) => (
        <Panel key={part} id={part} title={t.settings.own.parts[part]} caption={t.settings.own.caption}>
          <Shown of={list} rows={rows.length}>
            {(all) => (
              <>
                {rows.map(([name, kind]) => {
                  const one = all[name];
                  if (!one) return null;
                  return (
                    <div key={name} class="srow">
                      <div><h3>{t.settings.own.of[name].title}</h3><p class="p">{t.settings.own.of[name].does}</p><p class="xs faint mono">{name}</p></div>
                      <div class="stack">
                        <p><b class="kv"><T v={shown(name, kind, one, sets)} /></b></p>
                        <p class="xs faint">{one.global ? t.settings.own.global(fileKey(name), file) : <>{t.settings.own.by} <T v={one.lastModifiedBy} />, <When at={one.lastModifiedAt ?? null} /></>}</p>
                        <p><Btn small why={session.needsWhole("settings")} onClick={() => open({ name, kind })}>{t.settings.own.change(t.settings.own.of[name].title)}</Btn></p>
                      </div>
                    </div>
                  );
                })}
                {part === "consent" ? Object.entries(all).filter(([name, one]) => one.fixed !== undefined || !KNOWN.has(name)).map(([name, one]) => (
                  <div key={name} class="srow">
                    <div><h3 class="mono">{name} <span class="tag" title={t.settings.own.always}><Icon name="lock" small /> {t.settings.own.always}</span></h3><p class="p"><T v={one.fixed} /></p></div>
                    <div><T v={shown(name, null, one, sets)} /></div>
                  </div>
                )) : null}
              </>
            )}
          </Shown>
        </Panel>
      ))}
      {dialog && list.data?.[dialog.name] ? <Change {...dialog} one={list.data[dialog.name] as Config} devices={devices} sets={sets} close={() => open(null)} done={() => { open(null); list.reload(); }} /> : null}
    </>
  );
}

/** The key of the server's file that counts where the tenant set nothing. */
function fileKey(name: OwnName): string | null {
  switch (name) {
    case "pollingTime": return "poll-s, poll-jitter";
    case "pollingOverdueTime": return "poll-s";
    case "authentication.gatewaytoken.enabled":
    case "authentication.gatewaytoken.key": return "gateway-token-file";
    case "authentication.header.enabled": return "device-ca, proxy-addresses";
    default: return null;
  }
}

function Change({ name, kind, one, devices, sets, close, done }: { name: OwnName; kind: Kind; one: Config; devices: number | null; sets: Map<string, string>; close: () => void; done: () => void }): JSX.Element {
  const words = t.settings.own.of[name];
  const [text, setText] = useState(kind === "secret" || one.value === null || one.value === undefined ? "" : String(one.value));
  const [back, setBack] = useState(false);
  const wrong = back ? null : wrongValue(kind, text);
  const same = !back && !one.global && kind !== "secret" && text === String(one.value);
  const value = (): unknown => (kind === "switch" ? text === "true" : kind === "count" || kind === "set" ? Number(text) : text.trim());
  const danger = name === "authentication.targettoken.enabled" && text === "false" && !back;
  return (
    <Dialog title={t.settings.own.title(words.title)} note={words.does} tone={danger ? "bad" : "go"} kill={danger} safe={t.cancel} go={back ? t.settings.own.backGo : t.settings.own.go}
      lines={back ? [{ n: "", text: t.settings.own.backLine }] : wrong === null ? consequences(name, kind, text, devices) : []}
      together={t.settings.own.audited} why={wrong ?? (same ? t.settings.own.same : null)}
      close={close} done={() => { toast({ tone: "ok", text: t.settings.own.done(words.title) }); done(); }}
      run={() => (back ? send("DELETE", `${CONFIGS}/${name}`) : send("PUT", `${CONFIGS}/${name}`, { value: value() }))}>
      <div class="stack3">
        {kind === "switch" ? (
          <Check label={words.title} on={text === "true"} disabled={back} onChange={(on) => setText(String(on))} />
        ) : kind === "set" ? (
          <Select label={words.title} value={text} onChange={setText} options={[["", t.settings.none], ...sets]} />
        ) : (
          <Input label={words.title} value={text} onInput={setText} mono max={1024} hint={t.settings.own.hints[kind]} error={text !== "" && !back ? wrong : null} {...(kind === "secret" ? { type: "password", autocomplete: "new-password" } : {})} />
        )}
        {danger ? <Note tone="bad" glyph="warn">{words.off}</Note> : null}
        {one.global ? null : <Check label={t.settings.own.back} on={back} onChange={setBack} />}
      </div>
    </Dialog>
  );
}
