import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { all, send, useResource, type Page } from "../api";
import { verify, type Verdict } from "../audit";
import { count, csvCell } from "../format";
import type { Anchor, AuditEntry, Tenant, Token, User } from "../model";
import { setQuery, url, usePlace } from "../router";
import { useSession } from "../session";
import { t } from "../strings";
import { Blank, Btn, Check, Command, Digest, ErrorBlock, Field, Input, Note, Pager, Panel, Select, Shown, St, T, When } from "../ui/base";
import { Dialog, Modal } from "../ui/dialog";
import { SaysHead, useSays } from "../ui/says";
import { toast } from "../ui/toast";
import { download } from "./devices";

const ROLES = ["viewer", "author", "approver", "operator", "trust", "administrator", "owner"];
const changed = (event: { kind: string }): boolean => event.kind === "change";

export function SecurityPage(): JSX.Element {
  const here = usePlace();
  const tab = here.query.get("tab") ?? "keys";
  const says = useSays("security", changed);
  const tabs: [string, string][] = [["keys", t.security.keys], ["refused", t.security.refused], ["audit", t.security.audit], ["people", t.security.people], ["tokens", t.security.tokens], ["tenants", t.security.tenants]];
  return (
    <>
      <SaysHead says={says} fallback={t.nav.security} />
      <nav class="tabs" aria-label={t.security.parts}>
        {tabs.map(([key, words]) => <a key={key} href={`/security?tab=${key}`} aria-current={tab === key ? "page" : undefined}>{words}</a>)}
      </nav>
      {tab === "keys" ? <Keys /> : tab === "refused" ? <RefusedReports /> : tab === "audit" ? <Audit /> : tab === "people" ? <People /> : tab === "tokens" ? <Tokens /> : <Tenants />}
    </>
  );
}

