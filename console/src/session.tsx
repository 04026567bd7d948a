// Who is signed in, and what that person may. The server decides; the page only says beforehand what it would say.
import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { Me } from "./model";
import { t } from "./strings";

export type Right = "read" | "upload" | "approve" | "deploy" | "devices" | "trust" | "people" | "settings" | "audit" | "tenants";

// As src/server/rights.c has it.
const RIGHTS: Record<string, Right[]> = {
  viewer: ["read"],
  author: ["read", "upload"],
  approver: ["read", "approve"],
  operator: ["read", "deploy", "devices"],
  trust: ["read", "trust"],
  administrator: ["read", "people", "settings", "audit"],
  owner: ["read", "upload", "approve", "deploy", "devices", "trust", "people", "settings", "audit", "tenants"],
};
// Which role to ask for.
const ROLE: Record<Right, string> = {
  read: "viewer", upload: "author", approve: "approver", deploy: "operator", devices: "operator",
  trust: "trust", people: "administrator", settings: "administrator", audit: "administrator", tenants: "owner",
};
// Resources that do not keep to a group of devices refuse people who are limited to one (docs/server.md).
const WHOLE: Right[] = ["upload", "approve", "trust", "people", "settings", "audit", "tenants"];

export function may(me: Me | null, right: Right): boolean {
  if (!me) return false;
  if (me.group && WHOLE.includes(right)) return false;
  return me.roles.some((role) => RIGHTS[role]?.includes(right));
}

export interface Session {
  me: Me;
  can: (right: Right) => boolean;
  /** null: may; else the reason for a disabled button */
  needs: (right: Right) => string | null;
  /** the same for what only works on the whole fleet */
  needsWhole: (right: Right) => string | null;
  signOut: () => void;
}

export const SessionContext = createContext<Session | null>(null);

export function makeSession(me: Me, signOut: () => void): Session {
  const needs = (right: Right): string | null => (may(me, right) ? null : t.needsRole(ROLE[right]));
  return {
    me,
    can: (right) => may(me, right),
    needs,
    needsWhole: (right) => needs(right) ?? (me.group ? t.needsWhole : null),
    signOut,
  };
}

export function useSession(): Session {
  const session = useContext(SessionContext);
  if (!session) throw new Error("no session here");
  return session;
}
