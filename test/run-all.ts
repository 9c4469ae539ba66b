// `npm run test:all`: every suite with its full numbers. CONTRIBUTING.md says what each suite needs.
import { spawnSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import path from "node:path";
import process from "node:process";

/** Programs that no npm package brings, with their Debian package. */
const PROGRAMS: readonly (readonly [program: string, debianPackage: string])[] = [
  ["redis-server", "redis-server"],
  ["nginx", "nginx"],
  ["varnishd", "varnish"],
  [process.env["SLUICE_TEST_CHROMIUM"] ?? "/usr/bin/chromium", "chromium"],
  ["openssl", "openssl"],
  ["pgbouncer", "pgbouncer"],
];

// Debian keeps servers in sbin, which is not on the PATH of ordinary users.
const PATH = `${process.env["PATH"] ?? ""}:/usr/local/sbin:/usr/sbin:/sbin`;

const missing = PROGRAMS.filter(([program]) => !isThere(program));
if (missing.length > 0) {
  for (const [program, debianPackage] of missing) {
    console.error(`error: ${program} was not found; Debian's package ${debianPackage} has it`);
  }
  const packages = missing.map(([, debianPackage]) => debianPackage).join(" ");
  console.error(`  -> run \`apt-get install ${packages}\` as root; \`npm test\` needs none of them`);
  process.exit(1);
}

/** A few rounds of one seed; CONTRIBUTING.md says how to play more. */
const FAULTS = { SLUICE_TEST_SEED: "1", SLUICE_TEST_ROUNDS: "10" };

const vitest = path.join(import.meta.dirname, "../node_modules/vitest/vitest.mjs");
const { status } = spawnSync(process.execPath, [vitest, "run", ...process.argv.slice(2)], {
  stdio: "inherit",
  env: { ...FAULTS, SLUICE_TEST_RUNS: "full", ...process.env, PATH },
});
process.exitCode = status ?? 1;

function isThere(program: string): boolean {
  const files = path.isAbsolute(program)
    ? [program]
    : PATH.split(":").map((folder) => path.join(folder, program));
  return files.some((file) => {
    try {
      accessSync(file, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
