import { describe, expect, it } from "vitest";
import { compile } from "../../shared/compile/compile.ts";
import { computeBuckets, decide } from "../../shared/evaluate/evaluate.ts";
import { readGates } from "../../shared/gate/gate-table.ts";
import { passGates } from "../../shared/gate/pass-gates.ts";
import { isOnIn } from "../../worker/decide/decide.ts";

const dark = (key: string, gates: unknown) => ({ key, enabled: false, rollout_pct: 100, gates });
const lit = (key: string, gates: unknown) => ({ key, enabled: true, rollout_pct: 100, gates });
const classic = { rewrite: "/classic" };

/** Where a path leads with these flags: another path, or a status. */
async function lead(flags: readonly object[], path: string): Promise<string> {
  const { table } = readGates(flags);
  const compiled = compile({ schema: 1, flags });
  const context = { targetingKey: "u1" };
  const decisions = decide(compiled, context, await computeBuckets(compiled, context));
  const passage = passGates(
    table,
    isOnIn({ compiled, decisions }),
    new URL(`https://www.example.com${path}`),
  );
  if ("url" in passage) return `${passage.url.pathname}${passage.url.search}`;
  const { closed } = passage;
  return "redirect" in closed ? `${closed.status} ${closed.redirect}` : String(closed.status);
}

const gone = (pattern: string) => [{ pattern, otherwise: { status: 404 } }];

describe("a gate", () => {
  it.each([
    ["is closed while its flag is off", dark, "404"],
    ["is open while its flag is on", lit, "/ai/chat?x=1"],
  ])("%s", async (_name, flag, where) => {
    expect(await lead([flag("copilot", gone("/ai/*"))], "/ai/chat?x=1")).toBe(where);
  });

  it.each([
    ["a page", { status: 410 }, "410"],
    ["a redirect", { redirect: "/", status: 303 }, "303 /"],
    ["a redirect without a status", { redirect: "/home" }, "302 /home"],
    ["a rewrite, which keeps the query", classic, "/classic?a=1&b"],
    ["a rewrite with a query of its own", { rewrite: "/classic?from=ai#top" }, "/classic?from=ai&a=1&b"],
  ])("rewrites or redirects to %s", async (_name, otherwise, where) => {
    expect(await lead([dark("copilot", [{ pattern: "/ai/*", otherwise }])], "/ai/x?a=1&b")).toBe(where);
  });

  it.each([
    ["an unknown member of the flag", { ...lit("copilot", gone("/ai/*")), moon_phase: "full" }],
    ["a row that came in broken", { key: "copilot", invalid: "targeting", gates: gone("/ai/*") }],
    ["no usable key", { ...lit("Copilot!", gone("/ai/*")) }],
    ["no key", { enabled: true, rollout_pct: 100, gates: gone("/ai/*") }],
  ])("stays closed with %s", async (_name, flag) => {
    expect(await lead([flag], "/ai/x")).toBe("404");
  });

  it("of a flag that is listed twice closes both paths", async () => {
    const flags = [lit("copilot", gone("/ai/*")), lit("copilot", gone("/bot"))];
    expect(await lead(flags, "/ai/x")).toBe("404");
    expect(await lead(flags, "/bot")).toBe("404");
  });

  it("never opens a path that another gate closes", async () => {
    const flags = [
      dark("copilot", [{ pattern: "/ai/*", otherwise: { rewrite: "/beta/start" } }]),
      dark("beta", gone("/beta/*")),
    ];
    expect(await lead(flags, "/ai/x")).toBe("404");
    expect(await lead([flags[0] ?? {}, lit("beta", gone("/beta/*"))], "/ai/x")).toBe("/beta/start");
  });

  it("of the same flag closes the target of the first gate", async () => {
    const gates = [{ pattern: "/ai/*", otherwise: { rewrite: "/beta" } }, ...gone("/beta")];
    expect(await lead([dark("copilot", gates)], "/ai/x")).toBe("404");
  });

  it("may redirect to a page below its own path", async () => {
    const gates = [{ pattern: "/ai/*", otherwise: { rewrite: "/ai/waitlist" } }];
    expect(await lead([dark("copilot", gates)], "/ai/x")).toBe("/ai/waitlist");
  });

  it("never redirects to the requested URL", async () => {
    const gates = [{ pattern: "/ai/*", otherwise: { redirect: "/ai/waitlist", status: 302 } }];
    expect(await lead([dark("copilot", gates)], "/ai/x")).toBe("302 /ai/waitlist");
    expect(await lead([dark("copilot", gates)], "/ai/waitlist?x")).toBe("/ai/waitlist?x");
  });

  it("in a circle of rewrites is closed, and blocks its end too", async () => {
    const flags = [
      dark("a", [{ pattern: "/a/*", otherwise: { rewrite: "/b/x" } }]),
      dark("b", [{ pattern: "/b/*", otherwise: { rewrite: "/a/x" } }]),
    ];
    expect(await lead(flags, "/a/1")).toBe("404");
    expect(await lead(flags, "/b/1")).toBe("404");
  });

  it("in a circle of redirects (written by plain SQL) is closed: a browser would show its own error page", async () => {
    const to = (redirect: string) => ({ redirect, status: 302 });
    const flags = [
      dark("a", [{ pattern: "/a/*", otherwise: to("/b/x") }]),
      dark("b", [{ pattern: "/b/*", otherwise: { rewrite: "/c/x" } }]),
      dark("c", [{ pattern: "/c/*", otherwise: to("/a/x") }]),
    ];
    expect(await lead(flags, "/a/1")).toBe("404");
    expect(await lead(flags, "/b/1")).toBe("404");
    // Not a circle for whom one of the flags is on.
    expect(await lead([...flags.slice(0, 2), lit("c", [])], "/a/1")).toBe("302 /b/x");
  });

  it("with too many rewrites is closed", async () => {
    const chain = Array.from({ length: 20 }, (_, at) => ({
      pattern: `/step/${at}`,
      otherwise: { rewrite: `/step/${at + 1}` },
    }));
    expect(await lead([dark("copilot", chain)], "/step/0")).toBe("404");
    expect(await lead([dark("copilot", chain)], "/step/15")).toBe("/step/20");
  });

  it.each([
    ["/ai/chat", "/ai/*"],
    ["/ai", "/ai/*"],
    ["/ai/chat", "/ai/:page"],
    ["/ai/:page", "/ai/*"],
    ["/ai/:page/*", "/ai/*"],
    ["/ai/chat*", "/ai/:page"],
    ["/ai/chat-*", "/ai/c*"],
    ["/ai/*", "/:page/1"],
    ["/*/chat", "/*"],
    ["/ai/*/x", "/ai/*"],
  ])("for %s goes before one for %s, of any flag", async (specific, wide) => {
    const gate = (pattern: string, status: number) => [{ pattern, otherwise: { status } }];
    const page =
      wide === "/:page/1"
        ? "/ai/1"
        : specific.replace("*/x", "y/x").replaceAll("*", "1").replace(":page", "chat");
    for (const [first, second] of [
      ["a", "b"],
      ["b", "a"],
    ] as const) {
      const flags = [dark(first, gate(specific, 403)), dark(second, gate(wide, 410))];
      expect(await lead(flags, page)).toBe("403");
      // Each is asked when the other's flag is on.
      expect(await lead([lit(first, gate(specific, 403)), dark(second, gate(wide, 410))], page)).toBe("410");
    }
  });

  it("of the first flag by key wins where patterns are equal, in any order of the snapshot", async () => {
    const flags = [dark("b", gone("/x")), dark("a", [{ pattern: "/x", otherwise: { status: 403 } }])];
    expect(await lead(flags, "/x")).toBe("403");
    expect(await lead(flags.toReversed(), "/x")).toBe("403");
  });
});

