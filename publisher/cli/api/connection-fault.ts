import { CliError, EXIT } from "../cli-error.ts";
import type { Connection } from "./connection.ts";

interface FaultKind {
  readonly codes: RegExp;
  readonly what: (host: string, timeoutMs: number) => string;
  readonly why: string;
  readonly fix: string;
  /** The server may have received the request. */
  readonly mayHaveArrived?: true;
}

/** The first match wins. `codes` matches the code, name or message of Node and OpenSSL. */
const KINDS: readonly FaultKind[] = [
  {
    codes: /ECONNREFUSED/,
    what: (host) => `nothing listens at ${host}`,
    why: "The connection was refused.",
    fix: "check that the publisher runs (`sluice serve`) and that SLUICE_URL has the right port",
  },
  {
    codes: /ENOTFOUND|EAI_/,
    what: (host) => `there is no host ${host}`,
    why: "Its name cannot be resolved.",
    fix: "check the spelling of SLUICE_URL and the network of this machine",
  },
  {
    codes: /CERT|SELF_SIGNED|UNABLE_TO_|ERR_TLS|ERR_SSL|EPROTO/,
    what: (host) => `the TLS connection to ${host} cannot be trusted`,
    why: "Its certificate is not valid for this machine, or the server does not speak TLS.",
    fix: "renew the certificate, set NODE_EXTRA_CA_CERTS to its authority, or check the port in SLUICE_URL",
  },
  {
    codes: /TimeoutError|UND_ERR_(CONNECT|HEADERS|BODY)_TIMEOUT|ETIMEDOUT/,
    what: (host, timeoutMs) => `${host} did not answer within ${timeoutMs / 1000} seconds`,
    why: "The server is overloaded, or a firewall drops the connection.",
    fix: "try again; if it happens again, see the publisher's log",
    mayHaveArrived: true,
  },
  {
    // Node refuses the ports that the Fetch Standard blocks.
    codes: /bad port/,
    what: (host) => `${host} has a port that Node blocks for HTTP`,
    why: "The port belongs to another protocol. Nothing was sent.",
    fix: "set another PORT for the publisher, and use it in SLUICE_URL",
  },
  {
    codes: /EHOSTUNREACH|ENETUNREACH|EADDRNOTAVAIL/,
    what: (host) => `${host} cannot be reached`,
    why: "The network is unreachable.",
    fix: "check the network or the VPN",
  },
  {
    codes: /HPE_|HTTPParserError/,
    what: (host) => `the server at ${host} does not speak HTTP`,
    why: "Its answer is not an HTTP response.",
    fix: "check the port in SLUICE_URL",
  },
];

const BROKEN_OFF: FaultKind = {
  codes: /./,
  what: (host) => `the connection to ${host} was lost`,
  why: "The connection was closed before the answer arrived.",
  fix: "try again; if it happens again, see the publisher's log",
  mayHaveArrived: true,
};

/**
 * The error for a connection that failed, by its cause.
 *
 * @param request.changes whether the request changes data
 */
export function connectionFault(
  error: unknown,
  connection: Connection,
  request: { readonly changes: boolean; readonly timeoutMs: number },
): CliError {
  const signs = signsOf(error);
  const kind = KINDS.find(({ codes }) => codes.test(signs)) ?? BROKEN_OFF;
  const { host } = new URL(connection.url);
  const isLeftover = connection.source === "local system" && /ECONNREFUSED/.test(signs);
  return new CliError(EXIT.unreachable, kind.what(host, request.timeoutMs), {
    why: [
      kind.why,
      ...(request.changes && kind.mayHaveArrived === true
        ? ["The change may or may not have been made."]
        : []),
    ],
    fix: [
      isLeftover
        ? "`npm start` was killed before it could clean up: run it again, or delete .sluice/dev.json"
        : kind.fix,
    ],
    cause: error,
  });
}

/** Code, name and message of an error and of its causes. */
function signsOf(error: unknown): string {
  if (!(error instanceof Error)) return "";
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  const inner = error instanceof AggregateError ? error.errors.map(signsOf).join(" ") : "";
  return `${code} ${error.name} ${error.message} ${inner} ${signsOf(error.cause)}`;
}
