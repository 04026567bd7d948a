import { render } from "preact";
import { beforeEach, describe, expect, it } from "vitest";
import { Abilities, Credentials } from "../../src/pages/device-keys";
import { answers, As, Refusal, type, until } from "./help";

let root: HTMLElement;
beforeEach(() => {
  document.body.innerHTML = "";
  root = document.createElement("div");
  document.body.append(root);
});

const BASE = "/api/v1/devices/m";
const button = (words: string): HTMLButtonElement => [...root.querySelectorAll("button")].find((one) => one.textContent?.startsWith(words)) as HTMLButtonElement;
const never = (): boolean => false;

describe("credentials", () => {
  it("are listed by kind, with names as text, and never their secrets", async () => {
    answers({ [`GET ${BASE}/lwm2m-keys`]: { content: [{ id: 1, mode: "psk", bootstrap: "once", identity: "<b>x</b>\u202e", createdAt: 1 }, { id: 2, mode: "oscore", bootstrap: "no", kid: "01", createdAt: 1 }], total: 2, size: 2 } });
    render(<As roles={["viewer"]}><Credentials path={BASE} events={never} kid={null} /></As>, root);
    await until(() => expect(root.textContent).toContain("<b>x</b>\\u202e"));
    expect(root.textContent).toContain("to bootstrap with, once");
    expect(root.textContent).toContain("OSCORE 01");
    expect([...root.querySelectorAll("button")].every((one) => one.disabled)).toBe(true);
  });
  it("ask for what their kind needs, and show a refusal where it was asked", async () => {
    const asked = answers({
      [`GET ${BASE}/lwm2m-keys`]: { content: [], total: 0, size: 0 },
      [`POST ${BASE}/lwm2m-keys`]: new Refusal(409, { errorCode: "UD_ERR_CONFLICT", message: "there is one already", remedy: "remove that first" }),
    });
    render(<As roles={["operator"]}><Credentials path={BASE} events={never} kid="ab" /></As>, root);
    await until(() => expect(root.textContent).toContain("No key for LwM2M."));
    button("Add a key").click();
    await until(() => expect(button("Add it").textContent).toContain("needs an identity"));
    const select = root.querySelector("dialog select") as HTMLSelectElement;
    select.value = "oscore";
    select.dispatchEvent(new Event("change", { bubbles: true }));
    await until(() => expect(button("Add it").textContent).toContain("needs two ids in hex"));
    const [device, server] = root.querySelectorAll<HTMLInputElement>("dialog input");
    type(device as HTMLInputElement, "0a");
    type(server as HTMLInputElement, "01");
    await until(() => expect(button("Add it").disabled).toBe(false));
    button("Add it").click();
    await until(() => expect(root.querySelector("dialog")?.textContent).toContain("UD_ERR_CONFLICT"));
    expect(asked.find((one) => one.method === "POST")?.body).toEqual({ mode: "oscore", kid: "0a", serverId: "01" });
  });
});

describe("a key that the server made", () => {
  it("is shown once, after it was added", async () => {
    answers({ [`GET ${BASE}/lwm2m-keys`]: { content: [], total: 0, size: 0 }, [`POST ${BASE}/lwm2m-keys`]: { id: 1, key: "00ff".repeat(8) } });
    render(<As roles={["operator"]}><Credentials path={BASE} events={never} kid={null} /></As>, root);
    await until(() => expect(root.textContent).toContain("No key for LwM2M."));
    button("Add a key").click();
    await until(() => expect(root.querySelector("dialog input")).not.toBeNull());
    type(root.querySelector("dialog input") as HTMLInputElement, "one");
    await until(() => expect(button("Add it").disabled).toBe(false));
    button("Add it").click();
    await until(() => expect(root.querySelector("dialog code")?.textContent).toBe("00ff".repeat(8)));
    button("Done").click();
    await until(() => expect(root.textContent).not.toContain("00ff"));
  });
});

describe("what a device can do", () => {
  const claim = (component: string, version: string): unknown => ({ component, digest: "ab".repeat(32), size: 1, epoch: 1, sequence: 1, version });
  it("stands there for several components, and not for one", async () => {
    answers({
      "GET /one/properties": { name: "m", reportedAt: 1, claims: [claim("app", "1.0")], capabilitiesAt: null, capabilities: null },
      "GET /two/properties": { name: "m", reportedAt: 1, claims: [claim("app", "2.0"), claim("<i>radio</i>", "7.2")], capabilitiesAt: 1, capabilities: { components: [], commands: ["fetch", "swap"], parameters: [], algorithms: ["ES256"], envelope: [], manifest: [], common: [] } },
    });
    render(<As roles={["viewer"]}><Abilities path="/one" events={never} /><Abilities path="/two" events={never} /></As>, root);
    await until(() => expect(root.textContent).toContain("<i>radio</i>7.2"));
    expect(root.textContent).toContain("fetch, swap");
    expect(root.textContent).not.toContain("1.0"); // was asked, and answered, before
  });
});
