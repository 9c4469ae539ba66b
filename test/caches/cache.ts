import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";

/** A shared cache that honours what it is told, between whoever asks and one upstream. */
export interface SharedCache {
  readonly url: string;
  stop(): Promise<void>;
}

/** By this header a cache says whether its answer was a copy: `HIT`. */
export const COPY_HEADER = "x-copy";

/** A folder of the cache's own, which goes with it. */
export async function temporaryFolder(name: string) {
  const folder = await mkdtemp(path.join(tmpdir(), `sluice-${name}-`));
  return { folder, remove: () => rm(folder, { recursive: true, force: true }) };
}
