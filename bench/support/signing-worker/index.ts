import { signFlags, toCovered } from "../../../shared/x-flags/signature.ts";
import { parseSigningKeys } from "../../../shared/x-flags/signing-keys.ts";

const FLAGS = "ai_feature_0, ai_feature_1, ai_feature_2, ai_feature_3, ai_feature_4";
const CONTEXT =
  'epoch=1, rev=412, age=1200, key=:dXNlci0wMTIzNDU2Nzg5YWJjZGVm:, m="GET", h="127.0.0.1:8789", p="/ai/search?q=1", src=memory, at=@1790000000';

/** Signs as often as `?times=` says. workerd's clock stands still during a computation, so the caller measures the time. */
export default {
  async fetch(request: Request, { SIGNING_KEYS }: { readonly SIGNING_KEYS: string }): Promise<Response> {
    const times = Number(new URL(request.url).searchParams.get("times"));
    const keys = parseSigningKeys(SIGNING_KEYS);
    if ("problem" in keys) return new Response(keys.problem, { status: 500 });
    const covered = toCovered(FLAGS, CONTEXT);
    let signature = "";
    for (let n = 0; n < times; n += 1) ({ signature } = await signFlags(covered, keys.value[0], n * 1_000));
    return new Response(signature);
  },
};
