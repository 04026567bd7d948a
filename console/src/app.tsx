// The frame: rail, top bar, live state; one page inside, by the path.
import type { ComponentChildren, JSX } from "preact";
import { Component } from "preact";
import { useCallback, useEffect, useState } from "preact/hooks";
import { get, send, setCsrf, useResource, whenSignedOut, type ApiError, type Page } from "./api";
import { clock, clockSeconds, count, isUtc, plain, setUtc, zoneName } from "./format";
import { retryLive, startLive, stopLive, useLive } from "./live";
import type { Me } from "./model";
import { DevicePage } from "./pages/device";
import { DevicesPage } from "./pages/devices";
import { FirstHourPage } from "./pages/first-hour";
import { OverviewPage } from "./pages/overview";
import { ReleasePage } from "./pages/release";
import { ReleasesPage } from "./pages/releases";
import { RolloutPage } from "./pages/rollout";
import { RolloutNewPage } from "./pages/rollout-new";
import { RolloutsPage } from "./pages/rollouts";
import { SecurityPage } from "./pages/security";
import { SettingsPage } from "./pages/settings";
import { SignInPage } from "./pages/sign-in";
import { go, place, usePlace } from "./router";
import { makeSession, SessionContext, useSession, type Session } from "./session";
import { t } from "./strings";
import { keep, toggleTheme } from "./theme";
import { Blank, Btn, Icon, St, T, useNow } from "./ui/base";
import { Keys } from "./ui/keys";
import { Logo } from "./ui/logo";
import { Omni } from "./ui/omni";
import { Sprite } from "./ui/sprite";
import { Toasts } from "./ui/toast";

const PAGES: [string, string, string][] = [
  ["overview", "overview", t.nav.overview],
  ["devices", "devices", t.nav.devices],
  ["releases", "releases", t.nav.releases],
  ["rollouts", "rollouts", t.nav.rollouts],
  ["security", "security", t.nav.security],
  ["settings", "settings", t.nav.settings],
];

export function App(): JSX.Element {
  const [me, setMe] = useState<Me | null | "unknown">("unknown");
  const here = usePlace();

  const signedOut = useCallback((): void => {
    stopLive();
    setCsrf("");
    setMe(null);
    const { path, query } = place();
    if (path !== "/sign-in") {
      const back = path + (query.toString() ? `?${query.toString()}` : "");
      go(`/sign-in${back === "/" ? "" : `?to=${encodeURIComponent(back)}`}`, true);
    }
  }, []);

  const signedIn = useCallback((who: Me): void => {
    setCsrf(who.csrf ?? "");
    setMe(who);
    startLive(signedOut);
    const to = place().query.get("to");
    const from = place().path;
    if (from !== "/sign-in" && from !== "/") return;
    if (to && to.startsWith("/") && !to.startsWith("//")) return go(to, true);
    if (!makeSession(who, () => undefined).can("tenants")) return go("/overview", true);
    // a server that knows no device yet shows its owner how the first one comes
    const lead = (to: string): void => { if (place().path === from) go(to, true); };
    get<Page<unknown>>("/api/v1/devices?limit=1").then((devices) => lead(devices.total === 0 ? "/first-hour" : "/overview"), () => lead("/overview"));
  }, [signedOut]);

  useEffect(() => {
    whenSignedOut(() => {
      if (place().path !== "/sign-in") signedOut();
    });
    // A one-time link signs in anew, whoever was here before.
    if (place().path === "/sign-in" && window.location.hash.length > 1) return setMe(null);
    get<Me>("/api/v1/whoami").then(signedIn, (error: ApiError) => {
      if (error.status === 401 || place().path === "/sign-in") signedOut();
      else setMe(null);
    });
  }, []);

  if (me === "unknown") return <Sprite />;
  if (me === null || here.segments[0] === "sign-in") {
    return (
      <>
        <Sprite />
        <SignInPage done={signedIn} />
        <Toasts />
      </>
    );
  }
  const signOut = (): void => {
    void send("DELETE", "/api/v1/session").finally(signedOut);
  };
  return (
    <SessionContext.Provider value={makeSession(me, signOut)}>
      <Sprite />
      <Shell>{page(here.segments)}</Shell>
      <Toasts />
    </SessionContext.Provider>
  );
}

