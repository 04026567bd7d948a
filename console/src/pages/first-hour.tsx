import type { JSX } from "preact";
import { releaseName } from "../format";
import { useState } from "preact/hooks";
import { send, useResource, type Page } from "../api";
import type { Anchor, Device, Release, Server, User } from "../model";
import { url } from "../router";
import { useSession } from "../session";
import { t } from "../strings";
import { Btn, Command, Icon, Input, Loading, Note, Panel, Refused, Say, T, useDeed } from "../ui/base";

const any = (event: { kind: string }): boolean => event.kind === "action" || event.kind === "change";

/** Five steps; what is done is seen on the server, also when it was done on a command line. */
export function FirstHourPage(): JSX.Element {
  const session = useSession();
  const people = useResource<Page<User>>(session.can("people") ? "/api/v1/users?limit=100" : null, { events: any });
  const anchors = useResource<Page<Anchor>>("/api/v1/anchors?limit=5", { events: any });
  const devices = useResource<Page<Device>>("/api/v1/devices?limit=50", { events: any, every: 5000 });
  const releases = useResource<Page<Release>>("/api/v1/releases?limit=50", { events: any });
  const signed = (releases.data?.content ?? []).filter((one) => !one.foreign);
  const reporting = devices.data?.content.find((one) => one.running);
  const updated = devices.data?.content.find((one) => one.running?.release);
  const person = people.data?.content.find((one) => !one.service);
  const done = [person !== undefined || !session.can("people"), (anchors.data?.total ?? 0) > 0, reporting !== undefined, signed.length > 0, updated !== undefined];
  const now = done.indexOf(false);
  const count = done.filter(Boolean).length;
  const made = useCommands(session.can("settings"));
  const newest = signed[signed.length - 1];
  const step = (at: number, title: string, hint: JSX.Element | string, body: JSX.Element | null, time: string): JSX.Element => (
    <li class={done[at] ? "done" : at === now ? "now" : "later"} aria-current={at === now ? "step" : undefined}>
      <span class="n">{done[at] ? <Icon name="check" small /> : at + 1}</span>
      <div class="stack">
        <h2>{title}{done[at] ? <span class="sr"> {t.hour.done}</span> : null}</h2>
        <p class="s dim">{hint}</p>
        {at === now ? body : null}
      </div>
      <div class="s faint nowrap">{done[at] ? "" : time}</div>
    </li>
  );
  return (
    <div class="hourwrap">
      <Say title={t.hour.title} rest={t.hour.rest} lede={t.hour.lede(count)} acts={<Btn kind="quiet" href="/overview">{t.hour.hide}</Btn>} />
      <section class="panel" aria-label={t.nav.firstHour}>
        <ol class="hour">
          {step(0, t.hour.person, person ? <><T v={person.name} /> {t.hour.personDone}</> : t.hour.personHint, <MakePerson />, t.hour.minutes(1))}
          {step(1, t.hour.trust, (anchors.data?.total ?? 0) > 0 ? <>{t.hour.trustDone} <b><T v={anchors.data?.content[0]?.name} /></b></> : t.hour.trustHint,
            <div class="stack">
              <Block text={made?.trust} />
              <p class="s dim">{t.hour.trustWhere}</p>
              <Listening />
            </div>, t.hour.minutes(2))}
          {step(2, t.hour.device, reporting ? <><T v={reporting.name} /> {t.hour.deviceDone}</> : t.hour.deviceHint,
            <div class="stack">
              <Block text={made?.device} />
              <p class="s dim">{t.hour.deviceWhere}</p>
              <Listening />
            </div>, t.hour.minutes(3))}
          {step(3, t.hour.release, newest ? <>{t.hour.releaseDone} <a href={url("releases", newest.id)}><T v={releaseName(newest)} /></a></> : t.hour.releaseHint,
            <div class="stack">
              <Block text={made?.release} />
              <p class="s dim">{t.hour.releaseWhere}</p>
              <div><Btn kind="pri" icon="upload" href="/releases?upload=1" why={session.needs("upload")}>{t.releases.upload}</Btn></div>
              <Listening />
            </div>, t.hour.minutes(1))}
          {step(4, t.hour.watch, updated ? <><a href={url("devices", updated.name)}><T v={updated.name} /></a> {t.hour.watchDone}</> : t.hour.watchHint,
            <div class="stack">
              <div class="row wrap">
                {reporting ? <Btn kind="pri" href={url("devices", reporting.name)}>{t.hour.openDevice}</Btn> : null}
                <Btn href="/rollouts/new" why={session.needsWhole("deploy")}>{t.overview.start}</Btn>
              </div>
              <Listening />
            </div>, t.hour.minutes(4))}
        </ol>
      </section>
      {updated ? (
        <Panel cls="hourbad" title={t.hour.bad} caption={t.hour.badCaption}>
          <div class="in stack">
            <p class="s dim">{t.hour.badText}</p>
            <Block text={made?.bad} />
            <div><Btn href={url("devices", updated.name)}>{t.hour.openDevice}</Btn></div>
          </div>
        </Panel>
      ) : null}
      <div class="grid hourmore">
        <div class="c4"><Panel title={t.hour.hawkbit}><div class="in stack"><p class="s dim">{t.hour.hawkbitText}</p><Command text="updraft import hawkbit --help" /></div></Panel></div>
        <div class="c4"><Panel title={t.hour.demo}><div class="in stack"><p class="s dim">{t.hour.demoText}</p><Command text="make demo KEEP=1" /></div></Panel></div>
        <div class="c4"><Panel title={t.hour.stuck}><div class="in stack"><p class="s dim">{t.hour.stuckText}</p><Command text="updraft why door-1" /></div></Panel></div>
      </div>
    </div>
  );
}

