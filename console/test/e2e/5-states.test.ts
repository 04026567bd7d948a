// What a page looks like when there is nothing, nothing yet, no answer or no right: each said in words, usable by everybody, in both colours.
import { createRequire } from "node:module";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Page, Route } from "playwright-core";
import { describe, expect, it } from "vitest";
import { enter, WAIT, world } from "./browser";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const shots = process.env["UPDRAFT_SHOTS"] ?? "shots";
mkdirSync(shots, { recursive: true });

const json = (status: number, body: unknown) => (route: Route): Promise<void> => route.fulfill({ status, contentType: "application/json", body: JSON.stringify(body) });
const EMPTY = json(200, { content: [], total: 0, size: 0 });
const BUSY = json(503, { errorCode: "UD_ERR_RETRY_LATER", message: "the server is busy", remedy: "try again in a moment" });
const never = (): void => undefined;

interface State {
  who: string;
  path: string;
  route?: [RegExp, (route: Route) => unknown];
  /** what the page says */
  says: (RegExp | string)[];
}

const STATES: Record<string, State> = {
  "empty-devices": { who: "", path: "/devices", route: [/\/api\/v1\/devices\?/, EMPTY], says: ["No device yet", /First hour/] },
  "empty-by-filter": { who: "vera", path: "/devices?q=name%3D%3Dnobody", says: [/^No device fits/] },
  "empty-releases": { who: "", path: "/releases", route: [/\/api\/v1\/releases\?/, EMPTY], says: [/First hour/] },
  "empty-rollouts": { who: "", path: "/rollouts", route: [/\/api\/v1\/rollouts\?/, EMPTY], says: [/rollout/i] },
  loading: { who: "", path: "/devices", route: [/\/api\/v1\/devices\?/, never], says: [] },
  error: { who: "", path: "/rollouts", route: [/\/api\/v1\/rollouts\?/, BUSY], says: ["the server is busy. Try again in a moment.", "UD_ERR_RETRY_LATER"] },
  "error-part": { who: "", path: "/devices/door-1", route: [/\/why$/, BUSY], says: ["the server is busy. Try again in a moment.", "What runs"] },
  "no-permission": { who: "vera", path: "/security?tab=people", says: ["People are for administrators"] },
  "costly-filter": { who: "vera", path: "/devices?q=name%3D%3D*x*", route: [/\/api\/v1\/devices\?.*q=/, json(400, { errorCode: "UD_ERR_FILTER_COST", message: "the filter costs too much", remedy: "name a type or a group first" })], says: [/[Nn]ame a type or a group first/, "Nothing is listed until the filter works"] },
};

async function violations(page: Page): Promise<string[]> {
  const found = await page.evaluate(`(() => { ${axe}; return window.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"] }); })()`);
  return (found as { violations: { id: string; nodes: { html: string }[] }[] }).violations.flatMap((one) => one.nodes.map((node) => `${one.id}: ${node.html.slice(0, 200)}`));
}

for (const scheme of ["light", "dark"] as const) {
  describe(`a page without what it wanted, ${scheme}`, () => {
    for (const [name, state] of Object.entries(STATES)) {
      it(`says so: ${name}`, async () => {
        const page = await enter(state.who, "/settings", { scheme });
        if (state.route) await page.route(...state.route);
        await page.goto(world.people + state.path);
        const main = page.locator("main");
        for (const words of state.says) await main.getByText(words).locator("visible=true").first().waitFor({ timeout: WAIT });
        if (name === "loading") await main.locator("[aria-busy=true] .sk").first().waitFor({ timeout: WAIT });
        await page.screenshot({ path: join(shots, `state-${name}-${scheme}.png`) });
        expect(await violations(page)).toEqual([]);
      });
    }
  });
}