function page(segments: string[]): { name: string; crumbs: [string, string][]; title: string; body: ComponentChildren } {
  const [first = "overview", second] = segments;
  const here = PAGES.find(([name]) => name === first);
  const list: [string, string][] = here ? [[`/${first}`, here[2]]] : [];
  switch (first) {
    case "overview":
      return { name: first, crumbs: [], title: t.nav.overview, body: <OverviewPage /> };
    case "first-hour":
      return { name: "overview", crumbs: [["/overview", t.nav.overview]], title: t.nav.firstHour, body: <FirstHourPage /> };
    case "devices":
      return second === undefined
        ? { name: first, crumbs: [], title: t.nav.devices, body: <DevicesPage /> }
        : { name: first, crumbs: list, title: second, body: <DevicePage key={second} name={second} /> };
    case "releases":
      return second === undefined
        ? { name: first, crumbs: [], title: t.nav.releases, body: <ReleasesPage /> }
        : { name: first, crumbs: list, title: t.release.crumb(second), body: <ReleasePage key={second} id={second} /> };
    case "rollouts":
      if (second === undefined) return { name: first, crumbs: [], title: t.nav.rollouts, body: <RolloutsPage /> };
      if (second === "new") return { name: first, crumbs: list, title: t.wizard.title, body: <RolloutNewPage /> };
      return { name: first, crumbs: list, title: t.rollout.crumb(second), body: <RolloutPage key={second} id={second} /> };
    case "security":
      return { name: first, crumbs: [], title: t.nav.security, body: <SecurityPage /> };
    case "settings":
      return { name: first, crumbs: [], title: t.nav.settings, body: <SettingsPage /> };
    default:
      return {
        name: "", crumbs: [], title: t.nav.nowhere,
        body: (
          <section class="panel">
            <Blank icon="search" title={t.nav.nowhere}>
              <p>{t.nav.nowhereHint}</p>
              <Btn kind="pri" href="/overview">{t.nav.overview}</Btn>
            </Blank>
          </section>
        ),
      };
  }
}

/** A page that fails does not take the frame with it. */
class Guard extends Component<{ children: ComponentChildren }, { error: Error | null }> {
  override state = { error: null as Error | null };
  static override getDerivedStateFromError(error: Error): { error: Error } {
    return { error };
  }
  override render(): ComponentChildren {
    if (!this.state.error) return this.props.children;
    return (
      <section class="panel" role="alert">
        <Blank icon="doc" title={t.error.page}>
          <p>{t.error.pageHint}</p>
          <code class="xs faint">{this.state.error.message}</code>
          <Btn onClick={() => window.location.reload()}>{t.again}</Btn>
        </Blank>
      </section>
    );
  }
}

function initials(name: string): string {
  const parts = name.split(/[\s._-]+/).filter(Boolean);
  return ((parts[0]?.[0] ?? "?") + (parts[1]?.[0] ?? "")).toUpperCase();
}

