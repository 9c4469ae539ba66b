import { spawn } from "node:child_process";
import { stat } from "node:fs/promises";

/** The user of the embedded Postgres; `undefined` means the current user. */
export interface ServerUser {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

export interface RunResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A clean environment, without the caller's PGDATA, PGPORT and locale. */
export function serverEnvironment(): NodeJS.ProcessEnv {
  const { PATH, LD_LIBRARY_PATH } = process.env;
  return {
    PATH: PATH ?? "/usr/local/bin:/usr/bin:/bin",
    LC_ALL: "C",
    TZ: "UTC",
    ...(LD_LIBRARY_PATH === undefined ? {} : { LD_LIBRARY_PATH }),
  };
}

export function identityOf(user: ServerUser | undefined): { uid?: number; gid?: number } {
  return user === undefined ? {} : { uid: user.uid, gid: user.gid };
}

/** Runs a program as the server's user; code 127 when it cannot be started. */
export function runAs(
  user: ServerUser | undefined,
  command: string,
  args: readonly string[],
): Promise<RunResult> {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      // This user may not be able to enter the current directory.
      cwd: "/",
      env: serverEnvironment(),
      stdio: ["ignore", "pipe", "pipe"],
      ...identityOf(user),
    });
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
    child.on("error", (error) => resolve({ code: 127, stdout, stderr: error.message }));
    child.on("close", (code) => resolve({ code: code ?? 1, stdout, stderr }));
  });
}

/**
 * Postgres refuses to run as root. Root therefore runs it as the owner of existing data, else as `postgres`, else as
 * `nobody`. Other users run it as themselves.
 */
export async function findServerUser(existingData: string): Promise<ServerUser | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const owner = await stat(existingData).catch(() => undefined);
  if (owner !== undefined && owner.uid !== 0) {
    return { name: `uid ${owner.uid}`, uid: owner.uid, gid: owner.gid };
  }
  for (const name of ["postgres", "nobody"]) {
    const uid = await runAs(undefined, "id", ["-u", name]);
    const gid = await runAs(undefined, "id", ["-g", name]);
    if (uid.code === 0 && gid.code === 0) {
      return { name, uid: Number(uid.stdout), gid: Number(gid.stdout) };
    }
  }
  throw new Error(
    "Postgres does not run as root, and this machine has neither a user `postgres` nor `nobody` to lend it. " +
      "Run Sluice as an ordinary user, or set DATABASE_URL to a Postgres of your own.",
  );
}
