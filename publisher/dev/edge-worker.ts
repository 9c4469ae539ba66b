import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Log, LogLevel, Miniflare, convertV4MiniflareOptions } from "miniflare";
import { unstable_getMiniflareWorkerOptions } from "wrangler";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** A worker that runs in workerd on this machine. */
export interface EdgeWorker {
  readonly url: string;
  readonly stop: () => Promise<void>;
}

let bundle: Promise<string> | undefined;

/**
 * Starts the worker as `wrangler deploy` would send it, with wrangler.toml's settings and `vars` over them. Nothing of
 * the machine's own settings (.dev.vars, .env) comes in. Not by wrangler's own dev server, whose second proxy in front
 * halves what goes through.
 *
 * @param options.vars bindings by name, secrets too
 * @param options.port 0: a free one
 */
export async function startEdgeWorker(options: {
  readonly vars: Readonly<Record<string, string>>;
  readonly port?: number;
  /** Hears what the worker logs. */
  readonly log?: (line: string) => void;
}): Promise<EdgeWorker> {
  bundle ??= bundleWorker();
  const script = await bundle;
  const { bindings, compatibilityDate } = readSettings();
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      host: "127.0.0.1",
      port: options.port ?? 0,
      // Request.cf would be fetched from the network.
      cf: false,
      // Ctrl-C reaches workerd too, and miniflare would call that a crash.
      log: new Log(LogLevel.NONE),
      handleStructuredLogs: ({ message }) => options.log?.(message),
      modules: true,
      script,
      compatibilityDate,
      bindings: { ...bindings, ...options.vars },
    }),
  );
  const { origin } = await miniflare.ready;
  return { url: origin, stop: () => miniflare.dispose() };
}

interface Settings {
  readonly bindings: Readonly<Record<string, string>>;
  readonly compatibilityDate: string;
}

function readSettings(): Settings {
  // wrangler's own type for this leans on a package that it does not ship.
  const settings: unknown = unstable_getMiniflareWorkerOptions(
    path.join(root, "wrangler.toml"),
  ).workerOptions;
  return settings as Settings;
}

/** What `wrangler deploy` would send. */
async function bundleWorker(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), "sluice-worker-"));
  try {
    const wrangler = path.join(root, "node_modules/wrangler/bin/wrangler.js");
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
