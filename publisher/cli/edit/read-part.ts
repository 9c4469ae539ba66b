import type { z } from "zod";
import { CliError, EXIT } from "../cli-error.ts";

/**
 * Reads one part of a flag, such as its variants.
 *
 * @param fault the error text for a part that is not valid
 * @throws CliError for content that this command does not know, from SQL or a newer publisher
 */
export function readPart<Part>(
  shape: z.ZodType<Part>,
  part: unknown,
  fault: string,
  fix = "repair them in Postgres, or update this command",
): Part {
  const parsed = shape.safeParse(part);
  if (parsed.success) return parsed.data;
  throw new CliError(EXIT.conflict, fault, {
    why: ["It contains something that this command does not know, from SQL or a newer publisher."],
    fix: [fix],
  });
}
