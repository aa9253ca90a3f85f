/** Read every named value of a cell while it runs over a sequence, and the gradient of the last output for each. */

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
import { yieldNow } from "../graph/yielding.ts";
import { compile } from "../runtime/program.ts";
import { initialize } from "./initializers.ts";
import { size as someUnits } from "./layers.ts";
import { aSeed, createRandom } from "./random.ts";

/** For each line of the cell, by name, its value (n) at each of the T time steps; a state's value is the one after the step. */
export type Trace<Names extends string> = { readonly [Name in Names]: readonly Float32Array[] };

/** Options of `trace` and `traceGradients`; also the host's: `engine`, `threads`, `fma`, `precision`. */
export type TraceOptions = HostOptions & {
  /** Size of the state, needed unless the equations fix every size. */
  readonly units?: number;
  /** Values of parameters by name (`W_f`), flat. The others are initialised. */
  readonly parameters?: Readonly<Record<string, ArrayLike<number>>>;
  /** Seed of the initial values. Default 0. */
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
 * Run a cell over one sequence, from states of zeros, and return every named value at every step.
 * @param cell a cell with one input
 * @param sequence T vectors of D numbers
 * @param options `units`, `parameters`, `seed`; the host's options
 * @returns by the name of each line: T vectors (n)
 * @throws InputError for a cell with several inputs or with settings, parameters of a wrong size, an empty sequence, and
 *   vectors of unequal length
 * @example const { c } = await trace(lstm, [[1, 0], [0, 1]], { units: 8 }); c[1] // the cell state after two steps
 */
export const trace = <Names extends string>(
  cell: Cell<Names>,
  sequence: readonly ArrayLike<number>[],
  options: TraceOptions = {},
): Promise<Trace<Names>> => run(cell, sequence, options, (graph) => graph, "");

/**
 * The gradient of the last output, summed over its features, with respect to every named value at every step: how much a
 * value still matters at the end. Where gradients vanish towards the first steps, training cannot learn from them: Y. Bengio
 * et al., "Learning long-term dependencies with gradient descent is difficult", 1994.
 * @param cell a cell with one input
 * @param sequence T vectors of D numbers
 * @param options `units`, `parameters`, `seed`; the host's options
 * @returns by the name of each line: T gradients (n)
 * @throws InputError for a cell with several inputs or with settings, parameters of a wrong size, an empty sequence, and
 *   vectors of unequal length
 * @example const { h } = await traceGradients(simpleRnn, sequence, { units: 8 }); Math.hypot(...h[0]) // the first step's
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
    await yieldNow();
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
