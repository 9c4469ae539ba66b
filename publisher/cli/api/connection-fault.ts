import { CliError, EXIT } from "../cli-error.ts";
import type { Connection } from "./connection.ts";

interface FaultKind {
  readonly codes: RegExp;
  readonly what: (host: string, timeoutMs: number) => string;
  readonly why: string;
  readonly mend: string;
  /** The request may have arrived all the same. */
  readonly mayHaveArrived?: true;
}

/** The first that fits an error's code, name or message; what Node and OpenSSL call it. */
const KINDS: readonly FaultKind[] = [
  {
    codes: /ECONNREFUSED/,
    what: (host) => `nothing listens at ${host}`,
    why: "The connection was refused.",
    mend: "see whether the publisher runs (`sluice serve`), and whether SLUICE_URL has the right port",
  },
  {
    codes: /ENOTFOUND|EAI_/,
    what: (host) => `there is no host ${host}`,
    why: "Its name cannot be resolved.",
    mend: "check the spelling of SLUICE_URL, and whether this machine has a network",
  },
  {
    codes: /CERT|SELF_SIGNED|UNABLE_TO_|ERR_TLS|ERR_SSL|EPROTO/,
    what: (host) => `the TLS connection to ${host} cannot be trusted`,
    why: "Its certificate is not valid for this machine, or it speaks no TLS at all.",
    mend: "renew the certificate, name its authority in NODE_EXTRA_CA_CERTS, or check the port in SLUICE_URL",
  },
  {
    codes: /TimeoutError|UND_ERR_(CONNECT|HEADERS|BODY)_TIMEOUT|ETIMEDOUT/,
    what: (host, timeoutMs) => `${host} did not answer within ${timeoutMs / 1000} seconds`,
    why: "It is overloaded, or something on the way swallows the connection.",
    mend: "try again; see the publisher's log when it happens again",
    mayHaveArrived: true,
  },
  {
    // The Fetch Standard's list of ports that web pages must not reach; Node keeps to it.
    codes: /bad port/,
    what: (host) => `${host} has a port that no HTTP client here may use`,
    why: "It belongs to another protocol, and is blocked: nothing was sent.",
    mend: "let the publisher listen on another PORT, and name that in SLUICE_URL",
  },
  {
    codes: /EHOSTUNREACH|ENETUNREACH|EADDRNOTAVAIL/,
    what: (host) => `there is no way to ${host} from here`,
    why: "The network is unreachable.",
    mend: "check the network or the VPN",
  },
  {
    codes: /HPE_|HTTPParserError/,
    what: (host) => `what answers at ${host} does not speak HTTP`,
    why: "Its answer is not an HTTP response.",
    mend: "check the port in SLUICE_URL",
  },
];

const BROKEN_OFF: FaultKind = {
  codes: /./,
  what: (host) => `the connection to ${host} broke off`,
  why: "It was closed before the answer had arrived.",
  mend: "try again; see the publisher's log when it happens again",
  mayHaveArrived: true,
};

/**
 * Tells the ways apart in which a connection fails.
 *
 * @param request.changes whether it was to change something
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
        ? ["Whether the change was made is not known."]
        : []),
    ],
    mend: [
      isLeftover
        ? "`npm start` was ended without its end being noted: run it again, or remove .sluice/dev.json"
        : kind.mend,
    ],
    cause: error,
  });
}

/** Code, name and message of an error and of what caused it. */
function signsOf(error: unknown): string {
  if (!(error instanceof Error)) return "";
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  const inner = error instanceof AggregateError ? error.errors.map(signsOf).join(" ") : "";
  return `${code} ${error.name} ${error.message} ${inner} ${signsOf(error.cause)}`;
}
