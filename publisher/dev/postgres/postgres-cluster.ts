import { createHash, randomBytes } from "node:crypto";
import {
  chmod,
  chown,
  mkdir,
  mkdtemp,
  readFile,
  realpath,
  rename,
  rm,
  stat,
  writeFile,
} from "node:fs/promises";
import path from "node:path";
import { canReach, findSharedFolder } from "./shared-folder.ts";
import { runAs } from "./server-user.ts";
import type { ServerUser } from "./server-user.ts";

export interface Cluster {
  /** Postgres' own data directory. */
  readonly pgdata: string;
  readonly password: string;
}

export const superuser = "postgres";

/** Contains the folder of the data when it cannot be in `dataDir`. */
const pointerFile = "data-is-elsewhere.txt";

/**
 * The folder of the cluster: `dataDir`, or a shared folder when the server's user cannot enter `dataDir`. Its name is a
 * hash of the absolute path of `dataDir`, so that two clones never share it.
 */
export async function findHome(
  dataDir: string,
  user: ServerUser | undefined,
  log: (line: string) => void,
): Promise<string> {
  if (user === undefined) return dataDir;
  const name = createHash("sha256")
    .update(await realpath(dataDir))
    .digest("hex")
    .slice(0, 16);

  const pointer = path.join(dataDir, pointerFile);
  const earlier = (await readFile(pointer, "utf8").catch(() => "")).split("\n")[0] ?? "";
  // A copied clone contains the pointer of the original. The hash shows that.
  if (path.basename(earlier) === name) {
    if (await exists(path.join(earlier, "cluster"))) return earlier;
    log(`The database that was in ${earlier} is gone; starting with an empty one.`);
  }

  if (await canReach(user, dataDir)) return dataDir;
  if (await exists(path.join(dataDir, "cluster"))) {
    throw new Error(
      `The database in ${dataDir} belongs to ${user.name}, who can no longer enter that folder. ` +
        `Let others pass through every folder above it again (chmod o+x), or delete it to start afresh.`,
    );
  }
  const home = path.join(await findSharedFolder(user), "data", name);
  await mkdir(home, { recursive: true });
  for (const folder of [path.dirname(home), home]) await chmod(folder, 0o755);
  await writeFile(pointer, `${home}\nPostgres runs as ${user.name}, who cannot enter this folder.\n`);
  log(`${user.name} cannot enter ${dataDir}: the database is in ${home}.`);
  return home;
}

async function exists(file: string): Promise<boolean> {
  return (await stat(file).catch(() => undefined)) !== undefined;
}

/** Opens the cluster in `home`; creates it on the first start. */
export async function openCluster(
  home: string,
  binaries: string,
  user: ServerUser | undefined,
  isThrowaway: boolean,
): Promise<Cluster> {
  const folder = path.join(home, "cluster");
  if (!(await exists(folder))) await createCluster(home, folder, binaries, user, isThrowaway);
  try {
    const password = (await readFile(path.join(folder, "password"), "utf8")).trim();
    return { pgdata: path.join(folder, "pgdata"), password };
  } catch (error) {
    throw new Error(
      `The database in ${folder} cannot be opened: its password file is missing or belongs to another user. ` +
        "Start Sluice as the user that made it, or delete that folder to start afresh.",
      { cause: error },
    );
  }
}

/** Built in a temporary folder, then renamed: a killed start leaves no half cluster, and of two starts one wins. */
async function createCluster(
  home: string,
  folder: string,
  binaries: string,
  user: ServerUser | undefined,
  isThrowaway: boolean,
): Promise<void> {
  const half = await mkdtemp(`${folder}.new-`);
  try {
    const passwordFile = path.join(half, "password");
    await writeFile(passwordFile, `${randomBytes(24).toString("hex")}\n`, { mode: 0o600 });
    if (user !== undefined) {
      await chown(passwordFile, user.uid, user.gid);
      await chown(half, user.uid, user.gid);
    }
    const result = await runAs(user, path.join(binaries, "bin", "initdb"), [
      `--pgdata=${path.join(half, "pgdata")}`,
      `--username=${superuser}`,
      `--pwfile=${passwordFile}`,
      "--auth=scram-sha-256",
      "--encoding=UTF8",
      "--locale=C",
      "--locale-provider=builtin",
      "--builtin-locale=C.UTF-8",
      "--no-instructions",
      ...(isThrowaway ? ["--no-sync"] : []),
    ]);
    if (result.code !== 0) {
      throw new Error(`Postgres could not create a database in ${home}: ${result.stderr.trim()}`);
    }
    await rename(half, folder).catch(async (error: unknown) => {
      if (!(await exists(folder))) throw error;
    });
  } finally {
    await rm(half, { recursive: true, force: true });
  }
}
