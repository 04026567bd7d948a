// What is cut goes on.
import { describe, expect, it } from "vitest";
import { api, control, enter, WAIT, world } from "./browser";

describe("a server that goes away under an open page", () => {
  it("is missed by name and time, and caught up with when it is back", async () => {
    const page = await enter("olga", "/devices/door-2");
    await page.getByText("Live", { exact: true }).waitFor();
    await control({ do: "stop" });
    await page.getByText(/Not live since \d\d:\d\d:\d\d\./).waitFor({ timeout: WAIT });
    await page.getByText(/Trying again/).waitFor();
    expect(await page.locator("h1", { hasText: "door-2" }).count()).toBe(1); // what was there stays
    await control({ do: "start" });
    await page.getByText(/Not live since/).waitFor({ state: "detached", timeout: WAIT });
    await page.getByText("Live", { exact: true }).waitFor();
    // and it hears again
    await api("POST", "/api/v1/devices/door-2/quarantine", { reason: "seen by the page that stayed open" });
    await page.getByText("seen by the page that stayed open").first().waitFor({ timeout: WAIT });
    await api("DELETE", "/api/v1/devices/door-2/quarantine");
    await page.locator("main .pill", { hasText: "Quarantined" }).waitFor({ state: "detached", timeout: WAIT });
  });
});

describe("an upload", () => {
  it("that is cut goes on where it was, and its envelope waits for it", async () => {
    const page = await enter("arno", "/releases");
    const offsets: string[] = [];
    let cut = false;
    await page.route(/\/api\/v1\/artifacts\//, async (route) => {
      const request = route.request();
      if (request.method() === "PUT") {
        offsets.push(request.headers()["upload-offset"] ?? "");
        if (offsets.length === 2 && !cut) {
          cut = true;
          await control({ do: "stop" });
        }
      }
      await route.continue();
    });
    await page.locator("#files").setInputFiles([world.upload.envelope, world.upload.image]);
    await page.getByText("envelope: 1 signature, sequence 4").waitFor();
    await page.getByText(/Connection lost at 4\.0.MiB of/).waitFor({ timeout: WAIT });
    await control({ do: "start" });
    await page.getByRole("link", { name: "Open it" }).waitFor({ timeout: 2 * WAIT });
    expect(offsets[0]).toBe("0");
    expect(offsets.slice(1).every((offset) => offset === String(4 << 20))).toBe(true);
    await page.getByRole("link", { name: "Open it" }).click();
    await page.getByText("What it will do, step by step").waitFor();
  });

  it("signed by a stranger is not kept, and says what to do", async () => {
    const page = await enter("arno", "/releases");
    await page.locator("#files").setInputFiles([world.unknown.envelope, world.unknown.image]);
    await page.getByText("UD_ERR_UNTRUSTED").waitFor({ timeout: WAIT });
    expect(await page.locator(".note.bad").first().textContent()).toMatch(/\. [A-Z]/);
  });
});
