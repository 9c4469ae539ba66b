import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { readTestParts } from "../../publisher/config.ts";
import { startLocalSystem, type LocalSystem } from "../../publisher/dev/local-system.ts";

/** A whole system of one's own, gone without a trace afterwards. */
export async function startTestSystem(
  workerVars: Readonly<Record<string, string>> = {},
): Promise<LocalSystem & { readonly end: () => Promise<void> }> {
  const folder = await mkdtemp(path.join(tmpdir(), "sluice-e2e-"));
  const system = await startLocalSystem({
    dataDir: folder,
    parts: readTestParts(process.env),
    environment: `e2e-${path.basename(folder).slice(-6).toLowerCase()}`,
    workerVars,
    throwaway: true,
    log: () => undefined,
  });
  return {
    ...system,
    end: async () => {
      await system.stop({ remove: true });
      await rm(folder, { recursive: true, force: true });
    },
  };
}