describe("no spelling of a path gets past a gate", () => {
  it.each([
    "/ai/chat",
    "/ai/",
    "/AI/Chat",
    "/%61i/chat",
    "/%61%69/chat",
    "/%2561i/chat",
    "/%252561i/chat",
    "/ai%2fchat",
    "/ai%2Fchat",
    "/ai%252fchat",
    "/ai%5cchat",
    "/ai\\chat",
    "\\ai\\chat",
    "//ai/chat",
    "///ai//chat",
    "/%2fai/chat",
    "/./ai/chat",
    "/x/../ai/chat",
    "/x/%2e%2e/ai/chat",
    "/x/..%2fai/chat",
    "/x%2f..%2fai%2fchat",
    "/x/%252e%252e%252fai/chat",
    "/x//..%2fai/chat",
    "/ai;session=1/chat",
    "/;x/ai/chat",
    "/ai%3bx/chat",
    // Split at slashes first and decoded afterwards, these are pages below /ai.
    "/ai/x%2f..%2f..%2f..%2fother",
    "/%61i/x%2f..%2f..%2f..%2fother",
    "/%61i%2fx%2f..%2f..%2fother",
    "/ai/%00",
    "/ai/%",
    "/ai/%zz",
    "/ai/%c3%28",
  ])("%s", async (path) => {
    expect(await lead([dark("copilot", gone("/ai/*"))], path)).toBe("404");
  });

  it.each([
    ["/ai/chat", "/ai/chat/"],
    ["/ai/chat/", "/ai/chat"],
    ["/ai/chat", "/ai/chat%3fx"],
    ["/ai/chat", "/ai/chat%23x"],
    ["/%61i/*", "/ai/chat"],
    ["/ai//chat", "/ai/chat"],
    ["/süß/*", "/s%C3%BC%C3%9F/x"],
    ["/s%C3%BC%C3%9F/*", "/süß/x"],
    ["/a b", "/a%20b"],
    ["/:page", "/x%20y"],
    ["/docs/:page/ai", "/docs/%2e./docs/x/%61i"],
    [String.raw`/a\*b`, "/a*b"],
    ["/a%2ab", "/a*b"],
    ["/*", "/"],
    ["/", "//"],
    ["/foo/:bar*", "/foo"],
    ["/foo/**", "/foo"],
    ["/{foo}?", "/"],
    ["/x/../ai", "/ai"],
    ["/AI/*", "/ai/x"],
    ["/", "/index.html"],
    ["/", "/_root.data"],
    ["/", "/__data.json"],
    ["/", "/_payload.json"],
    ["/", "/index.rsc"],
    ["/", "/_next/data/b/index.json"],
    ["/", "/_next/data/b/en.json"],
    ["/", "/page-data/index/page-data.json"],
  ])("%s: %s", async (pattern, path) => {
    expect(await lead([dark("copilot", gone(pattern))], path)).toBe("404");
  });

  it.each([
    ["/ai/*", "/"],
    ["/ai/:page/*", "/ai"],
    ["/ai/*", "/aid/chat"],
    ["/ai/*", "/about/ai/chat"],
    ["/ai/*", "/about?/ai/chat"],
    ["/:page", "/a/b"],
    [String.raw`/a\*b`, "/axb"],
    ["/a%2ab", "/axb"],
  ])("%s is not for %s", async (pattern, path) => {
    const { pathname, search } = new URL(path, "https://www.example.com");
    expect(await lead([dark("copilot", gone(pattern))], path)).toBe(pathname + search);
  });

  it("a long path costs little", async () => {
    const many = Array.from({ length: 20 }, (_, at) => dark(`flag-${at}`, gone(`/ai/${at}/*/x`)));
    const path = `/${"%25".repeat(2_000)}${"/..%2f;x".repeat(1_000)}`;
    expect(await lead(many, path)).toBe(path);
  });

  it("a path with too many readings counts as every closed page", async () => {
    const path = `/${"x%25252f..;b%5cc//d./%c0%ae%09%00%ef%bc%8f%3f".repeat(300)}`;
    expect(await lead([dark("copilot", [{ pattern: "/ai/*", otherwise: classic }])], path)).toBe("404");
    expect(await lead([lit("copilot", gone("/ai/*"))], path)).toBe(path);
  });
});

