// Made by tools/types.mjs from /api/v1/openapi.json. A test compares the two.

export interface Action {
  id: number;
  device: string;
  release: number;
  state: "offered" | "retrieved" | "downloading" | "downloaded" | "installing" | "trial" | "confirmed" | "claimed" | "refused" | "reverted" | "failed" | "canceled" | "canceling";
  error: string | null;
  message: string | null;
  remedy: string | null;
  active: boolean;
  proof: "signed" | "claimed" | null;
  createdAt: number;
  updatedAt: number;
  history?: ActionStep[];
}

export interface ActionStep {
  at: number;
  state: "offered" | "retrieved" | "downloading" | "downloaded" | "installing" | "trial" | "confirmed" | "claimed" | "refused" | "reverted" | "failed" | "canceled" | "canceling";
  messages: string[];
  code: number | null;
}

export interface Anchor {
  name: string;
  kid: string;
  key: string;
  weight: number;
  createdAt: number;
}

export interface Approval {
  user: string | null;
  at: number;
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

export interface BulkDone {
  changed: number;
  unchanged: number;
  next: number | null;
}

export interface Capabilities {
  components: string[];
  commands: string[];
  parameters: string[];
  algorithms: string[];
  envelope: string[];
  manifest: string[];
  common: string[];
}

export interface Claim {
  component: string;
  digest: string;
  size: number;
  epoch: number;
  sequence: number;
  version: string | null;
}

export interface Cluster {
  state: "failed" | "reverted" | "drifted";
  error: string | null;
  message: string;
  remedy: string | null;
  proof: "signed" | "claimed";
  hardware: string | null;
  hardwareFrom: "unknown" | "attribute" | "type";
  before: RanBefore | null;
  devices: number;
  example: string;
  filter: string | null;
}

export interface Clusters {
  says: Says;
  hardware: string;
  content: Cluster[];
  failed: number;
  looked: number;
}

export interface Command {
  id: number;
  state: "queued" | "done" | "failed" | "canceled" | "sent" | null;
  command: { [key: string]: unknown };
  answer: unknown;
  error: string | null;
  message: string | null;
  by: string;
  createdAt: number;
  updatedAt: number;
}

export interface Completion {
  text: string;
  means: string | null;
  devices: number | null;
}

export interface Completions {
  from: number;
  to: number;
  kind: "field" | "comparison" | "value" | "join";
  content: Completion[];
}

export interface Config {
  value: unknown;
  global: boolean;
  createdBy?: string | null;
  createdAt?: number;
  lastModifiedBy?: string | null;
  lastModifiedAt?: number;
  fixed?: string;
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

export interface Course {
  content: CoursePoint[];
}

export interface CoursePoint {
  at: number;
  total: number;
  active: number;
  confirmed: number;
  claimed: number;
  failed: number;
}

export interface Device {
  name: string;
  type: string | null;
  group: string | null;
  kid: string | null;
  lastSeen: number | null;
  createdAt: number;
  status: "unknown" | "registered" | "pending" | "in_sync" | "failed" | "reverted" | "drifted";
  assigned: number | null;
  zone: string | null;
  quarantine: Quarantine | null;
  running: Running | null;
  action: Action | null;
}

export interface DeviceType {
  name: string;
  foreign: boolean;
  createdAt: number;
}

export interface Filter {
  name: string;
  query: string;
  shared: boolean;
}

export interface Fit {
  matched: number;
  exact: boolean;
  runsIt: number;
  notForIt: number;
  quarantined: number;
  busy: number;
  silent: number;
  never: number;
}

export interface Forecast {
  says: Says;
  count: number;
  devices: Fit;
  examples: string[];
  groups: ForecastGroup[];
  bytes: ForecastBytes;
  startAt: number | null;
  endAt: number | null;
  late: boolean;
  gates: number;
  perDevice: number;
  basis: "measured" | "assumed";
}

export interface ForecastBytes {
  each: number;
  total: number;
}

export interface ForecastGroup {
  number: number;
  name: string;
  devices: number;
  opensAt: number;
  stopsAbove: number;
  gate: boolean;
  startAt: number | null;
  endAt: number | null;
}

export interface Lwm2m {
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

export interface Lwm2mKey {
  id: number;
  mode: "none" | "psk" | "rpk" | "x509" | "oscore";
  bootstrap: "no" | "renew" | "once";
  gives?: "psk" | "oscore";
  identity?: string;
  spki?: string;
  kid?: string;
  createdAt: number;
}

export interface Measured {
  vendor?: string;
  class?: string;
  device?: string;
  digest?: string;
  size?: number;
  slot?: number;
  battery?: number;
}

export interface Member {
  device: string;
  group: number;
  state: "waiting" | "blocked" | "active" | "confirmed" | "claimed" | "failed" | "reverted" | "drifted" | "canceled" | "skipped";
  action: number | null;
  offers: number;
}

export interface Overview {
  at: number;
  says: Says;
  devices: Standing;
  actions: { [key: string]: number };
  reach: Reach;
  todo: Todo[];
  snoozed: number;
  rollouts: Rollout[];
  rolloutStates: { [key: string]: number };
}

export interface Patches {
  fetched: number;
  savedBytes: number;
}

export interface Policy {
  approvals: number;
}

export interface Properties {
  name: string;
  reportedAt: number | null;
  claims: Claim[];
  capabilitiesAt: number | null;
  capabilities: Capabilities | null;
}

export interface Quarantine {
  since: number;
  reason: string;
  release: number | null;
}

export interface RanBefore {
  release: number | null;
  name: string | null;
  version: string | null;
}

export interface Rate {
  perMinute?: number;
  factor?: number;
  after?: number;
  max?: number;
}

export interface Reach {
  within: number;
  reachable: number;
  silent: number;
  never: number;
}

export interface Record {
  section: string;
  offset: number;
  component: number;
  path: number[];
  result: string;
  measured: Measured;
}

export interface RefusedReport {
  device: string;
  error: string;
  message: string;
  remedy: string;
  times: number;
  first: number;
  last: number;
  bytes: string;
}

export interface Release {
  id: number;
  name: string;
  version: string;
  foreign: boolean;
  digest: string | null;
  sequence: number | null;
  vendorId: string | null;
  classId: string | null;
  artifacts: ReleaseArtifact[];
  signers: string[];
  createdAt: number;
  recalledAt: number | null;
  runs: number;
  approvals: number;
}

export interface ReleaseArtifact {
  filename: string;
  sha256: string;
  size: number;
}

export interface Report {
  at: number;
  action: number | null;
  counter: number;
  result: string;
  message: string;
  bootReason: "unknown" | "normal" | "trial" | "reverted" | "fallback" | "recovery";
  claims: Claim[];
  records: Record[];
  capabilities: Capabilities | null;
  bytes: string;
}

export interface Rollout {
  id: number;
  name: string;
  description: string;
  release: number;
  filter: string | null;
  state: "creating" | "waiting_for_approval" | "approval_denied" | "ready" | "running" | "paused" | "stopping" | "stopped" | "finished" | "deleting";
  pausedBy: string | null;
  now: string;
  next: string;
  devices: Counts;
  groups: number;
  start: "manual" | "time" | "auto";
  startAt: number | null;
  endAt: number | null;
  weight?: number;
  force?: "soft" | "forced" | "timeforced" | "downloadonly";
  forceAt?: number | null;
  consent?: boolean;
  window?: Window | null;
  rate?: Rate | null;
  downloadsMax?: number;
  bytesPerSecond?: number;
  patches: Patches;
  dynamic: boolean;
  claimedCounts: boolean;
  drift: "hold" | "again" | "alert";
  again: number;
  approval: boolean;
  decidedBy: string | null;
  remark: string | null;
  createdBy: string;
  createdAt: number;
  updatedAt: number;
}

export interface RolloutGroup {
  number: number;
  name: string;
  state: "creating" | "scheduled" | "running" | "error" | "finished";
  filter: string | null;
  percent: number;
  size: number;
  success: number;
  error: number;
  gate: boolean;
  devices: Counts;
  startedAt: number | null;
}

export interface Room {
  size: number;
  free: number;
}

export interface Running {
  digest: string;
  sequence: number;
  release: number | null;
  version: string | null;
  reportedAt: number;
  bootReason: "unknown" | "normal" | "trial" | "reverted" | "fallback" | "recovery";
  proof: "signed";
}

export interface Says {
  bold: string;
  rest: string | null;
  lede: string | null;
}

export interface Server {
  version: string;
  store: "sqlite" | "postgresql";
  file: string | null;
  devices: number;
  devicesUrl: string;
  ca: string | null;
  storage: Room | null;
  settings: Setting[];
}

export interface Setting {
  name: string;
  value: string | null;
  initial: string;
  help: string;
}

export interface Standing {
  total: number;
  confirmed: number;
  claimed: number;
  updating: number;
  registered: number;
  failed: number;
  reverted: number;
  drifted: number;
  quarantined: number;
  unknown: number;
}

export interface Tenant {
  name: string;
  approvals: number;
}

export interface Todo {
  id: string;
  kind: string;
  what: string;
  why: string;
  action: string;
  may: boolean;
  page: string;
  of: string | null;
  count: number;
  since: number | null;
  snoozedUntil: number | null;
}

export interface Token {
  id: number;
  label: string;
  user: string;
  roles: ("viewer" | "author" | "approver" | "operator" | "trust" | "administrator" | "owner")[];
  createdAt: number;
  expiresAt: number | null;
}

export interface User {
  name: string;
  service: boolean;
  roles: ("viewer" | "author" | "approver" | "operator" | "trust" | "administrator" | "owner")[];
  group: string | null;
  subject: string | null;
  password: boolean;
  disabled: boolean;
  createdAt: number;
}

export interface Value {
  path: string;
  at: number;
  value: unknown;
  samples?: number;
  low?: unknown;
  high?: unknown;
}

export interface VersionRuns {
  release: number | null;
  name: string | null;
  version: string | null;
  kind: "signed" | "claimed" | "other" | "unknown";
  devices: number[];
  now: number;
}

export interface Versions {
  from: number;
  days: number;
  content: VersionRuns[];
}

export interface WayBack {
  release: number;
  sequence: number;
}

export interface Webhook {
  id: number;
  url: string;
  sent: number;
  failures: number;
  error: string | null;
  createdAt: number;
}

export interface Who {
  name: string;
  roles: ("viewer" | "author" | "approver" | "operator" | "trust" | "administrator" | "owner")[];
  group: string | null;
  csrf?: string;
  expiresAt?: number;
}

export interface Why {
  device: string;
  answer: "up_to_date" | "not_matched" | "approval" | "not_started" | "paused" | "group" | "blocked" | "quarantined" | "recalled" | "skipped" | "consent" | "window" | "silent" | "under_way" | "canceling" | "refused" | "failed" | "reverted" | "drifted" | "claimed" | "canceled";
  sentence: string;
  remedy: string | null;
  error: string | null;
  rollout: number | null;
  action: number | null;
  path: WhyStep[];
}

export interface WhyStep {
  check: string;
  verdict: "holds" | "fails" | "later";
  evidence: string | null;
}

export interface Window {
  schedule: string;
  duration: string;
  zone?: string;
}
