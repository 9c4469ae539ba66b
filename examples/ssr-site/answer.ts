import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

/** Milliseconds between words, about as fast as a model writes. */
const PAUSE_MS = 80;

/** Sends the answer of a model, word by word, as server-sent events; the last event is `end`. */
export function streamAnswer(response: ServerResponse, question: string): void {
  response.writeHead(200, { "content-type": "text/event-stream" });
  void write(response, question);
}

async function write(response: ServerResponse, question: string): Promise<void> {
  const gone = new AbortController();
  response.on("close", () => gone.abort());
  const count = question.split(/\s+/).filter(Boolean).length;
  const words =
    `You asked ${count} ${count === 1 ? "word" : "words"}, and a model would answer them here.`.split(" ");
  try {
    for (const word of words) {
      if (!response.write(`data: ${word}\n\n`)) await once(response, "drain", { signal: gone.signal });
      await sleep(PAUSE_MS, undefined, { signal: gone.signal });
    }
    response.end("event: end\ndata: \n\n");
  } catch {
    // The visitor has left.
  }
}
