/** A page of the worker itself. */
export interface OwnPage {
  readonly status: number;
  /** The page's title and its heading: text that needs no escaping. */
  readonly title: string;
  /** HTML blocks. */
  readonly blocks: readonly string[];
  readonly headers?: Readonly<Record<string, string>>;
  /** More members of its Content-Security-Policy. */
  readonly policy?: readonly string[];
}

/** The browser's own colours, light or dark as its user chose. */
const STYLE = `
:root { color-scheme: light dark; font: 100%/1.5 system-ui, sans-serif; }
body { max-width: 36rem; margin: 0 auto; padding: 8vh 1.25rem; overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; line-height: 1.25; }
ul { list-style: none; padding: 0; }
li { padding: .5rem 0; border-top: 1px solid; }
li:last-child { border-bottom: 1px solid; }
code { font: 1em ui-monospace, monospace; }
button { font: inherit; font-weight: 600; padding: .625rem 1.25rem; cursor: pointer; }
`;

/** A page that nobody may store, without scripts, and with no style but its own. */
export function ownPage({ status, title, blocks, headers = {}, policy = [] }: OwnPage): Response {
  const nonce = crypto.randomUUID();
  return new Response(
    `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style nonce="${nonce}">${STYLE}</style>
<main>
<h1>${title}</h1>
${blocks.join("\n")}
</main>
</html>
`,
    {
      status,
      headers: {
        "cache-control": "no-store",
        "content-type": "text/html; charset=utf-8",
        "content-security-policy": [
          "default-src 'none'",
          `style-src 'nonce-${nonce}'`,
          "base-uri 'none'",
          ...policy,
        ].join("; "),
        "x-content-type-options": "nosniff",
        ...headers,
      },
    },
  );
}
