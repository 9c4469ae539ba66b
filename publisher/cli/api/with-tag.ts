import { CliError } from "../cli-error.ts";
import { EXIT } from "../exit-code.ts";

/** An answer that an edit can be based on. */
export function withTag<Body>({ body, etag }: { readonly body: Body; readonly etag: string | undefined }): {
  readonly body: Body;
  readonly etag: string;
} {
  if (etag !== undefined) return { body, etag };
  throw new CliError(EXIT.unreachable, "the API's answer lost its ETag on the way", {
    why: ["Without it, an edit could undo what somebody else does at the same time."],
    mend: ["let the proxy before the publisher pass ETag and If-Match on"],
  });
}
