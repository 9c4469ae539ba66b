import { spawn } from "node:child_process";
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

/**
 * The server must not outlive us, not even after `kill -9`: a shell beside it reads a pipe that only we hold
 * open. End of file, however it came about, is a fast shutdown (INT); after 10 s an immediate one (QUIT),
 * after 15 s the end. The signals that a terminal or an init system sends to everybody are ignored, because
 * the publisher must drain before its database goes.
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
  /** Settles when the server has gone, for whatever reason; says how. */
  readonly exited: Promise<string>;
  hasExited(): boolean;
  /** Lets Node end although the server runs; it then stops with us. */
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
    // A session of its own: the terminal's Ctrl-C is for us, not for the server.
    detached: true,
    env: serverEnvironment(),
    stdio: ["pipe", logFile, logFile],
    ...identityOf(user),
  });
  let exited = false;
  const end = new Promise<string>((resolve) => {
    const settle = (how: string): void => {
      exited = true;
      // Should only the shell have been killed, this still tells its watcher to stop the server.
      child.stdin?.destroy();
      resolve(how);
    };
    child.once("error", (error) => settle(error.message));
    child.once("exit", (code, signal) => settle(signal === null ? `exit code ${code}` : `signal ${signal}`));
  });
  // The server may go first: writing "end" to it then is not an error.
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

/** A port that was free a moment ago; the caller retries when somebody took it since. */
export function findFreePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address();
      const port = typeof address === "object" && address !== null ? address.port : 0;
      probe.close(() => resolve(port));
    });
  });
}
