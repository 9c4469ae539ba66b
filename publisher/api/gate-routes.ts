import { createRoute } from "@hono/zod-openapi";
import { gateTest, gateTestRequest } from "../schema/gate-test-schema.ts";
import { body, failures, json, standing } from "../schema/route-parts.ts";

export const testGates = createRoute({
  operationId: "testGates",
  method: "post",
  path: "/gates/test",
  summary: "Say what gates do to a request, and why",
  description:
    "Led past the gates by the code that the worker leads it by, with flags as Postgres has them; method and headers " +
    "make no difference to gates.",
  request: { body: body(gateTestRequest, { url: "/ai/chat", context: { userId: "user-1" } }) },
  responses: {
    200: json(gateTest.extend(standing).openapi("GateTest"), "What happens."),
    ...failures(400, 413, 415, 422),
  },
});
