import { encodeFlagsContext, type FlagsContext } from "../../shared/x-flags/flags-header.ts";
import { signFlags, toCovered } from "../../shared/x-flags/signature.ts";
import { parseSigningKeys, type SigningKey } from "../../shared/x-flags/signing-keys.ts";

/** 2026-09-21T13:33:20Z, in milliseconds. */
export const SIGNED_AT = 1_790_000_000_000;

export const SIGNED_CONTEXT: FlagsContext = {
  version: { epoch: 1, revision: 412 },
  ageMs: 1200,
  at: SIGNED_AT,
  targetingKey: "user-1",
  method: "GET",
  host: "www.example.com",
  path: "/ai?q=1",
  source: "memory",
};

/** A key of this id, always the same one. */
export function keyOf(id: string): SigningKey {
  const secret = Buffer.alloc(32, `secret of ${id} `).toString("base64");
  const parsed = parseSigningKeys(`${id}:${secret}`);
  if ("problem" in parsed) throw new Error(parsed.problem);
  return parsed.value[0];
}

/** Keys as SIGNING_KEYS holds them. */
export function keysText(...ids: readonly string[]): string {
  return ids.map((id) => `${id}:${Buffer.from(keyOf(id).secret).toString("base64")}`).join(",");
}

/** Headers that may be changed. */
export type SentHeaders = Record<string, string | readonly string[] | undefined>;

/** What a worker sends: signed by `key`, with `flags` on. */
export async function signedHeaders({
  flags,
  context = SIGNED_CONTEXT,
  key = keyOf("new"),
  at = SIGNED_AT,
}: {
  readonly flags?: string;
  readonly context?: FlagsContext;
  readonly key?: SigningKey;
  readonly at?: number;
} = {}): Promise<SentHeaders> {
  const flagsContext = encodeFlagsContext(context);
  const { signatureInput, signature } = await signFlags(toCovered(flags, flagsContext), key, at);
  return {
    ...(flags !== undefined && { "x-flags": flags }),
    "x-flags-context": flagsContext,
    "signature-input": signatureInput,
    signature,
  };
}
