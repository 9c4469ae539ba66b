import { close, open } from "node:fs";
import { readFile, rename, stat } from "node:fs/promises";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import type { Cluster } from "./postgres-cluster.ts";
import { alreadyRunning, readPostmasterFile, recordOwner } from "./postgres-lock.ts";
import { findFreePort, launchPostgres } from "./postgres-process.ts";
import type { PostgresProcess } from "./postgres-process.ts";
import type { ServerUser } from "./server-user.ts";

const READY_WITHIN_MS = 60_000;
const PORT_ATTEMPTS = 5;
const LOG_LIMIT_BYTES = 5_000_000;

export interface Launch {
  readonly dataDir: string;
  readonly binaries: string;
  readonly cluster: Cluster;
  readonly user: ServerUser | undefined;
  readonly settings: Readonly<Record<string, string>>;
}

export const logPath = (dataDir: string): string => path.join(dataDir, "postgres.log");

/** Starts the server and returns when it takes connections; an error shows the end of its log. */
export async function launchOnFreePort(how: Launch): Promise<{ server: PostgresProcess; port: number }> {
  const logFile = logPath(how.dataDir);
  const written = async (): Promise<number> => (await stat(logFile).catch(() => undefined))?.size ?? 0;
  if ((await written()) > LOG_LIMIT_BYTES) await rename(logFile, `${logFile}.1`);

  for (let attempt = 1; ; attempt++) {
    const port = await findFreePort();
    const logStart = await written();
    const earlier = await readPostmasterFile(how.cluster.pgdata);
    const fd = await promisify(open)(logFile, "a", 0o600);
    const server = launchPostgres(commandLine(how, port), how.user, fd);
    await promisify(close)(fd);
    if (await becomesReady(server, how.cluster.pgdata, earlier?.start)) {
      await recordOwner(how.dataDir);
      return { server, port };
    }
    await server.stop();
    const said = (await readFile(logFile)).subarray(logStart).toString();
    if (said.includes('lock file "postmaster.pid" already exists')) {
      throw await alreadyRunning(how.dataDir, how.cluster.pgdata);
    }
    // The port was free a moment ago: somebody else was faster.
    if (said.includes("Address already in use") && attempt < PORT_ATTEMPTS) continue;
    const last = said.trim().split("\n").slice(-15).join("\n");
    throw new Error(`Postgres did not start (${await server.exited}). The end of ${logFile}:\n${last}`);
  }
}

function commandLine(how: Launch, port: number): string[] {
  const settings = {
    timezone: "UTC",
    log_timezone: "UTC",
    ...how.settings,
    listen_addresses: "127.0.0.1",
    port: String(port),
    unix_socket_directories: "",
  };
  const flags = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  return [path.join(how.binaries, "bin", "postgres"), "-D", how.cluster.pgdata, ...flags];
}

/** Goes by the server's own file rather than by connecting: on that port there could be somebody else's. */
async function becomesReady(
  server: PostgresProcess,
  pgdata: string,
  earlierStart: string | undefined,
): Promise<boolean> {
  const deadline = Date.now() + READY_WITHIN_MS;
  while (!server.hasExited() && Date.now() < deadline) {
    const file = await readPostmasterFile(pgdata);
    // The file of a start that was killed still says "ready".
    if (file?.status === "ready" && file.start !== earlierStart) return true;
    await sleep(20);
  }
  return false;
}
