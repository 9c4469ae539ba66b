import { z } from "zod";
import { parseSigningKeys, type SigningKey } from "../shared/x-flags/signing-keys.ts";
import { ENVIRONMENT_PATTERN } from "../shared/snapshot/snapshot.ts";

/** The environment variables of Node. No other file reads them. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** The settings of the publisher. */
export interface PublisherConfig {
  readonly databaseUrl: string;
  /** The URL of the schema's owner, for migrations; `databaseUrl` by default. */
  readonly migrationDatabaseUrl: string;
  /** A direct connection for LISTEN, where `databaseUrl` is a pooler in transaction mode; `databaseUrl` by default. */
  readonly listenDatabaseUrl?: string;
  readonly redisUrl: string;
  readonly redisToken: string;
  /** Separates several environments in one Redis. */
  readonly environment: string;
  /** The token in `Authorization: Bearer …` of admin API requests. */
  readonly adminToken: string;
  /** 0: any free port. */
  readonly port: number;
  readonly host: string;
  /** The largest snapshot that a write may cause, in bytes. */
  readonly maxSnapshotBytes: number;
  /** The first key signs test overrides; absent: none are signed. */
  readonly overrideKeys?: readonly [SigningKey, ...SigningKey[]];
}

/** The settings for calls of the admin API. */
export interface CliConfig {
  readonly url: string;
  readonly token: string;
}

/** Settings are wrong. The message names every variable and how to fix it, never a value. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

const LOOPBACK = new Set(["localhost", "127.0.0.1", "[::1]"]);

const databaseUrl = z
  .string("must be set, like postgres://user:password@host:5432/sluice")
  .regex(/^postgres(ql)?:\/\//, "must begin with postgres:// or postgresql://");

const webUrl = (example: string) =>
  z
    .string(`must be set, like ${example}`)
    .refine(isSafeWebUrl, `must be an https:// URL (http:// on loopback only), like ${example}`);

const secret = (minimum: number) =>
  z
    .string("must be set")
    .min(minimum, `must have at least ${minimum} characters`)
    .regex(/^[\x21-\x7e]+$/, "must be printable ASCII without spaces");

const integer = (minimum: number, maximum: number) =>
  z
    .string()
    .regex(/^\d+$/, "must be a whole number")
    .transform(Number)
    .refine(
      (value) => value >= minimum && value <= maximum,
      `must be a whole number from ${minimum} to ${maximum}`,
    );

const signingKeys = z.string().transform((text, context) => {
  const parsed = parseSigningKeys(text);
  if ("value" in parsed) return parsed.value;
  context.addIssue({ code: "custom", message: `is not valid: ${parsed.problem}` });
  return z.NEVER;
});

const VARIABLES = {
  DATABASE_URL: databaseUrl,
  MIGRATION_DATABASE_URL: databaseUrl,
  DATABASE_LISTEN_URL: databaseUrl,
  UPSTASH_REDIS_REST_URL: webUrl("https://name.upstash.io"),
  UPSTASH_REDIS_REST_TOKEN: secret(1),
  SLUICE_ENV: z.string().regex(ENVIRONMENT_PATTERN, `must match ${ENVIRONMENT_PATTERN.source}`),
  ADMIN_TOKEN: secret(16),
  PORT: integer(0, 65_535),
  HOST: z.string().min(1, "must not be empty"),
  MAX_SNAPSHOT_BYTES: integer(1_024, 8_388_608),
  OVERRIDE_KEYS: signingKeys,
  SLUICE_URL: webUrl("https://flags.example.com"),
  SLUICE_TOKEN: secret(1),
  SLUICE_DEV_DATABASE_URL: databaseUrl,
  SLUICE_DEV_REDIS_URL: z.string().regex(/^rediss?:\/\//, "must begin with redis:// or rediss://"),
  SLUICE_DEV_ORIGIN_URL: z.string().refine(isHttpUrl, "must be an http:// or https:// URL"),
  SLUICE_TEST_DATABASE_URL: databaseUrl,
  SLUICE_TEST_REDIS_URL: z.string().regex(/^rediss?:\/\//, "must begin with redis:// or rediss://"),
} as const;

type Variable = keyof typeof VARIABLES;

/** Reads the settings of `sluice serve`. */
export const readPublisherConfig = (environment: Environment): PublisherConfig =>
  readAll(environment, (read) => ({
    ...databaseFrom(read),
    ...(read.given("DATABASE_LISTEN_URL") !== undefined && {
      listenDatabaseUrl: read.required("DATABASE_LISTEN_URL"),
    }),
    ...redisFrom(read),
    adminToken: read.required("ADMIN_TOKEN"),
    port: read.optional("PORT", 8080),
    host: read.optional("HOST", "0.0.0.0"),
    maxSnapshotBytes: read.optional("MAX_SNAPSHOT_BYTES", 1_048_576),
    ...(read.given("OVERRIDE_KEYS") !== undefined && { overrideKeys: read.required("OVERRIDE_KEYS") }),
  }));

