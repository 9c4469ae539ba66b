import { expect, test } from "vitest";
import { BUILDER } from "../../publisher/publish/publish-decision.ts";
import type { FlagRow } from "../../publisher/postgres/flag-record.ts";
import { buildSnapshot } from "../../publisher/publish/snapshot-builder.ts";

const PLAIN: FlagRow = {
  id: "00000000-0000-4000-8000-000000000000",
  key: "plain",
  description: "not for the edge",
  enabled: true,
  rollout_pct: "12.50",
  targeting: {},
  bucket_by: "targetingKey",
  salt: null,
  variants: [],
  variant_ranges: null,
  requires: [],
  gates: [],
  fail_mode: "off",
  in_header: true,
  client_visible: false,
  owner: "",
  tags: [],
  archived_at: null,
  created_at: new Date(0),
  updated_at: new Date(0),
};

const ROWS: readonly FlagRow[] = [
  {
    ...PLAIN,
    key: "broken",
    targeting: { planz: 1 },
    gates: [{ pattern: "/b", otherwise: { status: 404 } }],
  },
  {
    ...PLAIN,
    key: "full",
    targeting: {
      allowlist: ["u1"],
      rules: [{ id: "r", description: "for people", if: { plan: { $inGroup: "vips" } }, variant: "b" }],
    },
    bucket_by: "organization",
    salt: "again",
    variants: [
      { key: "a", weight: 1, value: { model: "m" } },
      { key: "b", weight: 2 },
    ],
    requires: [{ flag: "plain" }],
    gates: [{ pattern: "/ai/*", otherwise: { rewrite: "/classic" } }],
    fail_mode: "last-known",
    in_header: false,
    client_visible: true,
  },
  PLAIN,
];
const SEGMENTS = [
  {
    id: PLAIN.id,
    name: "vips",
    description: "",
    ids: ["pro"],
    condition: null,
    created_at: new Date(0),
    updated_at: new Date(0),
  },
];

// Publishers that build different bytes from the same rows report a divergence, unless their heads have different BUILDER
// numbers. Raise BUILDER whenever these bytes change.
test("the same rows produce the bytes of this BUILDER", async () => {
  const { text, invalid } = await buildSnapshot({ rows: ROWS, segmentRows: SEGMENTS });
  expect([...invalid.keys()]).toEqual(["broken"]);
  expect({ builder: BUILDER, text }).toMatchInlineSnapshot(`
    {
      "builder": 3,
      "text": "{"schema":1,"flags":[{"key":"broken","invalid":"targeting.planz: unknown member \\"planz\\"","gates":[{"pattern":"/b","otherwise":{"status":404}}]},{"key":"full","enabled":true,"rollout_pct":12.5,"targeting":{"allowlist":["u1"],"rules":[{"id":"r","if":{"plan":{"$inGroup":"vips"}},"variant":"b"}]},"gates":[{"pattern":"/ai/*","otherwise":{"rewrite":"/classic"}}],"fail_mode":"last-known","salt":"again","bucket_by":"organization","variants":[{"key":"a","value":{"model":"m"},"ranges":[[0,3333]]},{"key":"b","ranges":[[3333,10000]]}],"requires":[{"flag":"plain"}],"in_header":false,"client_visible":true},{"key":"plain","enabled":true,"rollout_pct":12.5}],"segments":[{"name":"vips","ids":["pro"]}]}",
    }
  `);
});
