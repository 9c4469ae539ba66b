import pg from "pg";
import type { Overrides } from "../../shared/flag/override.ts";
import { guardPostgres } from "../postgres/postgres-problem.ts";
import type { Queryable } from "../postgres/postgres.ts";
import { Problem } from "../problem/problem.ts";
import type { SignedOverride } from "./sign-override.ts";

const INSUFFICIENT_PRIVILEGE = "42501";

/** Writes down who had what signed, before anybody gets it: an override that nobody knows of is not handed out. */
export async function recordOverride(
  db: Queryable,
  actor: string,
  overrides: Overrides,
  { id, endsAt }: SignedOverride,
): Promise<void> {
  await guardPostgres("write", async () => {
    try {
      await db.query("INSERT INTO override_audit (id, actor, flags, ends_at) VALUES ($1, $2, $3, $4)", [
        id,
        actor,
        JSON.stringify(Object.fromEntries(overrides)),
        endsAt,
      ]);
    } catch (error) {
      if (!(error instanceof pg.DatabaseError) || error.code !== INSUFFICIENT_PRIVILEGE) throw error;
      throw new Problem(
        "unavailable",
        "the publisher's role may not write into override_audit: grant it what docs/operations.md says",
      );
    }
  });
}
