import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { send, useResource, type Page } from "../api";
import { bytes, counted, duration } from "../format";
import { Own } from "./settings-own";
import type { DeviceType, Webhook } from "../model";
import { useSession } from "../session";
import { t } from "../strings";
import { Bar, Blank, Btn, Check, Command, Icon, Input, Note, Panel, Say, Shown, St, T, When } from "../ui/base";
import { Dialog, Modal } from "../ui/dialog";
import { toast } from "../ui/toast";

interface Setting {
  name: string;
  value: string | null;
  initial: string;
  help: string;
}
interface ServerInfo {
  version: string;
  store: string;
  file: string | null;
  devices: number;
  storage: { size: number; free: number } | null;
  settings: Setting[];
}

const changed = (event: { kind: string }): boolean => event.kind === "change";

// Which settings stand under which heading; the rest under the last one.
const PARTS: [keyof typeof t.settings.parts, string[]][] = [
  ["polling", ["poll-s", "poll-jitter"]],
  ["downloads", ["downloads-max", "download-rate", "patch-image-bytes-max", "patch-bytes-max"]],
  ["retention", ["values-fine-days", "values-days"]],
  ["storage", ["state", "store", "artifacts", "s3-url", "s3-region", "s3-keys", "s3-ca", "artifact-cache-bytes-max", "artifact-bytes-max", "envelope-bytes-max", "json-bytes-max"]],
  ["signIn", ["public-url", "oidc-issuer", "oidc-client", "oidc-secret", "oidc-ca", "wrong-secrets-max"]],
  ["mqtt", ["mqtt-broker", "mqtt-ca", "mqtt-user", "mqtt-password-file", "mqtt-cert", "mqtt-key", "mqtt-events", "mqtt-notify-rate"]],
  ["roads", ["listen-devices", "listen-people", "listen-coap", "listen-coaps", "coap-host", "coap-ca", "coap-proxy-origins", "coap-proxy-map", "coap-add-devices", "device-ca", "device-crl", "gateway-token-file", "insecure-http"]],
];

function words(setting: Setting): string {
  if (setting.value === null) return t.settings.secret;
  if (setting.value === "") return t.settings.none;
  const n = Number(setting.value);
  if (/-bytes-max$|^download-rate$|body-max$/.test(setting.name)) return n === 0 && setting.name === "patch-image-bytes-max" ? t.settings.noPatches : n === 0 ? t.settings.noLimit : bytes(n) + (setting.name === "download-rate" ? "/s" : "");
  if (/-s$/.test(setting.name)) return duration(n * 1000);
  if (/-days$/.test(setting.name)) return counted(n, "day");
  return setting.value;
}

