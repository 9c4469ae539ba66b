import { once } from "node:events";
import { connect } from "node:net";

/**
 * Sends a request just as it is written, which no HTTP client does: headers twice, in any spelling.
 *
 * @param lines the request line and the headers, without Host and Connection
 * @returns the whole answer
 */
export async function sendRaw(url: string, lines: readonly string[], body = ""): Promise<string> {
  const { hostname, port, host } = new URL(url);
  const socket = connect(Number(port), hostname);
  const [first = "", ...headers] = lines;
  socket.write([first, `Host: ${host}`, ...headers, "Connection: close", "", body].join("\r\n"));
  let answer = "";
  socket.setEncoding("utf8").on("data", (text: string) => (answer += text));
  await once(socket, "close");
  return answer;
}
