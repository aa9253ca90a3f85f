/** Engines against the reference interpreter. */

import type { HostOptions } from "../../src/engines/engine.ts";
import { interpret, type Result } from "../../src/engines/reference/interpret.ts";
import type { Cell } from "../../src/graph/cell.ts";
import type { Graph, Steps } from "../../src/graph/graph.ts";
import { compile, type Program } from "../../src/runtime/program.ts";
import { randomValues, relativeError, trainingGraph, type Values } from "./networks.ts";

export type Sizes = { readonly units: number; readonly input: number; readonly steps: number; readonly batch: number };
export type EngineError = { readonly error: number; readonly where: string };

/** The largest relative error of an engine against the interpreter, over outputs, states, loss and gradients. */
export async function engineError(
  cell: Cell,
  { seed, ...sizes }: Sizes & { seed: number },
  options: HostOptions = {},
): Promise<EngineError> {
  const graph = trainingGraph(cell, sizes);
  const values = randomValues(graph, sizes.steps, sizes.batch, seed, 0.3);
  const program = await loadTraining(graph, sizes, values, options);
  await program.run();
  await program.run(); // A second run must not see what the first one left.
  await program.fetch();
  return programError(program, graph, interpret(graph, { ...sizes, ...values }));
}

/** A program for a graph with the outputs "output" and "loss", with all its values in place. */
export async function loadTraining(
  graph: Graph,
  { steps, batch }: { readonly steps: Steps; readonly batch: number },
  values: Values,
  options: HostOptions = {},
): Promise<Program> {
  const program = await compile(graph, { steps, batch, keep: ["output", "loss"] }, options);
  setValues(program, values);
  return program;
}

export function setValues(program: Program, values: Values): void {
  const { inputs, indices, states } = program.plan;
  for (const [name, numbers] of Object.entries(values.inputs)) {
    if (inputs[name]) program.setInput(name, numbers);
    if (indices[name]) program.setIndex(name, numbers);
  }
  for (const [name, numbers] of Object.entries(values.parameters)) program.setParameter(name, numbers);
  for (const [name, numbers] of Object.entries(values.states)) if (states[name]) program.setState(name, numbers);
  for (const [name, number] of Object.entries(values.settings)) program.setSetting(name, number);
  program.setKeys(...values.keys);
}

/** Everything that can be read after a run, by what it is. */
export function results(program: Program): Record<string, Float32Array> {
  const { plan } = program;
  return Object.fromEntries([
    ...Object.keys(plan.outputs).map((name) => [name, program.output(name)] as const),
    ...Object.keys(plan.totals).map((name) => [`total ${name}`, Float32Array.of(program.total(name))] as const),
    ...Object.keys(plan.states).map((name) => [`state ${name}`, program.state(name)] as const),
    ...Object.keys(plan.parameters).map((name) => [`gradient of ${name}`, program.gradient(name).slice()] as const),
  ]);
}

/** The largest relative error of what a program left after a run. */
export function programError(program: Program, graph: Graph, wanted: Result): EngineError {
  let worst = { error: 0, where: "" };
  for (const [where, got] of Object.entries(results(program))) {
    const [, kind, name] = /^(total |state |gradient of )?(.*)$/.exec(where) as unknown as [string, string?, string?];
    const reference =
      kind === "total "
        ? [wanted.totals[name as string] as number]
        : kind === "state "
          ? (wanted.states[name as string] as Float64Array)
          : kind === "gradient of "
            ? (wanted.gradients[name as string] ?? new Float64Array(got.length))
            : wanted.value(graph.outputs[where] as number);
    const error = relativeError(got, reference, 1e-2);
    if (!(error <= worst.error)) worst = { error, where };
  }
  return worst;
}
