import { z } from "zod";
import { parseSigningKeys, type SigningKey } from "../shared/x-flags/signing-keys.ts";
import { ENVIRONMENT_PATTERN } from "../shared/snapshot/snapshot.ts";

/** The environment as Node gives it. This file is the only one that reads it. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** What the publisher runs with. */
export interface PublisherConfig {
  readonly databaseUrl: string;
  /** The schema owner's URL, for migrations; the application's own when not given. */
  readonly migrationDatabaseUrl: string;
  readonly redisUrl: string;
  readonly redisToken: string;
  /** Keeps several environments apart in one Redis. */
  readonly environment: string;
  /** What admin API requests carry as `Authorization: Bearer …`. */
  readonly adminToken: string;
  /** 0: a free one. */
  readonly port: number;
  readonly host: string;
  /** The largest snapshot that a write may lead to, in bytes. */
  readonly maxSnapshotBytes: number;
  /** The first signs test overrides; absent: none is signed. */
  readonly overrideKeys?: readonly [SigningKey, ...SigningKey[]];
}

/** What the CLI needs to talk to an admin API. */
export interface CliConfig {
  readonly url: string;
  readonly token: string;
}

/** The environment is not usable. The message names every variable and how to mend it, never a value. */
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
  context.addIssue({ code: "custom", message: `is not usable: ${parsed.problem}` });
  return z.NEVER;
});

const VARIABLES = {
  DATABASE_URL: databaseUrl,
  MIGRATION_DATABASE_URL: databaseUrl,
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

/** What `sluice serve` needs. */
export function readPublisherConfig(environment: Environment): PublisherConfig {
  const read = reader(environment);
  const config = {
    ...databaseFrom(read),
    ...redisFrom(read),
    adminToken: read.required("ADMIN_TOKEN"),
    port: read.optional("PORT", 8080),
    host: read.optional("HOST", "0.0.0.0"),
    maxSnapshotBytes: read.optional("MAX_SNAPSHOT_BYTES", 1_048_576),
    ...(read.given("OVERRIDE_KEYS") !== undefined && { overrideKeys: read.required("OVERRIDE_KEYS") }),
  };
  read.finish();
  return config;
}

/** What `sluice migrate` needs. */
export function readDatabaseConfig(
  environment: Environment,
): Pick<PublisherConfig, "databaseUrl" | "migrationDatabaseUrl"> {
  const read = reader(environment);
  const config = databaseFrom(read);
  read.finish();
  return config;
}

/** What `sluice publish` needs. */
export function readPublishConfig(
  environment: Environment,
): Pick<PublisherConfig, "databaseUrl" | "redisUrl" | "redisToken" | "environment"> {
  const read = reader(environment);
  const config = { databaseUrl: read.required("DATABASE_URL"), ...redisFrom(read) };
  read.finish();
  return config;
}

/** What every command that talks to the admin API needs. */
export function readCliConfig(environment: Environment): CliConfig {
  const read = reader(environment);
  const config = { url: read.required("SLUICE_URL"), token: read.required("SLUICE_TOKEN") };
  read.finish();
  return config;
}

/** The workers that `sluice kill` and `sluice status` ask: addresses, separated by commas or blanks. Unchecked. */
export function readEdgeUrls(environment: Environment): readonly string[] {
  return (environment["SLUICE_EDGE_URLS"] ?? "").split(/[\s,]+/);
}

/** Parts of a local system that are not to be the embedded ones. */
export interface LocalParts {
  readonly databaseUrl?: string;
  /** A Redis that the local REST end stands before. */
  readonly redisUrl?: string;
  /** A site of one's own behind the worker. */
  readonly originUrl?: string;
}

/**
 * What `npm start` puts in place of embedded parts. Variables of its own: a DATABASE_URL that happens to be set on a
 * developer's machine is somebody else's.
 */
export function readDevParts(environment: Environment): LocalParts {
  return readParts(environment, {
    databaseUrl: "SLUICE_DEV_DATABASE_URL",
    redisUrl: "SLUICE_DEV_REDIS_URL",
    originUrl: "SLUICE_DEV_ORIGIN_URL",
  });
}

/** The same for tests and the demo. */
export function readTestParts(environment: Environment): LocalParts {
  return readParts(environment, {
    databaseUrl: "SLUICE_TEST_DATABASE_URL",
    redisUrl: "SLUICE_TEST_REDIS_URL",
  });
}

function readParts(
  environment: Environment,
  names: Readonly<Partial<Record<keyof LocalParts, Variable & `SLUICE_${string}`>>>,
): LocalParts {
  const read = reader(environment);
  const parts = Object.entries(names)
    .filter(([, name]) => read.given(name) !== undefined)
    .map(([part, name]) => [part, read.required(name)]);
  read.finish();
  return Object.fromEntries(parts) as LocalParts;
}

function databaseFrom(read: Reader) {
  return {
    databaseUrl: read.required("DATABASE_URL"),
    migrationDatabaseUrl: read.optional(
      "MIGRATION_DATABASE_URL",
      // Reported above when it is missing; reading it again would report it twice.
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

type Reader = ReturnType<typeof reader>;

/** Reads variables and collects what is wrong with them, so that one look at the error mends them all. */
function reader(environment: Environment) {
  const problems: string[] = [];
  const given = (name: Variable): string | undefined => environment[name] || undefined;

  function required<Name extends Variable>(name: Name): z.output<(typeof VARIABLES)[Name]>;
  function required(name: Variable): unknown {
    const result = VARIABLES[name].safeParse(given(name));
    if (!result.success) problems.push(`${name} ${result.error.issues[0]?.message ?? "is not valid"}`);
    return result.data ?? "";
  }

  function optional<Name extends Variable>(
    name: Name,
    fallback: z.output<(typeof VARIABLES)[Name]>,
  ): z.output<(typeof VARIABLES)[Name]> {
    return given(name) === undefined ? fallback : required(name);
  }

  function finish(): void {
    if (problems.length > 0) throw new ConfigError(problems.join("\n"));
  }

  return { given, required, optional, finish };
}

function isHttpUrl(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
}

function isSafeWebUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname } = new URL(text);
  return protocol === "https:" || (protocol === "http:" && LOOPBACK.has(hostname));
}
