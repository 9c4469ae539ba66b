import { describe, expect, it } from "vitest";
import { strip } from "../../worker/identity/strip.ts";

const entries = (headers: Headers): Record<string, string> => Object.fromEntries(headers);

describe("strip removes everything that only Sluice may say", () => {
  it.each([
    "x-flags",
    "X-Flags",
    "X-FLAGS",
    "x_flags",
    "X_Flags",
    "X_FLAGS_CONTEXT",
    "x-flags-context",
    "x-flags-anything",
    "x-flagship", // a prefix is a prefix: better one too many
    "x.flags",
    "x-sluice-context",
    "X_Sluice_Context",
    "x-sluice-proof",
    "X-Sluice_Proof",
    "x-sluice-whatever",
    "Signature_Input",
    // What names another path than the URL.
    "X-Original-URL",
    "X_Rewrite_Url",
    "X-Forwarded-Prefix",
    "x-middleware-subrequest",
    "x-middleware-rewrite",
    "x-invoke-path",
    "x-matched-path",
    "x-astro-path",
  ])("%s", (name) => {
    const { headers } = strip(new Headers([[name, "copilot"]]));
    expect(entries(headers)).toEqual({});
  });

  it("removes duplicates together, and does not change the received headers", () => {
    const received = new Headers([
      ["x-flags", "a"],
      ["x-flags", "b"],
      ["X_Flags", "c"],
      ["accept", "text/html"],
    ]);
    expect(entries(strip(received).headers)).toEqual({ accept: "text/html" });
    expect(received.get("x-flags")).toBe("a, b");
  });

  it.each([
    "x-flag",
    "flags",
    "x-f-lags",
    "cookie",
    "authorization",
    "x-forwarded-for",
    "xx-flags",
    // Browsers' own: of a method, of a prefetch, of what is asked for of this page.
    "x-http-method-override",
    "x-middleware-prefetch",
    "x-nextjs-data",
    "rsc",
    "next-router-state-tree",
  ])("keeps %s", (name) => {
    expect(strip(new Headers([[name, "1"]])).headers.get(name)).toBe("1");
  });
});

describe("strip returns the claim", () => {
  it("with its proof", () => {
    const received = new Headers({ "x-sluice-context": "e30", "x-sluice-proof": "p" });
    expect(strip(received).claim).toEqual({ context: "e30", proof: "p" });
  });

  it("without a proof", () => {
    expect(strip(new Headers({ "x-sluice-context": "e30" })).claim).toEqual({ context: "e30", proof: null });
  });

  it("only in its exact spelling", () => {
    expect(strip(new Headers({ x_sluice_context: "e30", x_sluice_proof: "p" })).claim).toBeUndefined();
  });
});

describe("strip and message signatures", () => {
  const others = 'sig1=("@method" "@path");created=1618884473;keyid="k"';
  it.each([
    ["ours alone goes", 'sluice=("x-flags");created=1', "sluice=:AAAA:", {}],
    [
      "others stay",
      `${others}, sluice=("x-flags");created=1`,
      "sig1=:AAAA:, sluice=:BBBB:",
      { "signature-input": others, signature: "sig1=:AAAA:" },
    ],
    [
      "what has nothing to do with us stays as it came",
      others,
      "sig1=:AA==:  ",
      { "signature-input": others, signature: "sig1=:AA==:" },
    ],
    ["foreign and unparsable stays", "((", "sig1=", { "signature-input": "((", signature: "sig1=" }],
    ["unparsable with our label: both go", 'sluice=("x-flags"', "sig1=:AAAA:", {}],
    ["our label in capitals is no dictionary key: both go", "Sluice=()", "sig1=:AAAA:", {}],
    [
      "the word in another member's parameter stays",
      'sig1=();tag="sluice-like"',
      "sig1=:AAAA:",
      { "signature-input": 'sig1=();tag="sluice-like"', signature: "sig1=:AAAA:" },
    ],
  ])("%s", (_name, input, signature, left) => {
    const { headers } = strip(new Headers({ "signature-input": input, signature }));
    expect(entries(headers)).toEqual(left);
  });

  it("a member in a second header of the name is removed, too", () => {
    const { headers } = strip(
      new Headers([
        ["signature", "sig1=:AAAA:"],
        ["signature", "sluice=:BBBB:"],
      ]),
    );
    expect(entries(headers)).toEqual({ signature: "sig1=:AAAA:" });
  });
});
