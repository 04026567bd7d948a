// What a device proves itself with on the LwM2M road, and what it says it can do.
import type { JSX } from "preact";
import { useRef, useState } from "preact/hooks";
import { send, useResource, type Page } from "../api";
import type { LiveEvent } from "../live";
import type { Lwm2mKey, Properties } from "../model";
import { useSession } from "../session";
import { t } from "../strings";
import { Btn, Command, Digest, Field, Input, Note, Panel, Select, Shown, T, When } from "../ui/base";
import { Dialog, Modal } from "../ui/dialog";
import { toast } from "../ui/toast";

type Events = (event: LiveEvent) => boolean;
type Mode = "psk" | "rpk" | "x509" | "oscore";

export function Credentials({ path, events, kid }: { path: string; events: Events; kid: string | null }): JSX.Element {
  const session = useSession();
  const list = useResource<Page<Lwm2mKey>>(`${path}/lwm2m-keys`, { events });
  const [dialog, open] = useState<"" | "add" | Lwm2mKey>("");
  const [made, setMade] = useState("");
  const after = (words: string) => (): void => {
    open("");
    toast({ tone: "ok", text: words });
    list.reload();
  };
  return (
    <Panel title={t.credentials.title} right={<Btn small icon="plus" why={session.needs("devices")} onClick={() => open("add")}>{t.credentials.add}</Btn>}>
      <div class="in stack3">
        <dl class="dl"><dt>{t.credentials.reports}</dt><dd>{kid ? <Digest hex={kid} /> : t.device.keyless}</dd></dl>
        <Shown of={list} rows={1}>
          {(page) => (
            <ul class="stack s" aria-label={t.credentials.lwm2m}>
              {page.content.map((one) => (
                <li key={one.id} class="row">
                  <span class="grow kv"><b>{t.credentials.modes[one.mode]}</b> {one.identity ? <code><T v={one.identity} /></code> : one.kid ? <code>{one.kid}</code> : one.spki ? <Digest hex={one.spki} first={6} /> : null}
                    {one.bootstrap === "no" ? null : <span class="dim"> {t.credentials.bootstraps[one.bootstrap]}</span>} <span class="faint xs"><When at={one.createdAt} /></span></span>
                  <Btn small kind="danger" why={session.needs("devices")} onClick={() => open(one)}>{t.security.removeKey}</Btn>
                </li>
              ))}
              {page.content.length === 0 ? <li class="dim">{t.credentials.none}</li> : null}
            </ul>
          )}
        </Shown>
      </div>
      {dialog === "add" ? <AddKey path={path} close={() => open("")} done={(secret) => { after(t.credentials.added)(); setMade(secret); }} /> : null}
      {typeof dialog === "object" ? (
        <Dialog title={t.credentials.removeTitle} tone="bad" glyph="stopped" kill safe={t.cancel} go={t.credentials.removeGo} lines={[{ n: 1, text: t.credentials.removeLine }]} close={() => open("")}
          done={after(t.credentials.removed)} run={() => send("DELETE", `${path}/lwm2m-keys/${dialog.id}`)} />
      ) : null}
      {made ? (
        <Modal label="made-key" close={() => setMade("")}>
          <div class="dlg">
            <header><div><h2 id="made-key">{t.credentials.secret}</h2><p class="s dim">{t.addDevice.once}</p></div></header>
            <div class="in"><Command text={made} /><Note tone="plain" icon="key">{t.credentials.secretHint}</Note></div>
            <footer><Btn autofocus onClick={() => setMade("")}>{t.done}</Btn></footer>
          </div>
        </Modal>
      ) : null}
    </Panel>
  );
}

function AddKey({ path, close, done }: { path: string; close: () => void; done: (secret: string) => void }): JSX.Element {
  const [mode, setMode] = useState<Mode>("psk");
  const [name, setName] = useState("");
  const [server, setServer] = useState("");
  const [pem, setPem] = useState("");
  const [bootstrap, setBootstrap] = useState("no");
  const secret = useRef("");
  const hex = /^([0-9a-f]{2}){1,7}$/;
  const why = mode === "psk" ? (name.trim() ? null : t.credentials.needsIdentity) : mode === "oscore" ? (hex.test(name) && hex.test(server) ? null : t.credentials.needsIds) : pem.includes("-----BEGIN") ? null : t.credentials.needsPem;
  const body = (): Record<string, unknown> => ({
    mode, ...(mode === "psk" ? { identity: name.trim(), bootstrap } : mode === "oscore" ? { kid: name, serverId: server } : mode === "rpk" ? { key: pem } : { certificate: pem }),
  });
  return (
    <Dialog title={t.credentials.addTitle} note={t.credentials.addNote} safe={t.cancel} go={t.credentials.addGo} why={why} close={close} done={() => done(secret.current)}
      run={async () => { secret.current = (await send<{ key?: string }>("POST", `${path}/lwm2m-keys`, body())).key ?? ""; }}>
      <div class="stack3">
        <Select label={t.credentials.mode} value={mode} onChange={(next) => setMode(next as Mode)} options={(["psk", "rpk", "x509", "oscore"] as const).map((one) => [one, t.credentials.modes[one]])} />
        {mode === "psk" ? (
          <>
            <Input label={t.credentials.identity} value={name} onInput={setName} max={128} mono />
            <Select label={t.credentials.bootstrap} value={bootstrap} onChange={setBootstrap} options={(["no", "renew", "once"] as const).map((one) => [one, t.credentials.bootstraps[one]])} />
          </>
        ) : mode === "oscore" ? (
          <div class="cards2">
            <Input label={t.credentials.kid} value={name} onInput={setName} mono hint={t.credentials.idHint} />
            <Input label={t.credentials.serverId} value={server} onInput={setServer} mono hint={t.credentials.idHint} />
          </div>
        ) : (
          <Field label={mode === "rpk" ? t.addDevice.key : t.credentials.certificate}>{(props) => <textarea {...props} class="inp" value={pem} spellcheck={false} onInput={(event) => setPem(event.currentTarget.value)} />}</Field>
        )}
      </div>
    </Dialog>
  );
}

/** By its newest signed reports: the components that run, and what its manifests may ask of it. */
export function Abilities({ path, events }: { path: string; events: Events }): JSX.Element | null {
  const read = useResource<Properties>(`${path}/properties`, { events });
  const can = read.data?.capabilities;
  const claims = read.data?.claims ?? [];
  if (!can && claims.length < 2) return null; // one component stands under "What runs"
  return (
    <Panel title={t.abilities.title} caption={read.data?.capabilitiesAt ? <When at={read.data.capabilitiesAt} /> : undefined}>
      <div class="in stack3">
        {claims.length > 1 ? (
          <ul class="s stack" aria-label={t.abilities.components}>
            {claims.map((one) => <li key={one.component} class="row"><span class="grow"><T v={one.component} /></span><b><T v={one.version} /></b><Digest hex={one.digest} first={6} /></li>)}
          </ul>
        ) : null}
        {can ? (
          <details class="s">
            <summary>{t.abilities.more}</summary>
            <dl class="dl">
              {(["commands", "parameters", "algorithms"] as const).map((key) => <><dt>{t.abilities[key]}</dt><dd class="kv"><T v={can[key].join(", ")} /></dd></>)}
            </dl>
          </details>
        ) : null}
      </div>
    </Panel>
  );
}
