import { ErrorReply } from "redis";
import type { Command } from "./command.ts";
import { unknownCommand } from "./permitted-commands.ts";

/** A RESP2 reply: bulk strings are Buffers, status replies (`OK`, `QUEUED`) strings. */
export type Reply = string | number | null | Buffer | ErrorReply | readonly Reply[];

/** Encoding of strings: `base64` keeps every byte, `plain` replaces bytes that are not UTF-8 by U+FFFD. */
export type Encoding = "base64" | "plain";

/** The answer to one command, alone or in a pipeline. */
export type Outcome = { readonly result: unknown } | { readonly error: string };

/** Turns a reply into `{result}` or `{error}`; errors are never encoded. */
export function toOutcome(reply: Reply, command: Command, encoding: Encoding): Outcome {
  if (reply instanceof ErrorReply) return { error: errorText(reply, command) };
  // Only a top-level status stays plain: inside arrays, @upstash/redis decodes "OK" like any string.
  return { result: reply === "OK" ? reply : encodeReply(reply, encoding) };
}

/** Redis' own text, except for an unknown command, where it would quote the arguments. */
export function errorText(error: ErrorReply, command: Command): string {
  return error.message.startsWith("ERR unknown command ") ? unknownCommand(command) : error.message;
}

function encodeReply(reply: Reply, encoding: Encoding): unknown {
  if (reply === null || typeof reply === "number") return reply;
  if (typeof reply === "string") return encoding === "base64" ? Buffer.from(reply).toString("base64") : reply;
  if (Buffer.isBuffer(reply)) return reply.toString(encoding === "base64" ? "base64" : "utf8");
  if (reply instanceof ErrorReply) return encodeReply(reply.message, encoding);
  return reply.map((member) => encodeReply(member, encoding));
}
