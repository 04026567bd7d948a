// What the resources answer with, by the names that the pages use. The types are made from the API's own description.
import type { AuditEntry as Entry, Lwm2m, Report as ApiReport, RolloutGroup, Who } from "./api-types";

export type {
  Action, Anchor, BulkDone, Cluster, Clusters, Command, Completions, Counts, Course, Device, DeviceType, Filter, Forecast, Lwm2mKey, Member, Overview, Properties, RefusedReport, Release, Rollout, Running, Says, Server, Tenant, Todo, Token, User, Value, Versions, VersionRuns, Webhook, Why,
} from "./api-types";

export type Me = Who;
export type Group = RolloutGroup;
export type Registration = Lwm2m;
export type AuditEntry = Entry;
export type Report = ApiReport;
