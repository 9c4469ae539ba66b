import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { bundleWorker } from "../../publisher/dev/edge-worker.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** The path of the bundle, for every process of the test run. */
const VARIABLE = "VITEST_WORKER_BUNDLE";

/** Vitest's global setup: bundles the worker once for all projects and processes of a test run. */
export async function setup(): Promise<(() => Promise<void>) | undefined> {
  if (process.env[VARIABLE] !== undefined) return undefined;
  const folder = await mkdtemp(path.join(tmpdir(), "sluice-bundle-"));
  const file = path.join(folder, "worker.js");
  process.env[VARIABLE] = file;
  await writeFile(file, await bundleWorker(root));
  return async () => {
    delete process.env[VARIABLE];
    await rm(folder, { recursive: true });
  };
}

/** The bundle of the test run; outside one, a new bundle. */
export function readWorkerBundle(): Promise<string> {
  const file = process.env[VARIABLE];
  return file === undefined ? bundleWorker(root) : readFile(file, "utf8");
}