describe("gates that cannot be read", () => {
  const sound = { pattern: "/ai/*", otherwise: { status: 404 } };
  it.each([
    ["not a list", "x", []],
    ["null", null, []],
    ["an item that is no object", [sound, 7], ["/ai/x"]],
    ["no pattern", [sound, { otherwise: classic }], ["/ai/x"]],
    ["a pattern that is none", [sound, { pattern: "/(", otherwise: classic }], ["/ai/x"]],
    ["a pattern for something else than a path", [sound, { pattern: "ai/*", otherwise: classic }], ["/ai/x"]],
    ["an unknown way out", [{ pattern: "/ai/*", otherwise: { captcha: true } }], ["/ai/x"]],
    ["no way out", [{ pattern: "/ai/*" }], ["/ai/x"]],
    ["a way out to another site", [{ pattern: "/ai/*", otherwise: { redirect: "//evil" } }], ["/ai/x"]],
    ["a backslash to another site", [{ pattern: "/ai/*", otherwise: { rewrite: "/\\evil" } }], ["/ai/x"]],
    ["a status that is none", [{ pattern: "/ai/*", otherwise: { status: 200 } }], ["/ai/x"]],
    ["a line end", [{ pattern: "/ai/*", otherwise: { redirect: "/x\r\ny: z" } }], ["/ai/x"]],
    ["two ways out", [{ pattern: "/ai/*", otherwise: { rewrite: "/a", status: 404 } }], ["/ai/x"]],
    ["an unknown member", [{ ...sound, days: ["mon"] }], ["/ai/x"]],
  ])("%s: readable gates are closed, and the flag must be off", async (_name, gates, closed) => {
    const flags = [lit("copilot", gates), lit("search", [])];
    const { table, unreadable, faulty } = readGates(flags);
    expect([...unreadable]).toEqual(["copilot"]);
    expect(faulty).toBe(true);
    for (const path of closed) {
      const passage = passGates(table, isOnIn(undefined), new URL(path, "https://www.example.com"));
      expect(passage).toMatchObject({ closed: { status: 404 } });
    }
  });

  it("readable gates are no fault", () => {
    expect(readGates([lit("copilot", [sound]), lit("search", []), 7, null])).toMatchObject({
      unreadable: new Set(),
      faulty: false,
    });
  });
});
