/** The part of the admin API that the demo uses. */
export interface Admin {
  /** @returns the revision of the write */
  readonly create: (key: string, description: string, gates?: readonly object[]) => Promise<number>;
  readonly enable: (key: string) => Promise<number>;
  readonly rollout: (key: string, percent: number) => Promise<number>;
  readonly kill: (key: string) => Promise<number>;
}

/** A client of the admin API. Every call throws unless the write is published. */
export function connectAdmin({
  apiUrl,
  adminToken,
}: {
  readonly apiUrl: string;
  readonly adminToken: string;
}): Admin {
  async function send(method: string, path: string, body: unknown, ifMatch?: string): Promise<number> {
    const response = await fetch(`${apiUrl}/api/v1${path}`, {
      method,
      headers: {
        authorization: `Bearer ${adminToken}`,
        "content-type": "application/json",
        ...(ifMatch !== undefined && { "if-match": ifMatch }),
      },
      body: JSON.stringify(body),
    });
    const answer = (await response.json()) as { revision?: number; published?: boolean; detail?: string };
    if (!response.ok || answer.revision === undefined || answer.published !== true) {
      throw new Error(`${method} ${path} answered ${response.status}: ${answer.detail ?? "not published"}`);
    }
    return answer.revision;
  }

  // No other writer changes the demo's flag, so any state may be overwritten.
  const anyState = "*";
  return {
    create: (key, description, gates = []) => send("POST", "/flags", { key, description, gates }),
    enable: (key) => send("PATCH", `/flags/${key}/toggle`, { enabled: true }, anyState),
    rollout: (key, percent) => send("PATCH", `/flags/${key}/rollout`, { rollout_pct: percent }, anyState),
    kill: (key) => send("PATCH", `/flags/${key}/toggle`, { enabled: false }),
  };
}
