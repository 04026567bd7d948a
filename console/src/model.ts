// What the resources answer with (docs/formats.md sections 8, 13 to 16). Names are the API's.

export interface Me {
  name: string;
  roles: string[];
  group: string | null;
  csrf?: string;
  expiresAt?: number;
}

export interface Action {
  id: number;
  device: string;
  release: number;
  state: string;
  error: string | null;
  message: string | null;
  remedy: string | null;
  active: boolean;
  proof: "signed" | "claimed" | null;
  createdAt: number;
  updatedAt: number;
  history?: { at: number; state: string; messages: string[]; code: number | null }[];
}

export interface Running {
  digest: string;
  sequence: number;
  release: number | null;
  version: string | null;
  reportedAt: number;
  bootReason: string;
  proof: string;
}

export interface Device {
  name: string;
  type: string | null;
  group: string | null;
  kid: string;
  lastSeen: number | null;
  createdAt: number;
  status: string;
  assigned: number | null;
  zone: string | null;
  quarantine: { since: number; reason: string; release: number | null } | null;
  running: Running | null;
  action: Action | null;
}

export interface Artifact {
  filename: string;
  sha256: string;
  size: number;
}

export interface Release {
  id: number;
  name: string;
  version: string;
  foreign: boolean;
  digest: string | null;
  sequence: number | null;
  vendorId: string;
  classId: string;
  artifacts: Artifact[];
  signers: string[];
  createdAt: number;
  recalled?: { at: number; by: string; reason: string } | null;
}

export interface Counts {
  total: number;
  waiting: number;
  blocked: number;
  active: number;
  confirmed: number;
  claimed: number;
  failed: number;
  reverted: number;
  drifted: number;
  canceled: number;
  skipped: number;
}

export interface Rollout {
  id: number;
  name: string;
  description: string;
  release: number;
  filter: string | null;
  state: string;
  pausedBy: string | null;
  now: string;
  next: string;
  devices: Counts;
  groups: number;
  start: string;
  startAt: number | null;
  endAt: number | null;
  weight: number;
  force: string;
  forceAt: number | null;
  consent: boolean;
  window: { schedule: string; duration: string; zone: string } | null;
  rate: { perMinute: number; factor: number; after: number; max: number };
  downloadsMax: number;
  bytesPerSecond: number;
  dynamic: boolean;
  claimedCounts: boolean;
  drift: string;
  again: number;
  approval: boolean;
  decidedBy: string | null;
  remark: string | null;
  createdBy: string;
  createdAt: number;
  updatedAt: number;
}

export interface Group {
  number: number;
  name: string;
  state: string;
  filter: string | null;
  percent: number;
  size: number;
  success: number;
  error: number;
  gate: boolean;
  devices: Counts;
  startedAt: number | null;
}

export interface Member {
  device: string;
  group: number;
  state: string;
  action: number | null;
  offers: number;
}

export interface Cause {
  error: string;
  message: string;
  remedy: string;
  proof: string;
  devices: number;
  example: string;
}

export interface Why {
  device: string;
  answer: string;
  sentence: string;
  remedy: string | null;
  error: string | null;
  rollout: number | null;
  action: number | null;
  path: { check: string; verdict: "holds" | "fails" | "later"; evidence: string }[];
}

export interface Report {
  id?: number;
  receivedAt?: number;
  at?: number;
  [name: string]: unknown;
}

export interface Registration {
  version: string;
  location: string;
  address: string;
  security: string;
  binding: string;
  queueMode: boolean;
  lifetime: number;
  objects: string;
  registeredAt: number;
  updatedAt: number;
}

export interface Command {
  id: number;
  state: string;
  command: Record<string, unknown>;
  answer: Record<string, unknown> | null;
  error: string | null;
  message: string | null;
  by: string;
  createdAt: number;
  updatedAt: number;
}

export interface Value {
  path: string;
  at: number;
  value: unknown;
  samples?: number;
  low?: number;
  high?: number;
}

export interface User {
  name: string;
  service: boolean;
  roles: string[];
  group: string | null;
  subject: string | null;
  disabled: boolean;
  createdAt?: number;
}

export interface Token {
  id: number;
  label: string;
  user: string;
  roles: string[];
  createdAt: number;
  expiresAt: number | null;
}

export interface Anchor {
  name: string;
  kid: string;
  key: string;
  weight: number;
  createdAt: number;
}

export interface AuditEntry {
  tenant: number;
  n: number;
  at: number;
  who: string;
  what: string;
  detail: string;
  hash: string;
}

export interface Webhook {
  id: number;
  url: string;
  sent: number;
  failures: number;
  error: string | null;
  createdAt: number;
}

export interface DeviceType {
  name: string;
  foreign: boolean;
  createdAt: number;
}

export interface Tenant {
  id?: number;
  name: string;
  approvals?: number;
}
