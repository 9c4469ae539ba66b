import { describe, expect, it } from "vitest";
import { createValidators } from "../../worker/answer/validators.ts";

const on = ["ai_search", "https://www.example.com/"];
const off = [null, "https://www.example.com/"];

const marker = (decision: unknown = on, method = "GET", secret = "token") =>
  createValidators(method, () => decision, secret);

/** A tag as the browser gets it. */
async function marked(tag: string, decision: unknown = on, method = "GET", secret?: string) {
  const headers = new Headers({ etag: tag });
  await marker(decision, method, secret).mark(headers);
  return headers.get("etag");
}

/** A request as the origin gets it. */
async function unmarked(headers: Record<string, string>, decision: unknown = on, method = "GET") {
  const asked = new Headers(headers);
  await marker(decision, method).unmark(asked);
  return Object.fromEntries(asked);
}

describe("an answer's tag", () => {
  it.each(['"v1"', 'W/"v1"', '""', `"a'!#;,=b"`])("%s is marked", async (tag) => {
    const value = await marked(tag);
    expect(value).toMatch(/;sluice=[\w-]{11}"$/);
    expect(value?.replace(/;sluice=[\w-]{11}/, "")).toBe(tag);
  });

  it("differs by decision, page and secret, and by nothing else", async () => {
    const values = await Promise.all([
      marked('"v1"', on),
      marked('"v1"', off),
      marked('"v1"', ["ai_search", "https://www.example.com/classic"]),
      marked('"v1"', on, "GET", "another token"),
    ]);
    expect(new Set(values).size).toBe(4);
    expect(await marked('"v1"', [...on])).toBe(values[0]);
  });

  it.each(["v1", '"v1', '"v"1"', '"a", "b"', "W/v1", '"a b"'])(
    "%s is no tag and stays unchanged",
    async (tag) => {
      expect(await marked(tag)).toBe(tag);
    },
  );

  it("stays unchanged in the answer to a write", async () => {
    expect(await marked('"v1"', on, "PUT")).toBe('"v1"');
  });
});

describe("the browser's copy", () => {
  it.each(["GET", "HEAD"])("that was made for this decision may be confirmed, by %s", async (method) => {
    const etag = (await marked('W/"v1"')) ?? "";
    const since = "Wed, 21 Oct 2026 07:28:00 GMT";
    expect(await unmarked({ "if-none-match": etag, "if-modified-since": since }, on, method)).toEqual({
      "if-none-match": 'W/"v1"',
      "if-modified-since": since,
    });
  });

  it("may be one of several", async () => {
    const tags = [await marked('"a"', off), '"b"', await marked('"c"'), await marked('W/"d"')];
    expect(await unmarked({ "if-none-match": tags.join(",") })).toEqual({ "if-none-match": '"c", W/"d"' });
  });

  it("that was made for another decision, or without one, is not asked about", async () => {
    const since = "Wed, 21 Oct 2026 07:28:00 GMT";
    for (const tag of [await marked('"v1"', off), '"v1"', "*", "v1", '"v1;sluice=AAAAAAAAAAA"']) {
      expect(
        await unmarked({ "if-none-match": tag ?? "", "if-modified-since": since, accept: "*/*" }),
      ).toEqual({
        accept: "*/*",
      });
    }
  });

  it("is not asked about by its date alone", async () => {
    expect(await unmarked({ "if-modified-since": "Wed, 21 Oct 2026 07:28:00 GMT" })).toEqual({});
  });

  it("is completed only by parts of the same decision's page", async () => {
    const range = "bytes=100-";
    const etag = (await marked('"v1"')) ?? "";
    expect(await unmarked({ range, "if-range": etag })).toEqual({ range, "if-range": '"v1"' });
    expect(await unmarked({ range, "if-range": etag }, off)).toEqual({});
    expect(await unmarked({ range, "if-range": "Wed, 21 Oct 2026 07:28:00 GMT" })).toEqual({});
    expect(await unmarked({ range })).toEqual({ range });
  });
});

describe("a write", () => {
  it("depends on the resource, not on the decision", async () => {
    const etag = (await marked('"v1"')) ?? "";
    expect(await unmarked({ "if-match": `${etag}, "v0"` }, off, "PUT")).toEqual({ "if-match": '"v1", "v0"' });
    expect(await unmarked({ "if-none-match": "*" }, off, "PUT")).toEqual({ "if-none-match": "*" });
    expect(await unmarked({ "if-none-match": etag }, off, "POST")).toEqual({ "if-none-match": '"v1"' });
    expect(await unmarked({ "if-match": etag }, off, "GET")).toEqual({ "if-match": '"v1"' });
  });
});

it("long headers are read in linear time", async () => {
  const headers = { "if-none-match": `"${'a"'.repeat(40_000)}`, "if-match": ";sluice=".repeat(10_000) };
  expect(await unmarked(headers)).toEqual({ "if-match": headers["if-match"] });
});