const KIND = "--vendor acme.example --class door-controller";

function word(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replace(/'/g, "'\\''")}'`;
}

/** What is copied into a shell: one block a step, each goes on where the one before it ended. */
export function commandsOf(origin: string, host: string, server: Server | undefined): Record<"trust" | "device" | "release" | "bad", string> {
  const folder = server?.ca ? server.ca.replace(/[^/]*$/, "") : "";
  const ca = server && server.ca === null ? "" : ` \\\n  --ca ${word(`${folder}ca.pem`)}`;
  const devices = server ? /^(https?):.*:(\d+)$/.exec(server.devicesUrl) : null;
  const at = `${devices?.[1] ?? "https"}://${host}:${devices?.[2] ?? "8443"}`;
  const build = (n: number): string[] => [
    `updraft create --image app-${n} ${KIND} \\\n  --sequence ${n} --version ${n}.0 --output app-${n}.suit`,
    `updraft sign app-${n}.suit --key author.key`,
  ];
  return {
    trust: [
      'export PATH="$PWD/build/release:$PATH"',
      "mkdir first-hour && cd first-hour && cp ../build/release/app-[123] .",
      "updraft keygen --output author",
      `updraft login --server ${origin}${ca} \\\n  --token-file ${word(`${folder}admin.token`)}`,
      "updraft anchor add author --key author.pub",
    ].join("\n"),
    device: [
      ...build(1),
      `updraft device init door-1 ${KIND} --anchor author.pub --factory app-1.suit --image app-1 \\\n  --poll 5 --server ${at}${ca}`,
      "updraft device enrol door-1 --folder door-1",
      "updraft-boot door-1 >door-1.log 2>&1 &",
    ].join("\n"),
    release: build(2).join("\n"),
    bad: [...build(3), "updraft publish app-3.suit --payload app-3 --name app --version 3.0"].join("\n"),
  };
}

/** null until it is known what they must say. */
function useCommands(may: boolean): ReturnType<typeof commandsOf> | null {
  const server = useResource<Server>(may ? "/api/v1/server" : null);
  return may && !server.data && !server.error ? null : commandsOf(window.location.origin, window.location.hostname, server.data);
}

function Block({ text }: { text: string | undefined }): JSX.Element {
  return text === undefined ? <Loading rows={3} /> : <Command text={text} />;
}

function Listening(): JSX.Element {
  return <Note tone="plain" icon="refresh" role="status"><b>{t.hour.listening}</b> {t.hour.listeningHint}</Note>;
}

function MakePerson(): JSX.Element {
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const deed = useDeed();
  return (
    <form class="stack3" onSubmit={(event) => {
      event.preventDefault();
      void deed.run(() => send("POST", "/api/v1/users", { name: name.trim(), roles: ["owner"], password }));
    }}>
      <div class="cards2">
        <Input label={t.signIn.name} value={name} onInput={setName} autocomplete="username" required max={64} />
        <Input label={t.signIn.password} value={password} onInput={setPassword} type="password" autocomplete="new-password" required hint={t.security.passwordHint} />
      </div>
      <Refused error={deed.error} />
      <div><Btn type="submit" kind="pri" busy={deed.busy}>{t.hour.personGo}</Btn></div>
    </form>
  );
}
