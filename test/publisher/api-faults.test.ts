import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import {
  CONTEXT_FAULTS,
  KEY_FAULTS,
  MARKER,
  MEMBER_FAULTS,
  ROLLOUT_FAULTS,
  TOGGLE_FAULTS,
  type FaultRow,
} from "../support/api-fault-rows.ts";
import { ADMIN_TOKEN, redisKey, startApiSystem, type Answer, type ApiSystem } from "../support/api-system.ts";
import { sendRaw } from "../support/raw-request.ts";

const KEY = "there";
const FLAG = `/api/v1/flags/${KEY}`;

/** Every operation that needs the token, as a request that is valid except for the key. */
const OPERATIONS: readonly {
  readonly name: string;
  readonly method: string;
  readonly path: (key: string) => string;
  readonly body?: object;
  readonly takesIfMatch?: true;
}[] = [
  { name: "list", method: "GET", path: () => "/api/v1/flags" },
  { name: "status", method: "GET", path: () => "/api/v1/status" },
  { name: "create", method: "POST", path: () => "/api/v1/flags", body: { key: "fresh" } },
  { name: "get", method: "GET", path: (key) => `/api/v1/flags/${key}` },
  {
    name: "patch",
    method: "PATCH",
    path: (key) => `/api/v1/flags/${key}`,
    body: { owner: "x" },
    takesIfMatch: true,
  },
  { name: "delete", method: "DELETE", path: (key) => `/api/v1/flags/${key}`, takesIfMatch: true },
  {
    name: "rollout",
    method: "PATCH",
    path: (key) => `/api/v1/flags/${key}/rollout`,
    body: { rollout_pct: 30 },
    takesIfMatch: true,
  },
  {
    name: "toggle",
    method: "PATCH",
    path: (key) => `/api/v1/flags/${key}/toggle`,
    body: { enabled: false },
    takesIfMatch: true,
  },
  { name: "archive", method: "POST", path: (key) => `/api/v1/flags/${key}/archive`, takesIfMatch: true },
  { name: "restore", method: "POST", path: (key) => `/api/v1/flags/${key}/restore`, takesIfMatch: true },
  { name: "explain", method: "POST", path: (key) => `/api/v1/flags/${key}/explain`, body: { context: {} } },
  {
    name: "preview",
    method: "POST",
    path: (key) => `/api/v1/flags/${key}/preview`,
    body: { draft: {}, contexts: [] },
  },
  { name: "explain all", method: "POST", path: () => "/api/v1/explain", body: { context: {} } },
  { name: "list segments", method: "GET", path: () => "/api/v1/segments" },
  { name: "create segment", method: "POST", path: () => "/api/v1/segments", body: { name: "fresh" } },
];
const WITH_KEY = OPERATIONS.filter(({ path }) => path("a") !== path("b"));
const WITH_BODY = OPERATIONS.filter(({ body }) => body !== undefined);

let system: ApiSystem;
let before: string;

beforeAll(async () => {
  system = await startApiSystem();
  await system.call("POST", "/api/v1/flags", { body: { key: KEY, description: "as it was" } });
  await system.call("PATCH", `${FLAG}/rollout`, { body: { rollout_pct: 12.5 }, ifMatch: "*" });
  await system.call("PATCH", `${FLAG}/toggle`, { body: { enabled: true }, ifMatch: "*" });
});
afterAll(() => system.stop());

beforeEach(async () => {
  before = await dump();
});
afterEach(async () => {
  expect(await dump()).toBe(before);
  const log = system.logLines.join("\n");
  expect(log).not.toContain(MARKER);
  expect(log).not.toContain(ADMIN_TOKEN);
});

async function dump(): Promise<string> {
  const flags = await system.sql("select * from feature_flags order by key");
  const state = await system.sql("select * from publication");
  const segments = await system.sql("select * from segments order by name");
  const audit = await system.sql("select count(*) from flag_audit");
  // A refused kill leaves no entry at the edge either.
  const off = (await system.redisCommand("GET", redisKey("off"))) ?? "{}";
  return JSON.stringify({ flags, segments, state, audit, off });
}

function expectProblem(answer: Answer, status: number, pointer?: string, detail?: RegExp): void {
  expect({ status: answer.status, text: answer.text }).toMatchObject({ status });
  expect(answer.headers.get("content-type")).toBe("application/problem+json");
  expect(answer.body).toMatchObject({ status, type: expect.stringMatching(/^urn:sluice:problem:/) });
  if (pointer !== undefined) {
    expect(answer.body.errors).toContainEqual({ pointer, detail: expect.stringMatching(detail ?? /./) });
  }
  expect(answer.text).not.toContain(MARKER);
  expect(answer.text).not.toContain(ADMIN_TOKEN);
}

