import type { DeployedGate } from "../shared/gate/gate.ts";

/** Gates as they were at the deploy: `sluice publish` writes this file. They are closed while the worker holds no snapshot. */
export const deployedGates: readonly DeployedGate[] = [];