export function SettingsPage(): JSX.Element {
  const session = useSession();
  const server = useResource<ServerInfo>(session.can("settings") ? "/api/v1/server" : null, { every: 60_000 });
  const known = new Set(PARTS.flatMap(([, names]) => names));
  const rest = (server.data?.settings ?? []).filter((one) => !known.has(one.name)).map((one) => one.name);
  const polling = server.data?.settings.find((one) => one.name === "poll-s");
  const sections: [string, string][] = [["types", t.settings.types], ["webhooks", t.settings.webhooks], ...(["contact", "ways", "consent"] as const).map((key): [string, string] => [key, t.settings.own.parts[key]]), ...PARTS.map(([key]): [string, string] => [key, t.settings.parts[key]]), ["backup", t.settings.backup], ["versions", t.settings.versions]];
  return (
    <>
      <Say title={t.nav.settings} rest={t.settings.rest} lede={t.settings.lede} />
      <div class="set">
        <nav aria-label={t.nav.settings}>{sections.map(([key, name]) => <a key={key} href={`/settings#${key}`} onClick={(event) => { event.preventDefault(); const at = document.getElementById(key); at?.scrollIntoView(); at?.focus(); }}>{name}</a>)}</nav>
        <div class="stack4">
          <Types />
          <Webhooks />
          <Own devices={server.data?.devices ?? null} file={server.data?.file ?? null} />
          {session.can("settings") ? (
            <Shown of={server} rows={8}>
              {(info) => (
                <>
                  {PARTS.map(([key, names]) => (
                    <Panel key={key} id={key} title={t.settings.parts[key]} caption={t.settings.partHints[key as keyof typeof t.settings.partHints]}>
                      {key === "polling" && polling ? <div class="srow"><div><h3>{t.settings.load}</h3><p class="p">{t.settings.loadHint}</p></div><p><b>{t.settings.polls(info.devices / Math.max(1, Number(polling.value)))}</b> {t.settings.fromDevices(info.devices)}</p></div> : null}
                      {key === "storage" && info.storage ? (
                        <div class="srow">
                          <div><h3>{t.settings.room}</h3><p class="p">{t.settings.roomHint}</p></div>
                          <div class="stack">
                            <Bar segments={[{ cls: "b-v1", value: info.storage.size - info.storage.free, label: t.settings.used }]} total={info.storage.size} />
                            <p class="s">{t.settings.free(bytes(info.storage.free), bytes(info.storage.size))}</p>
                          </div>
                        </div>
                      ) : null}
                      <Rows settings={info.settings} names={names} file={info.file} />
                    </Panel>
                  ))}
                  <Panel title={t.settings.more}><Rows settings={info.settings} names={rest} file={info.file} /></Panel>
                  <Panel id="backup" title={t.settings.backup}>
                    <div class="in stack3">
                      <p class="s dim">{t.settings.backupText}</p>
                      <Command text={`updraftd backup /backups/${isoDay(Date.now())} --config ${quoted(info.file ?? "/etc/updraftd.ini")}`} />
                      <Command text={`updraftd check --config ${quoted(info.file ?? "/etc/updraftd.ini")}`} />
                    </div>
                  </Panel>
                  <Panel id="versions" title={t.settings.versions}>
                    <div class="in">
                      <dl class="dl">
                        <dt>updraftd</dt><dd>{info.version}, Apache-2.0, {t.settings.everything}</dd>
                        <dt>{t.settings.store}</dt><dd>{info.store === "postgresql" ? "PostgreSQL" : "SQLite"}</dd>
                        <dt>API</dt><dd><a href="/api/v1/openapi.json" target="_blank" rel="noreferrer">{t.settings.openapi}</a>, {t.settings.hawkbit}</dd>
                        <dt>{t.settings.thirdParty}</dt><dd>{t.settings.thirdPartyText}</dd>
                      </dl>
                    </div>
                  </Panel>
                </>
              )}
            </Shown>
          ) : (
            <section class="panel"><Blank icon="lock" title={t.settings.no}><p>{t.security.auditNoHint}</p></Blank></section>
          )}
        </div>
      </div>
    </>
  );
}

const isoDay = (at: number): string => new Date(at).toISOString().slice(0, 10);
/** One word of a shell. */
const quoted = (text: string): string => (/^[\w./-]+$/.test(text) ? text : `'${text.replace(/'/g, "'\\''")}'`);

/** What is of the server's file: its key, where it may stand, and what counts without it. */
function Rows({ settings, names, file }: { settings: Setting[]; names: string[]; file: string | null }): JSX.Element {
  return (
    <>
      {names.map((name) => {
        const one = settings.find((setting) => setting.name === name);
        if (!one) return null;
        return (
          <div key={name} class="srow">
            <div><h3>{name} <span class="tag" title={t.settings.lockHint}><Icon name="lock" small /> {t.settings.file}</span></h3><p class="p">{one.help}</p><p class="xs faint mono kv">{t.settings.where(name, file)}</p></div>
            <div><span class="mono kv"><T v={words(one)} /></span>{one.value !== null && one.value !== one.initial ? <p class="xs faint">{t.settings.initially(one.initial || t.settings.none)}</p> : null}</div>
          </div>
        );
      })}
    </>
  );
}

