import type { BrowserContext } from "playwright-core";
import { signOverride } from "../../publisher/service/sign-override.ts";
import { OVERRIDE_PATH } from "../../shared/flag/override.ts";
import { parseSigningKeys } from "../../shared/x-flags/signing-keys.ts";
import { ENVIRONMENT, OVERRIDE_KEYS } from "../support/api-system.ts";
import { SHOP, type Shop } from "./shop.ts";

type Forced = Readonly<Record<string, string>>;

/** Links that put overrides into force at the shop. */
export interface SignedLinks {
  /** The page that shows the overrides in force. */
  readonly page: string;
  /** Signs a link for two hours, by the admin API. */
  sign(flags: Forced, to: string): Promise<string>;
  /** Signs a link that ends sooner than a publisher would allow. */
  signBriefly(flags: Forced, to: string, seconds: number): Promise<string>;
}

export function openOverrides({ publisher }: Shop): SignedLinks {
  const page = `${SHOP}${OVERRIDE_PATH}`;
  const toLink = (token: string, to: string): string => `${page}?token=${token}&to=${encodeURIComponent(to)}`;
  return {
    page,
    async sign(flags, to) {
      const body = { flags, expires_in: 7_200 };
      const { status, body: signed } = await publisher.call("POST", "/api/v1/overrides", { body });
      if (status !== 200) throw new Error(`no override was signed: ${status} ${signed.detail}`);
      return toLink(String(signed["token"]), to);
    },
    async signBriefly(flags, to, seconds) {
      const keys = parseSigningKeys(OVERRIDE_KEYS);
      if ("problem" in keys) throw new Error(keys.problem);
      const forced = new Map(Object.entries(flags));
      const [key] = keys.value;
      const { token } = await signOverride({ key, environment: ENVIRONMENT }, forced, seconds, new Date());
      return toLink(token, to);
    },
  };
}

/** Whether a browser has an override cookie of the shop, valid or not. */
export async function hasOverride(context: BrowserContext): Promise<boolean> {
  return (await context.cookies(SHOP)).some(({ name }) => name === "__Host-sluice-override");
}
