import { render } from "preact";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { Health } from "../../src/pages/device-health";
import { answerOf, Commands } from "../../src/pages/device";
import { reach } from "../../src/ui/chart";
import { answers, As, type Asked, until } from "./help";

// jsdom draws nothing; what is drawn is looked at in a browser
vi.mock("uplot", () => ({ default: class { setData(): void {} setSize(): void {} destroy(): void {} } }));

let root: HTMLElement;
beforeEach(() => {
  document.body.innerHTML = "";
  root = document.createElement("div");
  document.body.append(root);
  window.history.replaceState(null, "", "/devices/m");
});

const BASE = "/api/v1/devices/m";
const newest = { content: [{ path: "/3/0/9", at: 5, value: 61 }, { path: "/4/0/2", at: 5, value: -88 }, { path: "/3/0/10", at: 5, value: "much" }], total: 3, size: 3 };

/** n values, oldest first, as the server pages them. */
const series = (n: number) => (asked: Asked): unknown => {
  const query = new URLSearchParams(asked.path.split("?")[1]);
  const [from, limit] = [Number(query.get("offset") ?? 0), Number(query.get("limit"))];
  const content = Array.from({ length: Math.max(0, Math.min(limit, n - from)) }, (_, at) => ({ path: query.get("path"), at: from + at + 1, value: from + at }));
  return { content, total: n, size: content.length };
};

describe("health", () => {
  it("shows what the device tells, and nothing that is no number", async () => {
    answers({ [`GET ${BASE}/values/newest`]: newest, [`GET ${BASE}/values`]: series(1) });
    render(<As roles={["viewer"]}><Health path={BASE} registered /></As>, root);
    await until(() => expect([...root.querySelectorAll("[role=group][aria-label]")].map((one) => one.getAttribute("aria-label"))).toEqual(expect.arrayContaining(["Battery", "Link"])));
    expect(root.textContent).not.toContain("Free memory");
    await until(() => expect(root.textContent).toContain("One value so far"));
    expect(root.querySelector("button:disabled")?.textContent).toContain("needs the role operator");
  });
  it("takes the newest of more than it draws, and says so", async () => {
    const asked = answers({ [`GET ${BASE}/values/newest`]: { ...newest, content: newest.content.slice(0, 1) }, [`GET ${BASE}/values`]: series(4210) });
    render(<As roles={["viewer"]}><Health path={BASE} registered /></As>, root);
    await until(() => expect(root.textContent).toContain("The newest 3,000 of 4,210 values."));
    expect(root.querySelector("[aria-label=Battery] b")?.textContent).toBe("4209\u00a0%");
    expect(asked.filter((one) => one.path.includes("offset=")).map((one) => Number(/offset=(\d+)/.exec(one.path)?.[1]))).toEqual([1210, 1710, 2210, 2710, 3210, 3710]);
  });
  it("is asked for by one command each, after the pause", async () => {
    const asked = answers({ [`GET ${BASE}/values/newest`]: { content: [], total: 0, size: 0 }, [`POST ${BASE}/commands`]: { id: 1 } });
    render(<As roles={["operator"]}><Health path={BASE} registered /></As>, root);
    await until(() => expect(root.textContent).toContain("No value is kept yet."));
    [...root.querySelectorAll("button")].find((one) => one.textContent === "Record…")?.click();
    await until(() => expect(root.querySelectorAll("dialog input[type=checkbox]").length).toBe(4));
    (root.querySelector("dialog input[type=checkbox]") as HTMLInputElement).click();
    await until(() => expect(root.querySelector("dialog .pri")?.textContent).toBe("Record 3"));
    (root.querySelector("dialog .pri") as HTMLButtonElement).click();
    await until(() => expect(root.querySelector("dialog")).toBeNull());
    expect(asked.filter((one) => one.method === "POST").map((one) => one.body)).toEqual([
      { op: "write", path: "/1/0", values: { 2: 60 } }, { op: "observe", path: "/3/0/9" }, { op: "observe", path: "/3/0/10" }, { op: "observe", path: "/4/0/2" },
    ]);
  });
  it("draws what is negative around itself, all else from zero", () => {
    expect(reach(0, 100)).toEqual([0, 106]);
    expect(reach(3, 5, 10)).toEqual([0, 10]);
    expect(reach(null, null)).toEqual([0, 1]);
    expect(reach(-90, -70)).toEqual([-93, -67]);
    expect(reach(-70, -70)).toEqual([-71, -69]);
  });
});

describe("commands", () => {
  it("have their answers by path, and hostile ones as text", () => {
    expect(answerOf({ code: "2.05", values: { "/3/0/0": "Acme", "/3/0/9": 61, "/3/0/2": { base64: "AA==" } } })).toBe('/3/0/0 = Acme\n/3/0/9 = 61\n/3/0/2 = {"base64":"AA=="}');
    expect(answerOf({ code: "2.04" })).toBe("2.04");
    expect(answerOf({ code: "4.00", words: "no" })).toBe("no");
    expect(answerOf({ code: "2.05", links: "</5>" })).toBe("</5>");
  });
  it("that wait can be taken back", async () => {
    let state = "queued";
    const asked = answers({
      [`GET ${BASE}/commands`]: () => ({ content: [{ id: 7, state, command: { op: "read", path: "/3/0/1" }, answer: null, error: null, message: null, by: "o", createdAt: 1, updatedAt: 1 },
        { id: 6, state: "done", command: { op: "read", path: "/3/0/0" }, answer: { code: "2.05", values: { "/3/0/0": "<img src=x>" } }, error: null, message: null, by: "o", createdAt: 1, updatedAt: 1 }], total: 2, size: 2 }),
      "POST /api/v1/commands/7/cancel": () => { state = "canceled"; return { id: 7 }; },
    });
    render(<As roles={["operator"]}><Commands path={BASE} events={() => false} registration={{ queueMode: true } as never} open={() => undefined} /></As>, root);
    await until(() => expect(root.textContent).toContain("waits for its next contact"));
    expect(root.querySelector("img")).toBeNull();
    expect(root.textContent).toContain("/3/0/0 = <img src=x>");
    (root.querySelector('button[aria-label="Take it back"]') as HTMLButtonElement).click();
    await until(() => expect(root.textContent).not.toContain("waits for its next contact"));
    expect(asked.filter((one) => one.method === "POST").length).toBe(1);
  });
});
