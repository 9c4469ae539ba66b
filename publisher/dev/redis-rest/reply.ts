import { ErrorReply } from "redis";
import type { Command } from "./command.ts";
import { unknownCommand } from "./permitted-commands.ts";

/** A RESP2 reply: bulk strings are Buffers, status replies (`OK`, `QUEUED`) strings. */
export type Reply = string | number | null | Buffer | ErrorReply | readonly Reply[];

/** How strings travel in the answer: `base64` keeps every byte, `plain` turns what is not UTF-8 into U+FFFD. */
export type Encoding = "base64" | "plain";

/** One command's answer, as a response of its own or as a member of a pipeline's. */
export type Outcome = { readonly result: unknown } | { readonly error: string };

/** Turns a reply into `{result}` or `{error}`; errors are never encoded. */
export function toOutcome(reply: Reply, command: Command, encoding: Encoding): Outcome {
  if (reply instanceof ErrorReply) return { error: errorText(reply, command) };
  // Only a status at the top stays plain: inside arrays @upstash/redis decodes "OK" like any other string.
  return { result: reply === "OK" ? reply : encodeReply(reply, encoding) };
}

/** Redis' own words, but for an unknown command, where they would quote the arguments. */
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
