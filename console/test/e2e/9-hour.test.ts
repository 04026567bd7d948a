// The first hour, walked through whole: a server that nobody used yet, the commands that the page says, run as they stand there.
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Locator, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { control, fresh, WAIT, world } from "./browser";

const shots = process.env["UPDRAFT_SHOTS"] ?? "shots";
mkdirSync(shots, { recursive: true });
const PASSWORD = "a password of her own";

interface Fresh {
  people: string;
  token: string;
}

let folder = "";
let shell: ChildProcess;
let said = "";
let server: Fresh;

/** A terminal in the folder where Updraft was built. */
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "updraft-hour-"));
  mkdirSync(join(folder, "build"));
  symlinkSync(world.build, join(folder, "build", "release"));
  shell = spawn("bash", ["--norc", "--noprofile"], { cwd: folder, detached: true, env: { ...process.env, HOME: folder, UPDRAFT_PROFILE: join(folder, "profile.ini") } });
  const hear = (data: Buffer): void => void (said += data.toString());
  shell.stdout?.on("data", hear);
  shell.stderr?.on("data", hear);
  server = await control<Fresh>({ do: "fresh" });
}, 120_000);

afterAll(async () => {
  const ended = once(shell, "exit");
  process.kill(-(shell.pid as number), "SIGTERM"); // with the device that it started
  shell.stdin?.destroy();
  await ended;
  await control({ do: "fresh-end" });
  rmSync(folder, { recursive: true, force: true });
});

/** Paste and wait: every line must have gone well. */
async function paste(lines: string): Promise<void> {
  const mark = `went-well-${said.length}`;
  const from = said.length;
  shell.stdin?.write(`set -e\n${lines}\nset +e\necho ${mark}\n`);
  await expect.poll(() => said.includes(mark) || shell.exitCode !== null, { timeout: 2 * WAIT, message: lines }).toBe(true);
  expect(said.slice(from), lines).toContain(mark);
}

/** What the one "Copy" of the step that is under way gives. */
async function copied(page: Page, within: Locator = page.locator('[aria-current="step"]')): Promise<string> {
  await within.getByRole("button", { name: "Copy" }).click();
  const shown = await within.locator(".cmd code").textContent();
  await expect.poll(() => page.evaluate(() => navigator.clipboard.readText()), { timeout: WAIT }).toBe(shown);
  return shown as string;
}

const step = (page: Page, title: string): Promise<void> => page.locator('[aria-current="step"]', { hasText: title }).waitFor({ timeout: 2 * WAIT });
const picture = async (page: Page, name: string): Promise<void> => void (await page.screenshot({ path: join(shots, `${name}-light.png`), fullPage: true }));

describe("the first hour", () => {
  it("begins with the printed token and ends with a device that runs, and proves, an update", async () => {
    const page = await fresh({ host: server.people });
    await page.goto(server.people);
    await page.getByRole("button", { name: "Token", exact: true }).click();
    await page.getByLabel("Management token").fill(server.token);
    await page.getByRole("button", { name: "Sign in", exact: true }).click();
    await page.waitForURL(`${server.people}/first-hour`); // nothing is here yet

    await step(page, "Make yourself a person");
    await page.getByLabel("Name").fill("jana");
    await page.getByLabel("Password").fill(PASSWORD);
    await page.getByRole("button", { name: "Make it" }).click();
    await step(page, "Say whose releases are taken");
    await page.getByText("jana can sign in with a password.").waitFor();
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByLabel("Name").fill("jana");
    await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
    await page.getByRole("button", { name: "Sign in", exact: true }).click();
    await page.waitForURL(`${server.people}/first-hour`);

    await step(page, "Say whose releases are taken");
    await picture(page, "first-hour-trust");
    await paste(await copied(page));
    await step(page, "Add a device");
    await page.getByText("Releases of this key are taken: author").waitFor();
    await paste(await copied(page));
    await step(page, "Upload a release");
    await page.getByText("door-1 has sent a signed report.").waitFor();

    await paste(await copied(page));
    await page.getByRole("link", { name: "Upload" }).click();
    await page.locator("#files").setInputFiles(["app-2.suit", "app-2"].map((name) => join(folder, "first-hour", name)));
    await page.getByRole("link", { name: "Open it" }).click();
    await page.getByText("What it will do, step by step").waitFor();
    await page.goto(`${server.people}/first-hour`);

    await step(page, "Watch it update");
    await picture(page, "first-hour-watch");
    await page.getByRole("link", { name: "Open the device" }).click();
    await assign(page, "2.0");
    await page.locator("main .pill", { hasText: "Confirmed" }).waitFor({ timeout: 2 * WAIT });
    await page.locator(".ver", { hasText: "2.0" }).waitFor();

    await page.goto(`${server.people}/first-hour`);
    await page.getByText("door-1 runs it, and has signed that.").waitFor();
    await page.locator(".hour > .done").nth(4).waitFor(); // each is asked for by itself
    const bad = page.getByRole("region", { name: "Then break it" });
    await paste(await copied(page, bad));
    await bad.getByRole("link", { name: "Open the device" }).click();
    await assign(page, "3.0");
    await page.locator("main .pill", { hasText: "Reverted" }).waitFor({ timeout: 2 * WAIT });
    await page.locator(".ver", { hasText: "2.0" }).waitFor();
    await page.goto(`${server.people}/first-hour`);
    await page.getByText("door-1 runs it, and has signed that.").waitFor(); // what was done stays done
  }, 600_000);
});

async function assign(page: Page, version: string): Promise<void> {
  await page.getByRole("button", { name: "Assign…" }).click();
  const dialog = page.getByRole("dialog");
  const release = dialog.getByRole("combobox");
  const option = release.locator("option", { hasText: version });
  await option.waitFor({ state: "attached" });
  await release.selectOption((await option.getAttribute("value")) as string);
  await dialog.getByRole("button", { name: /^Assign/ }).last().click();
  await dialog.waitFor({ state: "detached" });
}
