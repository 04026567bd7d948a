import { render } from "preact";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { consequences, CONFIGS, Own, usualInterval, wrongValue } from "../../src/pages/settings-own";
import { answers, As, Refusal, type } from "./help";

let root: HTMLElement;
beforeEach(() => {
  document.body.innerHTML = "";
  root = document.createElement("div");
  document.body.append(root);
  window.history.replaceState(null, "", "/settings");
});

describe("intervals", () => {
  it("are read as the server reads them", () => {
    for (const [line, s] of [["00:05:00", 300], ["01:00:00~10%", 3600], ["PT5M", 300], ["pt1h30m ~5%", 5400], ["00:00:30, group=='eu' -> 00:02:00", 30]] as const) expect(usualInterval(line), line).toBe(s);
    for (const line of ["", "5m", "300", "00:00:00", "PT", "1:2:3", "group=='eu' -> 00:02:00", "00:05:00x"]) expect(usualInterval(line), line).toBeNull();
  });
  it("and other values are refused before they are sent", () => {
    expect(wrongValue("count", "0")).not.toBeNull();
    expect(wrongValue("count", "1001")).not.toBeNull();
    expect(wrongValue("count", "1000")).toBeNull();
    expect(wrongValue("secret", "x".repeat(31))).not.toBeNull();
    expect(wrongValue("secret", "x".repeat(32))).toBeNull();
    expect(wrongValue("time", "2:00:00:00")).toBeNull();
    expect(wrongValue("time", "soon")).not.toBeNull();
    expect(wrongValue("list", " ")).not.toBeNull();
    expect(wrongValue("list", "x".repeat(320))).not.toBeNull();
    expect(wrongValue("list", "ab12; cd34")).toBeNull();
  });
  it("say what they make", () => {
    expect(consequences("pollingTime", "polling", "00:00:50", 1000).map((one) => `${one.n} ${String(one.text)}`).join(" ")).toMatch(/1000 hear it at their next contact.*20 polls a second/);
    expect(String(consequences("authentication.targettoken.enabled", "switch", "false", 5)[0]?.text)).toContain("shut out");
  });
});

const all = {
  pollingTime: { value: "00:05:00", global: true },
  "rollout.approval.enabled": { value: true, global: false, lastModifiedBy: "<b>anna</b>", lastModifiedAt: 5 },
  "action.cleanup.enabled": { value: false, global: true, fixed: "the history of actions is kept" },
};
const types = { content: [{ id: 1, name: "OS only" }], total: 1, size: 1 };
const table = { [`GET ${CONFIGS}`]: all, "GET /rest/v1/distributionsettypes": types };
const button = (words: string): HTMLButtonElement => [...root.querySelectorAll("button")].find((one) => one.textContent?.startsWith(words)) as HTMLButtonElement;

describe("own settings", () => {
  it("say where each comes from, and why some stay as they are", async () => {
    answers(table);
    render(<As roles={["viewer"]}><Own devices={10} file="/etc/updraftd.ini" /></As>, root);
    await vi.waitFor(() => expect(root.textContent).toContain("from poll-s, poll-jitter in /etc/updraftd.ini"));
    expect(root.textContent).toContain("set by <b>anna</b>");
    expect(root.textContent).toContain("the history of actions is kept");
    expect(button("Change: Polling time").disabled).toBe(true); // a viewer's
  });
  it("are changed with their consequence in words, and the server's refusal is shown", async () => {
    let refuse = true;
    const asked = answers({ ...table, [`PUT ${CONFIGS}/pollingTime`]: () => (refuse ? new Refusal(400, { errorCode: "UD_ERR_NUMBER_RANGE", message: "at least 30 s", remedy: "sleep longer" }) : undefined) });
    render(<As roles={["owner"]}><Own devices={1000} file={null} /></As>, root);
    await vi.waitFor(() => expect(button("Change: Polling time").disabled).toBe(false));
    button("Change: Polling time").click();
    await vi.waitFor(() => expect(root.querySelector("dialog input")).not.toBeNull());
    type(root.querySelector("dialog input") as HTMLInputElement, "often");
    await vi.waitFor(() => expect(button("Change it").disabled).toBe(true));
    type(root.querySelector("dialog input") as HTMLInputElement, "00:00:10");
    await vi.waitFor(() => expect(root.querySelector("dialog")?.textContent).toContain("100 polls a second"));
    button("Change it").click();
    await vi.waitFor(() => expect(root.querySelector("dialog")?.textContent).toContain("at least 30 s"));
    refuse = false;
    type(root.querySelector("dialog input") as HTMLInputElement, "00:01:00");
    await vi.waitFor(() => expect(button("Change it").disabled).toBe(false));
    button("Change it").click();
    await vi.waitFor(() => expect(root.querySelector("dialog")).toBeNull());
    expect(asked.filter((one) => one.method === "PUT").map((one) => one.body)).toEqual([{ value: "00:00:10" }, { value: "00:01:00" }]);
  });
  it("go back to the file's", async () => {
    const asked = answers({ ...table, [`DELETE ${CONFIGS}/rollout.approval.enabled`]: undefined });
    render(<As roles={["owner"]}><Own devices={null} file={null} /></As>, root);
    await vi.waitFor(() => expect(button("Change: Approval of rollouts").disabled).toBe(false));
    button("Change: Approval of rollouts").click();
    await vi.waitFor(() => expect(root.querySelectorAll("dialog input[type=checkbox]").length).toBe(2));
    expect(button("Change it").disabled).toBe(true); // nothing is another yet
    (root.querySelectorAll("dialog input[type=checkbox]")[1] as HTMLInputElement).click();
    await vi.waitFor(() => expect(button("Go back").disabled).toBe(false));
    button("Go back").click();
    await vi.waitFor(() => expect(root.querySelector("dialog")).toBeNull());
    expect(asked.some((one) => one.method === "DELETE")).toBe(true);
  });
});
