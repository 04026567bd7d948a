// For tests of parts that speak with the API: answers by path, and everything that was asked.
import type { ComponentChildren, JSX } from "preact";
import { afterEach, vi } from "vitest";
import { makeSession, SessionContext } from "../../src/session";

export interface Asked {
  method: string;
  path: string;
  body: unknown;
}

type Answer = unknown | ((asked: Asked) => unknown);

/** A refusal: its status, and the body as the API has it. */
export class Refusal {
  constructor(readonly status: number, readonly body: Record<string, unknown>) {}
}

/** The first entry whose key ("GET /path", a query may follow) fits answers; anything else is a mistake of the test. */
export function answers(table: Record<string, Answer>): Asked[] {
  const asked: Asked[] = [];
  vi.stubGlobal("fetch", async (path: string, init: RequestInit = {}) => {
    const one: Asked = { method: init.method ?? "GET", path, body: typeof init.body === "string" ? (JSON.parse(init.body) as unknown) : undefined };
    asked.push(one);
    const key = Object.keys(table).find((words) => words === `${one.method} ${path}` || `${one.method} ${path}`.startsWith(`${words}?`) || `${one.method} ${path}`.startsWith(`${words}&`));
    if (key === undefined) throw new Error(`nobody answers ${one.method} ${path}`);
    const answer = table[key];
    const value: unknown = typeof answer === "function" ? (answer as (asked: Asked) => unknown)(one) : answer;
    if (value instanceof Refusal) return new Response(JSON.stringify(value.body), { status: value.status });
    return new Response(value === undefined ? null : JSON.stringify(value), { status: value === undefined ? 204 : 200 });
  });
  return asked;
}

afterEach(() => {
  vi.unstubAllGlobals();
});

export function As({ roles, children }: { roles: string[]; children: ComponentChildren }): JSX.Element {
  return <SessionContext.Provider value={makeSession({ name: "x", roles, group: null } as never, () => undefined)}>{children}</SessionContext.Provider>;
}

export const type = (input: HTMLInputElement | HTMLTextAreaElement, value: string): void => {
  input.value = value;
  input.dispatchEvent(new Event("input", { bubbles: true }));
};

export const press = (on: Element, key: string, more: KeyboardEventInit = {}): KeyboardEvent => {
  const event = new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...more });
  on.dispatchEvent(event);
  return event;
};


/** Until it holds: whatever the machine does beside, this is an end and no measure. */
export const until = <T,>(what: () => T | Promise<T>): Promise<T> => vi.waitFor(what, { timeout: 30_000 });
