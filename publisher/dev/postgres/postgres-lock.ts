import { execFile } from "node:child_process";
import { readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";

/** The relevant lines of `postmaster.pid`. */
export interface PostmasterFile {
  readonly pid: number;
  /** Changes with every start. */
  readonly start: string;
  readonly status: string;
}

export async function readPostmasterFile(pgdata: string): Promise<PostmasterFile | undefined> {
  const text = await readFile(path.join(pgdata, "postmaster.pid"), "utf8").catch(() => "");
  const lines = text.split("\n").map((line) => line.trim());
  const pid = Number(lines[0]);
  if (!Number.isInteger(pid) || pid <= 0) return undefined;
  return { pid, start: lines.slice(0, 4).join(" "), status: lines[7] ?? "" };
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** After a reboot, the pid of a stale file may be any process, so the command line must contain the folder. */
async function isServerOf(pid: number, pgdata: string): Promise<boolean> {
  if (process.platform === "linux") {
    const words = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
    return words.split("\0").includes(pgdata);
  }
  const ps = await promisify(execFile)("ps", ["-ww", "-o", "command=", "-p", String(pid)]).catch(
    () => undefined,
  );
  return ps !== undefined && ps.stdout.includes(pgdata);
}

const ownerFile = (dataDir: string): string => path.join(dataDir, "started-by.pid");

/** Stores this process's pid, for the error of a second start. */
export async function recordOwner(dataDir: string): Promise<void> {
  // The file of another user, from a killed start, can be deleted but not written.
  await forgetOwner(dataDir);
  await writeFile(ownerFile(dataDir), `${process.pid}\n`);
}

export async function forgetOwner(dataDir: string): Promise<void> {
  await rm(ownerFile(dataDir), { force: true });
}

async function readOwner(dataDir: string): Promise<number | undefined> {
  const pid = Number(await readFile(ownerFile(dataDir), "utf8").catch(() => ""));
  return Number.isInteger(pid) && pid > 0 ? pid : undefined;
}

export async function alreadyRunning(dataDir: string, pgdata: string): Promise<AlreadyRunning> {
  const server = (await readPostmasterFile(pgdata))?.pid ?? "unknown";
  const owner = await readOwner(dataDir);
  const by = owner === undefined ? "" : `, started by process ${owner}`;
  return new AlreadyRunning(
    `Another Sluice already runs its Postgres in ${dataDir} (server process ${server}${by}). ` +
      "Stop that one first (Ctrl-C in its terminal), or use another data folder.",
  );
}

/**
 * Waits until no server runs in this data folder. A server whose starter was killed stops soon; a server in use is an
 * error with the id of its starter.
 */
export async function waitUntilFree(dataDir: string, pgdata: string, patienceMs = 30_000): Promise<void> {
  const deadline = Date.now() + patienceMs;
  for (;;) {
    const found = await readPostmasterFile(pgdata);
    // Postgres deletes the file of a dead process itself.
    if (found === undefined || !isAlive(found.pid)) return;
    if (!(await isServerOf(found.pid, pgdata))) {
      // Another program has that pid now. Postgres would mistake it for a running server.
      await rm(path.join(pgdata, "postmaster.pid"), { force: true });
      return;
    }
    const owner = await readOwner(dataDir);
    const isLeaving = found.status === "stopping" || (owner !== undefined && !isAlive(owner));
    if (!isLeaving || Date.now() > deadline) throw await alreadyRunning(dataDir, pgdata);
    await sleep(50);
  }
}

/** Another server uses the data folder. The message names its process and what to do. */
export class AlreadyRunning extends Error {
  override readonly name = "AlreadyRunning";
}
