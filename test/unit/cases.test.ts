import { runCases } from "../cases/run-cases.ts";

runCases();
