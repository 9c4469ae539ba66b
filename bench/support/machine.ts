import { availableParallelism, cpus, release, totalmem, type } from "node:os";

/** The machine and versions, without which a figure means nothing, in one line. */
export function describeMachine(now: Date): string {
  const memory = Math.round(totalmem() / 2 ** 30);
  const model = cpus()[0]?.model.trim() ?? "unknown processor";
  return (
    `${now.toISOString().slice(0, 10)}, ${availableParallelism()} cores (${model}), ${memory} GiB, ` +
    `${type()} ${release()}, Node ${process.versions.node}`
  );
}
