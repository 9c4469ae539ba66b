import { spawn } from "node:child_process";
import { createServer } from "node:net";
import { identityOf, serverEnvironment } from "./server-user.ts";
import type { ServerUser } from "./server-user.ts";

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
