/** Every named value of a cell while it reads a sequence. */
import { addCell, type Cell } from "../graph/cell.ts";
import { createBuilder } from "../graph/graph.ts";
import { InputError } from "../graph/input-error.ts";
import { type LoadOptions, load } from "../runtime/program.ts";
import { schedule } from "../schedule/schedule.ts";
import { initialize } from "./initializers.ts";
import { createRandom } from "./random.ts";

/** For each line of the cell its value at each time step (a state's: after the step). One number is a vector of one. */
export type Trace<Names extends string> = { readonly [Name in Names]: readonly Float32Array[] };

export type TraceOptions = LoadOptions & {
  readonly units?: number;
  /** Parameters by name (`W_f`), flat; those that are absent start as their initialiser says. */
  readonly parameters?: Readonly<Record<string, ArrayLike<number>>>;
  readonly seed?: number;
};

/**
 * Run a cell over one sequence of vectors (T,D) from a zero state.
 * @throws InputError for a cell of several inputs or with settings, parameters that do not fit, and an empty or uneven sequence
 * @example const { c } = await trace(lstm, [[1, 0], [0, 1]], { units: 8 }); c[1] // the cell state after two steps
 */
export async function trace<Names extends string>(
  cell: Cell<Names>,
  sequence: readonly ArrayLike<number>[],
  { units, parameters = {}, seed = 0, ...options }: TraceOptions = {},
): Promise<Trace<Names>> {
  if (cell.inputs.length !== 1 || cell.settings.length > 0) {
    throw new InputError("trace: needs a cell of one input and without settings");
  }
  const size = sequence[0]?.length ?? 0;
  if (size === 0) throw new InputError("trace: the sequence is empty; give one vector for each time step");
  const odd = sequence.findIndex((x) => x.length !== size);
  if (odd >= 0) throw new InputError(`trace: step ${odd} has ${sequence[odd]?.length} features, step 0 has ${size}`);

  const g = createBuilder();
  const [x] = cell.inputs as readonly [string];
  const { values } = addCell(g, cell, {
    layer: "",
    ...(units === undefined ? {} : { units }),
    inputs: { [x]: g.input(x, size) },
  });
  const outputs = Object.fromEntries(
    cell.names.map((name) => [name, (cell.states.includes(name) ? values[`${name}'`] : values[name]) as number]),
  );
  const graph = g.graph(outputs);
  const steps = sequence.length;
  const program = await load(schedule(graph, { steps, batch: 1, keep: cell.names }), options);
  const random = createRandom(seed);
  for (const parameter of graph.parameters) {
    const given = Object.hasOwn(parameters, parameter.name) ? parameters[parameter.name] : undefined;
    const initial = initialize(parameter, random);
    if (given !== undefined && given.length !== initial.length) {
      throw new InputError(`trace: ${parameter.name} needs ${initial.length} numbers, got ${given.length}`);
    }
    program.setParameter(parameter.name, given ?? initial);
  }
  program.setInput(
    x,
    sequence.flatMap((vector) => Array.from(vector)),
  );
  await program.run();
  const all = cell.names.map((name) => {
    const flat = program.output(name);
    const n = flat.length / steps;
    return [name, sequence.map((_, t) => flat.slice(t * n, (t + 1) * n))];
  });
  return Object.fromEntries(all) as Trace<Names>;
}
