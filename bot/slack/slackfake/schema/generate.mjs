// Writes blocks.json, the structure of Block Kit as JSON Schema, from the types Slack publishes on npm.
// The result depends only on the versions in package-lock.json. Descriptions are left out, and the loose
// "any block" beside the known ones, which would accept everything.
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { createGenerator } from "ts-json-schema-generator";

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const schema = createGenerator({ path: here("blocks.d.ts"), type: "Everything", skipTypeCheck: true, additionalProperties: false })
  .createSchema("Everything");

const strip = (v) => {
  if (Array.isArray(v)) return v.map(strip);
  if (v === null || typeof v !== "object") return v;
  const out = {};
  for (const key of Object.keys(v).sort()) {
    if (key !== "description" || typeof v[key] !== "string") out[key] = strip(v[key]);
  }
  return out;
};

const definitions = strip(schema.definitions);
delete definitions.AnyBlock;
delete definitions.Block;
definitions.AnyBlock = { $ref: "#/definitions/KnownBlock" };

// Which definition describes objects of which "type".
const types = {};
for (const [name, d] of Object.entries(definitions)) {
  for (const shape of [d, ...(d.anyOf ?? []), ...(d.allOf ?? [])]) {
    const type = shape.properties?.type?.const;
    if (type && (/Block$|View$/.test(name) || name === "KnownBlock")) types[type] = name;
  }
}

const pack = JSON.parse(readFileSync(here("package.json"), "utf8"));
writeFileSync(here("blocks.json"), JSON.stringify({ $schema: schema.$schema, definitions, "x-from": pack.devDependencies, "x-types": types }) + "\n");
