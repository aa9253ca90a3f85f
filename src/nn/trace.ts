/** Every named value of a cell while it reads a sequence, and what the last output owes to each. */

import type { HostOptions } from "../engines/engine.ts";
import { hostRules } from "../engines/registry.ts";
import { grad } from "../grad/grad.ts";
import { aCell, addCell, type Cell } from "../graph/cell.ts";
import { createBuilder, type Graph, type NodeId } from "../graph/graph.ts";
import { InputError } from "../graph/input-error.ts";
import {
  type Arguments,
  anArray,
  checkArguments,
  checkOptions,
  listOf,
  numbers,
  options as optionsOf,
  recordOf,
} from "../graph/schema.ts";
import { compile } from "../runtime/program.ts";
import { initialize } from "./initializers.ts";
import { size as someUnits } from "./layers.ts";
import { aSeed, createRandom } from "./random.ts";

/** For each line of the cell its value at each time step (a state's: after the step). One number is a vector of one. */
export type Trace<Names extends string> = { readonly [Name in Names]: readonly Float32Array[] };

/** How many units the cell has, and the values of its parameters, drawn from `seed` (0) where they are not given. */
export type TraceOptions = HostOptions & {
  readonly units?: number;
  /** Parameters by name (`W_f`), flat; those that are absent start as their initialiser says. */
  readonly parameters?: Readonly<Record<string, ArrayLike<number>>>;
  readonly seed?: number;
};

export const traceArguments: Arguments = {
  cell: aCell,
  sequence: listOf(numbers),
  options: optionsOf<TraceOptions>({
    ...hostRules,
    units: someUnits,
    parameters: recordOf(numbers),
    seed: aSeed,
  }),
};

/**
 * Run a cell over one sequence of vectors (T,D) from a zero state.
 * @throws InputError for a cell of several inputs or with settings, parameters that do not fit, and an empty or uneven sequence
 * @example const { c } = await trace(lstm, [[1, 0], [0, 1]], { units: 8 }); c[1] // the cell state after two steps
 */
export const trace = <Names extends string>(
  cell: Cell<Names>,
  sequence: readonly ArrayLike<number>[],
  options: TraceOptions = {},
): Promise<Trace<Names>> => run(cell, sequence, options, (graph) => graph, "");

/**
 * The derivative of the last output, all its features summed, by each named value at each time step: how much of what
 * happened then still counts at the end. Where it vanishes on the way back, training cannot learn from what was long ago:
 * Y. Bengio et al., "Learning long-term dependencies with gradient descent is difficult", 1994.
 * @throws InputError as `trace`
 * @example const { h } = await traceGradients(simpleRnn, sequence, { units: 8 }); Math.hypot(...h[0]) // of the first step
 */
export const traceGradients = <Names extends string>(
  cell: Cell<Names>,
  sequence: readonly ArrayLike<number>[],
  options: TraceOptions = {},
): Promise<Trace<Names>> => run(cell, sequence, options, (graph, values) => grad(graph, "last", values), "d ");

async function run<Names extends string>(
  cell: Cell<Names>,
  sequence: readonly ArrayLike<number>[],
  options: TraceOptions,
  derive: (graph: Graph, values: Readonly<Record<string, NodeId>>) => Graph,
  prefix: string,
): Promise<Trace<Names>> {
  checkArguments("trace", { cell, sequence, options }, traceArguments);
  const { units, parameters = {}, seed = 0, ...host } = options;
  checkOptions("trace: parameters", parameters, Object.fromEntries(cell.parameters.map(({ name }) => [name, anArray])));
  if (cell.inputs.length !== 1 || cell.settings.length > 0) {
    throw new InputError("trace: needs a cell of one input and without settings");
  }
  const size = sequence[0]?.length ?? 0;
  if (size === 0) throw new InputError("trace: the sequence is empty; give one vector for each time step");
  const odd = sequence.findIndex((x) => x.length !== size);
  if (odd >= 0) throw new InputError(`trace: step ${odd} has ${sequence[odd]?.length} features, step 0 has ${size}`);

  const g = createBuilder();
  const [x] = cell.inputs as readonly [string];
  const made = addCell(g, cell, {
    layer: "",
    ...(units === undefined ? {} : { units }),
    inputs: { [x]: g.input(x, size) },
  });
  const values = Object.fromEntries(
    cell.names.map((name) => [name, made.values[cell.states.includes(name) ? `${name}'` : name] as NodeId]),
  );
  const output = g.shapeOf(made.output) === "scalar" ? made.output : g.sum(made.output);
  const last = g.mul(output, g.input("is last", "scalar"));
  const graph = derive(g.graph({ ...values, last }), values);
  const steps = sequence.length;
  const keep = cell.names.map((name) => `${prefix}${name}`);
  const program = await compile(graph, { steps, batch: 1, keep }, host);
  try {
    const random = createRandom(seed);
    for (const parameter of graph.parameters) {
      const given = Object.hasOwn(parameters, parameter.name) ? parameters[parameter.name] : undefined;
      const initial = initialize(parameter, random);
      if (given !== undefined && given.length !== initial.length) {
        throw new InputError(`trace: ${parameter.name} needs ${initial.length} numbers, got ${given.length}`);
      }
      program.setParameter(parameter.name, given ?? initial);
    }
    const inputs = {
      [x]: sequence.flatMap((vector) => Array.from(vector)),
      "is last": sequence.map((_, t) => (t === steps - 1 ? 1 : 0)),
    };
    for (const [name, numbers] of Object.entries(inputs)) {
      if (program.plan.inputs[name] !== undefined) program.setInput(name, numbers);
    }
    await program.run();
    const all = cell.names.map((name) => {
      const flat = program.output(`${prefix}${name}`);
      const n = flat.length / steps;
      return [name, sequence.map((_, t) => flat.slice(t * n, (t + 1) * n))];
    });
    return Object.fromEntries(all) as Trace<Names>;
  } finally {
    program.dispose();
  }
}
