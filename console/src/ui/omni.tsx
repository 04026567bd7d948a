// Find or do: one box for devices, releases, rollouts, pages and actions. What is found is found by the server.
import type { JSX } from "preact";
import { releaseName } from "../format";
import { useEffect, useRef, useState } from "preact/hooks";
import { get, type Page } from "../api";
import type { Device, Release, Rollout } from "../model";
import { isKey, useSingleKeys } from "../keys";
import { go, url } from "../router";
import { useSession } from "../session";
import { t } from "../strings";
import { Icon, T } from "./base";
import { Modal } from "./dialog";

interface Found {
  href: string;
  words: string;
  kind: string;
  icon: string;
}

export function quoted(value: string): string {
  return `"${value.replace(/[\\"]/g, "\\$&")}"`;
}

function starred(text: string): string {
  return `"${text.replace(/[\\"*]/g, "\\$&")}*"`;
}

async function find(text: string, signal: AbortSignal): Promise<Found[]> {
  const [devices, rollouts, releases] = await Promise.all([
    get<Page<Device>>(`/api/v1/devices?limit=5&q=${encodeURIComponent(`name==${starred(text)}`)}`, signal).catch(() => null),
    get<Page<Rollout>>(`/api/v1/rollouts?limit=3&q=${encodeURIComponent(`name==${starred(text)}`)}`, signal).catch(() => null),
    get<Page<Release>>("/api/v1/releases?limit=200", signal).catch(() => null),
  ]);
  const low = text.toLowerCase();
  return [
    ...(devices?.content ?? []).map((d) => ({ href: url("devices", d.name), words: d.name, kind: t.omni.device, icon: "devices" })),
    ...(rollouts?.content ?? []).map((r) => ({ href: url("rollouts", r.id), words: r.name, kind: t.omni.rollout, icon: "rollouts" })),
    ...(releases?.content ?? [])
      .filter((r) => releaseName(r).toLowerCase().includes(low) || (low.length > 5 && r.digest?.startsWith(low)) || r.artifacts.some((a) => low.length > 5 && a.sha256.startsWith(low)))
      .slice(0, 3)
      .map((r) => ({ href: url("releases", r.id), words: releaseName(r), kind: t.omni.release, icon: "releases" })),
  ];
}

export function Omni(): JSX.Element {
  const [open, setOpen] = useState(false);
  const single = useSingleKeys();
  useEffect(() => {
    const key = (event: KeyboardEvent): void => {
      if ((event.key === "k" && (event.ctrlKey || event.metaKey)) || isKey(event, "/")) {
        event.preventDefault();
        setOpen(true);
      }
    };
    window.addEventListener("keydown", key);
    return () => window.removeEventListener("keydown", key);
  }, []);
  return (
    <>
      <button type="button" class="omni" aria-label={t.omni.label} onClick={() => setOpen(true)}>
        <Icon name="search" />
        <span>{t.omni.hint}</span>
        {single ? <kbd>/</kbd> : null}
      </button>
      {open ? <Box close={() => setOpen(false)} /> : null}
    </>
  );
}

function Box({ close }: { close: () => void }): JSX.Element {
  const session = useSession();
  const [text, setText] = useState("");
  const [found, setFound] = useState<Found[]>([]);
  const [at, setAt] = useState(0);
  const input = useRef<HTMLInputElement>(null);
  const actions: Found[] = [
    { href: "/overview", words: t.nav.overview, kind: t.omni.page, icon: "overview" },
    { href: "/devices", words: t.nav.devices, kind: t.omni.page, icon: "devices" },
    { href: "/releases", words: t.nav.releases, kind: t.omni.page, icon: "releases" },
    { href: "/rollouts", words: t.nav.rollouts, kind: t.omni.page, icon: "rollouts" },
    { href: "/security", words: t.nav.security, kind: t.omni.page, icon: "security" },
    { href: "/settings", words: t.nav.settings, kind: t.omni.page, icon: "settings" },
    { href: "/first-hour", words: t.nav.firstHour, kind: t.omni.page, icon: "star" },
    ...(session.can("deploy") ? [{ href: "/rollouts/new", words: t.wizard.title, kind: t.omni.action, icon: "plus" }] : []),
    ...(session.can("upload") ? [{ href: "/releases?upload=1", words: t.releases.upload, kind: t.omni.action, icon: "upload" }] : []),
  ];
  useEffect(() => {
    input.current?.focus();
  }, []);
  useEffect(() => {
    const wanted = text.trim();
    if (wanted === "") return setFound([]);
    const stop = new AbortController();
    const timer = window.setTimeout(() => {
      find(wanted, stop.signal).then(setFound, () => undefined);
    }, 120);
    return () => {
      window.clearTimeout(timer);
      stop.abort();
    };
  }, [text]);
  const low = text.trim().toLowerCase();
  const list = [...found, ...actions.filter((action) => action.words.toLowerCase().includes(low))].slice(0, 10);
  const chosen = Math.min(at, Math.max(0, list.length - 1));
  const take = (item: Found | undefined): void => {
    if (!item) return;
    close();
    go(item.href);
  };
  return (
    <Modal label="omni-label" close={close}>
      <div class="omnibox">
        <div class="menu">
          <label id="omni-label" class="sr" for="omni">{t.omni.label}</label>
          <input id="omni" ref={input} class="inp" role="combobox" aria-expanded={list.length > 0} aria-controls="omni-list" aria-autocomplete="list"
            aria-activedescendant={list.length > 0 ? `omni-${chosen}` : undefined} placeholder={t.omni.hint} value={text} spellcheck={false} autocomplete="off"
            onInput={(event) => { setText(event.currentTarget.value); setAt(0); }}
            onKeyDown={(event) => {
              if (event.key === "ArrowDown") { event.preventDefault(); setAt(Math.min(chosen + 1, list.length - 1)); }
              if (event.key === "ArrowUp") { event.preventDefault(); setAt(Math.max(chosen - 1, 0)); }
              if (event.key === "Enter") take(list[chosen]);
            }} />
          <ul id="omni-list" role="listbox" aria-label={t.omni.results}>
            {list.map((item, n) => (
              <li key={item.href} id={`omni-${n}`} role="option" aria-selected={n === chosen} onMouseMove={() => setAt(n)} onClick={() => take(item)}>
                <Icon name={item.icon} />
                <span class="clipped"><T v={item.words} /></span>
                <span class="faint">{item.kind}</span>
              </li>
            ))}
          </ul>
          {list.length === 0 ? <p class="s dim" role="status">{t.omni.none}</p> : null}
        </div>
      </div>
    </Modal>
  );
}
