import type { Bindings } from "../env.ts";

/** Reads bindings and collects what is wrong with them, so that one look at the fault mends them all. */
export interface BindingReader {
  /** Names the variable, what is wrong and how to mend it; never a value, which may be a secret. */
  readonly problems: string[];
  /** Whether the variable is set; the empty text is not. */
  has(name: keyof Bindings): boolean;
  /** A text that has to be there. */
  text(name: keyof Bindings, mend: string, holds: (value: string) => boolean): string;
  /** A whole number from `min` to `max`, of `unit`. */
  integer(name: keyof Bindings, fallback: number, min: number, max: number, unit?: string): number;
}

export function readBindings(bindings: Bindings): BindingReader {
  const problems: string[] = [];
  const has = (name: keyof Bindings): boolean => bindings[name] !== undefined && bindings[name] !== "";
  return {
    problems,
    has,
    text(name, mend, holds) {
      const value = bindings[name];
      if (typeof value === "string" && value !== "" && holds(value)) return value;
      problems.push(has(name) ? `${name}: ${mend}` : `${name} is not set: ${mend}`);
      return "";
    },
    integer(name, fallback, min, max, unit = "milliseconds") {
      const value = bindings[name] ?? fallback;
      const number = typeof value === "string" && /^\d{1,12}$/.test(value) ? Number(value) : value;
      if (typeof number === "number" && Number.isInteger(number) && number >= min && number <= max) {
        return number;
      }
      problems.push(`${name} must be a whole number of ${unit} from ${min} to ${max}`);
      return fallback;
    },
  };
}
