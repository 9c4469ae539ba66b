import { cp, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { bundleWorker, startEdgeWorkers } from "../../publisher/dev/edge-worker.ts";
import { readWorkerBundle } from "./worker-bundle.ts";

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
  /** The isolates' clocks can be moved on with `advance`, so that no test waits for a minute. */
  readonly movableClock?: boolean;
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
  movableClock = false,
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
  const script = await (root === undefined ? readWorkerBundle() : bundleWorker(root));
  const { urls, stop } = await startEdgeWorkers({
    isolates,
    log: (line) => void lines.push(line),
    script: movableClock ? withMovableClock(script) : script,
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

const ADVANCE = "x-test-advance-ms";

/** A bundle whose clock runs ahead of the machine's by what `advance` has asked for. */
function withMovableClock(script: string): string {
  const [exported, name = ""] = /^export \{\s*(\w+) as default\s*\};$/m.exec(script) ?? [];
  if (exported === undefined)
    throw new Error("the bundle has no default export in the place where it had one");
  const clock = `const clock = { now: Date.now, aheadMs: 0 };\nDate.now = () => clock.now() + clock.aheadMs;\n`;
  const fetch = `fetch(request, ...more) {
    const byMs = request.headers.get("${ADVANCE}");
    if (byMs === null) return ${name}.fetch(request, ...more);
    clock.aheadMs += Number(byMs);
    return new Response();
  }`;
  return `${clock}${script.replace(exported, `export default { ${fetch} };`)}`;
}

/** Moves the clock of an isolate on that was started with `movableClock`. */
export async function advance(url: string, byMs: number): Promise<void> {
  await fetch(url, { headers: { [ADVANCE]: String(byMs) } });
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
