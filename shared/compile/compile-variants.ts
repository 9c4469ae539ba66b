import { fault, type Fault } from "../flag/fault.ts";
import {
  KEY_FORM,
  MAX_VALUE_BYTES,
  MAX_VALUE_DEPTH,
  MAX_VARIANTS,
  MAX_WEIGHT,
  isKey,
  type Range,
  type SnapshotVariant,
  type Variant,
} from "../flag/flag.ts";
import { isObject, takeItems, takeMembers, type Member, type Members } from "../flag/members.ts";
import { coverExactly, isRange, TOTAL } from "../bucketing/bucket.ts";

/** A checked variant. */
export interface VariantDefinition {
  readonly key: string;
  readonly ranges: readonly Range[];
  /** Deeply frozen, because all requests share it. */
  readonly value?: unknown;
}

interface Draft {
  key?: string;
  weight?: number;
  ranges?: readonly Range[];
  value?: { readonly json: string };
}

const encoder = new TextEncoder();

const key: Member<Draft> = (value, into) => {
  if (!isKey(value)) return fault(KEY_FORM);
  if (value === "off") return fault('must not be "off", which names the result of a flag that is off');
  into.key = value;
  return undefined;
};

const value: Member<Draft> = (value, into) => {
  // Depth first, because JSON.stringify recurses.
  if (isDeeper(value, MAX_VALUE_DEPTH)) return fault(`must not be nested deeper than ${MAX_VALUE_DEPTH}`);
  const json = JSON.stringify(value);
  if (encoder.encode(json).length > MAX_VALUE_BYTES) {
    return fault(`must have at most ${MAX_VALUE_BYTES} bytes of JSON`);
  }
  into.value = { json };
  return undefined;
};

const SNAPSHOT_MEMBERS: Members<Draft, SnapshotVariant> = {
  key,
  value,
  ranges: (value, into) => {
    const ranges: Range[] = [];
    const found = takeItems(value, TOTAL, (range) => {
      if (!isRange(range)) return fault(`must be [from, to], integers, 0 <= from < to <= ${TOTAL}`);
      ranges.push(range);
      return undefined;
    });
    into.ranges = ranges;
    return found;
  },
};

const WEIGHTED_MEMBERS: Members<Draft, Variant> = {
  key,
  value,
  weight: (value, into) => {
    if (!Number.isInteger(value) || Number(value) < 0 || Number(value) > MAX_WEIGHT) {
      return fault(`must be an integer from 0 to ${MAX_WEIGHT}`);
    }
    into.weight = Number(value);
    return undefined;
  },
};

/** Reads the variants of a flag in the snapshot, or returns their fault. */
export function compileVariants(
  list: unknown,
): { readonly variants: readonly VariantDefinition[] } | { readonly fault: Fault } {
  const variants: VariantDefinition[] = [];
  const found = takeVariants(list, SNAPSHOT_MEMBERS, ({ key, ranges, value }) => {
    if (ranges === undefined) return fault("is missing", "ranges");
    variants.push({ key, ranges, ...(value !== undefined && { value: frozen(value.json) }) });
    return undefined;
  });
  if (found !== undefined) return { fault: found };
  if (variants.length > 0 && !coverExactly(variants.flatMap(({ ranges }) => ranges))) {
    return { fault: fault(`the ranges of all variants must cover 0 to ${TOTAL} exactly once`) };
  }
  return { variants };
}

/** Checks variants as the API takes them, with weights. */
export function judgeVariants(list: unknown): Fault | undefined {
  let total = 0;
  const found = takeVariants(list, WEIGHTED_MEMBERS, ({ weight }) => {
    if (weight === undefined) return fault("is missing", "weight");
    total += weight;
    return undefined;
  });
  if (found !== undefined) return found;
  const isEmpty = Array.isArray(list) && list.length === 0;
  return isEmpty || total > 0 ? undefined : fault("at least one weight must be above 0");
}

function takeVariants(
  list: unknown,
  members: Members<Draft>,
  take: (variant: Draft & { readonly key: string }) => Fault | undefined,
): Fault | undefined {
  const keys = new Set<string>();
  return takeItems(list, MAX_VARIANTS, (item) => {
    const draft: Draft = {};
    const found = takeMembers(item, members, draft);
    if (found !== undefined) return found;
    const { key } = draft;
    if (key === undefined) return fault("is missing", "key");
    if (keys.has(key)) return fault("another variant of this flag has this key", "key");
    keys.add(key);
    return take({ ...draft, key });
  });
}

/** Whether arrays and objects are nested deeper than `depth`. Stops there. */
function isDeeper(value: unknown, depth: number): boolean {
  if (!Array.isArray(value) && !isObject(value)) return false;
  return depth === 0 || Object.values(value).some((item) => isDeeper(item, depth - 1));
}

function frozen(json: string): unknown {
  // A reviver is called for every value after its members.
  return JSON.parse(json, (_name, value: unknown) => Object.freeze(value));
}
