import type { JSX } from "preact";
import { releaseName } from "../format";
import { useState } from "preact/hooks";
import { send, useResource, type Page } from "../api";
import type { Anchor, Device, Release, User } from "../model";
import { url } from "../router";
import { useSession } from "../session";
import { t } from "../strings";
import { Btn, Command, Icon, Input, Note, Panel, Refused, Say, T, useDeed } from "../ui/base";

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
  const updated = devices.data?.content.find((one) => one.action?.state === "confirmed");
  const person = people.data?.content.find((one) => !one.service);
  const done = [person !== undefined || !session.can("people"), (anchors.data?.total ?? 0) > 0, reporting !== undefined, signed.length > 0, updated !== undefined];
  const now = done.indexOf(false);
  const count = done.filter(Boolean).length;
  const host = window.location.hostname;
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
              <Command text="updraft keygen --output author" />
              <Command text={`updraft login --server ${window.location.origin} --ca ca.pem --token-file admin.token`} />
              <Command text="updraft anchor add author --key author.pub" />
              <Listening />
            </div>, t.hour.minutes(2))}
          {step(2, t.hour.device, reporting ? <><T v={reporting.name} /> {t.hour.deviceDone}</> : t.hour.deviceHint,
            <div class="stack">
              <Command text="updraft create --image app-1.bin --vendor acme.example --class door-controller --sequence 1 --version 1.0 --output app-1.suit" />
              <Command text="updraft sign app-1.suit --key author.key" />
              <Command text={`updraft device init door-1 --vendor acme.example --class door-controller --anchor author.pub --factory app-1.suit --image app-1.bin --name door-1 --server https://${host}:8443 --ca ca.pem`} />
              <Command text="updraft device enrol door-1 --key door-1/device.pub" />
              <Command text="updraft-boot door-1" />
              <p class="s dim">{t.hour.deviceWhere}</p>
              <Listening />
            </div>, t.hour.minutes(3))}
          {step(3, t.hour.release, signed.length > 0 ? <>{t.hour.releaseDone} <a href={url("releases", signed[signed.length - 1]?.id ?? 0)}><T v={signed[signed.length - 1] ? releaseName(signed[signed.length - 1] as Release) : ""} /></a></> : t.hour.releaseHint,
            <div class="stack">
              <Command text="updraft publish app-2.suit --payload app-2.bin --name app --version 2.0" />
              <div><Btn icon="upload" href="/releases?upload=1" why={session.needs("upload")}>{t.releases.upload}</Btn></div>
              <Listening />
            </div>, t.hour.minutes(1))}
          {step(4, t.hour.watch, updated ? <><a href={url("devices", updated.name)}><T v={updated.name} /></a> {t.hour.watchDone}</> : t.hour.watchHint,
            <div class="stack">
              <div class="row wrap">
                {devices.data?.content[0] ? <Btn kind="pri" href={url("devices", devices.data.content[0].name)}>{t.hour.openDevice}</Btn> : null}
                <Btn href="/rollouts/new" why={session.needsWhole("deploy")}>{t.overview.start}</Btn>
              </div>
              <Listening />
            </div>, t.hour.minutes(4))}
        </ol>
      </section>
      <div class="grid hourmore">
        <div class="c4"><Panel title={t.hour.hawkbit}><div class="in stack"><p class="s dim">{t.hour.hawkbitText}</p><Command text="updraft import hawkbit --help" /></div></Panel></div>
        <div class="c4"><Panel title={t.hour.demo}><div class="in stack"><p class="s dim">{t.hour.demoText}</p><Command text="make demo KEEP=1" /></div></Panel></div>
        <div class="c4"><Panel title={t.hour.stuck}><div class="in stack"><p class="s dim">{t.hour.stuckText}</p><Command text="updraft why door-1" /></div></Panel></div>
      </div>
    </div>
  );
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
