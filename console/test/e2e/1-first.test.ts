import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { types } from "../../tools/types.mjs";
import { api, enter, fresh, heading, world, WAIT } from "./browser";

describe("signing in", () => {
  it("refuses a wrong password and takes a right one", async () => {
    const page = await fresh();
    await page.goto(`${world.people}/devices`);
    await page.waitForURL(/sign-in\?to=%2Fdevices/);
    await page.getByLabel("Name").fill("olga");
    await page.getByLabel("Password", { exact: true }).fill("not that password");
    await page.getByRole("button", { name: "Sign in", exact: true }).click();
    await page.getByText("Name and password do not fit.").waitFor();
    await page.getByLabel("Password", { exact: true }).fill(world.password);
    await page.getByRole("button", { name: "Sign in", exact: true }).click();
    await page.waitForURL(`${world.people}/devices`);
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.waitForURL(/sign-in/);
  });

  it("takes a link once, and keeps its secret nowhere", async () => {
    const { url } = await api<{ url: string }>("POST", "/api/v1/session/codes");
    const page = await fresh();
    await page.goto(url);
    await page.waitForURL(`${world.people}/overview`);
    const other = await fresh();
    await other.goto(url);
    await other.getByText("the sign-in link was used already").waitFor();
    expect(other.url()).toBe(`${world.people}/sign-in`);
  });
});

describe("the first pages", () => {
  it("shows how all devices stand", async () => {
    const page = await enter();
    await page.getByText("Where 4 devices stand").waitFor();
    await page.getByRole("link", { name: /Failed 1/ }).waitFor();
  });

  it("lists devices, filters them, and opens one", async () => {
    const page = await enter("vera", "/devices");
    await heading(page, /^4 devices;/);
    const filter = page.getByRole("combobox", { name: "Filter" });
    await filter.fill("name==door-*");
    await filter.press("Enter");
    await heading(page, /^3 devices fit this filter, of 4\.$/);
    expect(page.url()).toContain("q=name%3D%3Ddoor-");
    await filter.fill("name=!=door");
    await filter.press("Enter");
    await page.getByText("At character").waitFor();
    expect(await page.locator("tbody tr").count()).toBe(3);
    await page.locator("tbody tr").first().focus();
    await page.keyboard.press("j");
    await page.keyboard.press("Enter");
    await page.waitForURL(/devices\/door-2/);
    await page.getByRole("heading", { name: "Why is it not updated?" }).waitFor();
  });

  it("answers why, and shows an update as it goes", async () => {
    const page = await enter("olga", "/devices/door-1");
    await page.getByText("nobody deployed anything to it").first().waitFor();
    await api("POST", `/api/v1/releases/${world.releases["2"]}/deploy`, { devices: ["door-1"] });
    await page.locator("main .pill", { hasText: "Confirmed" }).waitFor({ timeout: WAIT });
    await page.locator(".ver", { hasText: "2.0" }).waitFor();
    await page.getByText("Confirmed 2.0").waitFor();
  });
});

describe("the API's description", () => {
  it("is what the page's types are made from", async () => {
    const page = await enter("vera");
    const reply = await page.request.get(`${world.people}/api/v1/openapi.json`);
    expect(types(await reply.json())).toBe(readFileSync("src/api-types.ts", "utf8"));
  });
});
