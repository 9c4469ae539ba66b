// Compares four ways to send a variant's JSON value to the site, by bytes and CPU. See docs/bucketing.md.
import { isDeepStrictEqual } from "node:util";
import {
  DisplayString,
  parseDictionary,
  serializeDictionary,
  type BareItem,
  type Dictionary,
} from "structured-headers";
import { encodeMember } from "../shared/flag/flag-member.ts";
import { jsonOrUndefined } from "../shared/flag/members.ts";
import { decodeFlags } from "../shared/x-flags/flags-header.ts";
import { percentile } from "./support/percentile.ts";
import { runBench, type Bench } from "./support/run-bench.ts";

/** The size limit of `x-flags`: the publisher refuses a write that could exceed it. */
const MAX_HEADER = 8_192;

const BATCHES = 9;
const BATCH_US = 40_000;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

const sentence = (text: string, bytes: number): string =>
  text.repeat(Math.ceil(bytes / encoder.encode(text).length)).slice(0, bytes);

/** Typical values of variants: model tiers, settings, prompts. */
const VALUES: readonly (readonly [name: string, value: unknown])[] = [
  ["a number", 4_000],
  ["settings", { model: "large-3", max_tokens: 4_000, temperature: 0.2, tools: ["search", "code"] }],
  [
    "a prompt of 1 KB, English",
    { prompt: sentence('You are a helpful assistant. Say "no" when you must. ', 1_000) },
  ],
  [
    "a prompt of 340 characters, Japanese",
    { prompt: sentence("あなたは親切な助手です。短く答えてください。", 340) },
  ],
];

/** One way to send a value: how it is written, and how a site reads it. */
interface Way {
  readonly name: string;
  readonly encode: (value: unknown) => string;
  readonly decode: (header: string) => unknown;
}

const FLAG = "copilot";
const VARIANT = "large";

/** A member whose `val` is this bare item. */
function withParameter(value: BareItem): string {
  const members: Dictionary = new Map([
    [
      FLAG,
      [
        true,
        new Map<string, BareItem>([
          ["v", VARIANT],
          ["val", value],
        ]),
      ],
    ],
  ]);
  return serializeDictionary(members);
}

function parameterOf(header: string): unknown {
  return parseDictionary(header).get(FLAG)?.[1].get("val");
}

const fromBytes = (bytes: unknown): unknown =>
  bytes instanceof ArrayBuffer ? JSON.parse(decoder.decode(bytes)) : undefined;

const waysFor = (value: unknown): readonly Way[] => [
  {
    name: "key alone, the site has the values",
    encode: () => encodeMember(FLAG, { key: VARIANT }),
    decode: (header) => (decodeFlags(header)?.get(FLAG)?.variant === VARIANT ? value : undefined),
  },
  {
    name: "val, a String of ASCII JSON",
    encode: (value) => encodeMember(FLAG, { key: VARIANT, value }),
    decode: (header) => jsonOrUndefined(decodeFlags(header)?.get(FLAG)?.json),
  },
  {
    name: "val, a Byte Sequence of JSON",
    encode: (value) => withParameter(encoder.encode(JSON.stringify(value))),
    decode: (header) => fromBytes(parameterOf(header)),
  },
  {
    name: "val, a Display String of JSON",
    encode: (value) => withParameter(new DisplayString(JSON.stringify(value))),
    decode: (header) => JSON.parse(String(parameterOf(header))) as unknown,
  },
];

await runBench("A variant's JSON value on its way to the site", (bench) => {
  for (const [name, value] of VALUES) measure(bench, name, value);
  return Promise.resolve();
});

function measure(bench: Bench, name: string, value: unknown): void {
  const json = encoder.encode(JSON.stringify(value)).length;
  bench.print(`${name}: ${json} bytes of JSON\n`);
  bench.table(
    waysFor(value).map((way) => {
      const header = way.encode(value);
      bench.check(isDeepStrictEqual(way.decode(header), value), `${way.name}: ${name} changes on the way`);
      bench.check(/^[\x20-\x7e]*$/.test(header), `${way.name}: ${name} is not a valid header`);
      return {
        way: way.name,
        bytes: header.length,
        "times JSON": Number((header.length / json).toFixed(2)),
        "such flags in 8 KiB": Math.floor(MAX_HEADER / (header.length + 2)),
        "encode, µs CPU": microseconds(() => way.encode(value)),
        "decode, µs CPU": microseconds(() => way.decode(header)),
      };
    }),
  );
}

/** The median processor time of one call, without that of other processes. */
function microseconds(call: () => unknown): number {
  let calls = 1;
  const timed = (): number => {
    const begun = process.cpuUsage();
    for (let n = 0; n < calls; n += 1) call();
    const { user, system } = process.cpuUsage(begun);
    return user + system;
  };
  // Also warms up.
  while (timed() < BATCH_US) calls *= 2;
  return Number(
    percentile(
      Array.from({ length: BATCHES }, () => timed() / calls),
      0.5,
    ).toFixed(2),
  );
}
