import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { digestOf } from "../../shared/snapshot/snapshot.ts";
import { redisKey, startApiSystem, type ApiSystem } from "../support/api-system.ts";

const CONNECTIONS = 20;
const WRITES = 200;
const KEYS = Array.from({ length: 10 }, (_, index) => `flag_${index}`);

let system: ApiSystem;

beforeAll(async () => {
  system = await startApiSystem();
  for (const key of KEYS) await system.call("POST", "/api/v1/flags", { body: { key } });
});
afterAll(() => system.stop());

describe(`${WRITES} writes at once over ${CONNECTIONS} connections`, () => {
  it("all acknowledged writes are kept, each with its own revision, and Redis equals Postgres", async () => {
    const acknowledged: { key: string; rolloutPct: number; revision: number }[] = [];
    const queue = Array.from({ length: WRITES }, (_, index) => index).values();
    const writer = async (): Promise<void> => {
      for (const index of queue) {
        const key = KEYS[index % KEYS.length] ?? "";
        // All values differ, so that each write is a change with its own audit entry.
        const rolloutPct = (index + 1) / 100;
        const { status, body } = await system.call("PATCH", `/api/v1/flags/${key}/rollout`, {
          body: { rollout_pct: rolloutPct },
          ifMatch: "*",
        });
        expect([status, body.published]).toEqual([200, true]);
        acknowledged.push({ key, rolloutPct, revision: body.revision });
      }
    };
    await Promise.all(Array.from({ length: CONNECTIONS }, writer));

    expect(acknowledged).toHaveLength(WRITES);
    expect(new Set(acknowledged.map(({ revision }) => revision)).size).toBe(WRITES);
    // The audit has every write, with the revision of its answer.
    const audit = await system.sql<{ revision: string; flag_key: string; rollout_pct: string }>(
      "SELECT revision, flag_key, after ->> 'rollout_pct' AS rollout_pct FROM flag_audit WHERE action = 'update'",
    );
    const recorded = audit.map((row) => `${row.revision} ${row.flag_key} ${Number(row.rollout_pct)}`);
    const answered = acknowledged.map((write) => `${write.revision} ${write.key} ${write.rolloutPct}`);
    expect(recorded.sort()).toEqual(answered.sort());

    // Postgres and Redis have the last write of each flag.
    const last = new Map<string, (typeof acknowledged)[number]>();
    for (const write of acknowledged) {
      if (write.revision > (last.get(write.key)?.revision ?? 0)) last.set(write.key, write);
    }
    const expected = KEYS.map((key) => [key, last.get(key)?.rolloutPct]);
    const rows = await system.sql<{ key: string; rollout_pct: string }>(
      "SELECT key, rollout_pct FROM feature_flags ORDER BY key",
    );
    expect(rows.map((row) => [row.key, Number(row.rollout_pct)])).toEqual(expected);

    const head = String(await system.redisCommand("GET", redisKey("head")));
    const snapshot = String(await system.redisCommand("GET", redisKey("snapshot")));
    expect(JSON.parse(head)).toMatchObject({
      revision: Math.max(...acknowledged.map(({ revision }) => revision)),
      digest: await digestOf(snapshot),
    });
    const { flags } = JSON.parse(snapshot) as { flags: { key: string; rollout_pct: number }[] };
    expect(flags.map((flag) => [flag.key, flag.rollout_pct])).toEqual(expected);
  });

  it("the second of two editors sees the changes of the first", async () => {
    const path = "/api/v1/flags/flag_1";
    const { etag } = await system.call("GET", path);
    const first = await system.call("PATCH", path, { body: { description: "by one" }, ifMatch: etag });
    const second = await system.call("PATCH", path, { body: { description: "by the other" }, ifMatch: etag });
    expect([first.status, second.status]).toEqual([200, 412]);
    expect(second.body.changes).toMatchObject([{ actor: "admin", changed: ["description"] }]);
    expect((await system.call("GET", path)).body.flag["description"]).toBe("by one");
  });
});
