import { cp, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { startEdgeWorkers } from "../../publisher/dev/edge-worker.ts";

/** A worker that runs in workerd, on loopback. */
export interface RunningWorker {
  readonly url: string;
  /** Everything it has logged so far. */
  readonly log: string;
  stop(): Promise<void>;
}

/** Several isolates of the worker that share the Cache API, as those of one colo. */
export interface RunningColo {
  readonly urls: readonly string[];
  /** Everything that they have logged so far. */
  readonly log: string;
  stop(): Promise<void>;
}

/** Variables and secrets, over those of wrangler.toml. */
type Vars = Readonly<Record<string, string>>;

interface Deployed {
  /** What `sluice publish` would have written into worker/deployed-gates.ts; what stands there when absent. */
  readonly deployedGates?: readonly object[];
}

/** Starts the worker as wrangler.toml says, the way the local system does, and keeps what it logs. */
export async function startWorker({
  vars,
  ...deployed
}: Deployed & { readonly vars: Vars }): Promise<RunningWorker> {
  const colo = await startColo({ isolates: [vars], ...deployed });
  const [url = ""] = colo.urls;
  return {
    url,
    get log() {
      return colo.log;
    },
    stop: () => colo.stop(),
  };
}

/** Starts the worker once for each of `isolates`, in one workerd. */
export async function startColo({
  isolates,
  deployedGates,
}: Deployed & { readonly isolates: readonly Vars[] }): Promise<RunningColo> {
  const lines: string[] = [];
  const root = deployedGates === undefined ? undefined : await copyWith(deployedGates);
  const { urls, stop } = await startEdgeWorkers({
    isolates,
    log: (line) => void lines.push(line),
    ...(root !== undefined && { root }),
  });
  return {
    urls,
    get log() {
      return lines.join("\n");
    },
    async stop() {
      await stop();
      if (root !== undefined) await rm(root, { recursive: true });
    },
  };
}

const project = fileURLToPath(new URL("../../", import.meta.url));

/** A copy of the worker as it would be deployed with these gates. */
async function copyWith(deployedGates: readonly object[]): Promise<string> {
  const root = await mkdtemp(path.join(tmpdir(), "sluice-deploy-"));
  for (const part of ["worker", "shared", "wrangler.toml", "package.json"]) {
    await cp(path.join(project, part), path.join(root, part), { recursive: true });
  }
  await symlink(path.join(project, "node_modules"), path.join(root, "node_modules"));
  await writeFile(
    path.join(root, "worker/deployed-gates.ts"),
    `export const deployedGates = ${JSON.stringify(deployedGates)};\n`,
  );
  return root;
}
