import { constants, createHmac, generateKeyPairSync, sign, type KeyObject } from "node:crypto";
import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** A key by which an issuer signs; made and used by Node's crypto, and by no library that Sluice verifies with. */
export interface IssuerKey {
  readonly id: string;
  readonly algorithm: Algorithm;
  /** As a JSON Web Key Set holds it. */
  readonly jwk: Readonly<Record<string, unknown>>;
  readonly pem: string;
  /** A token with these claims; `header` over its usual members. */
  sign(claims: object, header?: object): string;
}

/** A server that publishes keys. */
export interface JwksServer {
  /** Where the keys are. */
  readonly url: string;
  /** Paths that have been asked for. */
  readonly asked: readonly string[];
  /** What is published. */
  keys: readonly IssuerKey[];
  /** How `url` answers from now on; undefined: with the keys. */
  fault: JwksFault | undefined;
  /** Where it always answers like this. */
  urlOf(fault: JwksFault): string;
  stop(): Promise<void>;
}

type Algorithm = "RS256" | "PS256" | "ES256" | "EdDSA";

const MAKERS: { readonly [Name in Algorithm]: () => { publicKey: KeyObject; privateKey: KeyObject } } = {
  RS256: () => generateKeyPairSync("rsa", { modulusLength: 2_048 }),
  PS256: () => generateKeyPairSync("rsa", { modulusLength: 2_048 }),
  ES256: () => generateKeyPairSync("ec", { namedCurve: "P-256" }),
  EdDSA: () => generateKeyPairSync("ed25519"),
};

const SIGNERS: { readonly [Name in Algorithm]: (data: Buffer, key: KeyObject) => Buffer } = {
  RS256: (data, key) => sign("sha256", data, key),
  PS256: (data, key) =>
    sign("sha256", data, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }),
  ES256: (data, key) => sign("sha256", data, { key, dsaEncoding: "ieee-p1363" }),
  EdDSA: (data, key) => sign(null, data, key),
};

/** A token's three parts, put together by hand. */
export function assembleJwt(header: object, claims: object, signature: (data: Buffer) => Buffer): string {
  const unsigned = [header, claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString("base64url"))
    .join(".");
  return `${unsigned}.${signature(Buffer.from(unsigned)).toString("base64url")}`;
}

/** Signs as a shared secret does. */
export const hmac =
  (secret: string | Buffer) =>
  (data: Buffer): Buffer =>
    createHmac("sha256", secret).update(data).digest();

export function createIssuerKey(id: string, algorithm: Algorithm): IssuerKey {
  const { publicKey, privateKey } = MAKERS[algorithm]();
  return {
    id,
    algorithm,
    jwk: { ...publicKey.export({ format: "jwk" }), kid: id, alg: algorithm, use: "sig" },
    pem: publicKey.export({ type: "spki", format: "pem" }).toString(),
    sign: (claims, header = {}) =>
      assembleJwt({ alg: algorithm, kid: id, typ: "JWT", ...header }, claims, (data) =>
        SIGNERS[algorithm](data, privateKey),
      ),
  };
}

type Play = (response: ServerResponse, keys: string, url: string) => unknown;

const always =
  (status: number, body: string): Play =>
  (response) =>
    response.writeHead(status, { "content-type": "application/json" }).end(body);

/** Ways in which an issuer can fail. */
const FAULTS = {
  reset: (response) => response.destroy(),
  hang: () => undefined,
  // Headers come, the body never ends.
  stall: (response) => response.writeHead(200).write('{"keys":['),
  "status 500": always(500, '{"error":"internal"}'),
  "status 204": (response) => response.writeHead(204).end(),
  // The right keys are behind it, and must not be asked for.
  redirect: (response, _keys, url) => response.writeHead(302, { location: url }).end(),
  "a page": always(200, "<html>captive portal</html>"),
  "cut off": (response, keys) => response.writeHead(200).end(keys.slice(0, -20)),
  "an empty set": always(200, '{"keys":[]}'),
  // A set of keys in front, and then more than anybody has.
  huge: (response, keys) => {
    response.writeHead(200);
    const more = (): void => {
      while (!response.destroyed && response.write(" ".repeat(65_536)));
    };
    response.on("drain", more).write(keys);
    more();
  },
} satisfies { readonly [name: string]: Play };

export type JwksFault = keyof typeof FAULTS;

export const jwksFaults = Object.keys(FAULTS) as readonly JwksFault[];

/** Starts an issuer on a free loopback port. */
export async function startJwksServer(...keys: readonly IssuerKey[]): Promise<JwksServer> {
  const asked: string[] = [];
  const pathOf = (fault: JwksFault): string => `/${encodeURIComponent(fault)}`;
  const server = createServer(({ url: path = "" }, response) => {
    asked.push(path);
    const fault = jwksFaults.find((name) => pathOf(name) === path) ?? issuer.fault;
    const play: Play = fault === undefined ? (to, text) => always(200, text)(to, text, "") : FAULTS[fault];
    play(response, JSON.stringify({ keys: issuer.keys.map(({ jwk }) => jwk) }), issuer.url);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const issuer: JwksServer = {
    url: `${base}/keys`,
    asked,
    keys,
    fault: undefined,
    urlOf: (fault) => `${base}${pathOf(fault)}`,
    async stop() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
  return issuer;
}
