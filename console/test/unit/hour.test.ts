import { describe, expect, it } from "vitest";
import { commandsOf } from "../../src/pages/first-hour";

const server = { version: "1", store: "sqlite", file: null, devices: 0, devicesUrl: "https://0.0.0.0:9443", ca: "/var/lib/up draft/ca.pem", storage: null, settings: [] } as const;
const word = (command: string, flag: string): string => new RegExp(`${flag} ('[^']*'|\\S+)`).exec(command)?.[1] ?? "";

describe("the commands of the first hour", () => {
  it("name this server's own addresses and files, quoted where a shell needs it", () => {
    const made = commandsOf("https://people.example:8444", "people.example", { ...server, settings: [] });
    expect(word(made.trust, "--server")).toBe("https://people.example:8444");
    expect(word(made.trust, "--ca")).toBe("'/var/lib/up draft/ca.pem'");
    expect(word(made.trust, "--token-file")).toBe("'/var/lib/up draft/admin.token'");
    expect(word(made.device, "--server")).toBe("https://people.example:9443");
  });
  it("go without a CA of ours where the certificate is somebody else's", () => {
    const made = commandsOf("https://people.example", "people.example", { ...server, ca: null, settings: [] });
    expect(made.trust + made.device).not.toContain("--ca");
    expect(word(made.trust, "--token-file")).toBe("admin.token");
  });
  it("say the usual ones to who may not know how the server is set", () => {
    const made = commandsOf("https://p", "p", undefined);
    expect(word(made.device, "--server")).toBe("https://p:8443");
    expect(word(made.device, "--ca")).toBe("ca.pem");
  });
  it("speak plain HTTP with a server that does", () => {
    expect(word(commandsOf("http://127.0.0.1:1", "127.0.0.1", { ...server, devicesUrl: "http://127.0.0.1:2", ca: null, settings: [] }).device, "--server")).toBe("http://127.0.0.1:2");
  });
  it("are no way out of the quotes", () => {
    expect(commandsOf("https://p", "p", { ...server, ca: "/a'; rm -rf ~;'/ca.pem", settings: [] }).trust).toContain("--ca '/a'\\''; rm -rf ~;'\\''/ca.pem'");
  });
});
