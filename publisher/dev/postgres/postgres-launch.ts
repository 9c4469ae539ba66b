import { spawn } from "node:child_process";
import { once } from "node:events";
import { close, open } from "node:fs";
import { readFile, rename, stat } from "node:fs/promises";
import { createServer } from "node:net";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import type { Cluster } from "./postgres-cluster.ts";
import { alreadyRunning, readPostmasterFile, recordOwner } from "./postgres-lock.ts";
import { identityOf, serverEnvironment, type ServerUser } from "./server-user.ts";

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

/** Starts the server and waits until it accepts connections. An error shows the end of its log. */
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
    // Another process took the port in the meantime.
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

/** Reads the server's own file instead of connecting: another server could use that port. */
async function becomesReady(
  server: PostgresProcess,
  pgdata: string,
  earlierStart: string | undefined,
): Promise<boolean> {
  const deadline = Date.now() + READY_WITHIN_MS;
  while (!server.hasExited() && Date.now() < deadline) {
    const file = await readPostmasterFile(pgdata);
    // The file of a killed start still contains "ready".
    if (file?.status === "ready" && file.start !== earlierStart) return true;
    await sleep(20);
  }
  return false;
}

/**
 * The server must stop when this process ends, even after `kill -9`. So a shell reads a pipe that only this process keeps
 * open. At its end, the shell sends INT (fast shutdown), after 10 s QUIT (immediate shutdown), after 15 s KILL. The shell
 * ignores signals to the whole group, because the publisher must drain before its database stops.
 */
const supervisor = `
trap '' INT TERM HUP
exec 3<&0
"$@" </dev/null 3<&- &
server=$!
(
  while read -r _; do :; done <&3
  for signal in INT INT INT INT INT INT INT INT INT INT QUIT QUIT QUIT QUIT QUIT KILL; do
    kill -s "$signal" "$server" 2>/dev/null || exit 0
    sleep 1
  done
) &
watcher=$!
wait "$server"
code=$?
kill -s KILL "$watcher" 2>/dev/null
exit "$code"
`;

export interface PostgresProcess {
  /** Resolves when the server exits, with the exit code or signal. */
  readonly exited: Promise<string>;
  hasExited(): boolean;
  /** Allows Node to exit while the server runs; the server then stops too. */
  unref(): void;
  stop(): Promise<void>;
}

export function launchPostgres(
  command: readonly string[],
  user: ServerUser | undefined,
  logFile: number,
): PostgresProcess {
  const child = spawn("/bin/sh", ["-c", supervisor, "sluice-postgres", ...command], {
    cwd: "/",
    // Its own session: Ctrl-C must not reach the server.
    detached: true,
    env: serverEnvironment(),
    stdio: ["pipe", logFile, logFile],
    ...identityOf(user),
  });
  let exited = false;
  const end = new Promise<string>((resolve) => {
    const settle = (how: string): void => {
      exited = true;
      // If only the shell was killed, this still makes its watcher stop the server.
      child.stdin?.destroy();
      resolve(how);
    };
    child.once("error", (error) => settle(error.message));
    child.once("exit", (code, signal) => settle(signal === null ? `exit code ${code}` : `signal ${signal}`));
  });
  // The server may exit first: an error on its pipe does not matter then.
  child.stdin?.on("error", () => undefined);
  return {
    exited: end,
    hasExited: () => exited,
    unref: () => child.unref(),
    stop: async () => {
      child.ref();
      child.stdin?.end();
      await end;
    },
  };
}

/** A free port. The caller retries if another process takes it first. */
export async function findFreePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const address = probe.address();
  probe.close();
  await once(probe, "close");
  return typeof address === "object" && address !== null ? address.port : 0;
}
