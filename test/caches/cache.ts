import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";

/** A shared cache that obeys caching headers, in front of one upstream. */
export interface SharedCache {
  readonly url: string;
  stop(): Promise<void>;
}

/** In this header a cache reports whether it answered with a copy: `HIT`. */
export const COPY_HEADER = "x-copy";

/** A temporary folder for one cache, with a function that removes it. */
export async function temporaryFolder(name: string) {
  const folder = await mkdtemp(path.join(tmpdir(), `sluice-${name}-`));
  return { folder, remove: () => rm(folder, { recursive: true, force: true }) };
}
