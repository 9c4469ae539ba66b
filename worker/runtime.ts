import { createColo } from "./colo.ts";
import { deployedGates } from "./deployed-gates.ts";
import { readEnvironment, type Bindings, type Checked, type FlagSettings, type Origin } from "./env.ts";
import { Fault } from "./fault.ts";
import { readGates, type GateTable } from "./gate-table.ts";
import { createStore } from "./redis.ts";
import { createReport, type Report } from "./report.ts";
import type { SigningKeys } from "./signing-settings.ts";
import { createSnapshotReader, type SnapshotReader } from "./snapshot-reader.ts";

/** What all requests of an isolate share. */
export interface Runtime {
  readonly origin: Checked<Origin>;
  readonly read: SnapshotReader;
  readonly contextSecret: string | undefined;
  readonly signingKeys: SigningKeys | undefined;
  readonly maxStaleMs: number;
  /** The gates that are closed while nothing is held. */
  readonly deployed: GateTable;
  readonly report: Report;
}

const deployed = readGates(deployedGates.map(({ flag, gates }) => ({ key: flag, gates }))).table;

const runtimes = new WeakMap<Bindings, Runtime>();

/** The bindings are one object for an isolate's life: checked once, and what is held is held there. */
export function runtimeOf(bindings: Bindings): Runtime {
  let runtime = runtimes.get(bindings);
  if (runtime === undefined) {
    runtime = createRuntime(bindings);
    runtimes.set(bindings, runtime);
  }
  return runtime;
}

function createRuntime(bindings: Bindings): Runtime {
  const report = createReport();
  const { origin, flags } = readEnvironment(bindings);
  if ("problems" in flags) return { origin, deployed, report, ...withoutFlags(flags.problems, report) };
  const { contextSecret, signingKeys, maxStaleMs } = flags.value;
  const read = createReader(flags.value, report);
  return { origin, deployed, report, contextSecret, signingKeys, maxStaleMs, read };
}

function createReader(settings: FlagSettings, report: Report): SnapshotReader {
  const { refreshMs, redisTimeoutMs } = settings;
  // Longer than a request waits, so that a slow Redis is slow and not down; shorter than what a recovery may take.
  const commandTimeoutMs = Math.max(redisTimeoutMs, Math.min(refreshMs, 3_000));
  const store = createStore({ ...settings, commandTimeoutMs });
  // The rest of the time that a request waits is Redis'.
  const colo = createColo({ ...settings, timeoutMs: redisTimeoutMs / 3, report });
  const leaseMs = 2 * commandTimeoutMs + redisTimeoutMs;
  return createSnapshotReader({ store, colo, refreshMs, redisTimeoutMs, leaseMs, report });
}

/** A worker that is set up wrongly is a site without features, not a site that is down. */
function withoutFlags(
  problems: readonly string[],
  report: Report,
): Pick<Runtime, "read" | "contextSecret" | "signingKeys" | "maxStaleMs"> {
  const fault = new Fault("misconfigured", problems.join("; "));
  return {
    contextSecret: undefined,
    signingKeys: undefined,
    maxStaleMs: 0,
    read: async () => {
      report(fault);
      return { source: "none", fault: fault.word };
    },
  };
}
