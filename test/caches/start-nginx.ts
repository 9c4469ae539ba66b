import { writeFile } from "node:fs/promises";
import path from "node:path";
import { freePort, launchServer } from "../support/launch-server.ts";
import { COPY_HEADER, temporaryFolder, type SharedCache } from "./cache.ts";

/** Debian's nginx with `proxy_cache`, which obeys X-Accel-Expires, Cache-Control, Expires, Vary and Set-Cookie. */
export async function startNginx(upstream: string): Promise<SharedCache> {
  const { folder, remove } = await temporaryFolder("nginx");
  const port = await freePort();
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((name) => `${name}_temp_path ${folder}/${name};`)
    .join(" ");
  // By default its workers run as another user, who cannot read the folder.
  const user = process.getuid?.() === 0 ? "user root;" : "";
  const config = `
    ${user} daemon off; worker_processes 1; pid ${folder}/pid; error_log stderr crit;
    events { worker_connections 512; }
    http {
      access_log off; ${temporary}
      proxy_cache_path ${folder}/cache levels=1:2 keys_zone=all:8m;
      upstream site { server ${new URL(upstream).host}; keepalive 32; }
      server {
        listen 127.0.0.1:${port};
        location / {
          proxy_pass http://site;
          proxy_http_version 1.1;
          proxy_set_header Connection "";
          proxy_cache all;
          proxy_cache_key $request_uri;
          proxy_cache_lock on;
          add_header ${COPY_HEADER} $upstream_cache_status always;
        }
      }
    }`;
  const file = path.join(folder, "nginx.conf");
  await writeFile(file, config);
  const server = await launchServer("nginx", ["-p", folder, "-c", file], port);
  return {
    url: `http://127.0.0.1:${port}`,
    async stop() {
      await server.end();
      await remove();
    },
  };
}