describe("a member of the body", () => {
  const send = (method: string, path: string, text: string) =>
    system.call(method, path, { body: text, ifMatch: "*" });
  const bodyOf = ({ member, json }: FaultRow, rest = ""): string => `{${rest}"${member}": ${json}}`;

  test.for(KEY_FAULTS)("create, $member: $fault", async (row) => {
    expectProblem(await send("POST", "/api/v1/flags", bodyOf(row)), 422, row.pointer, row.detail);
  });
  test("create, key: missing", async () => {
    expectProblem(await send("POST", "/api/v1/flags", "{}"), 422, "/key", /is missing: it must be a string/);
  });
  test.for(MEMBER_FAULTS)("create, $member: $fault", async (row) => {
    const answer = await send("POST", "/api/v1/flags", bodyOf(row, '"key": "fresh", '));
    expectProblem(answer, 422, row.pointer, row.detail);
  });
  test.for(["description", "tags", "targeting", "gates", "fail_mode", "in_header"])(
    "create, %s: null",
    async (member) => {
      const answer = await send("POST", "/api/v1/flags", `{"key": "fresh", "${member}": null}`);
      expectProblem(answer, 422, `/${member}`);
    },
  );
  test.for(MEMBER_FAULTS)("patch, $member: $fault", async (row) => {
    expectProblem(await send("PATCH", FLAG, bodyOf(row)), 422, row.pointer, row.detail);
  });
  test("patch, key: cannot be changed", async () => {
    expectProblem(await send("PATCH", FLAG, '{"key": "other"}'), 422, "/key", /unknown member/);
  });
  test.for(ROLLOUT_FAULTS)("rollout, $member: $fault", async (row) => {
    expectProblem(await send("PATCH", `${FLAG}/rollout`, bodyOf(row)), 422, row.pointer, row.detail);
  });
  test.for(TOGGLE_FAULTS)("toggle, $member: $fault", async (row) => {
    expectProblem(await send("PATCH", `${FLAG}/toggle`, bodyOf(row)), 422, row.pointer, row.detail);
  });
  test.for(CONTEXT_FAULTS)("explain, $member: $fault", async (row) => {
    expectProblem(await send("POST", `${FLAG}/explain`, bodyOf(row)), 422, row.pointer, row.detail);
  });
  test.for([
    ["rollout", "rollout_pct", "PATCH"],
    ["toggle", "enabled", "PATCH"],
    ["explain", "context", "POST"],
  ] as const)("%s, %s: missing", async ([path, member, method]) => {
    expectProblem(await send(method, `${FLAG}/${path}`, "{}"), 422, `/${member}`, /is missing/);
  });
  test.for(["x", "__proto__", "constructor"])("%s as an additional member", async (member) => {
    const extra = `"${member}": {}`;
    for (const [path, known, method] of [
      ["rollout", '"rollout_pct": 5', "PATCH"],
      ["toggle", '"enabled": true', "PATCH"],
      ["explain", '"context": {}', "POST"],
    ] as const) {
      const answer = await send(method, `${FLAG}/${path}`, `{${known}, ${extra}}`);
      expectProblem(answer, 422, `/${member}`, /unknown member/);
    }
  });
});

describe("the body as a whole", () => {
  const FAULTS: readonly (readonly [string, string | Uint8Array, number])[] = [
    ["null", "null", 422],
    ["array", "[]", 422],
    ["text", `"${MARKER}"`, 422],
    ["number", "5", 422],
    ["10,000 arrays deep", `${"[".repeat(10_000)}${"]".repeat(10_000)}`, 422],
    ["10,000 objects deep", `${'{"a":'.repeat(10_000)}1${"}".repeat(10_000)}`, 422],
    ["cut off", '{"key": "fresh"', 400],
    ["not JSON", MARKER, 400],
    ["NaN", '{"rollout_pct": NaN}', 400],
    ["two documents", "{}{}", 400],
    ["raw NUL", '{"owner": "\0"}', 400],
    ["only spaces", "  ", 400],
    ["not UTF-8", new Uint8Array([0x22, 0xff, 0x22]), 400],
    ["a surrogate in UTF-8", new Uint8Array([0x22, 0xed, 0xa0, 0x80, 0x22]), 400],
    ["10 MB", `"${"x".repeat(10_000_000)}"`, 413],
    ["a byte too many", `"${"x".repeat(1_048_575)}"`, 413],
  ];
  const rows = WITH_BODY.flatMap((operation) => FAULTS.map((fault) => ({ operation, fault })));

  test.for(rows)("$operation.name: $fault.0", async ({ operation: { name, method, path }, fault }) => {
    const [what, body, status] = fault;
    // A sample may be larger than other bodies.
    const isTaken = name === "preview" && what === "a byte too many";
    expectProblem(await system.call(method, path(KEY), { body, ifMatch: "*" }), isTaken ? 422 : status);
  });
  test.for(WITH_BODY)("$name: none", async ({ name, method, path }) => {
    const answer = await system.call(method, path(KEY));
    expectProblem(answer, { toggle: 428, patch: 400 }[name] ?? 422);
  });
  test.for(WITH_BODY)("$name: of another type", async ({ method, path, body }) => {
    for (const type of [
      "text/plain",
      "application/x-www-form-urlencoded",
      "application/jsonx",
      "json",
      "multipart/form-data",
    ]) {
      const answer = await system.call(method, path(KEY), {
        body,
        ifMatch: "*",
        headers: { "content-type": type },
      });
      expectProblem(answer, 415);
    }
  });
});

