import { writeFile } from "node:fs/promises";
import path from "node:path";
import { freePort, launchServer } from "../support/launch-server.ts";
import { COPY_HEADER, temporaryFolder, type SharedCache } from "./cache.ts";

/**
 * Debian's Varnish. By default it does not use a copy for a request with a cookie. Here it does, and only the answer decides:
 * Cache-Control, Surrogate-Control, Expires, Vary and Set-Cookie.
 */
export async function startVarnish(upstream: string): Promise<SharedCache> {
  const { folder, remove } = await temporaryFolder("varnish");
  const port = await freePort();
  const { hostname, port: upstreamPort } = new URL(upstream);
  const file = path.join(folder, "cache.vcl");
  await writeFile(
    file,
    `vcl 4.1;
    backend default { .host = "${hostname}"; .port = "${upstreamPort}"; }
    sub vcl_recv { if (req.method == "GET" || req.method == "HEAD") { return (hash); } }
    sub vcl_deliver {
      if (obj.hits > 0) { set resp.http.${COPY_HEADER} = "HIT"; } else { set resp.http.${COPY_HEADER} = "MISS"; }
    }`,
  );
  const args = ["-F", "-j", "none", "-n", folder, "-f", file, "-a", `127.0.0.1:${port}`, "-s", "malloc,32m"];
  const server = await launchServer("varnishd", [...args, "-T", "none"], port, "varnish");
  return {
    url: `http://127.0.0.1:${port}`,
    async stop() {
      await server.end();
      await remove();
    },
  };
}