function Types(): JSX.Element {
  const session = useSession();
  const list = useResource<Page<DeviceType>>("/api/v1/device-types?limit=500", { events: changed });
  const [adding, setAdding] = useState(false);
  const [name, setName] = useState("");
  const [foreign, setForeign] = useState(false);
  return (
    <Panel id="types" title={t.settings.types} caption={t.settings.typesHint} right={<Btn small icon="plus" why={session.needsWhole("settings")} onClick={() => setAdding(true)}>{t.settings.addType}</Btn>}>
      <Shown of={list} rows={2}>
        {(page) => page.content.length === 0 ? <div class="in s dim">{t.settings.noTypes}</div> : (
          <table class="tbl tight"><tbody>{page.content.map((one) => <tr key={one.name}><td><b class="w550"><T v={one.name} /></b></td><td>{one.foreign ? <St tone="warn" glyph="claimed" word={t.release.foreign} /> : <St tone="ok" glyph="confirmed" word={t.settings.signedOnly} />}</td><td class="num"><When at={one.createdAt} /></td></tr>)}</tbody></table>
        )}
      </Shown>
      {adding ? (
        <Dialog title={t.settings.addType} safe={t.cancel} go={t.settings.addIt} why={name.trim() === "" ? t.addDevice.needsName : null} close={() => setAdding(false)} done={() => { setAdding(false); setName(""); list.reload(); }} run={() => send("POST", "/api/v1/device-types", { name: name.trim(), foreign })}>
          <div class="stack3">
            <Input label={t.security.name} value={name} onInput={setName} max={64} />
            <Check label={t.settings.foreignType} on={foreign} onChange={setForeign} />
            {foreign ? <Note tone="warn" glyph="warn">{t.settings.foreignWarn}</Note> : null}
          </div>
        </Dialog>
      ) : null}
    </Panel>
  );
}

function Webhooks(): JSX.Element | null {
  const session = useSession();
  const list = useResource<Page<Webhook>>(session.can("settings") ? "/api/v1/webhooks" : null, { events: changed, every: 30_000 });
  const [dialog, open] = useState<"" | "add" | Webhook>("");
  const [address, setAddress] = useState("");
  const [secret, setSecret] = useState<string | null>(null);
  if (!session.can("settings")) return null;
  return (
    <Panel id="webhooks" title={t.settings.webhooks} right={<Btn small icon="plus" onClick={() => open("add")}>{t.settings.addHook}</Btn>} footer={t.settings.hooksFoot}>
      <Shown of={list} rows={2}>
        {(page) => page.content.length === 0 ? <div class="in s dim">{t.settings.noHooks}</div> : (
          <div class="scroll" tabIndex={0}>
            <table class="tbl keep">
              <tbody>
                {page.content.map((one) => (
                  <tr key={one.id}>
                    <td>{one.failures > 0 ? <St tone="bad" glyph="failed" word={t.settings.fails(one.failures)} /> : <St tone="ok" glyph="confirmed" word={t.settings.works} />}</td>
                    <td class="kv"><T v={one.url} /></td>
                    <td class="s dim"><T v={one.error ?? t.settings.sentTo(one.sent)} /></td>
                    <td class="num"><Btn small kind="danger" onClick={() => open(one)}>{t.security.removeKey}</Btn></td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
      </Shown>
      {dialog === "add" ? (
        <Dialog title={t.settings.addHook} note={t.settings.addHookNote} safe={t.cancel} go={t.settings.addIt} why={/^https:\/\//.test(address) ? null : t.settings.needsHttps} close={() => open("")} done={() => { open(""); setAddress(""); list.reload(); }}
          run={async () => setSecret((await send<{ secret: string }>("POST", "/api/v1/webhooks", { url: address })).secret)}>
          <Input label={t.settings.address} value={address} onInput={setAddress} mono placeholder="https://" />
        </Dialog>
      ) : null}
      {typeof dialog === "object" ? (
        <Dialog title={t.settings.removeHook} tone="bad" glyph="stopped" kill safe={t.cancel} go={t.settings.removeHookGo} lines={[{ n: 1, text: <T v={dialog.url} /> }]} close={() => open("")} done={() => { open(""); toast({ tone: "ok", text: t.settings.hookRemoved }); list.reload(); }} run={() => send("DELETE", `/api/v1/webhooks/${dialog.id}`)} />
      ) : null}
      {secret ? (
        <Modal label="hook-secret" close={() => setSecret(null)}>
          <div class="dlg">
            <header><div><h2 id="hook-secret">{t.settings.hookSecret}</h2><p class="s dim">{t.addDevice.once}</p></div></header>
            <div class="in"><Command text={secret} /><Note tone="plain" icon="key">{t.settings.hookSecretHint}</Note></div>
            <footer><Btn autofocus onClick={() => setSecret(null)}>{t.done}</Btn></footer>
          </div>
        </Modal>
      ) : null}
    </Panel>
  );
}