describe("the key in the path", () => {
  const KEYS: readonly (readonly [string, string])[] = [
    ["upper case", "There"],
    ["percent-encoded space", "a%20b"],
    ["NUL", "there%00"],
    ["newline", "there%0a"],
    ["SQL", "there'%3bdrop%20table%20feature_flags--"],
    ["look-alike", encodeURIComponent("th\u0435re")],
    ["lone surrogate in UTF-8", "%ed%a0%80"],
    ["invalid percent-encoding", "%zz"],
    ["cut percent-encoding", "there%e0%a4"],
    ["__proto__", "__proto__"],
    ["too long", "k".repeat(65)],
    ["slash", "a%2fb"],
    ["wildcard", "*"],
  ];
  const rows = WITH_KEY.flatMap((operation) => KEYS.map((key) => ({ operation, key })));
  test.for(rows)("$operation.name: $key.0", async ({ operation: { method, path, body }, key }) => {
    expectProblem(await system.call(method, path(key[1]), { body, ifMatch: "*" }), 422, "key");
  });
  test.for(WITH_KEY)("$name: of a flag that does not exist", async ({ method, path, body }) => {
    expectProblem(await system.call(method, path("nobody"), { body, ifMatch: "*" }), 404);
    expectProblem(await system.call(method, path("nobody"), { body, ifMatch: '"1.1"' }), 404);
  });
});

