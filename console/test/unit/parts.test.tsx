import { render } from "preact";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { ApiError } from "../../src/api";
import { isKey, isSingle, setSingleKeys } from "../../src/keys";
import { parse } from "../../src/live";
import type { Action, Device, Me } from "../../src/model";
import { may } from "../../src/session";
import { deviceKey, proofOf } from "../../src/state";
import { Bar, Btn, ErrorBlock, Gauge, Ladder, T } from "../../src/ui/base";
import { align } from "../../src/ui/chart";
import { Dialog } from "../../src/ui/dialog";
import { Keys } from "../../src/ui/keys";
import { until } from "./help";

let root: HTMLElement;
beforeEach(() => {
  document.body.innerHTML = "";
  root = document.createElement("div");
  document.body.append(root);
});
const action = (state: Action["state"], more: Partial<Action> = {}): Action => ({
  id: 1, device: "d", release: 1, state, error: null, message: null, remedy: null, active: true, proof: null, createdAt: 1, updatedAt: 2, ...more,
});
const device = (more: Partial<Device>): Device => ({
  name: "d", type: null, group: null, kid: "", lastSeen: 1, createdAt: 1, status: "registered", assigned: null, zone: null, quarantine: null, running: null, action: null, ...more,
});

describe("proof", () => {
  it("is green only at the top, and red where it failed", () => {
    expect(proofOf(null)).toEqual({ step: 0, failed: 0, claimed: false });
    expect(proofOf(action("trial")).step).toBe(4);
    expect(proofOf(action("reverted"))).toEqual({ step: 4, failed: 5, claimed: false });
    render(<Ladder {...proofOf(action("confirmed"))} />, root);
    expect([...root.querySelectorAll("rect")].map((one) => one.getAttribute("class"))).toEqual(["b1", "b2", "b3", "b4", "b5"]);
    render(<Ladder {...proofOf(action("claimed"))} />, root);
    expect(root.querySelector(".b5")).toBeNull();
    render(<Ladder {...proofOf(action("refused"))} />, root);
    expect(root.querySelectorAll(".bx").length).toBe(1);
    expect(root.querySelector("svg")?.getAttribute("aria-label")).toContain("step 2 of 5");
  });
  it("calls devices by one word", () => {
    expect(deviceKey(device({ status: "in_sync" }))).toBe("claimed");
    expect(deviceKey(device({ status: "in_sync", quarantine: { since: 1, reason: "x", release: null } }))).toBe("quarantined");
    expect(deviceKey(device({ status: "pending", action: action("offered") }))).toBe("waiting");
    expect(deviceKey(device({ status: "pending", action: action("installing") }))).toBe("updating");
    expect(deviceKey(device({ status: "reverted" }))).toBe("reverted");
  });
});

describe("parts", () => {
  it("shows texts as text", () => {
    render(<T v={'"><img src=x onerror=alert(1)>\u202e'} />, root);
    expect(root.querySelector("img")).toBeNull();
    expect(root.textContent).toBe('"><img src=x onerror=alert(1)>\\u202e');
  });
  it("says why a button is disabled", () => {
    render(<Btn why="needs the role operator">Start</Btn>, root);
    const button = root.querySelector("button") as HTMLButtonElement;
    expect(button.disabled).toBe(true);
    expect(button.textContent).toContain("needs the role operator");
    render(<Btn href="/x" why="needs the role operator">Start</Btn>, root);
    expect(root.querySelector("a")).toBeNull();
  });
  it("leaves empty segments out, and speaks the others", () => {
    render(<Bar total={200} segments={[{ cls: "b-conf", value: 100, label: "confirmed" }, { cls: "b-fail", value: 0, label: "failed" }]} />, root);
    expect(root.querySelectorAll(".bar > span").length).toBe(1);
    expect((root.querySelector(".b-conf") as HTMLElement).style.width).toBe("50%");
    expect(root.querySelector(".bar")?.getAttribute("aria-label")).toBe("50.0\u00a0% confirmed");
  });
  it("turns amber at two thirds of the limit, red at it", () => {
    const look = (value: number): string => {
      render(<Gauge value={value} limit={3} top={4} label="x" />, root);
      return root.querySelector(".gauge")?.className.trim() ?? "";
    };
    expect([look(1), look(2), look(3)]).toEqual(["gauge", "gauge w", "gauge b"]);
  });
  it("says what the server said, and its name", () => {
    render(<ErrorBlock error={new ApiError(503, "UD_ERR_RETRY_LATER", "the server is busy", "try again later")} retry={() => undefined} />, root);
    expect(root.textContent).toContain("the server is busy. Try again later.");
    expect(root.textContent).toContain("UD_ERR_RETRY_LATER");
  });
});

