import { readdir } from "node:fs/promises";
import path from "node:path";

/** All files below a folder whose name ends in one of `endings`, as paths from `root`, sorted. A file is listed as itself. */
export async function sourceFiles(
  root: string,
  place: string,
  endings: readonly string[],
): Promise<readonly string[]> {
  if (endings.some((ending) => place.endsWith(ending))) return [place];
  const entries = await readdir(path.join(root, place), { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && endings.some((ending) => entry.name.endsWith(ending)))
    .map((entry) => path.relative(root, path.join(entry.parentPath, entry.name)))
    .filter((file) => !file.split(path.sep).includes("node_modules"))
    .toSorted();
}
