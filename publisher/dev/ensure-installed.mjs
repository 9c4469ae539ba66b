// Runs before `npm start`, `npm test` and `npm run demo`, on whatever Node the machine has and before anything
// is installed: Node's built-ins only. Installs what the lock file names when node_modules is missing or older.
import { spawnSync } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
const lockFile = join(root, "package-lock.json");
// npm writes this file last, so a half-finished installation counts as none.
const installed = join(root, "node_modules", ".package-lock.json");

const upToDate = existsSync(installed) && statSync(installed).mtimeMs >= statSync(lockFile).mtimeMs;
if (!upToDate) {
  console.log("Installing what package-lock.json names (npm ci) ...");
  const npm = process.platform === "win32" ? "npm.cmd" : "npm";
  const { status } = spawnSync(npm, ["ci", "--no-audit", "--no-fund", "--loglevel=error"], {
    cwd: root,
    stdio: ["ignore", "inherit", "inherit"],
    shell: process.platform === "win32",
  });
  if (status !== 0) {
    console.error("npm ci failed, see above. Mend that (is the npm registry reachable?) and try again.");
    process.exit(status ?? 1);
  }
}
