import { execFile } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";

/** The processes that a process has begun, one generation. @param program a part of the command line */
export async function childrenOf(parent: number, program = ""): Promise<readonly number[]> {
  const { stdout } = await promisify(execFile)("ps", ["-A", "-ww", "-o", "pid=,ppid=,args="]);
  return stdout.split("\n").flatMap((line) => {
    const [, pid, ppid, command = ""] = /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? [];
    return Number(ppid) === parent && command.includes(program) ? [Number(pid)] : [];
  });
}

/** Sends a signal; a process that has gone meanwhile is none to send it to. */
export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** Waits for a process to go that is not our own child. */
export async function untilGone(pid: number): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (isThere(pid)) {
    if (Date.now() > deadline) throw new Error(`process ${pid} does not go`);
    await sleep(10);
  }
}

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
