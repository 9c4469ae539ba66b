import type pg from "pg";
import { inTransaction } from "../postgres/postgres.ts";
import { insertSegment, type SegmentColumns } from "../postgres/segment-store.ts";
import { insertFlag, type FlagColumns } from "../postgres/store.ts";
import { setActor } from "../postgres/publication.ts";

/** Flags of an imaginary team, each in another phase of its rollout. */
const EXAMPLES: Readonly<Record<string, FlagColumns>> = {
  ai_search: {
    description: "Search answers written by a model instead of a list of pages",
    enabled: true,
    rollout_pct: 25,
    targeting: { allowlist: ["beta-1", "beta-2"], blocklist: ["lawyer-1"] },
    gates: [{ pattern: "/ai/*", otherwise: { rewrite: "/search" } }],
    owner: "search",
    tags: ["ai"],
  },
  ai_summary: {
    description: "A summary above long documents; employees only so far",
    enabled: true,
    targeting: { employees_only: true },
    owner: "reading",
    tags: ["ai"],
  },
  ai_copilot: {
    description: "The writing assistant: a 1 % canary among paying customers",
    enabled: true,
    rollout_pct: 1,
    targeting: { plans: ["pro", "enterprise"] },
    owner: "editor",
    tags: ["ai", "expensive"],
  },
  ai_assistant: {
    description: "The chat assistant for a tenth of all users: a quarter of them get the large model",
    enabled: true,
    rollout_pct: 10,
    variants: [
      { key: "small", weight: 3, value: { model: "small-1" } },
      { key: "large", weight: 1, value: { model: "large-2" } },
    ],
    owner: "assistant",
    tags: ["ai", "expensive"],
  },
  ai_translate: {
    description:
      "Translations: all who test with us, half of the people in four countries, nobody else so far",
    enabled: true,
    targeting: {
      rules: [
        { id: "testers", if: { organization: { $inGroup: "beta-testers" } }, rollout_pct: 100 },
        { id: "europe", if: { country: { $in: ["DE", "AT", "CH", "FR"] } }, rollout_pct: 50 },
      ],
    },
    owner: "reading",
    tags: ["ai"],
  },
  ai_agent: { description: "Not ready: off for everybody", owner: "agents", tags: ["ai"] },
};

const EXAMPLE_SEGMENTS: Readonly<Record<string, SegmentColumns>> = {
  "beta-testers": {
    description: "Companies that try new features before others, and our own people",
    ids: ["acme", "initech"],
    condition: { email: { $endsWith: "@example.com" } },
  },
};

/** Adds the example flags to a database that never had flags. */
export async function addExampleFlags(pool: pg.Pool): Promise<void> {
  await inTransaction(pool, async (client) => {
    const { rowCount } = await client.query("SELECT FROM flag_audit LIMIT 1");
    // Deleted examples do not come back.
    if (rowCount !== 0) return;
    await setActor(client, "sluice: example flags");
    for (const [name, columns] of Object.entries(EXAMPLE_SEGMENTS))
      await insertSegment(client, name, columns);
    for (const [key, columns] of Object.entries(EXAMPLES)) await insertFlag(client, key, columns);
  });
}
