// A rollout from the wizard to its end, and one that stops itself.
import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import { api, enter, heading, WAIT, world } from "./browser";

async function next(page: Page, title: RegExp | string): Promise<void> {
  await page.getByRole("button", { name: "Next", exact: true }).click();
  await heading(page, title);
}

describe("a rollout", () => {
  it("is made by the wizard, counted before it starts, and watched to its end", async () => {
    const page = await enter("olga", "/rollouts/new");
    await page.getByRole("combobox", { name: "Release" }).selectOption(String(world.releases["2"]));
    await page.getByLabel("Name of the rollout").fill("two doors");
    await next(page, /fit\.$/);
    const filter = page.getByRole("combobox", { name: "Filter" });
    await filter.fill("name=in=(door-2,door-3)");
    await filter.press("Enter");
    await heading(page, /^2.devices fit\.$/);
    await next(page, "3 groups");
    await page.getByRole("button", { name: "All at once" }).click();
    await page.getByRole("button", { name: "Group", exact: true }).click();
    await heading(page, /^2.groups/);
    await next(page, "When may they install?");
    await next(page, "When does it go on");
    await next(page, /^2.devices, done in about/); // the forecast, not the count that stands there until it comes
    expect(page.url()).toContain("q=name%3Din%3D");
    await page.getByRole("button", { name: /Start for 2.devices/ }).click();
    await page.waitForURL(/\/rollouts\/\d+$/);
    await page.locator("main .pill", { hasText: "Finished" }).waitFor({ timeout: 2 * WAIT });
    await page.locator(".bigfig", { hasText: "100" }).waitFor();
    await page.getByText("2 of 2 confirmed", { exact: false }).first().waitFor();
    // its course is kept: there after a reload, though nobody looks on any more
    await page.reload();
    const course = page.getByRole("region", { name: "Confirmed, over time" });
    await course.getByRole("button", { name: "As a table" }).click();
    await course.locator("tbody tr", { hasText: /2$|20$/ }).first().waitFor();
    expect(await course.locator("tbody tr").count()).toBeGreaterThan(1);
    expect(await course.locator("tbody tr").last().locator("td").nth(1).textContent()).toBe("0");
    expect(await course.locator("tbody tr").first().locator("td").nth(1).textContent()).toBe("2");
    for (const name of ["door-2", "door-3"]) {
      const device = await api<{ running: { version: string } }>("GET", `/api/v1/devices/${name}`);
      expect(device.running.version).toBe("2.0");
    }
  });

  it("stops itself when devices go back, says why, and is stopped with every device accounted for", async () => {
    const made = await api<{ id: number }>("POST", "/api/v1/rollouts", {
      name: "a bad one", release: world.releases["3"], filter: "name==door-*", groups: [{ name: "First", size: 1, success: 100, error: 0 }, { name: "Rest", success: 100, error: 0 }], start: "auto",
    });
    const page = await enter("olga", `/rollouts/${made.id}`);
    await page.locator("main .pill", { hasText: "Paused" }).waitFor({ timeout: 3 * WAIT });
    await page.getByText("It stopped itself.").waitFor();
    await page.getByText("UD_ERR_CRASHED").first().waitFor();
    const why = page.getByRole("region", { name: /1 failure/ });
    await why.getByText("1 device failed:").waitFor();
    const cluster = await why.locator("tbody tr").first().locator("td").allTextContents();
    expect(cluster[0]).toContain("UD_ERR_CRASHED");
    expect(cluster[2]).toMatch(/^[12]\.0$/); // what it ran before
    await why.getByRole("textbox", { name: "Hardware is the attribute" }).fill("board");
    await why.getByRole("button", { name: "Group by it" }).click();
    await page.waitForURL(/hardware=board/);
    await why.locator("tbody a").first().click();
    await page.waitForURL(/devices\?q=failedin/);
    await heading(page, /^1 device fits this filter/);
    await page.goBack();
    await page.getByRole("button", { name: "Resume…" }).click();
    await page.getByText("Its error limit is out of force for this group then.").waitFor();
    await page.locator("dialog[open]").waitFor(); // it is drawn a moment before it takes keys
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: "Stop…" }).click();
    const lines = await page.locator(".cons b").allTextContents();
    expect(lines.map(Number).reduce((sum, n) => sum + n, 0)).toBe(3);
    await page.getByRole("button", { name: /Stop for 2.devices/ }).click();
    await page.locator("main .pill", { hasText: "Stopped" }).waitFor({ timeout: WAIT });
    await page.getByRole("button", { name: "Try again…" }).waitFor();
  });

  it("stands on the overview with what it left, and its device says why", async () => {
    const page = await enter("vera", "/overview");
    await page.getByText("device went back").waitFor();
    await page.getByRole("link", { name: "Show them" }).first().click();
    await page.waitForURL(/devices\?q=/);
    await page.locator("tbody a.mono").first().click();
    await page.getByRole("heading", { name: "Why is it not updated?" }).waitFor();
    await page.locator("main .pill", { hasText: "Reverted" }).waitFor();
    await page.locator(".path li.stop").waitFor();
    await page.getByRole("img", { name: /failed at step 5 of 5/ }).or(page.getByRole("list", { name: /failed at step 5 of 5/ })).first().waitFor();
  });

  it("has its release explained in the words of the command", async () => {
    const page = await enter("vera", `/releases/${world.releases["2"]}`);
    await page.locator(".steps li").first().waitFor();
    const steps = await page.locator(".steps button").allTextContents();
    expect(steps.some((words) => /^Download the image for "app": the file [0-9a-f…]+ beside this envelope\.$/.test(words))).toBe(true);
    expect(steps[steps.length - 1]).toBe('Start "app".');
    await page.locator(".steps button").nth(3).focus();
    await page.keyboard.press("ArrowDown");
    await page.waitForURL(/step=5/);
    await page.locator(".bytes .hx").first().waitFor({ state: "attached" });
  });
});
