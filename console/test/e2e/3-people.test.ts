// Who may not, and texts of strangers.
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { api, enter, heading, world, WAIT } from "./browser";

describe("roles that may not", () => {
  it("see what they would need", async () => {
    const page = await enter("vera", "/devices/door-1");
    await page.getByRole("button", { name: /Assign….*needs the role operator/ }).waitFor();
    expect(await page.getByRole("button", { name: /Assign…/ }).isDisabled()).toBe(true);
    expect(await page.getByRole("button", { name: /Quarantine…/ }).isDisabled()).toBe(true);
    await page.goto(`${world.people}/security?tab=people`);
    await page.getByRole("heading", { name: "People are for administrators" }).waitFor();
    await page.goto(`${world.people}/security?tab=audit`);
    await page.getByRole("heading", { name: "The audit log is for administrators" }).waitFor();
    await page.goto(`${world.people}/settings`);
    await page.getByRole("heading", { name: "How the server is set is for administrators" }).waitFor();
    await page.goto(`${world.people}/rollouts/new?release=${world.releases["2"]}&step=review`);
    await page.getByRole("button", { name: /Start for.*needs the role operator/ }).waitFor();
  });

  it("keep author and operator apart", async () => {
    const page = await enter("arno", `/releases/${world.releases["2"]}`);
    await page.getByRole("button", { name: /Roll out.*needs the role operator/ }).waitFor();
    await page.goto(`${world.people}/releases`);
    await page.getByLabel("Upload releases").waitFor({ state: "attached" });
  });

  it("with a group see its devices only, and hear of them as it happens", async () => {
    const page = await enter("greta", "/devices");
    await page.getByText("Live", { exact: true }).waitFor();
    await page.locator("tbody tr").first().waitFor();
    const told: string[] = [];
    page.on("request", (request) => {
      if (request.url().includes("/api/v1/devices?")) told.push(request.url());
    });
    const hostile = `/api/v1/devices/${encodeURIComponent(world.hostile)}/quarantine`;
    await api("POST", hostile, { reason: "seen by greta" });
    await page.locator("tbody").getByText("seen by greta").waitFor({ timeout: WAIT });
    await api("DELETE", hostile);
    await page.locator("tbody").getByText("seen by greta").waitFor({ state: "detached", timeout: WAIT });
    expect(told.length).toBeGreaterThan(1); // asked again because it was told, not by the clock: that comes once a minute
    await page.locator("tbody tr").first().waitFor();
    expect(await page.locator("tbody tr").count()).toBe(1);
    await page.goto(`${world.people}/devices/door-1`);
    await page.getByText(/There is no device door-1|outside the group/).first().waitFor();
  });

  it("make people, who can sign in then", async () => {
    const page = await enter("", "/security?tab=people");
    await page.getByRole("button", { name: "Add a person" }).click();
    await page.getByLabel("Name", { exact: true }).fill("nina");
    await page.getByRole("checkbox", { name: /^author/ }).check();
    await page.getByRole("checkbox", { name: /^operator/ }).check();
    await page.getByText("Author and operator exclude each other").waitFor();
    await page.getByRole("checkbox", { name: /^author/ }).uncheck();
    await page.getByLabel("Password", { exact: true }).fill(world.password);
    await page.getByRole("button", { name: "Save", exact: true }).click();
    await page.getByText("The person is added.").waitFor();
    const other = await enter("nina", "/devices");
    await other.getByText("operator, viewer").or(other.getByText("viewer, operator")).first().waitFor();
  });
});

describe("the audit log", () => {
  it("is checked in the browser, seal by seal", async () => {
    const page = await enter("adam", "/security?tab=audit");
    await page.getByRole("button", { name: "Check now" }).click();
    await page.getByText(/entries, each sealed to the one before\./).waitFor({ timeout: WAIT });
    // one that was changed on its way is seen
    await page.route(/\/api\/v1\/audit\?offset=0&limit=500/, async (route) => {
      const reply = await route.fetch();
      const body = (await reply.json()) as { content: { who: string }[] };
      (body.content[2] as { who: string }).who = "somebody";
      await route.fulfill({ response: reply, json: body });
    });
    await page.getByRole("button", { name: "Check now" }).click();
    await page.getByText("Broken at entry 3").waitFor();
  });
});

describe("texts of strangers", () => {
  it("are text on every page (F5)", async () => {
    const page = await enter("", "/devices");
    for (const path of ["/devices", `/devices/${encodeURIComponent(world.hostile)}`, `/releases/${world.foreign}`, "/releases", "/rollouts/new?step=which", `/devices?q=${encodeURIComponent("group==eu*")}`]) {
      await page.goto(world.people + path);
      await page.locator("main h1").waitFor();
      await page.getByText(path === "/releases" || path === `/releases/${world.foreign}` ? /=cmd\|/ : /<img src=x onerror=alert\(1\)>/).first().waitFor({ state: "attached" });
      expect(await page.locator("main img, main script, main svg[onload]").count()).toBe(0);
      expect(await page.evaluate(() => document.body.innerText.includes("\u202e"))).toBe(false);
    }
    await page.goto(`${world.people}/devices/${encodeURIComponent(world.hostile)}`);
    await page.getByText("<script>alert(2)</script>").waitFor();
    await page.getByText("\\u202eevil").waitFor();
    await page.getByText("<img src=y onerror=alert(4)>").first().waitFor();
  });

  it("are no formula in an export", async () => {
    const page = await enter("", "/devices");
    await page.getByRole("button", { name: "Export" }).first().click();
    const waiting = page.waitForEvent("download");
    await page.locator("dialog").getByRole("button", { name: "Export" }).click();
    const file = await (await waiting).path();
    const text = readFileSync(file, "utf8");
    expect(text).toContain(`"${world.hostile}"`);
    expect(text.split("\r\n").length).toBe(6);
    for (const cell of text.split(/,|\r\n/)) expect(cell === "" || /^"[^=+\-@]/.test(cell) || cell === '""').toBe(true);
  });

  it("cannot break a shared link", async () => {
    const page = await enter("vera", `/devices?q=${encodeURIComponent('name=="<img src=x onerror=alert(1)>"')}`);
    await heading(page, /^1 device fits this filter/);
    await page.locator(".chip b", { hasText: "<img src=x onerror=alert(1)>" }).waitFor();
  });
});
