import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { startApiSystem, type Answer, type ApiSystem } from "../support/api-system.ts";

let system: ApiSystem;
let key: string;
let flag: string;
let count = 0;

beforeAll(async () => {
  system = await startApiSystem();
});
afterAll(() => system.stop());

beforeEach(async () => {
  key = `flag-${++count}`;
  flag = `/api/v1/flags/${key}`;
  await system.call("POST", "/api/v1/flags", { body: { key, tags: ["a"], owner: "one" } });
});

const patch = (path: string, body: unknown, ifMatch?: string): Promise<Answer> =>
  system.call("PATCH", `${flag}${path}`, { body, ifMatch });
const etagNow = async (): Promise<string> => (await system.call("GET", flag)).etag;
const shown = async () => (await system.call("GET", flag)).body.flag;

async function enabledAt(percentage: number): Promise<void> {
  await patch("/rollout", { rollout_pct: percentage }, "*");
  await patch("/toggle", { enabled: true }, "*");
}

describe("a write that may show a feature to more users needs If-Match", () => {
  test.for([
    ["a merge patch", "PATCH", "", { owner: "two" }],
    ["an empty merge patch", "PATCH", "", {}],
    ["raising the percentage", "PATCH", "/rollout", { rollout_pct: 10.01 }],
    ["enabling", "PATCH", "/toggle", { enabled: true }],
    ["a toggle without a body", "PATCH", "/toggle", undefined],
    ["deleting", "DELETE", "", undefined],
  ] as const)("%s", async ([, method, path, body]) => {
    await patch("/rollout", { rollout_pct: 10 }, "*");
    const before = await system.call("GET", flag);
    const send = (ifMatch?: string) => system.call(method, `${flag}${path}`, { body, ifMatch });

    const without = await send();
    expect([without.status, (await system.call("GET", flag)).text]).toEqual([428, before.text]);
    const stale = await send('"1.1"');
    expect([stale.status, (await system.call("GET", flag)).text]).toEqual([412, before.text]);
    const fresh = await send(before.etag);
    expect(fresh.status).toBe(200);
  });

  test("If-Match with several tags needs one match", async () => {
    expect((await patch("", { owner: "two" }, `"1.1", ${await etagNow()}, W/"1.2"`)).status).toBe(200);
  });
});

describe("a write that shows a feature to fewer users needs no If-Match", () => {
  test.for([
    ["a kill", "PATCH", "/toggle", { enabled: false }],
    ["lowering the percentage", "PATCH", "/rollout", { rollout_pct: 49.99 }],
    ["the same percentage", "PATCH", "/rollout", { rollout_pct: 50 }],
    ["enabling an enabled flag", "PATCH", "/toggle", { enabled: true }],
    ["archiving", "POST", "/archive", undefined],
    ["restoring, which leaves it off", "POST", "/restore", undefined],
  ] as const)("%s", async ([, method, path, body]) => {
    await enabledAt(50);
    expect((await system.call(method, `${flag}${path}`, { body })).status).toBe(200);
  });

  test.for([
    ["a kill", "PATCH", "/toggle", { enabled: false }],
    ["lowering the percentage", "PATCH", "/rollout", { rollout_pct: 1 }],
    ["archiving", "POST", "/archive", undefined],
    ["restoring", "POST", "/restore", undefined],
  ] as const)("%s: an If-Match that is given counts", async ([, method, path, body]) => {
    await enabledAt(50);
    const before = await system.call("GET", flag);
    const stale = await system.call(method, `${flag}${path}`, { body, ifMatch: '"1.1"' });
    expect([stale.status, (await system.call("GET", flag)).text]).toEqual([412, before.text]);
    const fresh = await system.call(method, `${flag}${path}`, { body, ifMatch: before.etag });
    expect(fresh.status).toBe(200);
  });
});

test("an answer has the tag for the next write", async () => {
  let etag = await etagNow();
  for (const owner of ["two", "three", "four"]) {
    const answer = await patch("", { owner }, etag);
    expect(answer.status).toBe(200);
    expect(answer.etag).not.toBe(etag);
    expect(answer.etag).toBe(await etagNow());
    ({ etag } = answer);
  }
});

test("a toggle to the present state changes nothing and does not raise the revision", async () => {
  await enabledAt(50);
  for (const [path, body] of [
    ["/toggle", { enabled: true }],
    ["/rollout", { rollout_pct: 50 }],
    ["", { owner: "one", tags: ["a"] }],
  ] as const) {
    const before = await system.call("GET", flag);
    const answer = await patch(path, body, "*");
    expect([answer.status, answer.etag, answer.body.revision]).toEqual([
      200,
      before.etag,
      before.body.revision,
    ]);
  }
  const killed = await patch("/toggle", { enabled: false });
  const again = await patch("/toggle", { enabled: false });
  expect([again.status, again.etag, again.body.revision]).toEqual([200, killed.etag, killed.body.revision]);
  const archived = await system.call("POST", `${flag}/archive`);
  const archivedAgain = await system.call("POST", `${flag}/archive`);
  expect([archivedAgain.etag, archivedAgain.body.flag]).toEqual([archived.etag, archived.body.flag]);
});

