/** Writes one JSON object a line for operators. Fields never contain secrets or payloads. */
export type Log = (event: string, fields?: Readonly<Record<string, unknown>>) => void;

/** Logs to standard error: standard output is for the result of a command. */
export const logToStderr: Log = (event, fields = {}) => {
  process.stderr.write(`${JSON.stringify({ at: new Date().toISOString(), event, ...fields })}\n`);
};
