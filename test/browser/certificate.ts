import { execFile } from "node:child_process";
import { createHash, X509Certificate } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";

/** A self-signed certificate. */
export interface Certificate {
  /** PEM. */
  readonly key: string;
  readonly cert: string;
  /** SHA-256 of its public key, in base64. A browser can be started so that it accepts this key. */
  readonly pin: string;
}

/** Makes a certificate for a few days, with Debian's openssl. */
export async function makeCertificate(hosts: readonly string[]): Promise<Certificate> {
  const folder = await mkdtemp(path.join(tmpdir(), "sluice-tls-"));
  const file = (name: string): string => path.join(folder, name);
  const names = hosts.map((host) => `DNS:${host}`).join(",");
  try {
    await promisify(execFile)("openssl", [
      ...[
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        "3",
      ],
      ...["-subj", "/CN=Sluice's tests", "-addext", `subjectAltName=${names}`],
      ...["-keyout", file("key.pem"), "-out", file("cert.pem")],
    ]);
    const [key, cert] = await Promise.all(
      ["key.pem", "cert.pem"].map((name) => readFile(file(name), "utf8")),
    );
    if (key === undefined || cert === undefined) throw new Error("openssl wrote no certificate");
    const publicKey = new X509Certificate(cert).publicKey.export({ type: "spki", format: "der" });
    return { key, cert, pin: createHash("sha256").update(publicKey).digest("base64") };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    throw new Error("openssl not found: apt-get install openssl", { cause: error });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