test("a toggle without a body sets the other state", async () => {
  const on = await system.call("PATCH", `${flag}/toggle`, { ifMatch: await etagNow() });
  expect(on.body.flag).toMatchObject({ enabled: true });
  // Many clients send a content type also without a body.
  const off = await system.call("PATCH", `${flag}/toggle`, {
    ifMatch: on.etag,
    headers: { "content-type": "application/json" },
  });
  expect(off.body.flag).toMatchObject({ enabled: false });
});

test("an archived flag cannot be enabled, and is disabled after it is restored", async () => {
  await enabledAt(50);
  const archived = await system.call("POST", `${flag}/archive`);
  expect(archived.body.flag).toMatchObject({ enabled: false, archived_at: expect.any(String) });
  expect((await patch("/toggle", { enabled: true }, "*")).status).toBe(409);
  const restored = await system.call("POST", `${flag}/restore`);
  expect(restored.body.flag).toMatchObject({ enabled: false, archived_at: null, rollout_pct: 50 });
});

test("a flag with gates cannot be deleted", async () => {
  await patch("", { gates: [{ pattern: "/ai/*", otherwise: { status: 404 } }] }, "*");
  expect((await system.call("DELETE", flag, { ifMatch: "*" })).status).toBe(409);
  await patch("", { gates: null }, "*");
  expect((await system.call("DELETE", flag, { ifMatch: "*" })).body).toMatchObject({ key, published: true });
  expect((await system.call("GET", flag)).status).toBe(404);
});

describe("two editors of one flag", () => {
  test("the second gets a 412 with the changes and their actors", async () => {
    const etag = await etagNow();
    const first = await patch("", { owner: "two", description: "mine" }, etag);
    await system.sql("update feature_flags set tags = '{b}' where key = $1", [key]);
    const second = await patch("", { owner: "three" }, etag);
    expect(second.status).toBe(412);
    expect(second.body.changes).toEqual([
      expect.objectContaining({ actor: "admin", action: "update", changed: ["description", "owner"] }),
      expect.objectContaining({ actor: expect.stringMatching(/^sql:/), changed: ["tags"] }),
    ]);
    expect(second.body["etag"]).toBe(second.etag);
    expect(second.etag).not.toBe(first.etag);
    expect(await shown()).toMatchObject({ owner: "two", tags: ["b"] });
  });

  test("one of twenty concurrent writes with the same tag succeeds", async () => {
    const etag = await etagNow();
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, n) => patch("", { owner: `editor-${n}` }, etag)),
    );
    const [won, ...others] = answers.filter(({ status }) => status === 200);
    expect(others).toEqual([]);
    expect(answers.filter(({ status }) => status === 412)).toHaveLength(19);
    expect(await shown()).toEqual(won?.body.flag);
  });

  test("the tag of a deleted flag does not match a new flag with its key", async () => {
    const etag = await etagNow();
    await system.call("DELETE", flag, { ifMatch: etag });
    await system.call("POST", "/api/v1/flags", { body: { key, tags: ["a"], owner: "one" } });
    expect((await patch("", { owner: "two" }, etag)).status).toBe(412);
  });

  test("a read never returns an old flag with a new tag", async () => {
    const reads: Answer[] = [];
    let isWriting = true;
    const reading = (async () => {
      while (isWriting) reads.push(await system.call("GET", flag));
    })();
    const written = new Map<string, unknown>();
    written.set(await etagNow(), (await shown())["owner"]);
    for (let n = 0; n < 40; n++) {
      const answer = await patch("", { owner: `writer-${n}` }, "*");
      written.set(answer.etag, answer.body.flag["owner"]);
    }
    isWriting = false;
    await reading;
    expect(reads.length).toBeGreaterThan(0);
    for (const read of reads)
      expect([read.etag, read.body.flag["owner"]]).toEqual([read.etag, written.get(read.etag)]);
  });
});

describe("a merge patch", () => {
  test("keeps members that it does not name, and null restores a default", async () => {
    await patch(
      "",
      { description: "d", targeting: { allowlist: ["u1"], plans: ["pro"] }, in_header: false },
      "*",
    );
    await patch("", { targeting: { plans: null, blocklist: ["u2"] }, in_header: null, owner: null }, "*");
    expect(await shown()).toMatchObject({
      description: "d",
      owner: "",
      tags: ["a"],
      targeting: { allowlist: ["u1"], blocklist: ["u2"] },
      in_header: true,
    });
    await patch("", { targeting: null }, "*");
    expect(await shown()).toMatchObject({ targeting: {} });
  });

  test("is validated after it is merged", async () => {
    await patch("", { targeting: { allowlist: ["u1"] } }, "*");
    const answer = await patch("", { targeting: { blocklist: ["u1"] } }, "*");
    expect(answer.status).toBe(422);
    expect(answer.body.errors?.[0]).toMatchObject({ pointer: "/targeting/allowlist/0" });
  });
});