describe("dialog", () => {
  it("starts at the safe button, needs its reason, and acts once", async () => {
    const run = vi.fn(() => Promise.resolve());
    const done = vi.fn();
    render(<Dialog title="Stop it?" lines={[{ n: 3, text: "stop" }]} reason={{ label: "Why?", needed: true }} safe="Keep" go="Stop for 3 devices" kill run={run} done={done} close={() => undefined} />, root);
    await until(() => expect(document.activeElement?.textContent).toBe("Keep"));
    const kill = root.querySelector(".kill") as HTMLButtonElement;
    kill.click();
    await until(() => expect(root.textContent).toContain("Say why; it is kept."));
    expect(run).not.toHaveBeenCalled();
    const input = root.querySelector("input") as HTMLInputElement;
    input.value = "boards too small";
    input.dispatchEvent(new Event("input", { bubbles: true }));
    await until(() => expect(root.textContent).not.toContain("Say why; it is kept."));
    kill.click();
    await until(() => expect(done).toHaveBeenCalled());
    expect(run).toHaveBeenCalledExactlyOnceWith("boards too small");
  });
  it("stays open with the server's words when it was refused", async () => {
    const done = vi.fn();
    render(<Dialog title="Pause?" safe="Keep" go="Pause" run={() => Promise.reject(new ApiError(409, "UD_ERR_ROLLOUT_STATE", "not in this state", "look again"))} done={done} close={() => undefined} />, root);
    (root.querySelector(".pri") as HTMLButtonElement).click();
    await until(() => expect(root.textContent).toContain("UD_ERR_ROLLOUT_STATE"));
    expect(done).not.toHaveBeenCalled();
  });
});

describe("keys", () => {
  const pressed = (key: string, on: Element = document.body, more: KeyboardEventInit = {}): KeyboardEvent => {
    const event = new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...more });
    on.dispatchEvent(event);
    return event;
  };
  it("are letters where somebody writes, with other keys, and behind a dialog", () => {
    root.innerHTML = '<input id="text"><input id="box" type="checkbox"><textarea></textarea><select></select><button>x</button>';
    const at = (where: string): boolean => isKey(pressed("f", root.querySelector(where) as Element), "f");
    expect(["#text", "textarea", "select", "#box", "button"].map(at)).toEqual([false, false, false, true, true]);
    expect((["ctrlKey", "metaKey", "altKey"] as const).map((key) => isSingle(pressed("f", root, { [key]: true })))).toEqual([false, false, false]);
    expect(isKey(pressed("g"), "f")).toBe(false);
    root.innerHTML = "<dialog open></dialog>";
    expect(isKey(pressed("f"), "f")).toBe(false);
    expect(isSingle(pressed("f"))).toBe(true);
  });
  it("are listed for the page, and turned off and on again", async () => {
    localStorage.clear();
    render(<Keys segments={["devices"]} />, root);
    await until(() => expect(pressed("?").defaultPrevented).toBe(true));
    await until(() => expect(root.querySelector("dialog")?.textContent).toContain("select the row"));
    const box = root.querySelector("input[type=checkbox]") as HTMLInputElement;
    expect(box.checked).toBe(true);
    box.click();
    expect(localStorage.getItem("updraft.keys")).toBe("off");
    (root.querySelector("footer button") as HTMLButtonElement).click();
    await until(() => expect(root.querySelector("dialog")).toBeNull());
    expect(pressed("?").defaultPrevented).toBe(false);
    (root.querySelector(".keysbtn") as HTMLButtonElement).click(); // the way back
    await until(() => expect(root.querySelector<HTMLInputElement>("input[type=checkbox]")?.checked).toBe(false));
    setSingleKeys(true);
    await until(() => expect(root.querySelector<HTMLInputElement>("input[type=checkbox]")?.checked).toBe(true));
    expect(localStorage.getItem("updraft.keys")).toBeNull();
    render(<Keys segments={["constructor", "name"]} />, root);
    await until(() => expect(root.querySelector("dialog")?.textContent).not.toContain("select the row"));
  });
});

describe("rights and events", () => {
  it("knows what a role may", () => {
    const me: Me = { name: "x", roles: ["author"], group: null };
    expect(may(me, "upload")).toBe(true);
    expect(may(me, "deploy")).toBe(false);
    expect(may({ ...me, roles: ["owner"], group: "eu" }, "audit")).toBe(false);
  });
  it("takes events that are no objects", () => {
    expect(parse("action", "7", "nonsense")).toMatchObject({ kind: "action", id: "7", device: "", body: {} });
    expect(parse("action", "8", '{"at":5,"device":"d","body":{"state":"trial"}}')).toMatchObject({ at: 5, device: "d", body: { state: "trial" } });
  });
  it("carries a series' last value on", () => {
    const { times, rows } = align([{ label: "a", tone: "v1", points: [[1, 10], [3, 30]] }, { label: "b", tone: "v2", points: [[2, 5]] }]);
    expect(times).toEqual([1, 2, 3]);
    expect(rows).toEqual([[10, 10, 30], [null, 5, 5]]);
  });
});
