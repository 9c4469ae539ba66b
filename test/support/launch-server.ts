import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { patient } from "./patience.ts";

/** A program that listens on a loopback port until it is ended. */
export interface LaunchedServer {
  /** Kills it. */
  end(): Promise<void>;
}

const readyWithinMs = patient(20_000);

/**
 * Starts a server of Debian's and returns when it takes connections.
 *
 * @param program its name, which is its Debian package's too unless `debianPackage` says otherwise
 */
export async function launchServer(
  program: string,
  args: readonly string[],
  port: number,
  debianPackage = program,
): Promise<LaunchedServer> {
  const server = spawn(program, args, { stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  server.stderr.setEncoding("utf8").on("data", (text: string) => (said = `${said}${text}`.slice(-2_000)));
  // Runs out with the tests even when they are cut short.
  const endAtExit = (): void => void server.kill("SIGTERM");
  process.once("exit", endAtExit);
  server.once("exit", () => process.off("exit", endAtExit));
  const failed = new Promise<never>((_resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      const missing = `${program} not found: apt-get install ${debianPackage}`;
      reject(new Error(error.code === "ENOENT" ? missing : `${program} did not start: ${error.message}`));
    });
    server.once("exit", (code) => reject(new Error(`${program} ended at once with code ${code}: ${said}`)));
  });
  try {
    await Promise.race([untilItListens(program, port), failed]);
  } catch (error) {
    await endServer(server);
    throw error;
  }
  // From here on its end is meant.
  failed.catch(() => undefined);
  return { end: () => endServer(server) };
}

async function untilItListens(program: string, port: number): Promise<void> {
  const deadline = Date.now() + readyWithinMs;
  while (!(await listens(port))) {
    if (Date.now() > deadline) throw new Error(`${program} did not listen within ${readyWithinMs} ms`);
    await sleep(50);
  }
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => resolve(true));
    socket.once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}

/** By SIGTERM: some have children, whom they end first. */
async function endServer(server: ChildProcess): Promise<void> {
  if (server.pid === undefined || server.exitCode !== null || server.signalCode !== null) return;
  const ended = once(server, "exit");
  server.kill("SIGTERM");
  await ended;
}

/** A loopback port that nobody listens on. */
export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const address = probe.address();
  probe.close();
  await once(probe, "close");
  if (typeof address !== "object" || address === null) throw new Error("no free port");
  return address.port;
}
