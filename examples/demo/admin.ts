/** The admin API, as a script uses it. */
export interface Admin {
  /** @returns the revision that the write has */
  readonly create: (key: string, description: string, gates?: readonly object[]) => Promise<number>;
  readonly enable: (key: string) => Promise<number>;
  readonly rollout: (key: string, percent: number) => Promise<number>;
  readonly kill: (key: string) => Promise<number>;
}

/** Speaks to the admin API. Every call throws when the answer is not what it should be. */
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

  // A script that is alone with its flag needs no lock against others.
  const anyState = "*";
  return {
    create: (key, description, gates = []) => send("POST", "/flags", { key, description, gates }),
    enable: (key) => send("PATCH", `/flags/${key}/toggle`, { enabled: true }, anyState),
    rollout: (key, percent) => send("PATCH", `/flags/${key}/rollout`, { rollout_pct: percent }, anyState),
    kill: (key) => send("PATCH", `/flags/${key}/toggle`, { enabled: false }),
  };
}
