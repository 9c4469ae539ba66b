import { expect, it } from "vitest";
import { toOpening } from "../../worker/pages/override-link.ts";

const document = { "sec-fetch-dest": "document", "sec-fetch-mode": "navigate" };

it.each([
  ["by hand", "GET", { ...document, "sec-fetch-site": "none", "sec-fetch-user": "?1" }],
  ["by hand", "GET", {}],
  ["by hand", "POST", {}],
  ["from here", "POST", { ...document, "sec-fetch-site": "same-origin" }],
  ["from elsewhere", "GET", { ...document, "sec-fetch-site": "same-site" }],
  ["from elsewhere", "GET", { ...document, "sec-fetch-site": "cross-site" }],
  ["from elsewhere", "GET", { ...document, "sec-fetch-site": "a word to come" }],
  ["through a service worker", "GET", { "sec-fetch-dest": "empty", "sec-fetch-mode": "navigate" }],
  ["unseen", "GET", { "sec-fetch-dest": "empty", "sec-fetch-mode": "cors" }],
  ["unseen", "GET", { "sec-fetch-dest": "image", "sec-fetch-mode": "no-cors" }],
  ["unseen", "GET", { "sec-fetch-dest": "a word to come" }],
  ["unseen", "GET", { upgrade: "websocket" }],
  ["unseen", "GET", { ...document, "sec-purpose": "prefetch;prerender" }],
  ["unseen", "HEAD", document],
])("comes %s: %s %j", (opening, method, headers) => {
  expect(toOpening(new Request("https://www.example.com/", { method, headers }))).toBe(opening);
});
