import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "./launch-server.ts";
import { patient } from "./patience.ts";

/** A real Redis for the tests; `stop` ends it only when it was started here. */
export interface RedisServer {
  readonly url: string;
  stop(): Promise<void>;
}

/** Debian's; no npm package brings a real one. */
const program = "redis-server";

const readyWithinMs = patient(10_000);

/**
 * Starts Debian's redis-server on a free loopback port, in memory only. When SLUICE_TEST_REDIS_URL names a Redis, that
 * one is used and left running: use keys of your own there, and never flush.
 */
export async function startRedisServer(): Promise<RedisServer> {
  const given = process.env["SLUICE_TEST_REDIS_URL"];
  if (given !== undefined && given !== "") return { url: given, stop: async () => undefined };

  const folder = await mkdtemp(join(tmpdir(), "sluice-redis-"));
  const removeFolder = () => rm(folder, { recursive: true, force: true });
  try {
    const server = await launchRedis(folder, { appendonly: "no" });
    const stop = async (): Promise<void> => {
      await server.end();
      await removeFolder();
    };
    return { url: `redis://127.0.0.1:${server.port}`, stop };
  } catch (error) {
    await removeFolder();
    throw error;
  }
}

/** A redis-server that was started here. */
export interface RedisProcess {
  readonly port: number;
  readonly process: ChildProcess;
  /** Kills it. */
  end(): Promise<void>;
}

/**
 * Starts a redis-server and returns when it takes commands.
 *
 * @param folder where it may keep data
 * @param settings of redis.conf, by name
 */
export async function launchRedis(
  folder: string,
  settings: Readonly<Record<string, string>>,
): Promise<RedisProcess> {
  const port = await freePort();
  const all = { port: String(port), bind: "127.0.0.1", save: "", dir: folder, ...settings };
  const args = Object.entries(all).flatMap(([name, value]) => [`--${name}`, value]);
  const server = spawn(program, args, { stdio: "ignore" });
  // Runs out with the tests even when they are cut short.
  const killAtExit = (): void => void server.kill("SIGKILL");
  process.once("exit", killAtExit);
  server.once("exit", () => process.off("exit", killAtExit));
  try {
    await Promise.race([untilItAnswers(port), untilItFails(server)]);
  } catch (error) {
    await endProcess(server);
    throw error;
  }
  return { port, process: server, end: () => endProcess(server) };
}

async function untilItAnswers(port: number): Promise<void> {
  const deadline = Date.now() + readyWithinMs;
  while (!(await answersPing(port))) {
    if (Date.now() > deadline) throw new Error(`redis-server did not answer within ${readyWithinMs} ms`);
    await sleep(20);
  }
}

function untilItFails(server: ChildProcess): Promise<never> {
  return new Promise((_resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      reject(
        error.code === "ENOENT"
          ? new Error("redis-server not found: apt-get install redis-server")
          : new Error(`redis-server did not start: ${error.message}`),
      );
    });
    server.once("exit", (code) => reject(new Error(`redis-server ended at once with code ${code}`)));
  });
}

function answersPing(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => socket.write("PING\r\n"));
    socket.setTimeout(1_000, () => socket.destroy());
    socket.once("data", (data) => {
      resolve(data.toString() === "+PONG\r\n");
      socket.destroy();
    });
    socket.once("error", () => resolve(false));
    socket.once("close", () => resolve(false));
  });
}

async function endProcess(server: ChildProcess): Promise<void> {
  if (server.pid === undefined || server.exitCode !== null || server.signalCode !== null) return;
  const ended = once(server, "exit");
  server.kill("SIGKILL");
  await ended;
}
