import { chmod, lstat, mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { runAs } from "./server-user.ts";
import type { ServerUser } from "./server-user.ts";

/** Folders that root shares with the server's user, best first; many machines empty /tmp. */
export const sharedFolders: readonly string[] = [
  "/var/lib/sluice-dev",
  path.join(tmpdir(), "sluice-dev"),
  "/tmp/sluice-dev",
];

/** Tested as that user, because file modes do not show ACLs and security modules. */
export async function canReach(user: ServerUser | undefined, folder: string): Promise<boolean> {
  const test = await runAs(user, "/bin/sh", ["-c", 'test -x "$1"', "sh", folder]);
  return test.code === 0;
}

/** Anybody can create a folder in /tmp first, so only a real folder that only root can write is safe. */
async function isSafe(folder: string): Promise<boolean> {
  const found = await lstat(folder).catch(() => undefined);
  return found !== undefined && found.isDirectory() && found.uid === 0 && (found.mode & 0o022) === 0;
}

/**
 * A folder that only root can write and that `user` can enter, for a clone inside a folder with mode 0700 (root's home,
 * `mktemp -d`).
 */
export async function findSharedFolder(
  user: ServerUser,
  candidates: readonly string[] = sharedFolders,
): Promise<string> {
  for (const folder of candidates) {
    // Not recursive: a missing parent is not created.
    await mkdir(folder)
      // Set explicitly, because a umask of 077 would close it.
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
