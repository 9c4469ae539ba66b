import { visible } from "./terminal/visible.ts";

/** How Commander says that a value is not valid, before it says why. */
const ARGUMENT = /^error: command-argument value '([\s\S]*?)' is invalid for argument '([^']*)'\./;
const OPTION = /^error: option '(?:-\w, )?(--[\w-]+)[^']*' argument '([\s\S]*?)' is invalid\./;

/** What Commander says of a command line, in this program's words: `error: <key> "Beta" is not valid.` */
export function usageInWords(text: string): string {
  return text
    .replace(ARGUMENT, (_, value: string, name: string) => notValid(`<${name}>`, value))
    .replace(OPTION, (_, option: string, value: string) => notValid(option, value));
}

function notValid(what: string, value: string): string {
  return `error: ${what} "${visible(value, 60)}" is not valid.`;
}
