import type { Flag } from "../api/answers.ts";
import { isRefusal } from "../api/api-problem.ts";
import type { ApiClient } from "../api/client.ts";
import { CliError, EXIT } from "../cli-error.ts";
import { visible } from "../terminal/visible.ts";
import { type Requirement, requires } from "../words/flag-words.ts";
import { didYouMean } from "../words/similar-names.ts";
import { noSuchVariant, readVariants } from "./variants-edit.ts";

/**
 * Checks new prerequisites before the request, to give a clear error for each fault. The API checks again, because flags
 * may change in between.
 *
 * @throws ApiProblem 404 with the key of a missing flag; CliError for a missing variant or a circle
 */
export async function checkPrerequisites(
  api: ApiClient,
  key: string,
  wanted: readonly Requirement[],
): Promise<void> {
  // If this flag does not exist, that is the first error.
  await api.get(key);
  for (const { flag: other, variant } of wanted) {
    if (other === key) throw inCircle([key, key]);
    const { flag } = (await api.get(other)).answer;
    if (variant !== undefined) checkVariant(flag, variant);
    const way = await wayBetween(api, flag, key);
    if (way !== undefined) throw inCircle([key, ...way]);
  }
}

function checkVariant(flag: Flag, variant: string): void {
  const variants = readVariants(flag);
  const keys = variants.map((one) => one.key);
  if (keys.includes(variant)) return;
  const fix = [...didYouMean(variant, keys), `\`sluice variant list ${flag.key}\` shows them`];
  throw noSuchVariant(flag, variants, variant, fix);
}

/** The chain of flags by which one needs another, both included; undefined when there is none. */
async function wayBetween(api: ApiClient, from: Flag, to: string): Promise<readonly string[] | undefined> {
  const seen = new Set([from.key]);
  const ways: { readonly flag: Flag; readonly way: readonly string[] }[] = [{ flag: from, way: [from.key] }];
  for (let next = ways.shift(); next !== undefined; next = ways.shift()) {
    for (const { flag: key } of requires.safeParse(next.flag.requires).data ?? []) {
      const way = [...next.way, key];
      if (key === to) return way;
      if (seen.has(key)) continue;
      seen.add(key);
      const flag = await findFlag(api, key);
      if (flag !== undefined) ways.push({ flag, way });
    }
  }
  return undefined;
}

/** SQL may have added a prerequisite that does not exist. */
async function findFlag(api: ApiClient, key: string): Promise<Flag | undefined> {
  try {
    return (await api.get(key)).answer.flag;
  } catch (error) {
    if (isRefusal(error, 404)) return undefined;
    throw error;
  }
}

function inCircle(keys: readonly string[]): CliError {
  const [key = "", other = key] = keys;
  const way = keys.map((name) => visible(name, 64)).join(" -> ");
  return new CliError(
    EXIT.conflict,
    other === key ? `${key} cannot need itself` : `the flags would need each other in a circle: ${way}`,
    { fix: ["`sluice require list <key>` shows what a flag needs"] },
  );
}
