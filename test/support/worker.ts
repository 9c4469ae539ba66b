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
  /** Files that stand there in the place of the worker's own, by path: to see a test fail without them. */
  readonly replaced?: Readonly<Record<string, string>>;
  /** What `sluice publish` would have written into worker/deployed-gates.ts; what stands there when absent. */
  readonly deployedGates?: readonly object[];
  /** The first isolate speaks TLS with this certificate, in PEM. */
  readonly tls?: { readonly key: string; readonly cert: string } | undefined;
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
  replaced = {},
  tls,
}: Deployed & { readonly isolates: readonly Vars[] }): Promise<RunningColo> {
  const lines: string[] = [];
  const files = {
    ...replaced,
    ...(deployedGates !== undefined && {
      "worker/deployed-gates.ts": `export const deployedGates = ${JSON.stringify(deployedGates)};\n`,
    }),
  };
  const root = Object.keys(files).length === 0 ? undefined : await copyWith(files);
  const { urls, stop } = await startEdgeWorkers({
    isolates,
    log: (line) => void lines.push(line),
    ...(root !== undefined && { root }),
    ...(tls && { tls }),
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

/** A copy of the worker with other files in it. */
async function copyWith(files: Readonly<Record<string, string>>): Promise<string> {
  const root = await mkdtemp(path.join(tmpdir(), "sluice-deploy-"));
  for (const part of ["worker", "shared", "wrangler.toml", "package.json"]) {
    await cp(path.join(project, part), path.join(root, part), { recursive: true });
  }
  await symlink(path.join(project, "node_modules"), path.join(root, "node_modules"));
  for (const [name, text] of Object.entries(files)) await writeFile(path.join(root, name), text);
  return root;
}
