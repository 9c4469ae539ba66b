import { createHmac } from "node:crypto";
import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { encodeFlagsContext } from "../../shared/x-flags/flags-header.ts";
import { readFlags } from "../../shared/x-flags/read-flags.ts";
import { SIGNED_CONTEXT } from "../support/signed-headers.ts";

const doc = await readFile(new URL("../../docs/x-flags.md", import.meta.url), "utf8");

/** The value of a header in an indented line of the page; the last one if there are several. */
const header = (name: string): string =>
  [...doc.matchAll(new RegExp(`^    ${name}: (.+)$`, "gm"))].at(-1)?.[1] ?? "";

const base = /^```text\n("x-flags"[^`]+)\n```$/m.exec(doc)?.[1] ?? "";
const keys = /`(example:[\w+/=]+)`/.exec(doc)?.[1] ?? "";

test("the page's signature is the signature of the page's signature base", () => {
  const secret = Buffer.from(keys.split(":")[1] ?? "", "base64");
  expect(secret.toString()).toBe("sluice example key: not a secret");
  const signature = createHmac("sha256", secret).update(base).digest("base64");
  expect(header("signature")).toBe(`sluice=:${signature}:`);
  expect(doc).toContain(`# ${signature}`);
});

test("the shell commands of the page sign that base", () => {
  const [, command = ""] = /```sh\nprintf ([^`]+)```/.exec(doc) ?? [];
  const lines = [...command.matchAll(/^ {2}'(.+)'/gm)].map(([, line]) => line);
  expect(lines.join("\n")).toBe(base);
});

test("the headers of the page are read as the page says", async () => {
  const [flagsLine = "", contextLine = "", params = ""] = base.split("\n");
  const headers = {
    "x-flags": flagsLine.replace('"x-flags": ', ""),
    "x-flags-context": contextLine.replace('"x-flags-context": ', ""),
    "signature-input": header("signature-input"),
    signature: header("signature"),
  };
  expect(headers["signature-input"]).toBe(params.replace('"@signature-params": ', "sluice="));
  expect(headers["x-flags-context"]).toBe(header("x-flags-context"));
  const flags = await readFlags(headers, { keys, now: 1_790_000_000_000 });
  expect(flags.problem).toBeUndefined();
  expect(flags.enabled).toStrictEqual(["ai_search", "copilot"]);
  expect(flags.context).toStrictEqual(SIGNED_CONTEXT);
});

test("the page lists every member that a worker writes", () => {
  const written = encodeFlagsContext({ ...SIGNED_CONTEXT, stale: true, override: ["ai"] });
  const members = [...written.matchAll(/(?:^|, )([a-z]+)/g)].map(([, name]) => name);
  expect(members.length).toBeGreaterThan(9);
  expect(members.filter((name) => !doc.includes(`\`${name}\``))).toStrictEqual([]);
});
