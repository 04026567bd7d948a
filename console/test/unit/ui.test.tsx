// Parts that speak with the server: the filter, what is found, filters that are kept, what is told.
import { render } from "preact";
import { act } from "preact/test-utils";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { ApiError } from "../../src/api";
import { Blank, Loading, Pager, Shown } from "../../src/ui/base";
import { Omni } from "../../src/ui/omni";
import { Query } from "../../src/ui/query";
import { SavedFilters } from "../../src/ui/saved";
import { SaysHead } from "../../src/ui/says";
import { toast, Toasts } from "../../src/ui/toast";
import { answers, As, press, type, until } from "./help";

let root: HTMLElement;
beforeEach(() => {
  document.body.innerHTML = "";
  root = document.createElement("div");
  document.body.append(root);
  window.history.replaceState(null, "", "/devices");
});
const input = (): HTMLInputElement => root.querySelector("input") as HTMLInputElement;
const resource = <T,>(more: Partial<{ data: T; error: ApiError }>): { data: T | undefined; error: ApiError | undefined; loading: boolean; took: number; reload: () => void } => ({ data: undefined, error: undefined, loading: false, took: 0, reload: () => undefined, ...more });

/** So many ms on the clock that stands still otherwise, and everything that they lead to. */
const pass = (ms: number): Promise<void> => act(async () => void (await vi.advanceTimersByTimeAsync(ms)));

describe("the filter", () => {
  const complete = { from: 0, to: 2, content: [{ text: "name==", kind: "field", note: "its name" }, { text: "namespace==", kind: "field", note: "" }] };
  it("is completed by keys, and applied by Enter only", async () => {
    const asked = answers({ "GET /api/v1/completions": complete });
    const apply = vi.fn();
    render(<Query value="" apply={apply} />, root);
    type(input(), "na");
    await until(() => expect(root.querySelectorAll("[role=option]").length).toBe(2));
    expect(asked[0]?.path).toBe("/api/v1/completions?q=na&at=2");
    press(input(), "ArrowDown");
    await until(() => expect(input().getAttribute("aria-activedescendant")).toBe(root.querySelector("[role=option]")?.id));
    press(input(), "Enter");
    await until(() => expect(input().value).toBe("name=="));
    expect(apply).not.toHaveBeenCalled();
    type(input(), 'name=="a b" ');
    await until(() => expect(input().value).toBe('name=="a b" '));
    press(input(), "Enter");
    expect(apply).toHaveBeenCalledExactlyOnceWith('name=="a b"');
  });
  it("counts in bytes where it asks, as the server does", async () => {
    const asked = answers({ "GET /api/v1/completions": { from: 0, to: 0, content: [] } });
    render(<Query value="" apply={() => undefined} />, root);
    type(input(), "name==ü");
    await until(() => expect(asked[0]?.path).toMatch(/&at=8$/));
  });
  it("goes back to what is applied by Escape", async () => {
    answers({ "GET /api/v1/completions": { from: 0, to: 0, content: [] } });
    render(<Query value="name==a" apply={() => undefined} />, root);
    type(input(), "name==ab");
    await until(() => expect(input().value).toBe("name==ab"));
    press(input(), "Escape");
    await until(() => expect(input().value).toBe("name==a"));
  });
  it("marks the wrong part, names the remedy, and is said to be wrong", () => {
    const error = new ApiError(400, "UD_ERR_FILTER", "no comparison", "write == between name and value", { at: 4, bytes: 3 });
    render(<Query value="name=lx=1" apply={() => undefined} error={error} />, root);
    expect(root.querySelector(".wavy")?.textContent).toBe("=lx");
    expect(root.textContent).toContain("At character 5:");
    expect(root.textContent).toContain("Write == between name and value.");
    expect(input().getAttribute("aria-invalid")).toBe("true");
    expect(document.getElementById(input().getAttribute("aria-describedby") ?? "")?.getAttribute("role")).toBe("alert");
  });
  it("shows each condition in words, and takes one away", () => {
    const apply = vi.fn();
    render(<Query value="name==<b>;type==meter" apply={apply} />, root);
    const chips = [...root.querySelectorAll(".chip")];
    expect(chips.map((one) => one.textContent)).toEqual(["name is <b>", "type is meter"]);
    (chips[0]?.querySelector("button") as HTMLButtonElement).click();
    expect(apply).toHaveBeenCalledExactlyOnceWith("type==meter");
  });
});

describe("find or do", () => {
  const nothing = { content: [], total: 0, size: 0 };
  it("finds devices by the server, and pages and deeds by rights", async () => {
    const asked = answers({ "GET /api/v1/devices": { content: [{ name: "<i>door" }], total: 1, size: 1 }, "GET /api/v1/rollouts": nothing, "GET /api/v1/releases": nothing });
    render(<As roles={["viewer"]}><Omni /></As>, root);
    await until(() => {
      window.dispatchEvent(new KeyboardEvent("keydown", { key: "k", ctrlKey: true, cancelable: true })); // it listens a moment after it is drawn
      expect(root.querySelectorAll("[role=option]").length).toBe(7);
    });
    expect(root.textContent).not.toContain("New rollout");
    type(input(), 'a"*');
    await until(() => expect(root.textContent).toContain("<i>door"));
    expect(decodeURIComponent(asked.find((one) => one.path.startsWith("/api/v1/devices"))?.path ?? "")).toContain('q=name=="a\\"\\**"');
    press(input(), "Enter");
    await until(() => expect(window.location.pathname).toBe(`/devices/${encodeURIComponent("<i>door")}`));
    expect(root.querySelector("dialog")).toBeNull();
  });
  it("says when there is nothing, and still offers pages when the server is away", async () => {
    answers({});
    render(<As roles={["operator"]}><Omni /></As>, root);
    (root.querySelector("button") as HTMLButtonElement).click();
    await until(() => expect(root.querySelector("dialog")).not.toBeNull());
    type(input(), "sett");
    await until(() => expect([...root.querySelectorAll("[role=option]")].map((one) => one.textContent)).toEqual([expect.stringContaining("Settings")]));
    type(input(), "zzzz");
    await until(() => expect(root.textContent).toContain("Nothing by that name."));
  });
});