function Shell({ children }: { children: ReturnType<typeof page> }): JSX.Element {
  const session = useSession();
  const { name, crumbs, title, body } = children;
  const here = usePlace();
  useEffect(() => {
    document.title = `${plain(title)} · Updraft`;
  }, [title]);
  useEffect(() => {
    // A new page starts where reading starts.
    const heading = document.querySelector<HTMLElement>("main h1");
    if (heading && document.activeElement === document.body) heading.setAttribute("tabindex", "-1");
  }, [here.path]);
  return (
    <>
      <a class="skip" href="#main">{t.skip}</a>
      <div class="shell">
        <nav class="rail" aria-label={t.nav.main}>
          <a class="brand" href="/overview" aria-label="Updraft">
            <Logo />
            <span>Updraft</span>
          </a>
          {PAGES.map(([key, icon, words]) => (
            <a key={key} class="nav" href={`/${key}`} aria-current={name === key ? "page" : undefined}>
              <Icon name={icon} />
              <span>{words}</span>
              <Badge of={key} />
            </a>
          ))}
          <div class="foot">
            <Who session={session} />
          </div>
        </nav>
        <div>
          <header class="topbar">
            <div class="crumbs">
              {crumbs.map(([href, words]) => (
                <>
                  <a href={href}>{words}</a>
                  <Icon name="right" small />
                </>
              ))}
              <b class="clipped"><T v={title} /></b>
            </div>
            <Omni />
            <Live />
            <Zone />
            <button type="button" class="btn quiet icon sm theme" aria-label={t.theme} onClick={toggleTheme}>
              <Icon name="theme" />
            </button>
            <Keys segments={here.segments} />
          </header>
          <main id="main" tabIndex={-1}>
            <NotLive />
            <Guard key={here.path}>{body}</Guard>
          </main>
        </div>
      </div>
    </>
  );
}

function Who({ session }: { session: Session }): JSX.Element {
  const { me } = session;
  return (
    <>
      <div class="who">
        <span class="ava" aria-hidden="true">{initials(me.name)}</span>
        <div class="grow">
          <div><bdi>{me.name}</bdi></div>
          <div class="faint xs" title={me.roles.join(", ")}>{me.roles.join(", ")}{me.group ? ` · ${me.group}` : ""}</div>
        </div>
      </div>
      <button type="button" class="btn quiet sm hide-r" onClick={session.signOut}>{t.signOut}</button>
    </>
  );
}

/** Counts beside the names, where they are cheap. */
function Badge({ of }: { of: string }): JSX.Element | null {
  const path = of === "devices" ? "/api/v1/devices?limit=1" : of === "releases" ? "/api/v1/releases?limit=1" : null;
  const list = useResource<Page<unknown>>(path, { every: 60_000 });
  if (!path || !list.data) return null;
  return <span class="n">{(list.data.atLeast ? "≥ " : "") + count(list.data.total)}</span>;
}

function Live(): JSX.Element {
  const live = useLive();
  return (
    <span class={live.on ? "live" : "live off"} title={live.on ? t.live.on : t.live.since(clockSeconds(live.since))}>
      <i />
      <span class="hide-s">{live.on ? t.live.word : t.live.offWord}</span>
    </span>
  );
}

function NotLive(): JSX.Element | null {
  const live = useLive();
  const [, turn] = useState(0);
  useEffect(() => {
    if (live.on) return;
    const timer = window.setInterval(() => turn((old) => old + 1), 1000);
    return () => window.clearInterval(timer);
  }, [live.on]);
  if (live.on) return null;
  const left = Math.max(0, Math.ceil((live.next - Date.now()) / 1000));
  return (
    <div class="note warn notlive" role="status">
      <St tone="warn" glyph="warn" />
      <span class="grow">
        <b>{t.live.since(clockSeconds(live.since))}</b> {t.live.from} {left > 0 ? t.live.again(left) : t.live.now}
      </span>
      <Btn small onClick={retryLive}>{t.live.tryNow}</Btn>
    </div>
  );
}

function Zone(): JSX.Element {
  const [on, set] = useState(isUtc());
  const now = useNow();
  const toggle = (): void => {
    setUtc(!on);
    keep("utc", on ? null : "1");
    set(!on);
    // every time on the page is written anew
    window.dispatchEvent(new PopStateEvent("popstate"));
  };
  const city = zoneName().split("/").pop()?.replace(/_/g, " ") ?? "UTC";
  return (
    <button type="button" class="btn quiet sm tz" aria-pressed={on} title={on ? t.zone.utc : t.zone.local(zoneName())} onClick={toggle}>
      {clock(now)} {city}
    </button>
  );
}