/** Reads the settings of `sluice migrate`. */
export const readDatabaseConfig = (environment: Environment) => readAll(environment, databaseFrom);

/** Reads the settings of `sluice publish`. */
export const readPublishConfig = (environment: Environment) =>
  readAll(environment, (read) => ({ databaseUrl: read.required("DATABASE_URL"), ...redisFrom(read) }));

/** Reads the settings of every command that calls the admin API. */
export const readCliConfig = (environment: Environment): CliConfig =>
  readAll(environment, (read) => ({
    url: read.required("SLUICE_URL"),
    token: read.required("SLUICE_TOKEN"),
  }));

/** The addresses of the workers that `sluice kill` and `sluice status` ask, separated by commas or blanks. Unchecked. */
export function readEdgeUrls(environment: Environment): readonly string[] {
  return (environment["SLUICE_EDGE_URLS"] ?? "").split(/[\s,]+/);
}

/** Parts that a local system uses instead of the embedded ones. */
export interface LocalParts {
  readonly databaseUrl?: string;
  /** A Redis behind the local REST API. */
  readonly redisUrl?: string;
  /** A site behind the worker. */
  readonly originUrl?: string;
}

/**
 * Reads the parts for `npm start`. They have variables of their own, because a DATABASE_URL on a developer's machine may
 * belong to another project.
 */
export const readDevParts = (environment: Environment): LocalParts =>
  readParts(environment, {
    databaseUrl: "SLUICE_DEV_DATABASE_URL",
    redisUrl: "SLUICE_DEV_REDIS_URL",
    originUrl: "SLUICE_DEV_ORIGIN_URL",
  });

/** Reads the parts for tests and the demo. */
export const readTestParts = (environment: Environment): LocalParts =>
  readParts(environment, {
    databaseUrl: "SLUICE_TEST_DATABASE_URL",
    redisUrl: "SLUICE_TEST_REDIS_URL",
  });

const readParts = (
  environment: Environment,
  names: Readonly<Partial<Record<keyof LocalParts, Variable & `SLUICE_${string}`>>>,
): LocalParts =>
  readAll(environment, (read) =>
    Object.fromEntries(
      Object.entries(names)
        .filter(([, name]) => read.given(name) !== undefined)
        .map(([part, name]) => [part, read.required(name)]),
    ),
  );

function databaseFrom(read: Reader) {
  return {
    databaseUrl: read.required("DATABASE_URL"),
    migrationDatabaseUrl: read.optional(
      "MIGRATION_DATABASE_URL",
      // A missing DATABASE_URL is reported above; `required` would report it twice.
      read.given("DATABASE_URL") ?? "",
    ),
  };
}

function redisFrom(read: Reader) {
  return {
    redisUrl: read.required("UPSTASH_REDIS_REST_URL"),
    redisToken: read.required("UPSTASH_REDIS_REST_TOKEN"),
    environment: read.optional("SLUICE_ENV", "production"),
  };
}

interface Reader {
  given(name: Variable): string | undefined;
  required<Name extends Variable>(name: Name): z.output<(typeof VARIABLES)[Name]>;
  optional<Name extends Variable>(
    name: Name,
    fallback: z.output<(typeof VARIABLES)[Name]>,
  ): z.output<(typeof VARIABLES)[Name]>;
}

/** Reads variables and collects their faults, so that one error names them all. */
function readAll<T>(environment: Environment, readFrom: (read: Reader) => T): T {
  const problems: string[] = [];
  const given = (name: Variable): string | undefined => environment[name] || undefined;

  function required<Name extends Variable>(name: Name): z.output<(typeof VARIABLES)[Name]>;
  function required(name: Variable): unknown {
    const result = VARIABLES[name].safeParse(given(name));
    if (!result.success) problems.push(`${name} ${result.error.issues[0]?.message ?? "is not valid"}`);
    return result.data ?? "";
  }

  const config = readFrom({
    given,
    required,
    optional: (name, fallback) => (given(name) === undefined ? fallback : required(name)),
  });
  if (problems.length > 0) throw new ConfigError(problems.join("\n"));
  return config;
}

function isHttpUrl(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
}

function isSafeWebUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname } = new URL(text);
  return protocol === "https:" || (protocol === "http:" && LOOPBACK.has(hostname));
}
