import { z } from "zod";
import { visible } from "../terminal/visible.ts";

/** Prerequisites as this CLI can edit them; what it does not know of one stays as it is. */
export const requires = z.array(z.looseObject({ flag: z.string(), variant: z.string().optional() }));
export type Requirement = z.output<typeof requires>[number];

/** A prerequisite as it is typed and shown: `copilot` or `copilot=beta`. */
export function requirementInWords({ flag, variant }: Pick<Requirement, "flag" | "variant">): string {
  return visible(flag, 64) + (variant === undefined ? "" : `=${visible(variant, 64)}`);
}
