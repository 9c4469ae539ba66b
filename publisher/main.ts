#!/usr/bin/env node
import { runCli } from "./cli/run-cli.ts";

// No process.exit: output that is still being written to a slow pipe must arrive.
process.exitCode = await runCli(process.argv.slice(2), process.env, process);
