import { describe, expect, test } from "vitest";
import { allocateVariants } from "../../shared/bucketing/allocate-variants.ts";
import { bucketU32, isWithin, toBasisPoints, toBucket } from "../../shared/bucketing/bucket.ts";
import { compile } from "../../shared/compile/compile.ts";
import { compileSegments, compileWithSegments } from "../../shared/compile/compile-segments.ts";
import type { Attributes } from "../../shared/condition/comparison.ts";
import { parseContext, withTargetingKey, type EvaluationContext } from "../../shared/flag/context.ts";
import { computeBuckets, decide, decisionOf } from "../../shared/evaluate/evaluate.ts";
import { encodeFlags } from "../../shared/x-flags/flags-header.ts";
import { readFlags, type RequestLike } from "../../shared/x-flags/read-flags.ts";
import type { Decision } from "../../shared/flag/reason.ts";
import type { Version } from "../../shared/snapshot/revision.ts";
import { SCHEMA, killedKeys, parseOff } from "../../shared/snapshot/snapshot.ts";
import allocationRows from "./allocations.json" with { type: "json" };
import boundaryRows from "./boundaries.json" with { type: "json" };
import bucketRows from "./buckets.json" with { type: "json" };
import conditionRows from "./conditions.json" with { type: "json" };
import contextRows from "./contexts.json" with { type: "json" };
import decisionRows from "./decisions.json" with { type: "json" };
import headerRows from "./headers.json" with { type: "json" };
import offRows from "./off.json" with { type: "json" };
import overrideRows from "./overrides.json" with { type: "json" };
import requiresRows from "./requires.json" with { type: "json" };
import ruleRows from "./rules.json" with { type: "json" };
import segmentRows from "./segments.json" with { type: "json" };
import shareRows from "./shares.json" with { type: "json" };
import signatureRows from "./signatures.json" with { type: "json" };
import staleRows from "./stale.json" with { type: "json" };
import fixedVariantRows from "./variants-fixed.json" with { type: "json" };
import variantRows from "./variants.json" with { type: "json" };

interface DecisionRow {
  readonly name: string;
  /** The only flag of the snapshot, and the one to decide. */
  readonly flag?: { readonly key: string };
  /** Or all flags of the snapshot, of which `key` names the one to decide. */
  readonly flags?: readonly unknown[];
  readonly segments?: readonly unknown[];
  readonly key?: string;
  /** Without a targeting key, which is derived. */
  readonly context: EvaluationContext;
  readonly killed?: readonly string[];
  /** The snapshot is older than MAX_STALE_MS. */
  readonly stale?: true;
  /** The values of a test override, by flag key. */
  readonly overrides?: Readonly<Record<string, string>>;
  readonly expected: Decision;
}

interface ConditionRow {
  readonly name: string;
  /** Unchecked. */
  readonly if: unknown;
  readonly segments?: readonly unknown[];
  /** Used as they are: no targeting key is derived. */
  readonly attributes?: Attributes;
  readonly matches?: boolean;
  /** The path to the fault: member names and list positions. */
  readonly fault?: readonly (string | number)[];
}

interface ContextRow {
  readonly name: string;
  readonly given: unknown;
  readonly context?: EvaluationContext;
  readonly problem?: true;
}

interface HeaderRow {
  readonly name: string;
  readonly flags: readonly unknown[];
  readonly killed?: readonly string[];
  readonly header: string | null;
}

interface SignatureRow {
  readonly name: string;
  readonly keys: string;
  readonly now: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly request?: RequestLike;
  /** Variants by flag key; null: the headers are refused. */
  readonly on: Readonly<Record<string, string>> | null;
}

interface OffRow {
  readonly name: string;
  readonly off: string | null;
  readonly held?: Version;
  readonly killed?: readonly string[];
  readonly problem?: true;
}

/** All files of decisions, by name. */
const DECISIONS: Readonly<Record<string, unknown>> = {
  "decisions.json": decisionRows,
  "overrides.json": overrideRows,
  "requires.json": requiresRows,
  "rules.json": ruleRows,
  "segments.json": segmentRows,
  "shares.json": shareRows,
  "stale.json": staleRows,
  "variants-fixed.json": fixedVariantRows,
  "variants.json": variantRows,
};

