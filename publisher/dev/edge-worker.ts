import { devNull } from "node:os";
import { fileURLToPath } from "node:url";
import { unstable_startWorker } from "wrangler";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** A worker that runs in workerd on this machine. */
export interface EdgeWorker {
  readonly url: string;
  readonly stop: () => Promise<void>;
}

/**
 * Starts the worker with wrangler.toml's settings and `vars` over them. Nothing of the machine's own settings
 * (.dev.vars, .env) comes in.
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
  // What wrangler would fetch or send at its start has no place in a local system.
  process.env["WRANGLER_SEND_METRICS"] = "false";
  process.env["CLOUDFLARE_CF_FETCH_ENABLED"] = "false";
  process.env["WRANGLER_WRITE_LOGS"] = "false";
  // Ctrl-C reaches workerd too, and miniflare would call that a crash.
  process.env["WRANGLER_LOG"] = "none";
  const worker = await unstable_startWorker({
    config: `${root}wrangler.toml`,
    envFiles: [devNull],
    bindings: Object.fromEntries(
      Object.entries(options.vars).map(([name, value]) => [name, { type: "plain_text" as const, value }]),
    ),
    dev: {
      server: { hostname: "127.0.0.1", port: options.port ?? 0 },
      inspector: false,
      persist: false,
      watch: false,
      logLevel: "none",
      structuredLogsHandler: ({ message }: { readonly message: string }) => options.log?.(message),
    },
  });
  await worker.ready;
  const { origin } = await worker.url;
  return { url: origin, stop: () => worker.dispose() };
}
