// A device of ours that speaks LwM2M over DTLS: what it measures, as charts, and commands to it with their answers.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Locator, Page } from "playwright-core";
import { beforeAll, describe, expect, it } from "vitest";
import { control, enter, WAIT } from "./browser";

const NAME = "meter-1";
const shots = process.env["UPDRAFT_SHOTS"] ?? "shots";
mkdirSync(shots, { recursive: true });

beforeAll(async () => {
  await control({ do: "meter", device: NAME });
}, 120_000);

const commands = (page: Page): Locator => page.getByRole("region", { name: "Commands" });

async function give(page: Page, op: string, path: string, value?: string): Promise<void> {
  await commands(page).getByRole("button", { name: "Read, write, execute…" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Command").selectOption(op);
  await dialog.getByLabel("Object path").fill(path);
  if (value !== undefined) await dialog.getByLabel(/^(Value|Arguments)$/).fill(value);
  await dialog.getByRole("button", { name: "Queue it" }).click();
  await dialog.waitFor({ state: "detached" });
}

const row = (page: Page, words: RegExp): Locator => commands(page).getByRole("listitem").filter({ hasText: words });

describe("a device that speaks LwM2M", () => {
  it("is shown with its road, and runs what it proved", async () => {
    const page = await enter("vera", `/devices/${NAME}`);
    await commands(page).getByText("None given yet.").waitFor({ timeout: WAIT });
    await page.locator(".ver", { hasText: "1.0" }).waitFor({ timeout: WAIT });
    await page.getByText(/LwM2M 1\.\d, psk/).waitFor();
    await page.getByRole("region", { name: "Health" }).getByText("No value is kept yet.").waitFor();
    expect(await commands(page).getByRole("button", { name: /^Reboot….*needs the role operator/ }).isDisabled()).toBe(true);
    expect(await page.getByRole("button", { name: /^Record….*needs the role operator/ }).isDisabled()).toBe(true);
  });

  it("answers what is read, takes what is written, and says why not", async () => {
    const page = await enter("olga", `/devices/${NAME}`);
    await give(page, "read", "/3/0/0");
    await row(page, /read \/3\/0\/0/).getByText("/3/0/0 = Acme").waitFor({ timeout: WAIT });
    await give(page, "write", "/1/0/1", "400");
    await row(page, /write \/1\/0\/1/).getByText("2.04").waitFor({ timeout: WAIT });
    await give(page, "read", "/1/0/1");
    await row(page, /read \/1\/0\/1/).getByText("/1/0/1 = 400").waitFor({ timeout: WAIT });
    await give(page, "discover", "/5");
    await row(page, /discover \/5/).getByText("</5/0/3>").waitFor({ timeout: WAIT });
    await give(page, "execute", "/5/0/2"); // nothing is there to install
    await row(page, /failed.*execute \/5\/0\/2/).waitFor({ timeout: WAIT });
    await give(page, "read", "/3/0/99");
    await row(page, /read \/3\/0\/99/).getByText("4.04").waitFor({ timeout: WAIT });
  });

  it("tells its health once that is asked for, and its charts go on", async () => {
    const page = await enter("olga", `/devices/${NAME}?range=24h`);
    const health = page.getByRole("region", { name: "Health" });
    await health.getByRole("button", { name: "Record…" }).click();
    const dialog = page.getByRole("dialog", { name: "Have its health told?" });
    await dialog.getByLabel("Not more often than once in").selectOption("10");
    await dialog.getByRole("button", { name: "Record 4" }).click();
    await dialog.waitFor({ state: "detached" });
    const part = (name: string): Locator => health.getByRole("group", { name, exact: true });
    await part("Battery").getByText("80\u00a0%").waitFor({ timeout: 2 * WAIT });
    await part("Link").getByText("\u221267\u00a0dBm").waitFor({ timeout: WAIT });
    await part("Free memory").getByText(/iB$/).first().waitFor({ timeout: WAIT });
    await part("Up for").getByText(/\u00a0(s|min|h)$/).first().waitFor({ timeout: WAIT });
    await control({ do: "measure", device: NAME, numbers: { battery: 61, signal: -88 } });
    await part("Battery").getByText("61\u00a0%").waitFor({ timeout: 2 * WAIT });
    await part("Link").getByText("\u221288\u00a0dBm").waitFor({ timeout: 2 * WAIT });
    const chart = part("Battery").getByRole("img", { name: "Battery" });
    await chart.locator("canvas").waitFor();
    await page.screenshot({ path: join(shots, "device-health-light.png"), fullPage: true });
    await part("Battery").getByRole("button", { name: "As a table" }).click();
    const cells = part("Battery").locator("tbody td:nth-child(2)");
    await cells.first().waitFor();
    expect((await cells.allTextContents()).filter((words, at, all) => words !== all[at - 1])).toEqual(["61\u00a0%", "80\u00a0%"]);
  });

  it("restarts when it is told to, after its consequence was read", async () => {
    const before = await control<number>({ do: "starts", device: NAME });
    const page = await enter("olga", `/devices/${NAME}`);
    await commands(page).getByRole("button", { name: "Reboot…" }).click();
    await page.getByRole("dialog", { name: `Restart ${NAME}?` }).getByRole("button", { name: "Restart 1 device" }).click();
    await row(page, /done.*reboot/).waitFor({ timeout: WAIT });
    await expect.poll(() => control<number>({ do: "starts", device: NAME }), { timeout: 2 * WAIT }).toBeGreaterThan(before);
  });
});

describe("a device's page", () => {
  it("keeps what people did to it in its timeline, and moves it to a group", async () => {
    const page = await enter("olga", `/devices/${NAME}?show=people`);
    await page.locator(".tl").getByText("Command: reboot").waitFor();
    await page.locator(".tl").getByText("Given by olga.").first().waitFor();
    const facts = page.getByRole("region", { name: "Facts" });
    await facts.getByRole("button", { name: "Change" }).click();
    await facts.getByLabel("Zone").fill("Europe/Vienna");
    await facts.getByLabel("Group").fill("meters/north");
    await facts.getByRole("button", { name: "Save" }).click();
    await facts.getByRole("textbox").first().waitFor({ state: "detached" });
    await facts.getByText("meters/north").waitFor({ timeout: WAIT });
    await facts.getByText("Europe/Vienna").waitFor({ timeout: WAIT });
    await page.getByRole("button", { name: "Ask to poll" }).click();
    await page.getByText("It is asked to come now").waitFor({ timeout: WAIT });
  });

  it("gives a key once, and takes it away again", async () => {
    const page = await enter("olga", `/devices/${NAME}`);
    const panel = page.getByRole("region", { name: "Credentials" });
    await panel.getByRole("listitem").filter({ hasText: /^Shared key meter-1/ }).waitFor();
    await panel.getByRole("button", { name: "Add a key" }).click();
    const dialog = page.getByRole("dialog", { name: "Add a key for LwM2M" });
    expect(await dialog.getByRole("button", { name: /^Add it.*needs an identity/ }).isDisabled()).toBe(true);
    await dialog.getByLabel("Identity").fill("second");
    await dialog.getByLabel("Use").selectOption("once");
    await dialog.getByRole("button", { name: "Add it" }).click();
    const once = page.getByRole("dialog", { name: "The key was made here" });
    expect(await once.locator("code").textContent()).toMatch(/^[0-9a-f]{32,}$/);
    await once.getByRole("button", { name: "Done" }).click();
    const made = panel.getByRole("listitem").filter({ hasText: "second" });
    await made.getByText("to bootstrap with, once").waitFor();
    await made.getByRole("button", { name: /^Remove/ }).click();
    await page.getByRole("dialog", { name: "Remove this key?" }).getByRole("button", { name: "Remove 1 key" }).click();
    await made.waitFor({ state: "detached", timeout: WAIT });
    const other = await enter("vera", `/devices/${NAME}`);
    expect(await other.getByRole("button", { name: /^Add a key.*needs the role operator/ }).isDisabled()).toBe(true);
  });
});
