// TypeScript types of what the API answers with, from its OpenAPI document:  node tools/types.mjs DOCUMENT.json > src/api-types.ts
import { readFileSync } from "node:fs";

// What the console reads; whatever these refer to comes along.
const USED = [
  "Action", "Anchor", "Approval", "AuditEntry", "BulkDone", "Clusters", "Command", "Completions", "Config", "Course", "Device", "DeviceType", "Filter", "Forecast", "Lwm2m", "Lwm2mKey", "Member", "Overview", "Policy", "Properties",
  "RefusedReport", "Release", "Report", "Rollout", "RolloutGroup", "Says", "Server", "Tenant", "Token", "User", "Value", "Versions", "WayBack", "Webhook", "Who", "Why",
];

const name = (ref) => ref.slice(ref.lastIndexOf("/") + 1);

function type(schema, indent, seen) {
  if (schema.$ref) {
    seen.add(name(schema.$ref));
    return name(schema.$ref);
  }
  if (schema.anyOf) return schema.anyOf.map((one) => type(one, indent, seen)).join(" | ");
  if (schema.enum) return schema.enum.map((one) => JSON.stringify(one)).join(" | ");
  const kinds = Array.isArray(schema.type) ? schema.type : [schema.type];
  return kinds
    .map((kind) => {
      switch (kind) {
        case "string":
          return "string";
        case "integer":
        case "number":
          return "number";
        case "boolean":
          return "boolean";
        case "null":
          return "null";
        case "array": {
          const inside = type(schema.items ?? {}, indent, seen);
          return / /.test(inside) ? `(${inside})[]` : `${inside}[]`;
        }
        case "object": {
          if (!schema.properties) return `{ [key: string]: ${type(schema.additionalProperties || {}, indent, seen)} }`;
          return members(schema, indent, seen);
        }
        default:
          return "unknown";
      }
    })
    .join(" | ");
}

function members(schema, indent, seen) {
  const must = new Set(schema.required ?? []);
  const lines = Object.entries(schema.properties).map(([key, value]) => `${indent}  ${key}${must.has(key) ? "" : "?"}: ${type(value, indent + "  ", seen)};`);
  return `{\n${lines.join("\n")}\n${indent}}`;
}

export function types(document) {
  const all = document.components.schemas;
  const done = new Map();
  const todo = new Set(USED);
  for (const key of todo) {
    if (!all[key]) throw new Error(`the document has no ${key}`);
    const seen = new Set();
    done.set(key, `export interface ${key} ${members(all[key], "", seen)}\n`);
    for (const one of seen) todo.add(one);
  }
  return "// Made by tools/types.mjs from /api/v1/openapi.json. A test compares the two.\n\n" + [...done.keys()].sort().map((key) => done.get(key)).join("\n");
}

if (process.argv[2]) process.stdout.write(types(JSON.parse(readFileSync(process.argv[2], "utf8"))));