function Keys(): JSX.Element {
  const session = useSession();
  const list = useResource<Page<Anchor>>("/api/v1/anchors?limit=500", { events: changed });
  const policy = useResource<{ approvals: number }>("/api/v1/policy", { events: changed });
  const [dialog, open] = useState<"" | "add" | "policy" | Anchor>("");
  const [name, setName] = useState("");
  const [key, setKey] = useState("");
  const [weight, setWeight] = useState("1");
  const [approvals, setApprovals] = useState("");
  const done = (text: string) => (): void => {
    open("");
    toast({ tone: "ok", text });
    list.reload();
    policy.reload();
  };
  return (
    <div class="grid">
      <div class="c8">
        <Panel title={t.security.anchors} caption={<span class="hide-s">{t.security.anchorsHint}</span>} right={<Btn small icon="plus" why={session.needsWhole("trust")} onClick={() => open("add")}>{t.security.addKey}</Btn>} footer={t.security.anchorsFoot}>
          <Shown of={list}>
            {(page) => page.content.length === 0 ? <Blank icon="key" title={t.security.noAnchors}><p>{t.security.noAnchorsHint}</p></Blank> : (
              <div class="scroll" tabIndex={0}>
                <table class="tbl">
                  <thead><tr><th>{t.security.name}</th><th>{t.security.keyId}</th><th class="num">{t.security.weight}</th><th class="num">{t.device.added}</th><th class="num" /></tr></thead>
                  <tbody>
                    {page.content.map((one) => (
                      <tr key={one.kid}>
                        <td><b class="w550"><T v={one.name} /></b></td>
                        <td><Digest hex={one.kid} /></td>
                        <td class="num">{one.weight}</td>
                        <td class="num"><When at={one.createdAt} /></td>
                        <td class="num"><Btn small kind="danger" why={session.needsWhole("trust")} onClick={() => open(one)}>{t.security.removeKey}</Btn></td>
                      </tr>
                    ))}
                  </tbody>
                </table>
              </div>
            )}
          </Shown>
        </Panel>
      </div>
      <div class="c4 stack4">
        <Panel title={t.security.policy} right={<Btn small why={session.needsWhole("settings")} onClick={() => { setApprovals(String(policy.data?.approvals ?? 0)); open("policy"); }}>{t.security.changeIt}</Btn>}>
          <Shown of={policy}>
            {(one) => <div class="in stack3"><p class="ver">{one.approvals}</p><p class="s dim">{one.approvals === 0 ? t.security.policyNone : t.security.policyText(one.approvals)}</p></div>}
          </Shown>
        </Panel>
        <Panel title={t.security.devicesTrust}><div class="in s dim">{t.security.devicesTrustText}</div></Panel>
      </div>
      {dialog === "add" ? (
        <Dialog title={t.security.addKeyTitle} note={t.security.addKeyNote} glyph="approval" safe={t.cancel} go={t.security.addKeyGo} why={name.trim() === "" || !key.includes("PUBLIC KEY") ? t.security.needsKey : null}
          close={() => open("")} done={done(t.security.keyAdded)} run={() => send("POST", "/api/v1/anchors", { name: name.trim(), key, weight: Number(weight) || 1 })}>
          <div class="stack3">
            <Input label={t.security.name} value={name} onInput={setName} max={64} />
            <Field label={t.addDevice.key} hint={t.security.keyHint}>{(props) => <textarea {...props} class="inp" value={key} spellcheck={false} onInput={(event) => setKey(event.currentTarget.value)} />}</Field>
            <Input label={t.security.weight} value={weight} onInput={setWeight} hint={t.security.weightHint} />
          </div>
        </Dialog>
      ) : null}
      {dialog === "policy" ? (
        <Dialog title={t.security.policyTitle} safe={t.cancel} go={t.save} lines={[{ n: approvals, text: t.security.policyLine }]} close={() => open("")} done={done(t.security.policySaved)} run={() => send("PUT", "/api/v1/policy", { approvals: Number(approvals) || 0 })}>
          <Select label={t.security.approvals} value={approvals} onChange={setApprovals} options={[0, 1, 2, 3, 4, 5].map((n): [string, string] => [String(n), String(n)])} />
        </Dialog>
      ) : null}
      {typeof dialog === "object" ? (
        <Dialog title={t.security.removeKeyTitle(dialog.name)} tone="bad" glyph="stopped" kill safe={t.cancel} go={t.security.removeKeyGo} lines={[{ n: 1, text: t.security.removeKeyLine }, { n: 0, text: t.security.removeKeyDevices }]}
          close={() => open("")} done={done(t.security.keyRemoved)} run={() => send("DELETE", `/api/v1/anchors/${dialog.kid}`)} />
      ) : null}
    </div>
  );
}

interface RefusedReport {
  device: string;
  error: string;
  message: string;
  remedy: string;
  times: number;
  first: number;
  last: number;
  bytes: string;
}

