import type { Overrides } from "../../shared/flag/override.ts";
import { toFault } from "../isolate/fault.ts";
import type { Report } from "../isolate/report.ts";
import { verifyOverride, type OverrideRules } from "./verify-override.ts";

/**
 * The overrides of a browser's cookie. One that does not hold is reported and then ignored; one that has ended is
 * nobody's fault.
 *
 * @param rules undefined when OVERRIDE_KEYS is not set: nothing is believed
 */
export async function readOverride(
  token: string | undefined,
  rules: OverrideRules | undefined,
  report: Report,
): Promise<Overrides | undefined> {
  if (token === undefined || token === "" || rules === undefined) return undefined;
  try {
    return (await verifyOverride(token, rules, Date.now())).overrides;
  } catch (error) {
    const fault = toFault(error);
    if (fault.word !== "override-ended") report(fault);
    return undefined;
  }
}
