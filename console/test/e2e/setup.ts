// Start the world before all tests, end it after them. It is ended by the end of its standard input, also when we die.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { resolve } from "node:path";
import type { GlobalSetupContext } from "vitest/node";

declare module "vitest" {
  export interface ProvidedContext {
    world: string;
  }
}

export default async function setup({ provide }: GlobalSetupContext): Promise<() => Promise<void>> {
  const build = resolve(process.env["UPDRAFT_BUILD"] ?? "../build/release");
  const child = spawn("python3", ["test/e2e/world.py", build], { stdio: ["pipe", "pipe", "inherit"] });
  const ended = new Promise<void>((done) => child.once("exit", () => done()));
  const line = await new Promise<string>((done, fail) => {
    child.once("exit", () => fail(new Error("the world did not start")));
    createInterface({ input: child.stdout }).once("line", done);
  });
  provide("world", line);
  return async () => {
    child.stdin.end();
    await ended;
  };
}
