import { startEdgeWorker } from "../../publisher/dev/edge-worker.ts";

/** A worker that runs in workerd, on loopback. */
export interface RunningWorker {
  readonly url: string;
  /** Everything it has logged so far. */
  readonly log: string;
  stop(): Promise<void>;
}

export interface WorkerOptions {
  /** Variables and secrets, over those of wrangler.toml. */
  readonly vars: Readonly<Record<string, string>>;
}

/** Starts the worker as wrangler.toml says, the way the local system does, and keeps what it logs. */
export async function startWorker({ vars }: WorkerOptions): Promise<RunningWorker> {
  const lines: string[] = [];
  const { url, stop } = await startEdgeWorker({ vars, log: (line) => void lines.push(line) });
  return {
    url,
    get log() {
      return lines.join("\n");
    },
    stop,
  };
}