describe("filters that are kept", () => {
  it("are chosen, named, and one's own taken away", async () => {
    const apply = vi.fn();
    let mine = [{ name: "Doors", query: "name==door-*", shared: false }];
    const asked = answers({
      "GET /api/v1/filters": () => ({ content: mine, total: mine.length, size: mine.length }),
      "DELETE /api/v1/filters/Doors": () => { mine = []; return undefined; },
      "PUT /api/v1/filters/North%20doors": undefined,
    });
    render(<SavedFilters query="group==north" apply={apply} />, root);
    await until(() => expect(root.textContent).toContain("Doors"));
    [...root.querySelectorAll<HTMLButtonElement>(".chipword")].find((one) => one.textContent === "Doors")?.click();
    expect(apply).toHaveBeenCalledExactlyOnceWith("name==door-*");
    (root.querySelector(".chip.add") as HTMLButtonElement).click();
    await until(() => expect(root.querySelector("dialog .pri")?.textContent).toContain("needs a name"));
    type(root.querySelector("dialog input") as HTMLInputElement, "North doors");
    await until(() => expect((root.querySelector("dialog .pri") as HTMLButtonElement).disabled).toBe(false));
    (root.querySelector("dialog .pri") as HTMLButtonElement).click();
    await until(() => expect(root.querySelector("dialog")).toBeNull());
    expect(asked.find((one) => one.method === "PUT")).toMatchObject({ path: "/api/v1/filters/North%20doors", body: { query: "group==north" } });
    (root.querySelector('[aria-label="Remove this filter: Doors"]') as HTMLButtonElement).click();
    await until(() => expect(root.textContent).not.toContain("Doors"));
  });
});

describe("what is told", () => {
  it("stays while it is looked at, errors until they are closed", async () => {
    vi.useFakeTimers();
    try {
      await act(() => render(<Toasts />, root));
      await act(() => toast({ tone: "ok", text: "Saved\u202e." }));
      expect(root.textContent).toContain("Saved\\u202e.");
      await act(() => void root.querySelector(".toast")?.dispatchEvent(new MouseEvent("mouseenter")));
      await pass(20_000);
      expect(root.querySelector(".toast")).not.toBeNull();
      await act(() => void root.querySelector(".toast")?.dispatchEvent(new MouseEvent("mouseleave")));
      await pass(9_000);
      expect(root.querySelector(".toast")).toBeNull();
      toast({ tone: "bad", text: "Refused." });
      await pass(60_000);
      expect(root.textContent).toContain("Refused.");
      (root.querySelector('[aria-label="Close"]') as HTMLButtonElement).click();
      await pass(10);
      expect(root.querySelector(".toast")).toBeNull();
    } finally {
      vi.useRealTimers();
    }
  });
  it("is the server's sentence, as text", () => {
    render(<SaysHead says={resource({ data: { bold: "402 <b>meters</b>", rest: "refuse it.", lede: null } })} fallback="Devices" />, root);
    expect(root.querySelector("h1")?.textContent).toContain("402 <b>meters</b>");
    render(<SaysHead says={resource({})} fallback="Devices" />, root);
    expect(root.querySelector("h1")?.textContent).toContain("Devices");
  });
});

describe("a list", () => {
  it("says where it is, and goes on from there", () => {
    const onPage = vi.fn();
    render(<Pager offset={50} size={50} total={120} limit={50} onPage={onPage} />, root);
    expect(root.textContent).toMatch(/51.*100.*120/);
    for (const one of root.querySelectorAll("button")) one.click();
    expect(onPage.mock.calls).toEqual([[0], [100]]);
    render(<Pager offset={100} size={20} total={120} limit={50} onPage={onPage} />, root);
    expect([...root.querySelectorAll("button")].map((one) => one.disabled)).toEqual([false, true]);
  });
  it("loads without a flash, fails with a way on, and keeps what it had", async () => {
    vi.useFakeTimers();
    try {
      await act(() => render(<Loading rows={3} />, root));
      expect(root.querySelectorAll(".sk").length).toBe(0);
      await pass(300);
      expect(root.querySelectorAll(".sk").length).toBe(3);
      await pass(2000);
      expect(root.querySelector("p[role=status]")?.textContent).not.toBe("");
    } finally {
      vi.useRealTimers();
    }
    const error = new ApiError(503, "UD_ERR_RETRY_LATER", "busy", "wait");
    const show = (data: string): string => data;
    render(<Shown of={resource<string>({ error })}>{show}</Shown>, root);
    expect(root.textContent).toContain("UD_ERR_RETRY_LATER");
    expect(root.querySelector("button")).not.toBeNull();
    render(<Shown of={resource({ data: "what was there", error })}>{show}</Shown>, root);
    expect(root.textContent).toBe("what was there");
    render(<Blank icon="search" title="No device yet"><p>Add one.</p></Blank>, root);
    expect(root.querySelector("h2")?.textContent).toBe("No device yet");
  });
});
