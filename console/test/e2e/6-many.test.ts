// More devices than a page shows: in another order, in other columns, and the same done to all of them.
import { beforeAll, describe, expect, it } from "vitest";
import { api, enter, heading, WAIT } from "./browser";

const MANY = 60;
beforeAll(async () => {
  for (let n = 0; n < MANY; n++) await api("POST", "/api/v1/devices", { name: `many-${String(n).padStart(2, "0")}`, group: n % 2 === 0 ? "even" : "odd" });
}, 600_000);

const names = "tbody td a.mono";

describe("the table of devices", () => {
  it("is sorted by the server, in the address, and shows the columns that were chosen", async () => {
    const page = await enter("vera", "/devices?q=name%3D%3Dmany-*");
    await heading(page, /^60.devices fit/);
    await page.getByRole("button", { name: "Device", exact: true }).click();
    await page.waitForURL(/sort=name/);
    await page.locator("th[aria-sort=ascending]").waitFor();
    await page.getByRole("button", { name: /^Device/ }).click();
    await page.waitForURL(/sort=-name/);
    await page.locator(names).first().filter({ hasText: "many-59" }).waitFor();
    await page.getByRole("button", { name: "Next page" }).click();
    await page.locator(names).last().filter({ hasText: "many-00" }).waitFor(); // sorted before it was cut into pages
    await page.locator("summary", { hasText: "Columns" }).click();
    await page.getByRole("checkbox", { name: "Group" }).check();
    await page.getByRole("checkbox", { name: "Type" }).uncheck();
    await page.waitForURL(/cols=/);
    await expect.poll(() => page.locator("thead th").allTextContents(), { timeout: WAIT }).toContain("Group");
    const shared = await page.context().newPage();
    await shared.goto(page.url());
    await shared.locator(names).last().filter({ hasText: "many-00" }).waitFor();
    const heads = await shared.locator("thead th").allTextContents();
    expect(heads).toContain("Group");
    expect(heads).not.toContain("Type");
    await shared.getByRole("button", { name: "Group", exact: true }).click();
    await shared.locator("tbody tr").first().filter({ hasText: "even" }).waitFor();
  });

  it("does the same to all that meet the filter, not only to those on the page", async () => {
    const page = await enter("olga", "/devices?q=group%3D%3Dodd,name%3D%3Dmany-*");
    await heading(page, /^60.devices fit/);
    await page.getByRole("checkbox", { name: "Select this page" }).check();
    await page.getByText("50 selected").waitFor();
    await page.getByRole("button", { name: "Select all 60" }).click();
    await page.getByText("60 selected").waitFor();
    await page.getByRole("button", { name: "Tag", exact: true }).click();
    await page.getByRole("heading", { name: /^Tag 60.devices\?$/ }).waitFor();
    expect(await page.getByRole("button", { name: /^Tag 60.*needs a tag/ }).isDisabled()).toBe(true);
    await page.locator("dialog").getByLabel("Tag", { exact: true }).fill("all of them");
    await page.getByRole("button", { name: "Tag 60" }).click();
    await page.getByText(/^60.devices changed/).waitFor({ timeout: WAIT });
    expect((await api<{ total: number }>("GET", `/api/v1/devices?limit=1&q=${encodeURIComponent('tag=="all of them"')}`)).total).toBe(MANY);
  });

  it("holds some apart with a reason and frees them, and says so before", async () => {
    const page = await enter("olga", "/devices?q=name%3D%3Dmany-0*&sort=name");
    await heading(page, /^10.devices fit/);
    await page.getByRole("checkbox", { name: "Select many-01" }).check();
    await page.getByRole("checkbox", { name: "Select many-02" }).check();
    await page.getByRole("button", { name: "Quarantine", exact: true }).click();
    await page.getByRole("heading", { name: /^Hold 2.devices apart\?$/ }).waitFor();
    await page.getByRole("button", { name: /^Quarantine 2/ }).click();
    await page.getByText("It goes into the audit log").or(page.locator("dialog .field.err")).first().waitFor();
    await page.locator("dialog").getByRole("textbox").fill("a smell of smoke");
    await page.getByRole("button", { name: /^Quarantine 2/ }).click();
    await page.locator("tbody tr", { hasText: "a smell of smoke" }).nth(1).waitFor({ timeout: WAIT });
    await page.getByRole("checkbox", { name: "Select this page" }).check();
    await page.getByRole("button", { name: "End quarantine" }).click();
    await page.getByRole("button", { name: "Free 10" }).click();
    await page.getByText(/^2.devices changed, 8 were like that already/).waitFor({ timeout: WAIT });
    expect((await api<{ total: number }>("GET", "/api/v1/devices?limit=1&q=quarantined%3D%3Dtrue%3Bname%3D%3Dmany-*")).total).toBe(0);
  });

  it("refuses when the number has moved since it was seen", async () => {
    const page = await enter("olga", "/devices?q=name%3D%3Dmany-*");
    await heading(page, /^60.devices fit/);
    await page.getByRole("checkbox", { name: "Select this page" }).check();
    await page.getByRole("button", { name: "Select all 60" }).click();
    await page.getByRole("button", { name: "Tag", exact: true }).click();
    await page.locator("dialog").getByLabel("Tag", { exact: true }).fill("too late");
    for (let n = 0; n < 3; n++) await api("DELETE", `/api/v1/devices/many-5${n}`);
    await page.getByRole("button", { name: /^Tag \d+$/ }).last().click();
    await page.locator("dialog").getByText("UD_ERR_COUNT_MOVED").waitFor({ timeout: WAIT });
    expect((await api<{ total: number }>("GET", `/api/v1/devices?limit=1&q=${encodeURIComponent('tag=="too late"')}`)).total).toBe(0);
  });

  it("shows who may not what they would need", async () => {
    const page = await enter("vera", "/devices?q=name%3D%3Dmany-0*");
    await page.getByRole("checkbox", { name: "Select this page" }).check();
    for (const name of ["Tag", "Untag", "Move to a group", "Ask to poll", "Quarantine", "End quarantine"])
      expect(await page.getByRole("button", { name: new RegExp(`^${name}.*needs the role operator`) }).isDisabled()).toBe(true);
  });
});
