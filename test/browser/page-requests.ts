/** HTML that makes a browser request an address. */
type Asking = (url: string) => string;

export const script = (code: string): string => `<script>${code}</script>`;

/** Ways to make a request from a page without leaving it, mostly invisible, by name. */
export const PAGE_REQUESTS: Readonly<Record<string, Asking>> = {
  picture: (url) => `<img src="${url}">`,
  frame: (url) => `<iframe src="${url}"></iframe>`,
  object: (url) => `<object data="${url}"></object>`,
  embed: (url) => `<embed src="${url}">`,
  script: (url) => `<script src="${url}"></script>`,
  module: (url) => `<script type="module" src="${url}"></script>`,
  import: (url) => script(`import("${url}").catch(() => undefined)`),
  style: (url) => `<link rel="stylesheet" href="${url}">`,
  film: (url) => `<video src="${url}" preload="auto"></video>`,
  background: (url) => `<p style="background: url('${url}')">.</p>`,
  prefetch: (url) => `<link rel="prefetch" href="${url}">`,
  preload: (url) => `<link rel="preload" as="fetch" crossorigin href="${url}">`,
  fetch: (url) => script(`fetch("${url}", { mode: "no-cors", credentials: "include" })`),
  head: (url) => script(`fetch("${url}", { method: "HEAD", mode: "no-cors", credentials: "include" })`),
  range: (url) => script(`fetch("${url}", { headers: { range: "bytes=0-9" }, mode: "no-cors" })`),
  post: (url) => script(`fetch("${url}", { method: "POST", mode: "no-cors", credentials: "include" })`),
  component: (url) => script(`fetch("${url}", { headers: { rsc: "1", "next-router-prefetch": "1" } })`),
  beacon: (url) => script(`navigator.sendBeacon("${url}")`),
  events: (url) => script(`new EventSource("${url}", { withCredentials: true })`),
  socket: (url) => script(`new WebSocket("${url.replace("https", "wss")}")`),
  form: (url) =>
    `<iframe name="${url}"></iframe><form method="post" target="${url}" action="${url}"></form>
    ${script("document.currentScript.previousElementSibling.submit()")}`,
};

/** HTML with all of these requests. */
export function askByAll(toUrl: (name: string) => string): string {
  return Object.entries(PAGE_REQUESTS)
    .map(([name, ask]) => ask(toUrl(name)))
    .join("\n");
}
