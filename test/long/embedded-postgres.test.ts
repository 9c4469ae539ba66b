import { afterEach, describe, expect, test } from "vitest";
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, readdir, realpath, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { startEmbeddedPostgres } from "../../publisher/dev/postgres/embedded-postgres.ts";
import type { EmbeddedPostgres } from "../../publisher/dev/postgres/embedded-postgres.ts";
import { withClient } from "../support/database.ts";

const launcher = new URL("../../publisher/dev/postgres/embedded-postgres.ts", import.meta.url).href;
const settings = { fsync: "off" };
const cleanups: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** Mode 0700: in tests as root, every server must keep its data in another folder. */
async function newFolder(): Promise<string> {
  const folder = await realpath(await mkdtemp(path.join(tmpdir(), "sluice-embedded-")));
  cleanups.push(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

async function start(dataDir: string): Promise<EmbeddedPostgres> {
  const postgres = await startEmbeddedPostgres({ dataDir, settings });
  cleanups.push(() => postgres.stop({ remove: true }));
  return postgres;
}

/** Starts the server in another Node process, which ignores Ctrl-C and never stops by itself. */
async function startInChild(dataDir: string): Promise<{ child: ChildProcess; url: string }> {
  const script = `
    import { startEmbeddedPostgres } from ${JSON.stringify(launcher)};
    process.on("SIGINT", () => {});
    const postgres = await startEmbeddedPostgres(${JSON.stringify({ dataDir, settings })});
    console.log(postgres.url);
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
    // Its own process group, as in a shell.
    detached: true,
    stdio: ["ignore", "pipe", "inherit"],
  });
  cleanups.push(async () => {
    child.kill("SIGKILL");
    // Only the server of root knows the folder of its data.
    await (await startEmbeddedPostgres({ dataDir, settings })).stop({ remove: true });
  });
  const [chunk] = (await once(child.stdout, "data")) as [Buffer];
  return { child, url: chunk.toString().trim() };
}

async function serverPid(url: string): Promise<number> {
  const { rows } = await withClient(url, (client) =>
    client.query<{ file: string }>("select pg_read_file('postmaster.pid') as file"),
  );
  return Number(rows[0]?.file.split("\n")[0]);
}

const writeDown = (url: string, word: string): Promise<unknown> =>
  withClient(url, (client) => client.query(`create table kept as select '${word}' as word`));

const readBack = (url: string): Promise<unknown> =>
  withClient(url, async (client) => (await client.query("select word from kept")).rows as unknown);

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

describe("data", () => {
  test("survives a restart", async () => {
    const dataDir = path.join(await newFolder(), "not", "there", "yet");
    const first = await start(dataDir);
    await writeDown(first.url, "kept");
    await first.stop();
    expect(await readBack((await start(dataDir)).url)).toEqual([{ word: "kept" }]);
  });

  test("survives a server that was killed", async () => {
    const dataDir = await newFolder();
    const first = await start(dataDir);
    await writeDown(first.url, "kept");
    process.kill(await serverPid(first.url), "SIGKILL");
    await first.stop();
    expect(await readBack((await start(dataDir)).url)).toEqual([{ word: "kept" }]);
  });

  test("is not locked by another process with the pid of the dead server", async () => {
    const dataDir = await newFolder();
    const first = await start(dataDir);
    await writeDown(first.url, "kept");
    const { rows } = await withClient(first.url, (client) =>
      client.query<{ at: string; file: string }>(
        "select current_setting('data_directory') as at, pg_read_file('postmaster.pid') as file",
      ),
    );
    await first.stop();
    const [{ at, file } = { at: "", file: "" }] = rows;
    await writeFile(path.join(at, "postmaster.pid"), file.replace(/^\d+/, String(process.pid)));
    expect(await readBack((await start(dataDir)).url)).toEqual([{ word: "kept" }]);
  });

  test("is removed by stop({ remove: true }), in any folder", async () => {
    const dataDir = path.join(await newFolder(), "data");
    const postgres = await startEmbeddedPostgres({ dataDir, settings });
    const { rows } = await withClient(postgres.url, (client) =>
      client.query<{ at: string }>("select current_setting('data_directory') as at"),
    );
    await postgres.stop({ remove: true });
    await expect(stat(String(rows[0]?.at))).rejects.toMatchObject({ code: "ENOENT" });
    await expect(stat(dataDir)).rejects.toMatchObject({ code: "ENOENT" });
  });
});

describe("one server per folder", () => {
  test("a second start is refused, and names the running process", async () => {
    const dataDir = await newFolder();
    const { url } = await start(dataDir);
    const pid = await serverPid(url);
    await expect(start(dataDir)).rejects.toThrow(
      `Another Sluice already runs its Postgres in ${dataDir} (server process ${pid}, started by process ${process.pid}).`,
    );
    await writeDown(url, "undisturbed");
    expect(await readBack(url)).toEqual([{ word: "undisturbed" }]);
  });

  test("of three first starts at once, one succeeds and the others are refused", async () => {
    const dataDir = await newFolder();
    const starts = await Promise.allSettled([start(dataDir), start(dataDir), start(dataDir)]);
    const refusals = starts.filter((each) => each.status === "rejected").map(({ reason }) => String(reason));
    expect(refusals).toHaveLength(2);
    for (const refusal of refusals) expect(refusal).toContain("already runs its Postgres in");
    const left = (await readdir(dataDir)).filter((name) => name.startsWith("cluster.new"));
    expect(left).toEqual([]);
  });

  test("two folders run side by side", async () => {
    const [one, other] = await Promise.all([start(await newFolder()), start(await newFolder())]);
    await writeDown(one.url, "one");
    await writeDown(other.url, "other");
    expect([await readBack(one.url), await readBack(other.url)]).toEqual([
      [{ word: "one" }],
      [{ word: "other" }],
    ]);
  });
});

describe("the process that started it", () => {
  test("killed with -9, ends its server; the next start waits for that", async () => {
    const dataDir = await newFolder();
    const { child, url } = await startInChild(dataDir);
    await writeDown(url, "kept");
    const pid = await serverPid(url);
    child.kill("SIGKILL");
    const next = await start(dataDir);
    expect(isAlive(pid)).toBe(false);
    expect(await readBack(next.url)).toEqual([{ word: "kept" }]);
  });

  test("killed with -9 for good, leaves no server behind, not even one with a client", async () => {
    const { child, url } = await startInChild(await newFolder());
    const pid = await serverPid(url);
    const connected = Promise.withResolvers<void>();
    const cut = withClient(url, (client) => {
      connected.resolve();
      return client.query("select pg_sleep(600)");
    }).catch(String);
    await Promise.race([connected.promise, cut]);
    child.kill("SIGKILL");
    await expect.poll(() => isAlive(pid)).toBe(false);
    expect(await cut).toMatch(/terminat/);
  });

  test("receives Ctrl-C alone: the server runs until it is stopped", async () => {
    const { child, url } = await startInChild(await newFolder());
    process.kill(-Number(child.pid), "SIGINT");
    const pid = await serverPid(url);
    expect(isAlive(pid)).toBe(true);
    child.kill("SIGKILL");
    await expect.poll(() => isAlive(pid)).toBe(false);
  });
});

describe("the server", () => {
  test("uses loopback, UTF-8 and UTC, and refuses a wrong password", async () => {
    const { url } = await start(await newFolder());
    const { rows } = await withClient(url, (client) =>
      client.query(`select current_database() as name, current_setting('listen_addresses') as listens,
        current_setting('unix_socket_directories') as sockets, current_setting('server_encoding') as encoding,
        current_setting('timezone') as timezone, current_setting('fsync') as fsync,
        (select rolsuper from pg_roles where rolname = current_user) as superuser`),
    );
    expect(rows).toEqual([
      {
        name: "sluice",
        listens: "127.0.0.1",
        sockets: "",
        encoding: "UTF8",
        timezone: "UTC",
        fsync: "off",
        superuser: true,
      },
    ]);
    const wrong = new URL(url);
    wrong.password = "wrong";
    await expect(withClient(wrong.href, () => Promise.resolve())).rejects.toMatchObject({ code: "28P01" });
  });

  test("shows the end of its log when it does not start", async () => {
    const dataDir = await newFolder();
    await start(dataDir).then((postgres) => postgres.stop());
    const failure = startEmbeddedPostgres({ dataDir, settings: { no_such_setting: "1" } });
    await expect(failure).rejects.toThrow(/did not start.*postgres\.log:.*parameter "no_such_setting"/s);
  });

  test("hides its password from other users and the log", async () => {
    const dataDir = await newFolder();
    const lines: string[] = [];
    const postgres = await startEmbeddedPostgres({ dataDir, settings, log: (line) => lines.push(line) });
    cleanups.push(() => postgres.stop({ remove: true }));
    const { password } = new URL(postgres.url);
    expect(password).toMatch(/^[0-9a-f]{48}$/);
    const { rows } = await withClient(postgres.url, (client) =>
      client.query<{ at: string }>("select current_setting('data_directory') as at"),
    );
    const file = path.join(String(rows[0]?.at), "..", "password");
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect((await stat(path.dirname(file))).mode & 0o777).toBe(0o700);
    const said = `${lines.join("\n")}${await readFile(path.join(dataDir, "postgres.log"), "utf8")}`;
    expect(said).toContain("127.0.0.1");
    expect(said).not.toContain(password);
  });
});
