import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startApiSystem, type ApiSystem } from "../support/api-system.ts";

let system: ApiSystem;

beforeAll(async () => {
  system = await startApiSystem();
});
afterAll(() => system.stop());

const gate = (pattern: string, otherwise: object) => ({ pattern, otherwise });
const create = (key: string, ...gates: readonly object[]) =>
  system.call("POST", "/api/v1/flags", { body: { key, gates } });
const patch = (key: string, body: object) =>
  system.call("PATCH", `/api/v1/flags/${key}`, { body, ifMatch: "*" });
const put = (key: string, ...gates: readonly object[]) => patch(key, { gates });

describe("gates that lead in a circle are refused", () => {
  test("from redirect to redirect, across flags", async () => {
    expect((await create("r1", gate("/r1/*", { redirect: "/r2/start" }))).status).toBe(201);
    const refused = await create("r2", gate("/x", { status: 404 }), gate("/r2/*", { redirect: "/r1/start" }));
    expect(refused.status).toBe(422);
    expect(refused.body["errors"]).toEqual([
      {
        pointer: "/gates/1/otherwise/redirect",
        detail:
          "leads in a circle: /r1/start (closed by gate /r1/* of r1) -> /r2/start (closed by this gate)",
      },
    ]);
    expect((await system.call("GET", "/api/v1/flags/r2")).status).toBe(404);
    // By a change, too, and in any spelling.
    expect((await create("r2")).status).toBe(201);
    const changed = await put("r2", gate("/R2/*", { redirect: "/%72%31/start" }));
    expect(changed.status).toBe(422);
    expect(changed.body["errors"]).toMatchObject([{ pointer: "/gates/0/otherwise/redirect" }]);
    expect((await put("r2", gate("/r2/*", { redirect: "/elsewhere" }))).status).toBe(200);
  });

  test("from rewrite to redirect, through three flags", async () => {
    await create("m1", gate("/m1/*", { rewrite: "/m2/start" }));
    await create("m2", gate("/m2/*", { redirect: "/m3/start" }));
    const refused = await create("m3", gate("/m3/:page", { rewrite: "/m1/start?from=m3" }));
    expect(refused.body["errors"]).toMatchObject([
      {
        pointer: "/gates/0/otherwise/rewrite",
        detail: expect.stringContaining("(closed by gate /m2/* of m2)"),
      },
    ]);
  });

  test("where a more specific gate of another flag may be open", async () => {
    await create("s1", gate("/s1/*", { redirect: "/s2/start" }));
    await create("s0", gate("/s1/start", { status: 404 }));
    expect((await create("s2", gate("/s2/*", { redirect: "/s1/start" }))).status).toBe(422);
  });

  test("a circle of gates of one flag", async () => {
    const circle = [gate("/o1/*", { rewrite: "/o2/x" }), gate("/o2/*", { rewrite: "/o1/x" })];
    expect((await create("o", ...circle)).status).toBe(422);
  });

  test("by two writers at once: one of them is refused", async () => {
    for (let round = 0; round < 5; round += 1) {
      const [a, b] = [`w${round}a`, `w${round}b`];
      await create(a);
      await create(b);
      const answers = await Promise.all([
        put(a, gate(`/${a}/*`, { redirect: `/${b}/x` })),
        put(b, gate(`/${b}/*`, { redirect: `/${a}/x` })),
      ]);
      expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 422]);
    }
  });
});

describe("gates without a circle are accepted", () => {
  test.each([
    ["a page below the gate itself", [gate("/n1/*", { rewrite: "/n1/waitlist" })]],
    ["a way that ends", [gate("/n2/*", { redirect: "/n3/x" })]],
    ["a redirect to a page of another flag", [gate("/n4/*", { redirect: "/n2/x" })]],
    [
      "a circle that a gate of the same flag cuts",
      [
        gate("/n5/*", { rewrite: "/n6/x" }),
        gate("/n6/x", { status: 404 }),
        gate("/n6/*", { rewrite: "/n5/x" }),
      ],
    ],
    ["a page beside a status", [gate("/n7/*", { status: 410, page: "/n7/gone?x=1" })]],
  ])("%s", async (name, gates) => {
    const { status, body } = await create(`n-${name.replace(/\W/g, "-")}`, ...gates);
    expect([status, body["errors"]]).toEqual([201, undefined]);
  });

  test("a circle that plain SQL wrote does not block changes of other flags", async () => {
    for (const [key, to] of [
      ["q1", "q2"],
      ["q2", "q1"],
    ] as const) {
      await system.sql("INSERT INTO feature_flags (key, gates) VALUES ($1, $2)", [
        key,
        JSON.stringify([gate(`/${key}/*`, { redirect: `/${to}/x`, status: 302 })]),
      ]);
    }
    const old = gate("/q1/*", { redirect: "/q2/x", status: 302 });
    expect((await patch("q1", { description: "changed" })).status).toBe(200);
    expect((await put("q1", old, gate("/more", { status: 404 }))).status).toBe(200);
    expect((await put("q1", old, gate("/q3/*", { rewrite: "/q1/x" }))).status).toBe(200);
    expect((await put("q1", old, gate("/q2/*", { rewrite: "/q1/y" }))).status).toBe(422);
    expect((await put("q1")).status).toBe(200);
  });
});

test.each([
  ["another site", "//evil.example/x"],
  ["a backslash", "/\\evil.example"],
  ["dots", "/a/../b"],
  ["a line end", "/a\r\nset-cookie: x"],
])("a page that is %s is refused", async (_name, page) => {
  const { status, body } = await create("bad-page", gate("/x", { status: 404, page }));
  expect(status).toBe(422);
  expect(JSON.stringify(body["errors"])).toContain('"pointer":"/gates/0/otherwise/page"');
});
