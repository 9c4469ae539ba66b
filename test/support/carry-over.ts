import { readFile } from "node:fs/promises";

/** A visit of the table in docs/identity.md: somebody asks with a device. */
export interface Visit {
  readonly device: string;
  /** `nobody` is signed in. */
  readonly user: string;
  /** The claim `anonymous_id`: the id under which somebody got a place before. */
  readonly claim?: string;
  readonly path?: string;
}

/** What came of it. */
export interface Visited {
  /** Which flags are on: whose place it is; `off` is none. */
  readonly place: string;
  readonly targetingKey: string;
}

/** Plays a row. */
export interface Player {
  visit(visit: Visit): Promise<Visited>;
  /** `clears` its cookies, or `forges` the one that it has. */
  act(device: string, what: string): Promise<void>;
  changeKeys(name: string): void;
}

/** Which flags are on tells whose place it is: they are so many that two ids with the same ones are nobody's luck. */
export const placeFlags: readonly string[] = Array.from({ length: 40 }, (_, at) => `f${at}`);

/** The table's rows: what each is about, and its steps. */
export async function readCarryOver(): Promise<readonly (readonly [name: string, steps: string])[]> {
  const doc = await readFile(new URL("../../docs/identity.md", import.meta.url), "utf8");
  const [, table = ""] = doc.split(/^\| case .*\n\| -.*\n/m);
  const rows = table.slice(0, table.indexOf("\n\n")).split("\n");
  return rows.map((row) => {
    const [, name = "", steps = ""] = row.split("|").map((cell) => cell.trim());
    return [name, steps] as const;
  });
}

const STEP =
  /^(?<device>\w+) (?:(?<act>clears|forges)|(?<user>\w+)(?: from (?<from>\d))?(?: (?<path>\/\w+))?: (?:\d|off))$/;

/** Takes the steps of a row; tells them again with the places that came of them, numbered as they come. */
export async function playCarryOver(steps: string, player: Player): Promise<string> {
  const places: string[] = [];
  const ids = new Map<string, string>();
  const told: string[] = [];
  for (const step of steps.split(", ")) {
    const keys = /^key (\w+)$/.exec(step)?.[1];
    const { device, act, user, from, path } = STEP.exec(step)?.groups ?? {};
    if (keys !== undefined) player.changeKeys(keys);
    else if (device === undefined) throw new Error(`not a step: ${step}`);
    else if (act !== undefined) await player.act(device, act);
    if (device === undefined || user === undefined) {
      told.push(step);
      continue;
    }
    const claim = from === undefined ? undefined : ids.get(from);
    const { place, targetingKey } = await player.visit({
      device,
      user,
      ...(claim !== undefined && { claim }),
      ...(path !== undefined && { path }),
    });
    if (place !== "off" && !places.includes(place)) places.push(place);
    const number = place === "off" ? "off" : String(places.indexOf(place) + 1);
    if (user === "nobody") ids.set(number, targetingKey);
    // Who asks stays the user, whatever the place.
    const isUser = user === "nobody" || targetingKey === user;
    told.push(step.replace(/\w+$/, isUser ? number : "somebody else"));
  }
  return told.join(", ");
}
