// A browser (Debian's Chromium) on the world, and what tests do again and again.
import { createHash } from "node:crypto";
import { connect } from "node:tls";
import { chromium, type Browser, type BrowserContext, type Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, inject } from "vitest";

export interface World {
  people: string;
  devices: string;
  control: string;
  password: string;
  hostile: string;
  build: string;
  token: string;
  releases: Record<string, number>;
  foreign: number;
  upload: { envelope: string; image: string };
  unknown: { envelope: string; image: string };
}

export const world = JSON.parse(inject("world")) as World;
export const WAIT = Number(process.env["UPDRAFT_WAIT_MS"] ?? 60_000);

export async function control<T = unknown>(what: Record<string, unknown>): Promise<T> {
  const reply = await fetch(world.control, { method: "POST", body: JSON.stringify(what) });
  const answer = (await reply.json()) as T;
  if (!reply.ok) throw new Error(String(answer));
  return answer;
}

export const api = <T = Record<string, unknown>>(method: string, path: string, body?: unknown): Promise<T> => control<T>({ do: "api", method, path, body });

let browser: Browser;
const open: BrowserContext[] = [];
const complaints: string[] = [];

/** SHA-256 of the key in a server's certificate, in base64. */
function pin(host: string): Promise<string> {
  const { hostname, port } = new URL(host);
  return new Promise((resolve, reject) => {
    const socket = connect({ host: hostname, port: Number(port), rejectUnauthorized: false }, () => {
      const key = socket.getPeerX509Certificate()!.publicKey.export({ type: "spki", format: "der" });
      socket.destroy();
      resolve(createHash("sha256").update(key).digest("base64"));
    });
    socket.on("error", reject);
  });
}

beforeAll(async () => {
  // The world's key is trusted from the start. With ignoreHTTPSErrors alone a browser asks first what is to be done about
  // the certificate and begins each connection anew, which it gives up after some (net::ERR_TOO_MANY_RETRIES).
  const trusted = `--ignore-certificate-errors-spki-list=${await pin(world.people)}`;
  browser = await chromium.launch({
    executablePath: process.env["CHROMIUM"] ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-dev-shm-usage", "--force-prefers-reduced-motion", trusted],
  });
});
afterAll(async () => {
  await browser?.close();
});
afterEach(async () => {
  for (const context of open.splice(0)) await context.close();
  // Whatever the page did: no script of a stranger ran, nothing broke the policy, nothing was asked of another host.
  expect(complaints.splice(0)).toEqual([]);
});

export interface Look {
  width?: number;
  height?: number;
  scheme?: "light" | "dark";
  /** errors in the browser's console that the test is about, such as a server that is down */
  quiet?: RegExp;
  /** pixels of a picture for each of the page */
  scale?: number;
  /** another server than the world's */
  host?: string;
}

export async function fresh({ width = 1440, height = 900, scheme = "light", quiet, scale = 1, host = world.people }: Look = {}): Promise<Page> {
  const context = await browser.newContext({
    ignoreHTTPSErrors: true, viewport: { width, height }, deviceScaleFactor: scale, colorScheme: scheme, reducedMotion: "reduce", locale: "en-GB", timezoneId: "Europe/Berlin",
    permissions: ["clipboard-read", "clipboard-write"],
  });
  open.push(context);
  const page = await context.newPage();
  page.setDefaultTimeout(WAIT);
  page.on("dialog", (dialog) => {
    complaints.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on("pageerror", (error) => complaints.push(`error: ${error.message}`));
  page.on("console", (message) => {
    const text = message.text();
    // a refusal that the page shows is a line in the browser's console, too
    if (message.type() === "error" && !/Failed to load resource|net::ERR_|ERR_CONNECTION/.test(text) && !quiet?.test(text)) complaints.push(`console: ${text}`);
  });
  page.on("request", (request) => {
    if (!request.url().startsWith(host) && !/^(data|blob|about):/.test(request.url())) complaints.push(`request: ${request.url()}`);
  });
  return page;
}

/** Signed in as somebody; `who` "" is the owner, by the token. */
export async function enter(who = "", path = "/overview", look: Look = {}): Promise<Page> {
  const page = await fresh(look);
  await page.goto(`${world.people}/sign-in?to=${encodeURIComponent(path)}`);
  if (who === "") {
    await page.getByRole("button", { name: "Token", exact: true }).click();
    await page.getByLabel("Management token").fill(world.token);
  } else {
    await page.getByLabel("Name").fill(who);
    await page.getByLabel("Password", { exact: true }).fill(world.password);
  }
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await page.locator("nav.rail").waitFor();
  return page;
}

export async function heading(page: Page, words: RegExp | string): Promise<void> {
  await page.locator("main h1", { hasText: words }).waitFor();
}

/** No horizontal scroll of the page. */
export async function fits(page: Page): Promise<void> {
  expect(await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)).toBeLessThanOrEqual(0);
}
