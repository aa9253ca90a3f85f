/** The wasm engine against the oracle. */
import type { Cell } from "../../src/graph/cell.ts";
import { interpret } from "../../src/interpret/interpret.ts";
import { load } from "../../src/runtime/program.ts";
import { schedule } from "../../src/schedule/schedule.ts";
import { randomValues, relativeError, trainingGraph } from "./networks.ts";

/** The largest relative error of the wasm engine against the oracle, over outputs, states, loss and gradients. */
export async function engineError(
  cell: Cell,
  sizes: { units: number; input: number; steps: number; batch: number; seed: number },
): Promise<{ error: number; where: string }> {
  const { units, input, steps, batch, seed } = sizes;
  const graph = trainingGraph(cell, { units, input });
  const values = randomValues(graph, steps, batch, seed, 0.3);
  const wanted = interpret(graph, { steps, batch, ...values });
  const program = await load(schedule(graph, { steps, batch, keep: ["output", "loss"] }));
  const { inputs, states } = program.plan;
  for (const [name, numbers] of Object.entries(values.inputs)) if (inputs[name]) program.setInput(name, numbers);
  for (const [name, numbers] of Object.entries(values.parameters)) program.setParameter(name, numbers);
  for (const [name, numbers] of Object.entries(values.states)) if (states[name]) program.setState(name, numbers);
  program.run();
  program.run(); // A second run must not see what the first one left.
  let worst = { error: 0, where: "" };
  const check = (where: string, got: ArrayLike<number>, oracle: ArrayLike<number>): void => {
    const error = relativeError(got, oracle, 1e-2);
    if (!(error <= worst.error)) worst = { error, where };
  };
  check("output", program.output("output"), wanted.value(graph.outputs.output as number));
  check("loss", program.output("loss"), wanted.value(graph.outputs.loss as number));
  check("total", [program.total("loss")], [wanted.totals.loss as number]);
  for (const name of Object.keys(states)) check(name, program.state(name), wanted.states[name] as Float64Array);
  for (const { name, shape } of graph.parameters) {
    const none = new Float64Array(shape.reduce((a, b) => a * b, 1));
    check(`gradient of ${name}`, program.gradient(name), wanted.gradients[name] ?? none);
  }
  return worst;
}
