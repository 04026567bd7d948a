// How a device, an action, a rollout is shown: word, glyph, tone, and how far the proof reaches.
import type { Action, Counts, Device, Group, Rollout } from "./model";
import type { Segment, Tone } from "./ui/base";
import { t } from "./strings";

export interface Look {
  word: string;
  glyph: string;
  tone: Tone;
}

const STEP: Record<string, number> = {
  offered: 1, retrieved: 1, downloading: 1, canceling: 1, downloaded: 2, installing: 2, installed: 3, trial: 4, confirmed: 5, claimed: 5,
};
// The step that did not hold, where only the end is known.
const FAILED_AT: Record<string, number> = { refused: 2, failed: 3, reverted: 5 };

export interface Proof {
  step: number;
  failed: number;
  claimed: boolean;
}

export function proofOf(action: Action | null): Proof {
  if (!action) return { step: 0, failed: 0, claimed: false };
  const failed = FAILED_AT[action.state] ?? 0;
  return { step: failed > 0 ? failed - 1 : (STEP[action.state] ?? 0), failed, claimed: action.state === "claimed" };
}

export function lookOf(key: string): Look {
  const known = LOOKS[key] ?? { glyph: "unknown", tone: "wait" as Tone };
  return { ...known, word: t.state[key as keyof typeof t.state] ?? key };
}

const LOOKS: Record<string, { glyph: string; tone: Tone }> = {
  confirmed: { glyph: "confirmed", tone: "ok" },
  claimed: { glyph: "claimed", tone: "ok" },
  updating: { glyph: "updating", tone: "go" },
  waiting: { glyph: "waiting", tone: "wait" },
  failed: { glyph: "failed", tone: "bad" },
  refused: { glyph: "failed", tone: "bad" },
  reverted: { glyph: "reverted", tone: "bad" },
  drifted: { glyph: "drifted", tone: "warn" },
  quarantined: { glyph: "quarantined", tone: "hold" },
  silent: { glyph: "silent", tone: "warn" },
  unknown: { glyph: "unknown", tone: "wait" },
  registered: { glyph: "none", tone: "wait" },
  canceled: { glyph: "none", tone: "wait" },
  // rollouts and groups
  running: { glyph: "running", tone: "go" },
  creating: { glyph: "updating", tone: "go" },
  ready: { glyph: "waiting", tone: "go" },
  paused: { glyph: "paused", tone: "warn" },
  stopped: { glyph: "stopped", tone: "bad" },
  stopping: { glyph: "stopped", tone: "bad" },
  finished: { glyph: "confirmed", tone: "ok" },
  waiting_for_approval: { glyph: "approval", tone: "warn" },
  approval_denied: { glyph: "approval", tone: "bad" },
  deleting: { glyph: "none", tone: "wait" },
  scheduled: { glyph: "none", tone: "wait" },
  error: { glyph: "stopped", tone: "bad" },
  // members of a rollout
  blocked: { glyph: "waiting", tone: "wait" },
  active: { glyph: "updating", tone: "go" },
  skipped: { glyph: "none", tone: "wait" },
};

const UNDERWAY = new Set(["retrieved", "downloading", "downloaded", "installing", "trial"]);

/** One word for how a device stands. */
export function deviceKey(device: Device): string {
  if (device.quarantine) return "quarantined";
  if (device.status === "failed" || device.status === "reverted" || device.status === "drifted") return device.status;
  if (device.status === "pending") return device.action && UNDERWAY.has(device.action.state) ? "updating" : "waiting";
  if (device.status === "in_sync") return device.running ? "confirmed" : "claimed";
  return device.status;
}

/** What is happening, in words; for failures the error's own sentence. */
export function happening(device: Device, version: (id: number) => string): { text: string; code: string } {
  const action = device.action;
  if (device.quarantine) return { text: t.happening.quarantine(device.quarantine.reason), code: "" };
  if (device.status === "drifted") return { text: t.happening.drifted, code: "" };
  if (!action) return { text: device.lastSeen ? t.happening.nothing : t.happening.never, code: "" };
  if (action.error) return { text: action.message ?? action.error, code: action.error };
  const words = t.happening.action[action.state as keyof typeof t.happening.action];
  return { text: words ? words(version(action.release)) : action.state, code: "" };
}

export function memberSegments(counts: Counts): Segment[] {
  const m = t.member;
  return [
    { cls: "b-conf", value: counts.confirmed, label: m.confirmed },
    { cls: "b-claim", value: counts.claimed, label: m.claimed },
    { cls: "b-inst", value: counts.active, label: m.active },
    { cls: "b-fail", value: counts.failed, label: m.failed },
    { cls: "b-rev", value: counts.reverted, label: m.reverted },
    { cls: "b-hold", value: counts.drifted, label: m.drifted },
    { cls: "b-v5", value: counts.canceled + counts.skipped, label: m.left },
    { cls: "b-wait", value: counts.waiting + counts.blocked, label: m.waiting },
  ];
}

export const bad = (counts: Counts): number => counts.failed + counts.reverted + counts.drifted;
export const good = (rollout: { claimedCounts: boolean }, counts: Counts): number => counts.confirmed + (rollout.claimedCounts ? counts.claimed : 0);
export const ended = (counts: Counts): number => counts.confirmed + counts.claimed + bad(counts) + counts.canceled + counts.skipped;

/** What needs somebody first. */
export function attention(rollout: Rollout): number {
  const order: Record<string, number> = {
    paused: 0, stopping: 2, waiting_for_approval: 1, approval_denied: 3, running: 4, ready: 5, creating: 6, stopped: 7, finished: 8, deleting: 9,
  };
  const base = order[rollout.state] ?? 9;
  return rollout.state === "paused" && rollout.pausedBy !== "by a person" ? -1 : base;
}

export const isOpen = (rollout: Rollout): boolean => !["finished", "stopped", "deleting"].includes(rollout.state);

export function groupLook(group: Group): Look {
  const look = lookOf(group.state);
  return { ...look, word: t.groupState[group.state as keyof typeof t.groupState] ?? group.state };
}