function RefusedReports(): JSX.Element {
  const here = usePlace();
  const offset = Math.max(0, Number(here.query.get("offset") ?? 0) || 0);
  const list = useResource<Page<RefusedReport>>(`/api/v1/refused-reports?limit=50&offset=${offset}`, { every: 30_000, keep: true });
  return (
    <Panel title={t.security.refusedTitle} caption={t.security.refusedHint} footer={list.data && list.data.total > 0 ? <Pager offset={offset} size={list.data.content.length} total={list.data.total} limit={50} onPage={(next) => setQuery({ offset: next > 0 ? String(next) : null })} /> : undefined}>
      <Shown of={list}>
        {(page) => page.content.length === 0 ? <div class="in s dim">{t.security.noRefused}</div> : (
          <div class="scroll" tabIndex={0}>
            <table class="tbl keep">
              <thead><tr><th /><th>{t.rollout.cause}</th><th>{t.devices.device}</th><th class="hide-s">{t.rollout.youCan}</th><th class="num">{t.security.times}</th><th class="num">{t.security.last}</th></tr></thead>
              <tbody>
                {page.content.map((one) => (
                  <tr key={one.device + one.error}>
                    <td class="w20"><St tone="bad" glyph="failed" title={t.state.refused} /></td>
                    <td class="two"><b><T v={one.message} /></b><small class="mono">{one.error}</small></td>
                    <td class="mono"><a href={url("devices", one.device)}><T v={one.device} /></a></td>
                    <td class="s hide-s"><T v={one.remedy} /></td>
                    <td class="num">{count(one.times)}</td>
                    <td class="num"><When at={one.last} /></td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
      </Shown>
    </Panel>
  );
}

/** "POST /api/v1/rollouts/{id}/start" in words; else as it stands. */
function deedOf(entry: AuditEntry): { words: string; path: string[] } {
  let path: string[] = [];
  try {
    const detail = JSON.parse(entry.detail) as { path?: unknown };
    if (Array.isArray(detail.path)) path = detail.path.map(String);
  } catch {
    /* shown as it stands */
  }
  return { words: t.security.deeds[entry.what] ?? entry.what, path };
}

function Audit(): JSX.Element {
  const here = usePlace();
  const session = useSession();
  const [verdict, setVerdict] = useState<Verdict | null>(null);
  const [at, setAt] = useState<[number, number] | null>(null);
  const total = useResource<Page<AuditEntry>>(session.can("audit") ? "/api/v1/audit?limit=1" : null, { events: changed });
  const n = total.data?.total ?? 0;
  const offset = Math.max(0, Number(here.query.get("offset") ?? 0) || 0);
  const size = Math.max(0, Math.min(50, n - offset));
  const list = useResource<Page<AuditEntry>>(total.data && size > 0 ? `/api/v1/audit?offset=${Math.max(0, n - offset - size)}&limit=${size}` : null, { keep: true });
  if (!session.can("audit")) return <section class="panel"><Blank icon="lock" title={t.security.auditNo}><p>{t.security.auditNoHint}</p></Blank></section>;
  const rows = [...(list.data?.content ?? [])].reverse();
  const check = (): void => {
    setVerdict(null);
    setAt([0, n]);
    verify((done, of) => setAt([done, of])).then(setVerdict, () => toast({ tone: "bad", text: t.security.notChecked })).finally(() => setAt(null));
  };
  const save = async (): Promise<void> => {
    const entries = await all<AuditEntry>("/api/v1/audit", 1_000_000);
    download("audit.jsonl", entries.map((one) => JSON.stringify(one)).join("\n") + "\n", "application/x-ndjson");
  };
  return (
    <div class="grid">
      <div class="c8">
        <Panel title={t.security.auditTitle(n)} footer={<Pager offset={offset} size={rows.length} total={n} limit={50} onPage={(next) => setQuery({ offset: next > 0 ? String(next) : null })} />}>
          {total.error ? <ErrorBlock error={total.error} retry={total.reload} /> : null}
          <ol>
            {rows.map((one) => {
              const deed = deedOf(one);
              return (
                <li key={one.n} class="auditrow">
                  <span class="faint"><When at={one.at} /></span>
                  <span><b class="w550"><T v={one.who} /></b> <T v={deed.words} /> {deed.path.map((part) => <><code><T v={part} /></code> </>)}</span>
                  <span class="mono faint" title={one.hash}>{one.n} · {one.hash.slice(0, 6)}…</span>
                </li>
              );
            })}
          </ol>
        </Panel>
      </div>
      <div class="c4">
        <Panel title={t.security.proof}>
          <div class="in stack3">
            {verdict ? (
              <Note tone={verdict.holds ? "ok" : "bad"} glyph={verdict.holds ? "confirmed" : "failed"} role="status">
                <b>{verdict.holds ? t.security.unbroken(verdict.entries) : t.security.broken(verdict.brokenAt ?? 0)}</b>
                <dl class="dl">
                  <dt>{t.security.head}</dt><dd><Digest hex={verdict.head} /></dd>
                  <dt>{t.security.took}</dt><dd>{(verdict.took / 1000).toFixed(1)}&nbsp;s</dd>
                </dl>
              </Note>
            ) : <p class="s dim">{at ? t.security.checking(at[0], at[1]) : t.security.proofHint}</p>}
            <div class="row wrap">
              <Btn small icon="refresh" busy={at !== null} onClick={check}>{t.security.check}</Btn>
              <Btn small icon="download" onClick={() => void save()}>{t.devices.export}</Btn>
            </div>
            <Command text="updraft audit verify" />
          </div>
        </Panel>
      </div>
    </div>
  );
}

function Secret({ title, secret, hint, close }: { title: string; secret: string; hint: string; close: () => void }): JSX.Element {
  return (
    <Modal label="secret" close={close}>
      <div class="dlg">
        <header><div><h2 id="secret">{title}</h2><p class="s dim">{t.addDevice.once}</p></div></header>
        <div class="in"><Command text={secret} /><Note tone="plain" icon="key">{hint}</Note></div>
        <footer><Btn autofocus onClick={close}>{t.done}</Btn></footer>
      </div>
    </Modal>
  );
}

function Roles({ roles, set }: { roles: string[]; set: (roles: string[]) => void }): JSX.Element {
  const both = roles.includes("author") && roles.includes("operator");
  return (
    <fieldset class="field">
      <legend class="lab">{t.security.roles}</legend>
      <div class="stack">
        {ROLES.map((role) => <Check key={role} on={roles.includes(role)} onChange={(on) => set(on ? [...roles, role] : roles.filter((one) => one !== role))} label={<><b>{role}</b> <span class="dim">{t.security.roleText[role as keyof typeof t.security.roleText]}</span></>} />)}
      </div>
      {both ? <span class="hint badc" role="alert">{t.security.separation}</span> : null}
    </fieldset>
  );
}

function People(): JSX.Element {
  const session = useSession();
  const list = useResource<Page<User>>(session.can("people") ? "/api/v1/users?limit=500" : null, { events: changed });
  const [dialog, open] = useState<"" | "add" | { edit: User } | { remove: User }>("");
  const [name, setName] = useState("");
  const [roles, setRoles] = useState<string[]>([]);
  const [group, setGroup] = useState("");
  const [password, setPassword] = useState("");
  const [service, setService] = useState(false);
  const [disabled, setDisabled] = useState(false);
  if (!session.can("people")) return <section class="panel"><Blank icon="lock" title={t.security.peopleNo}><p>{t.security.auditNoHint}</p></Blank></section>;
  const begin = (user: User | null): void => {
    setName(user?.name ?? "");
    setRoles(user?.roles ?? ["viewer"]);
    setGroup(user?.group ?? "");
    setPassword("");
    setService(user?.service ?? false);
    setDisabled(user?.disabled ?? false);
    open(user ? { edit: user } : "add");
  };
  const done = (text: string) => (): void => {
    open("");
    toast({ tone: "ok", text });
    list.reload();
  };
  return (
    <Panel title={t.security.people} caption={t.security.peopleHint} right={<Btn small icon="plus" onClick={() => begin(null)}>{t.security.addPerson}</Btn>} footer={t.security.peopleFoot}>
      <Shown of={list}>
        {(page) => (
          <div class="scroll" tabIndex={0}>
            <table class="tbl keep">
              <thead><tr><th>{t.security.name}</th><th>{t.security.roles}</th><th class="hide-s">{t.security.devices}</th><th class="hide-s">{t.security.signsIn}</th><th class="num" /></tr></thead>
              <tbody>
                {page.content.map((one) => (
                  <tr key={one.name}>
                    <td><b class="w550"><T v={one.name} /></b> {one.disabled ? <span class="tag b">{t.security.disabled}</span> : null} {one.service ? <span class="tag">{t.security.service}</span> : null}</td>
                    <td>{one.roles.join(", ")}</td>
                    <td class="hide-s"><T v={one.group ?? t.security.allDevices} /></td>
                    <td class="hide-s">{one.service ? t.security.byTokens : one.subject ? t.security.byProvider : t.signIn.byPassword}</td>
                    <td class="num"><div class="row acts"><Btn small onClick={() => begin(one)}>{t.security.changeIt}</Btn><Btn small kind="danger" why={one.name === session.me.name ? t.security.notSelf : null} onClick={() => open({ remove: one })}>{t.security.removeKey}</Btn></div></td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
      </Shown>
      {dialog === "add" || (typeof dialog === "object" && "edit" in dialog) ? (
        <Dialog title={dialog === "add" ? t.security.addPerson : t.security.changePerson(name)} safe={t.cancel} go={t.save} why={name.trim() === "" ? t.addDevice.needsName : roles.length === 0 ? t.security.needsRole : null} close={() => open("")}
          done={done(dialog === "add" ? t.security.personAdded : t.security.personChanged)}
          run={() => dialog === "add"
            ? send("POST", "/api/v1/users", { name: name.trim(), roles, service, ...(group ? { group } : {}), ...(service || !password ? {} : { password }) })
            : send("PUT", `/api/v1/users/${encodeURIComponent(name)}`, { roles, group, disabled, ...(password ? { password } : {}) })}>
          <div class="stack3">
            {dialog === "add" ? <Input label={t.security.name} value={name} onInput={setName} max={64} /> : <Note tone="plain" icon="user">{t.security.endsSessions}</Note>}
            <Roles roles={roles} set={setRoles} />
            <Input label={t.security.group} value={group} onInput={setGroup} hint={t.security.groupHint} />
            {dialog === "add" ? <Check label={t.security.isService} on={service} onChange={setService} /> : <Check label={t.security.isDisabled} on={disabled} onChange={setDisabled} />}
            {service ? null : <Input label={t.signIn.password} type="password" value={password} onInput={setPassword} autocomplete="new-password" hint={dialog === "add" ? t.security.passwordHint : t.security.passwordKeep} />}
          </div>
        </Dialog>
      ) : null}
      {typeof dialog === "object" && "remove" in dialog ? (
        <Dialog title={t.security.removePersonTitle(dialog.remove.name)} tone="bad" glyph="stopped" kill safe={t.cancel} go={t.security.removePersonGo} lines={[{ n: 1, text: t.security.removePersonLine }]} close={() => open("")}
          done={done(t.security.personRemoved)} run={() => send("DELETE", `/api/v1/users/${encodeURIComponent(dialog.remove.name)}`)} />
      ) : null}
    </Panel>
  );
}

function Tokens(): JSX.Element {
  const session = useSession();
  const list = useResource<Page<Token>>("/api/v1/tokens?limit=500", { events: changed });
  const users = useResource<Page<User>>(session.can("people") ? "/api/v1/users?limit=500" : null);
  const [dialog, open] = useState<"" | "add" | Token>("");
  const [made, setMade] = useState<string | null>(null);
  const [label, setLabel] = useState("");
  const [user, setUser] = useState("");
  const [days, setDays] = useState("90");
  const [roles, setRoles] = useState<string[]>([]);
  return (
    <Panel title={t.security.tokens} caption={t.security.tokensHint} right={<Btn small icon="plus" onClick={() => { setLabel(""); open("add"); }}>{t.security.addToken}</Btn>}>
      <Shown of={list}>
        {(page) => page.content.length === 0 ? <div class="in s dim">{t.security.noTokens}</div> : (
          <div class="scroll" tabIndex={0}>
            <table class="tbl keep">
              <thead><tr><th>{t.security.label}</th><th>{t.security.of}</th><th class="hide-s">{t.security.roles}</th><th class="num">{t.security.ends}</th><th class="num" /></tr></thead>
              <tbody>
                {page.content.map((one) => (
                  <tr key={one.id}>
                    <td><b class="w550"><T v={one.label} /></b></td>
                    <td><T v={one.user} /></td>
                    <td class="hide-s">{one.roles.length >= ROLES.length - 1 ? t.security.allRoles : one.roles.join(", ")}</td>
                    <td class="num">{one.expiresAt === null ? <span class="warnc">{t.security.never}</span> : <When at={one.expiresAt} />}</td>
                    <td class="num"><Btn small kind="danger" onClick={() => open(one)}>{t.security.endIt}</Btn></td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
      </Shown>
      {dialog === "add" ? (
        <Dialog title={t.security.addToken} note={t.security.addTokenNote} safe={t.cancel} go={t.security.makeIt} why={label.trim() === "" ? t.security.needsLabel : null} close={() => open("")} done={() => { open(""); list.reload(); }}
          run={async () => {
            const answer = await send<{ token: string }>("POST", "/api/v1/tokens", { label: label.trim(), days: Number(days), ...(user ? { user } : {}), ...(roles.length > 0 ? { roles } : {}) });
            setMade(answer.token);
          }}>
          <div class="stack3">
            <Input label={t.security.label} value={label} onInput={setLabel} max={64} hint={t.security.labelHint} />
            {users.data ? <Select label={t.security.of} value={user} onChange={setUser} options={[["", t.security.myself], ...users.data.content.filter((one) => one.name !== session.me.name).map((one): [string, string] => [one.name, one.name])]} /> : null}
            <Select label={t.security.lasts} value={days} onChange={setDays} options={[["1", "1\u00a0day"], ["30", "30\u00a0days"], ["90", "90\u00a0days"], ["365", "1\u00a0year"]]} />
            <details class="s"><summary>{t.security.fewer}</summary><Roles roles={roles} set={setRoles} /></details>
          </div>
        </Dialog>
      ) : null}
      {typeof dialog === "object" ? (
        <Dialog title={t.security.endTitle(dialog.label)} tone="bad" glyph="stopped" kill safe={t.cancel} go={t.security.endIt} lines={[{ n: 1, text: t.security.endLine }]} close={() => open("")} done={() => { open(""); toast({ tone: "ok", text: t.security.ended }); list.reload(); }} run={() => send("DELETE", `/api/v1/tokens/${dialog.id}`)} />
      ) : null}
      {made ? <Secret title={t.security.tokenMade} secret={made} hint={t.security.tokenHint} close={() => setMade(null)} /> : null}
    </Panel>
  );
}

function Tenants(): JSX.Element {
  const session = useSession();
  const list = useResource<Page<Tenant>>(session.can("tenants") ? "/api/v1/tenants?limit=500" : null, { events: changed });
  const [adding, setAdding] = useState(false);
  const [name, setName] = useState("");
  const [made, setMade] = useState<{ name: string; token: string } | null>(null);
  if (!session.can("tenants")) return <section class="panel"><Blank icon="lock" title={t.security.tenantsNo}><p>{t.security.auditNoHint}</p></Blank></section>;
  return (
    <Panel title={t.security.tenants} caption={t.security.tenantsHint} right={<Btn small icon="plus" onClick={() => setAdding(true)}>{t.security.addTenant}</Btn>}>
      <Shown of={list}>
        {(page) => (
          <table class="tbl">
            <thead><tr><th>{t.security.name}</th><th class="num">{t.security.approvals}</th></tr></thead>
            <tbody>{page.content.map((one) => <tr key={one.name}><td><b class="w550"><T v={one.name} /></b></td><td class="num">{one.approvals ?? 0}</td></tr>)}</tbody>
          </table>
        )}
      </Shown>
      {adding ? (
        <Dialog title={t.security.addTenant} note={t.security.addTenantNote} safe={t.cancel} go={t.security.makeIt} why={name.trim() === "" ? t.addDevice.needsName : null} close={() => setAdding(false)} done={() => { setAdding(false); list.reload(); }}
          run={async () => setMade(await send<{ name: string; token: string }>("POST", "/api/v1/tenants", { name: name.trim() }))}>
          <Input label={t.security.name} value={name} onInput={setName} max={64} />
        </Dialog>
      ) : null}
      {made ? <Secret title={t.security.tenantMade(made.name)} secret={made.token} hint={t.security.tenantToken} close={() => setMade(null)} /> : null}
    </Panel>
  );
}

export { csvCell };
