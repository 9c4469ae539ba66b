import { createColo } from "./snapshot/colo.ts";
import { createCookieSigner } from "./identity/visitor/cookie-signer.ts";
import { deployedGates } from "./deployed-gates.ts";
import { readEnvironment, type Environment, type FlagSettings } from "./env.ts";
import type { Bindings } from "./isolate/bindings.ts";
import type { EvaluationParts } from "./decide/evaluation.ts";
import type { ProxyParts } from "./origin/proxy.ts";
import { createExpose, type Expose } from "./decide/expose.ts";
import { WorkerFault } from "./isolate/fault.ts";
import { readGates } from "../shared/gate/gate-table.ts";
import { createIdentify, type Identify } from "./identity/identify.ts";
import { createJwtReader } from "./identity/jwt/jwt-reader.ts";
import { createStore } from "./snapshot/redis.ts";
import { createReport, type Report } from "./isolate/report.ts";
import type { SigningParts } from "./origin/tell-origin.ts";
import { createSnapshotReader, type SnapshotReader } from "./snapshot/snapshot-reader.ts";
import type { StaticParts } from "./decide/static-evaluation.ts";
import { createPlaces } from "./identity/visitor/visitor-place.ts";

/** What all requests of an isolate share. */
export interface Runtime extends EvaluationParts, StaticParts, SigningParts, ProxyParts {
  /** Part of the marks of entity tags; see `createValidators`. The token is secret, random and the same everywhere. */
  readonly tagSecret: string;
  /** Absent: exposures are not logged. */
  readonly expose?: Expose;
}

const deployed = readGates(deployedGates.map(({ flag, gates }) => ({ key: flag, gates }))).table;

/** Takes the worker's bindings out of an application's. */
export type ToBindings<B> = (env: B) => Bindings;

/** By the function that gives the bindings, then by environment: applications in one isolate may have others each. */
const runtimes = new WeakMap<ToBindings<never>, WeakMap<object, Runtime>>();

const asTheyAre = (env: Bindings): Bindings => env;

/** The environment is one object for an isolate's life: checked once, and what is held is held there. */
export function runtimeOf<B extends object>(
  env: B | undefined,
  toBindings: ToBindings<B> = asTheyAre,
): Runtime {
  // Hono's `app.request()` may bring no environment at all: then nothing is set.
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
    // Its text may hold what it stumbled over.
    const name = error instanceof Error ? error.name : "something";
    const problems = [`the option "bindings" threw ${name}: it must give an object of the worker's bindings`];
    return { origin: { problems }, flags: { problems } };
  }
}

function createRuntime({ origin, flags }: Environment): Runtime {
  const report = createReport();
  if ("problems" in flags) return { origin, deployed, report, ...withoutFlags(flags.problems, report) };
  const { maxStaleMs, signingKeys, staticPaths, redisToken, environment, overrideKeys: keys } = flags.value;
  const { exposures } = flags.value;
  return {
    origin,
    deployed,
    report,
    identify: createIdentifier(flags.value, report),
    maxStaleMs,
    staticPaths,
    tagSecret: redisToken,
    ...(signingKeys !== undefined && { signingKeys }),
    ...(keys !== undefined && { overrides: { keys, environment } }),
    ...(exposures !== undefined && { expose: createExpose({ ...exposures, report }) }),
    read: createReader(flags.value, report),
  };
}

function createIdentifier(settings: FlagSettings, report: Report): Identify {
  const { jwt, contextSecrets, signingKeys, unsignedUntil } = settings;
  const places = createPlaces({
    ...(signingKeys !== undefined && { signer: createCookieSigner(signingKeys) }),
    ...(unsignedUntil !== undefined && { unsignedUntil }),
  });
  return createIdentify({
    ...(jwt !== undefined && { readJwt: createJwtReader(jwt, { report }) }),
    contextSecrets,
    places,
    report,
  });
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
): Omit<Runtime, "origin" | "deployed" | "report"> {
  const fault = new WorkerFault("misconfigured", problems.join("; "));
  return {
    // No cookie either: one that is made without the keys would not hold once they are there.
    identify: async () => ({ context: {} }),
    maxStaleMs: 0,
    staticPaths: undefined,
    tagSecret: "",
    read: async () => {
      report(fault);
      return { source: "none", fault: fault.word };
    },
  };
}
