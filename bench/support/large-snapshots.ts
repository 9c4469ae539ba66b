/** The items of a snapshot. */
export interface Content {
  readonly flags: readonly object[];
  readonly segments?: readonly object[];
}

/** Snapshots by the reason of their size; each but the first is as close to `bytes` as its items allow, never above. */
export const SHAPES: Readonly<Record<string, (bytes: number) => Content>> = {
  empty: () => ({ flags: [] }),
  flags: (bytes) => ({ flags: fill(bytes, smallFlag) }),
  rules: (bytes) => ({ flags: fill(bytes, flagWithRules) }),
  mixed: (bytes) => ({
    flags: fill(bytes / 2, (index) => (index % 10 === 0 ? flagWithRegex : flagWithRules)(index)),
    segments: fill(bytes / 2, segmentOfIds),
  }),
  segments: (bytes) => ({
    flags: [{ ...smallFlag(0), targeting: { rules: [{ id: "r", if: IN_FIRST_SEGMENT, rollout_pct: 50 }] } }],
    segments: fill(bytes - 300, segmentOfIds),
  }),
  regexes: (bytes) => ({ flags: fill(bytes, flagWithRegex) }),
};

/** The snapshot as the publisher writes it. */
export const toText = ({ flags, segments }: Content): string =>
  JSON.stringify({ schema: 1, flags, ...(segments && { segments }) });

const IN_FIRST_SEGMENT = { id: { $inGroup: "segment_0" } };

const smallFlag = (index: number) => ({
  key: `flag_${index}`,
  enabled: true,
  rollout_pct: (index % 10_001) / 100,
  in_header: false,
});

const flagWithRules = (index: number) => ({
  ...smallFlag(index),
  targeting: {
    allowlist: [`user-${index}`, `user-${index + 1}`],
    blocklist: [`user-${index + 2}`],
    rules: [
      { id: "near", if: { country: { $in: ["DE", "AT", "CH"] }, plan: "pro" }, rollout_pct: 50 },
      {
        id: "new",
        if: { $or: [{ appVersion: { $vgte: "2.1.0" } }, { "organization.seats": { $gt: index } }] },
        off: true,
      },
    ],
  },
});

const flagWithRegex = (index: number) => ({
  ...smallFlag(index),
  targeting: {
    rules: [
      {
        id: "mail",
        if: { email: { $regex: `^[a-z.]{1,20}${index}@(x|y)+\\.example\\.com$` } },
        rollout_pct: 50,
      },
    ],
  },
});

const segmentOfIds = (index: number) => ({
  name: `segment_${index}`,
  ids: Array.from({ length: 1_000 }, (_, id) => `u${index}-${String(id).padStart(6, "0")}`),
});

/** As many items as fit into this many bytes of JSON. */
function fill(bytes: number, make: (index: number) => object): object[] {
  const items: object[] = [];
  let left = bytes - toText({ flags: [] }).length;
  for (let index = 0; ; index++) {
    const item = make(index);
    left -= Buffer.byteLength(JSON.stringify(item)) + 1;
    if (left < 0) return items;
    items.push(item);
  }
}
