// Runs before `npm start`, `npm test` and `npm run demo`, on whatever Node the machine has and before anything
// is installed: Node's built-ins only. Installs what the lock file names when node_modules is missing or older.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
const lockFile = join(root, "package-lock.json");
// npm writes this file last, so a half-finished installation counts as none.
const installed = join(root, "node_modules", ".package-lock.json");
// Two installations into one folder break each other: holds the process id of the one that is at it.
const turn = join(root, ".sluice", "installing");

const isUpToDate = () => existsSync(installed) && statSync(installed).mtimeMs >= statSync(lockFile).mtimeMs;

if (!isUpToDate()) {
  takeTurn();
  process.on("exit", () => rmSync(turn, { force: true }));
  // Another one may have done it meanwhile.
  if (!isUpToDate()) install();
}

function install() {
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

/** Waits until no other installation is under way in this folder. */
function takeTurn() {
  mkdirSync(dirname(turn), { recursive: true });
  for (let waits = 0; ; waits += 1) {
    try {
      writeFileSync(turn, String(process.pid), { flag: "wx" });
      return;
    } catch (error) {
      if (!isCode(error, "EEXIST")) throw error;
    }
    if (waits === 0) console.log("Another command is installing in this folder: waiting for it ...");
    if (!isRunning()) rmSync(turn, { force: true });
    else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500);
  }
}

/** Whether the one whose turn it is still lives; killed, it left its file behind. */
function isRunning() {
  try {
    const id = Number(readFileSync(turn, "utf8"));
    // Between making the file and writing the id into it.
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