describe("the token", () => {
  const TOKENS: readonly (readonly [string, string | undefined])[] = [
    ["none", undefined],
    ["empty", ""],
    ["scheme alone", "Bearer"],
    ["another", `Bearer ${MARKER}`],
    ["a part", `Bearer ${ADMIN_TOKEN.slice(0, -1)}`],
    ["more", `Bearer ${ADMIN_TOKEN}x`],
    ["in other case", `Bearer ${ADMIN_TOKEN.toUpperCase()}`],
    ["in another scheme", `Basic ${ADMIN_TOKEN}`],
    ["without a scheme", ADMIN_TOKEN],
    ["quoted", `Bearer "${ADMIN_TOKEN}"`],
    ["twice in one header", `Bearer ${ADMIN_TOKEN}, Bearer ${ADMIN_TOKEN}`],
  ];
  const rows = OPERATIONS.flatMap((operation) => TOKENS.map((token) => ({ operation, token })));
  test.for(rows)("$operation.name: $token.0", async ({ operation: { method, path, body }, token }) => {
    const response = await fetch(`${system.url}${path(KEY)}`, {
      method,
      headers: {
        "if-match": "*",
        ...(token[1] !== undefined && { authorization: token[1] }),
        ...(body && { "content-type": "application/json" }),
      },
      ...(body && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    expect(response.status).toBe(401);
    expect(response.headers.get("www-authenticate")).toBe('Bearer realm="sluice"');
    expect(text).not.toContain(MARKER);
    expect(text).not.toContain(ADMIN_TOKEN);
  });
  test("the token in two headers", async () => {
    const authorization = `Authorization: Bearer ${ADMIN_TOKEN}`;
    for (const lines of [
      [authorization, authorization],
      [authorization, "Authorization: Bearer other"],
      ["Authorization: Bearer other", authorization],
    ]) {
      expect(await sendRaw(system.url, ["GET /api/v1/status HTTP/1.1", ...lines])).toMatch(/^HTTP\/1.1 401 /);
    }
  });
  test("without it, an existing flag and a missing flag get the same answer", async () => {
    for (const path of [
      "/api/v1/flags/there",
      "/api/v1/flags/nobody",
      "/api/v1/nowhere",
      "/api/v1/flags/BAD",
    ]) {
      const response = await fetch(`${system.url}${path}`);
      expect([response.status, await response.json()]).toEqual([
        401,
        expect.objectContaining({ status: 401 }),
      ]);
    }
  });
});

describe("If-Match", () => {
  const conditional = OPERATIONS.filter(({ takesIfMatch }) => takesIfMatch);
  const TAGS: readonly (readonly [string, string, number])[] = [
    ["empty", "", 400],
    ["without quotes", "1.2", 400],
    ["one quote", '"1.2', 400],
    ["with text behind", `"1.2" ${MARKER}`, 400],
    ["star among tags", '"1.2", *', 400],
    ["lower-case w", 'w/"1.2"', 400],
    ["another state", '"1.1"', 412],
    ["a state to come", '"9.999999999999999"', 412],
    ["a foreign tag", `"${MARKER}"`, 412],
    ["a foreign tag with a comma", '"a,b"', 412],
    ["a number beyond all", `"1.${"9".repeat(300)}"`, 412],
    ["8 KB of tags", Array.from({ length: 1_100 }, () => '"1.1"').join(","), 412],
  ];
  const rows = conditional.flatMap((operation) => TAGS.map((tag) => ({ operation, tag })));
  test.for(rows)("$operation.name: $tag.0", async ({ operation: { method, path, body }, tag }) => {
    const [, ifMatch, status] = tag;
    const answer = await system.call(method, path(KEY), { body, ifMatch });
    expectProblem(answer, status, ...(status === 400 ? (["If-Match"] as const) : []));
    if (status === 412) expect(answer.etag).toBe((await system.call("GET", FLAG)).etag);
  });
  test.for(conditional)("$name: the right tag, but weak or with zeros", async ({ method, path, body }) => {
    const { etag } = await system.call("GET", FLAG);
    for (const ifMatch of [`W/${etag}`, etag.replace(".", ".0")]) {
      expectProblem(await system.call(method, path(KEY), { body, ifMatch }), 412);
    }
  });
  test("a tag that is too large for a header", async () => {
    const response = await fetch(`${system.url}${FLAG}`, {
      method: "DELETE",
      headers: { authorization: `Bearer ${ADMIN_TOKEN}`, "if-match": '"1.1",'.repeat(10_000) },
    });
    expect(response.status).toBe(431);
  });
  test("If-None-Match that is no list of tags", async () => {
    const answer = await system.call("GET", FLAG, { headers: { "if-none-match": MARKER } });
    expectProblem(answer, 400, "If-None-Match");
  });
});

describe("the query of the list", () => {
  test.for([
    ["unknown=1", "unknown"],
    ["__proto__=1", "__proto__"],
    ["constructor=1", "constructor"],
    ["q=", "q"],
    [`q=${"x".repeat(101)}`, "q"],
    ["q=a%00b", "q"],
    ["q=1&q=2", "q"],
    ["enabled=yes", "enabled"],
    ["enabled=", "enabled"],
    ["enabled=true&enabled=false", "enabled"],
    ["archived=1", "archived"],
    ["tag=%00", "tag"],
    [`tag=${"t".repeat(51)}`, "tag"],
    ["owner=", "owner"],
    [`owner=${"o".repeat(201)}`, "owner"],
    [`sort=${MARKER}`, "sort"],
    ["sort=key;drop", "sort"],
    ["sort=description", "sort"],
    ["limit=0", "limit"],
    ["limit=501", "limit"],
    ["limit=-1", "limit"],
    ["limit=1.5", "limit"],
    ["limit=1e2", "limit"],
    ["limit=", "limit"],
    ["limit=99999999999999999999", "limit"],
    [`cursor=${MARKER}`, "cursor"],
    ["cursor=", "cursor"],
    [`cursor=${"A".repeat(1_025)}`, "cursor"],
    [`cursor=${cursor(["created_at", "now", "a"])}`, "cursor"],
    [`cursor=${cursor(["key", "a", "'; drop table feature_flags"])}`, "cursor"],
    [`cursor=${cursor(["updated_at", "1", "a"])}&sort=created_at`, "cursor"],
    [`cursor=${cursor(["rollout_pct", "NaN", "a"])}&sort=rollout_pct`, "cursor"],
    [`cursor=${cursor({ __proto__: [] })}`, "cursor"],
  ] as const)("%s", async ([query, pointer]) => {
    expectProblem(await system.call("GET", `/api/v1/flags?${query}`), 422, pointer);
  });
});

function cursor(content: unknown): string {
  return Buffer.from(JSON.stringify(content)).toString("base64url");
}
