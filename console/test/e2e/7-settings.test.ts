// What a tenant sets for itself, changed on the page: said before, checked, in the audit log, and taken back.
import { afterAll, describe, expect, it } from "vitest";
import { api, enter, fits, world, WAIT } from "./browser";

const KEY = "/rest/v1/system/configs/pollingOverdueTime";
interface Config { value: unknown; global: boolean; lastModifiedBy?: string }

afterAll(async () => {
  await api("DELETE", KEY);
});

describe("settings", () => {
  it("are changed with their consequence in words, and go back to the file's", async () => {
    const page = await enter("", "/settings");
    const row = page.locator(".srow", { hasText: "pollingOverdueTime" });
    await row.getByText(/from poll-s/).waitFor();
    const before = await api<Config>("GET", KEY);
    expect(before.global).toBe(true);
    await row.getByRole("button", { name: "Change: Overdue after" }).click();
    const dialog = page.getByRole("dialog");
    const field = dialog.getByLabel("Overdue after");
    await field.fill("soon");
    await dialog.getByRole("button", { name: /Change it/ }).and(page.locator(":disabled")).waitFor();
    await field.fill("99:99:99"); // it has the form, and the server knows better
    await dialog.getByRole("button", { name: "Change it" }).click();
    await dialog.getByRole("alert").filter({ hasText: /pollingOverdueTime|time|UD_ERR/ }).first().waitFor();
    expect((await api<Config>("GET", KEY)).global).toBe(true);
    await field.fill("02:00:00");
    await dialog.getByText("Targets are overdue after that time").waitFor();
    await dialog.getByRole("button", { name: "Change it" }).click();
    await dialog.waitFor({ state: "detached" });
    await row.getByText("02:00:00").waitFor({ timeout: WAIT });
    await row.getByText(/set by/).waitFor();
    const set = await api<Config>("GET", KEY);
    expect([set.value, set.global]).toEqual(["02:00:00", false]);
    await page.goto(`${world.people}/security?tab=audit`);
    await page.getByText(/system\/configs/).first().waitFor();

    await page.goto(`${world.people}/settings`);
    await row.getByRole("button", { name: "Change: Overdue after" }).click();
    await dialog.getByLabel("Back to what the server's file says").check();
    await dialog.getByRole("button", { name: "Go back" }).click();
    await dialog.waitFor({ state: "detached" });
    await row.getByText(/from poll-s/).waitFor();
    expect((await api<Config>("GET", KEY)).value).toEqual(before.value);
  });

  it("say what is of the file, by its key, and what stays as it is", async () => {
    const page = await enter("", "/settings", { width: 390, height: 844 });
    await page.locator(".srow", { hasText: "action.cleanup.enabled" }).getByText("the history of actions is kept").waitFor();
    await page.getByText("UPDRAFTD_POLL_S").waitFor();
    await fits(page);
  });

  it("are for administrators", async () => {
    const page = await enter("vera", "/settings");
    const button = page.locator(".srow", { hasText: "pollingOverdueTime" }).getByRole("button", { name: /Change: Overdue after/ });
    await button.waitFor();
    expect(await button.isDisabled()).toBe(true);
  });
});