/** Registers the golden rows as tests. Every runtime runs the same rows, so that all of them agree. */
export function runCases(): void {
  describe("buckets.json", () => {
    test.for(bucketRows)("$note", async ({ salt, id, u32, bucket }) => {
      const actual = await bucketU32(salt, id);
      expect(actual).toBe(u32);
      expect(toBucket(actual)).toBe(bucket);
    });
  });

  describe("boundaries.json", () => {
    test.for(boundaryRows)("$salt::$id at $rollout_pct", async ({ salt, id, u32, rollout_pct, within }) => {
      const actual = await bucketU32(salt, id);
      expect(actual).toBe(u32);
      expect(isWithin(actual, toBasisPoints(rollout_pct))).toBe(within);
    });
  });

  describe.for(Object.entries(DECISIONS))("%s", ([, rows]) => {
    test.for(rows as readonly DecisionRow[])("$name", async (row) => {
      const { flags = [row.flag], segments } = row;
      const compiled = compile({ schema: SCHEMA, flags, ...(segments && { segments }) });
      const context = withTargetingKey(row.context);
      const buckets = await computeBuckets(compiled, context);
      const decisions = decide(compiled, context, buckets, {
        killed: new Set(row.killed),
        ...(row.stale === true && { stale: true }),
        ...(row.overrides && { overrides: new Map(Object.entries(row.overrides)) }),
      });
      expect(decisionOf(compiled, decisions, row.key ?? row.flag?.key ?? "")).toStrictEqual(row.expected);
    });
  });

  describe("allocations.json", () => {
    test.for(allocationRows)("$name", ({ variants, previous, ranges }) => {
      expect(allocateVariants(variants, previous)).toEqual(ranges);
    });
  });

  describe("conditions.json", () => {
    test.for(conditionRows as readonly unknown[] as readonly ConditionRow[])("$name", (row) => {
      const compiled = compileWithSegments(row.if, compileSegments(row.segments ?? []));
      if ("fault" in compiled) expect(compiled.fault.path).toStrictEqual(row.fault);
      else expect(compiled.condition(row.attributes ?? {})).toBe(row.matches);
    });
  });

  describe("contexts.json", () => {
    test.for(contextRows as readonly unknown[] as readonly ContextRow[])("$name", (row) => {
      const parsed = parseContext(row.given);
      expect("problem" in parsed).toBe(row.problem === true);
      // Compared as JSON, because toEqual also compares prototypes' constructors.
      expect(JSON.parse(JSON.stringify("context" in parsed ? parsed.context : {}))).toEqual(
        row.context ?? {},
      );
    });
  });

  describe("headers.json", () => {
    test.for(headerRows as readonly unknown[] as readonly HeaderRow[])("$name", async (row) => {
      const compiled = compile({ schema: SCHEMA, flags: row.flags });
      const buckets = await computeBuckets(compiled, {});
      const decisions = decide(compiled, {}, buckets, { killed: new Set(row.killed) });
      expect(encodeFlags(compiled, decisions) ?? null).toBe(row.header);
    });
  });

  describe("signatures.json", () => {
    test.for(signatureRows as readonly unknown[] as readonly SignatureRow[])("$name", async (row) => {
      const { keys, now, headers, request, on } = row;
      const flags = await readFlags(headers, { keys, now, request });
      expect(flags.problem === undefined).toBe(on !== null);
      const variants = flags.enabled.map((key) => [key, flags.variant(key)] as const);
      expect(Object.fromEntries(variants)).toStrictEqual(on ?? {});
    });
  });

  describe("off.json", () => {
    test.for(offRows as readonly unknown[] as readonly OffRow[])("$name", (row) => {
      const parsed = parseOff(row.off);
      expect("problem" in parsed).toBe(row.problem === true);
      const held = row.held ?? { epoch: 0, revision: 0 };
      const killed = "value" in parsed ? [...killedKeys(parsed.value, held)] : [];
      expect(killed.sort()).toStrictEqual(row.killed ?? []);
    });
  });
}
