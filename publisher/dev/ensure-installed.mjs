// Runs before `npm start`, `npm test` and `npm run demo`, on the machine's own Node and before anything is installed:
// Node's built-ins only. Runs `npm ci` when node_modules is missing or older than the lock file.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
const lockFile = join(root, "package-lock.json");
// npm writes this file last, so an incomplete installation does not count.
const installed = join(root, "node_modules", ".package-lock.json");
// A lock with a process id: two installations into one folder would break each other.
const turn = join(root, ".sluice", "installing");

const isUpToDate = () => existsSync(installed) && statSync(installed).mtimeMs >= statSync(lockFile).mtimeMs;

if (!isUpToDate()) {
  takeTurn();
  process.on("exit", () => rmSync(turn, { force: true }));
  // Another process may have installed in the meantime.
  if (!isUpToDate()) install();
}

function install() {
  console.log("Installing packages (npm ci) ...");
  const npm = process.platform === "win32" ? "npm.cmd" : "npm";
  const { status } = spawnSync(npm, ["ci", "--no-audit", "--no-fund", "--loglevel=error"], {
    cwd: root,
    stdio: ["ignore", "inherit", "inherit"],
    shell: process.platform === "win32",
  });
  if (status !== 0) {
    console.error("npm ci failed, see above. Fix the cause (is the npm registry reachable?) and try again.");
    process.exit(status ?? 1);
  }
}

/** Waits until no other installation runs in this folder. */
function takeTurn() {
  mkdirSync(dirname(turn), { recursive: true });
  for (let waits = 0; ; waits += 1) {
    try {
      writeFileSync(turn, String(process.pid), { flag: "wx" });
      return;
    } catch (error) {
      if (!isCode(error, "EEXIST")) throw error;
    }
    if (waits === 0) console.log("Waiting: another command is installing in this folder ...");
    if (!isRunning()) rmSync(turn, { force: true });
    else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500);
  }
}

/** Whether the process that has the lock still runs. A killed process leaves its lock behind. */
function isRunning() {
  try {
    const id = Number(readFileSync(turn, "utf8"));
    // The file exists, but the id is not written yet.
    if (id === 0) return Date.now() - statSync(turn).mtimeMs < 5_000;
    return process.kill(id, 0);
  } catch (error) {
    return isCode(error, "EPERM");
  }
}

/**
 * @param {unknown} error
 * @param {string} code
 */
function isCode(error, code) {
  return error instanceof Error && "code" in error && error.code === code;
}
