import { afterEach, expect, test } from "vitest";
import { chmod, chown, cp, mkdir, mkdtemp, readdir, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { findBinaries, makeRunnable } from "../../publisher/dev/postgres/postgres-binaries.ts";
import { findSharedFolder } from "../../publisher/dev/postgres/shared-folder.ts";
import { findServerUser, runAs } from "../../publisher/dev/postgres/server-user.ts";

// Each test checks the behaviour for root and for ordinary users.
const isRoot = process.getuid?.() === 0;
const folders: string[] = [];

afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

async function newFolder(mode: number): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), "sluice-reach-"));
  folders.push(folder);
  await chmod(folder, mode);
  return folder;
}

test("the server never runs as root, and runs as the user itself for an ordinary user", async () => {
  const user = await findServerUser("/nonexistent");
  const { stdout } = await runAs(user, "id", ["-u"]);
  expect(stdout.trim()).not.toBe("0");
  const names = isRoot ? ["postgres", "nobody"] : [undefined];
  expect(names).toContain(user?.name);
});

test("for root, the server runs as the owner of existing data", async () => {
  const data = await newFolder(0o700);
  if (isRoot) await chown(data, 12_345, 12_345);
  const user = await findServerUser(data);
  expect(user?.uid).toBe(isRoot ? 12_345 : undefined);
});

test("for root, binaries below a folder of mode 0700 are copied completely and once", async () => {
  const user = await findServerUser("/nonexistent");
  const place = await newFolder(0o755);
  const clone = path.join(await newFolder(0o700), "native");
  const { folder, build } = await findBinaries();
  await cp(folder, clone, { recursive: true, verbatimSymlinks: true });

  const run = await makeRunnable({ folder: clone, build }, user, [place]);
  expect(run).toBe(isRoot ? path.join(place, `postgres-${build}`) : clone);
  const { code, stdout } = await runAs(user, path.join(run, "bin", "initdb"), ["--version"]);
  expect([code, stdout]).toEqual([0, expect.stringMatching(/^initdb \(PostgreSQL\) \d+/)]);

  const before = await stat(path.join(run, "bin", "postgres"));
  expect(await makeRunnable({ folder: clone, build }, user, [place])).toBe(run);
  expect((await stat(path.join(run, "bin", "postgres"))).ino).toBe(before.ino);
  expect(await readdir(place)).toEqual(isRoot ? [`postgres-${build}`] : []);
});

test("a damaged copy is replaced", async () => {
  const user = await findServerUser("/nonexistent");
  const place = await newFolder(0o755);
  const { folder, build } = await findBinaries();
  const clone = path.join(await newFolder(0o700), "native");
  await cp(folder, clone, { recursive: true, verbatimSymlinks: true });
  await mkdir(path.join(place, `postgres-${build}`, "bin"), { recursive: true });
  await writeFile(path.join(place, `postgres-${build}`, "bin", "postgres"), "half", { mode: 0o755 });

  const run = await makeRunnable({ folder: clone, build }, user, [place]);
  expect((await runAs(user, path.join(run, "bin", "postgres"), ["--version"])).code).toBe(0);
});

test("binaries that cannot run are reported with an alternative", async () => {
  const folder = await newFolder(0o755);
  await expect(makeRunnable({ folder, build: "broken" }, undefined)).rejects.toThrow(
    /does not run on this machine: .*DATABASE_URL/s,
  );
});

test("a shared folder that other users could have prepared is not used", async () => {
  const user = { name: "nobody", uid: 65_534, gid: 65_534 };
  const parent = await newFolder(0o755);
  const good = path.join(parent, "good");
  const open = path.join(parent, "open");
  const link = path.join(parent, "link");
  const foreign = path.join(parent, "foreign");
  await mkdir(open);
  await chmod(open, 0o777);
  await symlink(await newFolder(0o755), link);
  await mkdir(foreign);
  if (isRoot) await chown(foreign, user.uid, user.gid);

  const refused = [open, link, foreign, path.join(parent, "missing", "parent")];
  await expect(findSharedFolder(user, refused)).rejects.toThrow(
    /nobody, who can enter none of .*open, .*link/,
  );
  const found = findSharedFolder(user, [...refused, good]).catch(() => "none, not being root");
  expect(await found).toBe(isRoot ? good : "none, not being root");
});
