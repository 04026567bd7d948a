// Without a mouse.
import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import { api, enter, heading, WAIT, world } from "./browser";

/** Tab until it is there: what is named, and can be used now. */
async function tabTo(page: Page, role: "button" | "textbox" | "combobox" | "checkbox" | "link", name: RegExp | string): Promise<void> {
  const wanted = page.getByRole(role, { name, exact: true, disabled: false });
  await wanted.waitFor();
  for (let n = 0; n < 100; n++) {
    if (await wanted.evaluate((node) => node === document.activeElement)) return;
    await page.keyboard.press("Tab");
  }
  throw new Error(`Tab does not come to ${name}`);
}

async function enterOn(page: Page, name: RegExp | string): Promise<void> {
  await tabTo(page, "button", name);
  await page.keyboard.press("Enter");
}

const focusedFilter = "input[role=combobox][aria-label=Filter]:focus";

describe("keys", () => {
  it("are listed by ?, and those that are single letters can be turned off and on again", async () => {
    const page = await enter("vera", "/devices?q=name%3D%3Ddoor-*&sort=name");
    const rows = page.locator("tbody tr");
    const selected = page.locator("tbody tr[aria-selected=true]");
    const list = page.getByRole("dialog", { name: "Keys that work here" });
    await rows.first().waitFor();
    await page.keyboard.press("?");
    await list.getByText("select the row").waitFor();
    await tabTo(page, "checkbox", /^Single letters/);
    await page.keyboard.press("Space");
    await page.keyboard.press("Escape");
    await list.waitFor({ state: "detached" });

    for (const key of ["?", "/", "f"]) await page.keyboard.press(key);
    expect(await page.locator("dialog").count()).toBe(0);
    expect(await page.locator(focusedFilter).count()).toBe(0);
    await rows.first().press("x");
    expect(await selected.count()).toBe(0);
    await page.reload(); // it is kept
    await rows.first().press("x");
    expect(await selected.count()).toBe(0);

    await enterOn(page, "Keys (?)");
    await tabTo(page, "checkbox", /^Single letters/);
    await page.keyboard.press("Space");
    await page.keyboard.press("Escape");
    await list.waitFor({ state: "detached" });
    await rows.first().press("x");
    await selected.first().waitFor();
    await rows.nth(2).press("Shift+X"); // all from the last one
    await selected.nth(2).waitFor();
    expect(await selected.count()).toBe(3);
    await page.keyboard.press("/");
    const find = page.getByRole("dialog", { name: "Find or do" });
    await page.locator("#omni:focus").waitFor(); // it is drawn a moment before it takes keys
    await page.keyboard.press("Escape");
    await find.waitFor({ state: "detached" });
    await page.keyboard.press("f");
    await page.locator(focusedFilter).waitFor();
  });

  it("are enough to make a rollout and start it", async () => {
    const page = await enter("olga", `/rollouts/new?release=${world.releases["2"]}&step=what`);
    await heading(page, "What do they get?");
    await expect.poll(() => page.getByRole("textbox", { name: "Name of the rollout" }).inputValue(), { timeout: WAIT }).toContain("2.0"); // its release is there
    await tabTo(page, "textbox", "Name of the rollout");
    await page.keyboard.press("Control+A");
    await page.keyboard.type("by hand");
    await enterOn(page, "Next");
    await heading(page, /fit\.$/);
    await tabTo(page, "combobox", "Filter");
    await page.keyboard.type("name==door-3");
    await page.keyboard.press("Enter");
    await heading(page, /^1.device fit\.$/);
    await enterOn(page, "Next");
    await heading(page, "3 groups");
    await enterOn(page, "All at once");
    await heading(page, "All at once.");
    await enterOn(page, "Next");
    await heading(page, "When may they install?");
    await enterOn(page, "Next");
    await heading(page, "When does it go on");
    await enterOn(page, "Next");
    await heading(page, /^1.device, done in about/); // the forecast, not the count that stands there until it comes
    await enterOn(page, /^Start for 1.device$/);
    await page.waitForURL(/\/rollouts\/\d+$/, { timeout: WAIT });
    const id = Number(page.url().split("/").pop());
    expect(await api("GET", `/api/v1/rollouts/${id}`)).toMatchObject({ name: "by hand", filter: "name==door-3" });
  });
});
