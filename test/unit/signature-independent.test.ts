import { createHmac, timingSafeEqual } from "node:crypto";
import { createSignature, verifySignature, type RequestDescriptor, type Verifier } from "http-message-sig";
import { createSigner, createVerifier, httpbis } from "http-message-signatures";
import { describe, expect, test } from "vitest";
import { readFlags } from "../../shared/x-flags/read-flags.ts";
import { SIGNED_AT, SIGNED_CONTEXT, keyOf, keysText, signedHeaders } from "../support/signed-headers.ts";
import { encodeFlagsContext } from "../../shared/x-flags/flags-header.ts";

const FLAGS = 'ai, copilot;v="beta";val="{\\"model\\":\\"large\\"}"';
const SECRET = Buffer.from(keyOf("new").secret);
const OPTIONS = { keys: keysText("new"), now: Date.now() };

/** A signature at the current time, because the libraries read the clock themselves. */
async function sentBy(flags: string | undefined): Promise<Record<string, string>> {
  const headers = await signedHeaders({ ...(flags !== undefined && { flags }), at: Date.now() });
  return headers as Record<string, string>;
}

const mac = (data: Uint8Array): Buffer => createHmac("sha256", SECRET).update(data).digest();

/** HMAC for http-message-sig: the library builds the base and checks the parameters. */
const hmac = {
  algorithm: "hmac-sha256",
  sign: mac,
  verify: (data, signature) => timingSafeEqual(mac(data), signature),
} satisfies Verifier & { sign: (data: Uint8Array) => Uint8Array };

const toDescriptor = (headers: Readonly<Record<string, string>>): RequestDescriptor => ({
  kind: "request",
  method: "GET",
  targetUri: "https://www.example.com/ai?q=1",
  fields: Object.entries(headers).map(([name, value]) => ({ name, value })),
});

const rows: readonly {
  readonly name: string;
  readonly flags?: string;
  readonly fields: readonly string[];
}[] = [
  { name: "with flags on", flags: FLAGS, fields: ["x-flags", "x-flags-context"] },
  { name: "with nothing on", fields: ["x-flags-context"] },
];

describe.for(rows)("the worker's signature $name", ({ flags, fields }) => {
  const verifyByFirst = (headers: Readonly<Record<string, string>>): Promise<boolean | null> =>
    httpbis.verifyMessage(
      {
        keyLookup: async ({ keyid }) =>
          keyid === "new"
            ? { id: "new", algs: ["hmac-sha256"], verify: createVerifier(SECRET, "hmac-sha256") }
            : null,
        requiredFields: [...fields],
        requiredParams: ["created", "keyid", "alg", "tag"],
        maxAge: 60,
        all: true,
      },
      { method: "GET", url: "https://www.example.com/ai?q=1", headers },
    );

  const verifyBySecond = (headers: Readonly<Record<string, string>>) =>
    verifySignature(toDescriptor(headers), {
      label: "sluice",
      policy: {
        algorithms: ["hmac-sha256"],
        requiredComponents: fields,
        requiredParameters: ["created", "keyid", "alg", "tag"],
        maxAge: 60,
      },
      resolveVerifier: () => hmac,
    });

  test("is accepted by http-message-signatures", async () => {
    const headers = await sentBy(flags);
    expect(await verifyByFirst(headers)).toBe(true);
    const changed = { ...headers, "x-flags-context": `${headers["x-flags-context"]}0` };
    expect(await verifyByFirst(changed)).toBe(false);
  });

  test("is accepted by http-message-sig", async () => {
    const headers = await sentBy(flags);
    const verified = await verifyBySecond(headers);
    expect(verified.parameters).toMatchObject({ keyid: "new", alg: "hmac-sha256", tag: "sluice" });
    expect(verified.components.map(({ name }) => name)).toStrictEqual(fields);
    await expect(
      verifyBySecond({ ...headers, "x-flags-context": `${headers["x-flags-context"]}0` }),
    ).rejects.toMatchObject({ code: "VerificationFailed" });
  });

  const unsigned = {
    ...(flags !== undefined && { "x-flags": flags }),
    "x-flags-context": encodeFlagsContext({ ...SIGNED_CONTEXT, at: SIGNED_AT }),
  };
  const enabled = flags === undefined ? [] : ["ai", "copilot"];

  test("our reader accepts a signature by http-message-signatures", async () => {
    const { headers } = await httpbis.signMessage(
      {
        key: createSigner(SECRET, "hmac-sha256", "new"),
        name: "sluice",
        fields: [...fields],
        params: ["created", "keyid", "alg", "tag"],
        paramValues: { created: new Date(), tag: "sluice" },
      },
      { method: "GET", url: "https://www.example.com/ai?q=1", headers: unsigned },
    );
    // It writes names in HTTP/1.1's case; Node returns them in lower case.
    const received = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value] as const);
    const read = await readFlags(Object.fromEntries(received), OPTIONS);
    expect(read.problem).toBeUndefined();
    expect(read.enabled).toStrictEqual(enabled);
  });

  test("our reader accepts a signature by http-message-sig", async () => {
    const { signature, signatureInput } = await createSignature(toDescriptor(unsigned), {
      label: "sluice",
      components: fields,
      parameters: {
        tag: "sluice",
        keyid: "new",
        alg: "hmac-sha256",
        created: Math.floor(OPTIONS.now / 1000),
      },
      signer: hmac,
    });
    const read = await readFlags({ ...unsigned, signature, "signature-input": signatureInput }, OPTIONS);
    expect(read.problem).toBeUndefined();
    expect(read.enabled).toStrictEqual(enabled);
  });
});
