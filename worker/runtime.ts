import { readGates } from "../shared/gate/gate-table.ts";
import type { EvaluationParts } from "./decide/evaluation.ts";
import { createExpose, type Expose } from "./decide/expose.ts";
import type { StaticParts } from "./decide/static-evaluation.ts";
import { deployedGates } from "./deployed-gates.ts";
import { readEnvironment, type Environment, type FlagSettings } from "./env.ts";
import { createIdentify, type Identify } from "./identity/identify.ts";
import { createJwtReader } from "./identity/jwt/jwt-reader.ts";
import { createCookieSigner } from "./identity/visitor/cookie-signer.ts";
import { createVisitorIds } from "./identity/visitor/visitor-ids.ts";
import type { Bindings } from "./isolate/bindings.ts";
import { WorkerFault, createReport, type Report } from "./isolate/fault.ts";
import type { SigningParts } from "./origin/origin-headers.ts";
import type { ProxyParts } from "./origin/proxy.ts";
import { createColo } from "./snapshot/colo.ts";
import { createStore } from "./snapshot/redis.ts";
import { createSnapshotReader, type SnapshotReader } from "./snapshot/snapshot-reader.ts";

/** What all requests of an isolate share. */
export interface Runtime extends EvaluationParts, StaticParts, SigningParts, ProxyParts {
  /** Part of the marks of entity tags; see `createValidators`. The token is secret, random and the same everywhere. */
  readonly tagSecret: string;
  /** Absent: exposures are not logged. */
  readonly expose?: Expose | undefined;
}

const deployed = readGates(deployedGates.map(({ flag, gates }) => ({ key: flag, gates }))).table;

/** Returns the worker's bindings, from an application's environment. */
export type ToBindings<B> = (env: B) => Bindings;

/** By `ToBindings`, then by environment: several applications in one isolate may name their bindings differently. */
const runtimes = new WeakMap<ToBindings<never>, WeakMap<object, Runtime>>();

const asTheyAre = (env: Bindings): Bindings => env;

/** The runtime of an environment. The environment is one object for an isolate's life, so it is read only once. */
export function runtimeOf<B extends object>(
  env: B | undefined,
  toBindings: ToBindings<B> = asTheyAre,
): Runtime {
  // Hono's `app.request()` may pass no environment at all: then nothing is set.
  const key = env ?? {};
  const known = runtimes.get(toBindings) ?? new WeakMap<object, Runtime>();
  runtimes.set(toBindings, known);
  const runtime = known.get(key) ?? createRuntime(readSettings(env, toBindings));
  known.set(key, runtime);
  return runtime;
}

function readSettings<B extends object>(env: B | undefined, toBindings: ToBindings<B>): Environment {
  try {
    return readEnvironment(env === undefined ? {} : toBindings(env));
  } catch (error) {
    // The error's text may quote a secret.
    const name = error instanceof Error ? error.name : "something";
    const problems = [
      `the option "bindings" threw ${name}: it must return an object of the worker's bindings`,
    ];
    return { origin: { problems }, flags: { problems } };
  }
}

function createRuntime({ origin, flags }: Environment): Runtime {
  const report = createReport();
  if ("problems" in flags) return { origin, deployed, report, ...withoutFlags(flags.problems, report) };
  const settings = flags.value;
  const { maxStaleMs, signingKeys, staticPaths, redisToken, environment, overrideKeys, exposures } = settings;
  return {
    origin,
    deployed,
    report,
    identify: createIdentifier(settings, report),
    maxStaleMs,
    staticPaths,
    tagSecret: redisToken,
    signingKeys,
    overrides: overrideKeys && { keys: overrideKeys, environment },
    expose: exposures && createExpose({ ...exposures, report }),
    read: createReader(settings, report),
  };
}

function createIdentifier(settings: FlagSettings, report: Report): Identify {
  const { jwt, contextSecrets, signingKeys, unsignedUntil } = settings;
  return createIdentify({
    readJwt: jwt && createJwtReader(jwt, { report }),
    contextSecrets,
    visitorIds: createVisitorIds({ signer: signingKeys && createCookieSigner(signingKeys), unsignedUntil }),
    report,
  });
}

function createReader(settings: FlagSettings, report: Report): SnapshotReader {
  const { refreshMs, redisTimeoutMs } = settings;
  // Longer than a request waits, so that a slow Redis does not count as down; shorter than a recovery may take.
  const commandTimeoutMs = Math.max(redisTimeoutMs, Math.min(refreshMs, 3_000));
  const store = createStore({ ...settings, commandTimeoutMs });
  // Redis gets the rest of the time that a request waits.
  const colo = createColo({ ...settings, timeoutMs: redisTimeoutMs / 3, report });
  const leaseMs = 2 * commandTimeoutMs + redisTimeoutMs;
  return createSnapshotReader({ store, colo, refreshMs, redisTimeoutMs, leaseMs, report });
}

/** With wrong settings the site has no features, but it is not down. */
function withoutFlags(
  problems: readonly string[],
  report: Report,
): Omit<Runtime, "origin" | "deployed" | "report"> {
  const fault = new WorkerFault("misconfigured", problems.join("; "));
  return {
    // No cookie either: one that is made without the keys would not be valid once they are set.
    identify: async () => ({ context: {} }),
    maxStaleMs: 0,
    tagSecret: "",
    read: async () => {
      report(fault);
      return { source: "none", fault: fault.word };
    },
  };
}
