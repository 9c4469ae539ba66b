#!/usr/bin/env node
import { runCli } from "./cli/run-cli.ts";

// Set, not process.exit: what is still on its way to a slow pipe has to arrive.
process.exitCode = await runCli(process.argv.slice(2), process.env, process);
