import { afterAll, beforeAll, expect, test } from "vitest";
import { callSluice } from "../support/cli-streams.ts";
import { startCliSystem, type CliSystem } from "../support/cli.ts";

let system: CliSystem;

beforeAll(async () => {
  system = await startCliSystem();
});
afterAll(() => system.stop());

test("an x-flags header that would be too long names the command that fixes it", async () => {
  const call = (...args: readonly string[]) => callSluice(args, { env: system.env });
  // Plain SQL may fill it to the brim: each takes its key and two characters.
  await system.sql(
    `INSERT INTO feature_flags (key)
     SELECT 'f' || lpad(n::text, 61, '0') FROM generate_series(1, 128) AS n`,
  );
  const refused = await call("create", "one_more");
  expect(refused).toMatchObject({ code: 2, stdout: "" });
  expect(refused.stderr).toMatch(
    /^error: \/in_header \(not set by this command\): x-flags with every flag on would have \d+ bytes.*\n {2}-> `sluice describe <key> --no-in-header` takes/,
  );
  expect(await call("describe", `f${"1".padStart(61, "0")}`, "--no-in-header")).toMatchObject({
    code: 0,
    stderr: "",
  });
  expect(await call("create", "one_more")).toMatchObject({ code: 0, stderr: "" });
});
