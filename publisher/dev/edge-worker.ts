import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Log, LogLevel, Miniflare, convertV4MiniflareOptions } from "miniflare";
import { unstable_getMiniflareWorkerOptions } from "wrangler";

const project = fileURLToPath(new URL("../../", import.meta.url));

/** A worker that runs in workerd on this machine. */
export interface EdgeWorker {
  readonly url: string;
  readonly stop: () => Promise<void>;
}

/** Several isolates of the worker in one workerd. They share the Cache API, like isolates of one colo. */
export interface EdgeWorkers {
  /** One per isolate, in order. */
  readonly urls: readonly string[];
  readonly stop: () => Promise<void>;
}

/** Bindings and secrets that override wrangler.toml. */
type Vars = Readonly<Record<string, string>>;

interface EdgeOptions {
  /** The port of the first isolate; 0: a free port. */
  readonly port?: number;
  /** TLS certificate of the first isolate, in PEM; plain HTTP when absent. */
  readonly tls?: { readonly key: string; readonly cert: string };
  /** Receives the log lines of the workers. */
  readonly log?: (line: string) => void;
  /** The folder with wrangler.toml, worker/ and shared/; this project when absent. */
  readonly root?: string;
  /** The worker's bundle, instead of one that is made here. */
  readonly script?: string;
}

const bundles = new Map<string, Promise<string>>();

/**
 * Starts the worker as `wrangler deploy` would send it, with the settings of wrangler.toml and `vars`. Ignores .dev.vars
 * and .env. Does not use wrangler's dev server, whose extra proxy halves the throughput.
 */
export async function startEdgeWorker(options: EdgeOptions & { readonly vars: Vars }): Promise<EdgeWorker> {
  const { urls, stop } = await startEdgeWorkers({ ...options, isolates: [options.vars] });
  return { url: urls[0] ?? "", stop };
}

/** Starts several isolates of the worker, each with its own memory and `vars`; see `startEdgeWorker`. */
export async function startEdgeWorkers(
  options: EdgeOptions & { readonly isolates: readonly Vars[] },
): Promise<EdgeWorkers> {
  const root = options.root ?? project;
  const script = options.script ?? (await bundleWorker(root));
  const { bindings, compatibilityDate } = readSettings(root);
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      host: "127.0.0.1",
      port: options.port ?? 0,
      ...(options.tls && { httpsKey: options.tls.key, httpsCert: options.tls.cert }),
      // Request.cf would be fetched from the network.
      cf: false,
      // Ctrl-C also stops workerd, which miniflare would log as a crash.
      log: new Log(LogLevel.NONE),
      handleStructuredLogs: ({ message }) => options.log?.(message),
      workers: options.isolates.map((vars, index) => ({
        name: nameOf(index),
        modules: true,
        script,
        compatibilityDate,
        bindings: { ...bindings, ...vars },
        // The first isolate uses the port above.
        ...(index > 0 && { unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }] }),
      })),
    }),
  );
  const { origin } = await miniflare.ready;
  const others = options.isolates
    .slice(1)
    .map(async (_vars, index) => (await miniflare.unsafeGetDirectURL(nameOf(index + 1))).origin);
  return { urls: [origin, ...(await Promise.all(others))], stop: () => miniflare.dispose() };
}

const nameOf = (index: number): string => `isolate-${index}`;

interface Settings {
  readonly bindings: Readonly<Record<string, string>>;
  readonly compatibilityDate: string;
}

function readSettings(root: string): Settings {
  // wrangler's own type needs a package that wrangler does not ship.
  const settings: unknown = unstable_getMiniflareWorkerOptions(
    path.join(root, "wrangler.toml"),
  ).workerOptions;
  return settings as Settings;
}

/** The script that `wrangler deploy` would send, built once per `root`, the folder of wrangler.toml. */
export function bundleWorker(root: string): Promise<string> {
  const bundle = bundles.get(root) ?? runWrangler(root);
  bundles.set(root, bundle);
  return bundle;
}

async function runWrangler(root: string): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), "sluice-worker-"));
  try {
    const wrangler = path.join(project, "node_modules/wrangler/bin/wrangler.js");
    await promisify(execFile)(
      process.execPath,
      [wrangler, "deploy", "--dry-run", "--outdir", folder, "--config", path.join(root, "wrangler.toml")],
      { cwd: folder, env: { ...process.env, WRANGLER_SEND_METRICS: "false", WRANGLER_WRITE_LOGS: "false" } },
    );
    return await readFile(path.join(folder, "index.js"), "utf8");
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
