import { chmod, lstat, mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { runAs } from "./server-user.ts";
import type { ServerUser } from "./server-user.ts";

/** Where root puts what the server's user must reach, best first; /tmp is emptied by many machines. */
export const sharedPlaces: readonly string[] = [
  "/var/lib/sluice-dev",
  path.join(tmpdir(), "sluice-dev"),
  "/tmp/sluice-dev",
];

/** Asked of the system itself, as that user: modes alone would miss ACLs and security modules. */
export async function canReach(user: ServerUser | undefined, folder: string): Promise<boolean> {
  const test = await runAs(user, "/bin/sh", ["-c", 'test -x "$1"', "sh", folder]);
  return test.code === 0;
}

/** Anybody may create a name in /tmp before us: what is not a real folder that only root can write is refused. */
async function isSafe(folder: string): Promise<boolean> {
  const found = await lstat(folder).catch(() => undefined);
  return found !== undefined && found.isDirectory() && found.uid === 0 && (found.mode & 0o022) === 0;
}

/**
 * A folder that belongs to root alone and that `user` can enter, for a clone that lies below a folder of mode
 * 0700 (root's home, `mktemp -d`).
 */
export async function findSharedPlace(
  user: ServerUser,
  candidates: readonly string[] = sharedPlaces,
): Promise<string> {
  for (const folder of candidates) {
    // Not recursive: a parent that is missing here is none of our business.
    await mkdir(folder)
      // Said again, because a umask of 077 would have made it ours alone.
      .then(() => chmod(folder, 0o755))
      .catch(() => undefined);
    if ((await isSafe(folder)) && (await canReach(user, folder))) return folder;
  }
  throw new Error(
    `The embedded Postgres runs as ${user.name}, who can enter none of ${candidates.join(", ")} (each must be a ` +
      "folder of root with mode 0755). Make one of them so, move the clone to where others can reach it, run " +
      "Sluice as an ordinary user, or set DATABASE_URL to a Postgres of your own.",
  );
}
