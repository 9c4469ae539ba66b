import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { type CliConfig, ConfigError, type Environment, readCliConfig } from "../../config.ts";
import { CliError, EXIT } from "../cli-error.ts";

/** The address of the admin API and its token. */
export interface Connection extends CliConfig {
  /** The address to print. It never contains credentials. */
  readonly shownUrl: string;
  /** Where the address comes from. */
  readonly source: "environment" | "local system";
}

/** Written by `npm start` with mode 0600, and removed at its end. */
const LOCAL_SYSTEM = fileURLToPath(new URL("../../../.sluice/dev.json", import.meta.url));

const LOOPBACK = /^http:\/\/(localhost|127\.0\.0\.1|\[::1\])(:\d+)?\/?$/;

const localSystem = z.looseObject({ url: z.string().regex(LOOPBACK), token: z.string() });

/**
 * The admin API of SLUICE_URL, or else of the local system. The two never mix: the token of one must not be sent to
 * the other.
 *
 * @throws ConfigError, CliError
 */
export function findConnection(environment: Environment): Connection {
  if (environment["SLUICE_URL"]) return connect(readCliConfig(environment), "environment");
  const local = readLocalSystem();
  if (local !== undefined) return connect(local, "local system");
  throw new CliError(EXIT.usage, "no Sluice is configured", {
    why: ["SLUICE_URL is not set, and no local system runs in this clone."],
    fix: [
      "set SLUICE_URL (like https://flags.example.com) and SLUICE_TOKEN, the publisher's ADMIN_TOKEN,",
      "or run `npm start` in another terminal: this command then uses the local system",
    ],
  });
}

function connect({ url, token }: CliConfig, source: Connection["source"]): Connection {
  const base = new URL(url);
  if (base.username !== "" || base.password !== "") {
    throw new ConfigError("SLUICE_URL must not contain a user name or password: use SLUICE_TOKEN");
  }
  // Users also paste the address of an endpoint.
  const path = base.pathname.replace(/\/+$/, "").replace(/\/api\/v1$/, "");
  return { url: `${base.origin}${path}`, token, shownUrl: `${base.origin}${path}`, source };
}

function readLocalSystem(): CliConfig | undefined {
  let text;
  try {
    text = readFileSync(LOCAL_SYSTEM, "utf8");
  } catch {
    return undefined;
  }
  try {
    const { url, token } = localSystem.parse(JSON.parse(text));
    // Same checks as for the environment.
    return readCliConfig({ SLUICE_URL: url, SLUICE_TOKEN: token });
  } catch {
    throw new CliError(EXIT.usage, `${LOCAL_SYSTEM} does not contain the address of the local system`, {
      why: ["`npm start` writes that file, but not with this content."],
      fix: ["delete the file and run `npm start` again, or set SLUICE_URL and SLUICE_TOKEN"],
    });
  }
}
