/** Says something to whoever runs the publisher: one JSON object a line. Fields never hold secrets or payloads. */
export type Log = (event: string, fields?: Readonly<Record<string, unknown>>) => void;

/** Logs to standard error, so that standard output stays the commands' own. */
export const logToStderr: Log = (event, fields = {}) => {
  process.stderr.write(`${JSON.stringify({ at: new Date().toISOString(), event, ...fields })}\n`);
};
