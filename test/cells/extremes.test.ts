/**
 * Inputs up to 5,000: whatever a gate adds up to, nothing is lost to an exponential that is no f32, to 0 / 0 or to
 * 0 * infinity, forward or on the way back.
 */
import { describe, expect, test } from "vitest";
import { cells, sLstm } from "../../src/cells/index.ts";
import { interpret } from "../../src/engines/reference/interpret.ts";
import { type Cell, cell } from "../../src/graph/cell.ts";
import { initialize } from "../../src/nn/initializers.ts";
import { recurrent } from "../../src/nn/layers.ts";
import { sequential } from "../../src/nn/model.ts";
import { createRandom } from "../../src/nn/random.ts";
import { predict } from "../../src/train/predict.ts";
import { loadTraining, results } from "../helpers/engines.ts";
import { relativeError, trainingGraph } from "../helpers/networks.ts";

const sizes = { units: 5, input: 4, steps: 8, batch: 2 };
type Random = ReturnType<typeof createRandom>;
type Draw = (random: Random, scale: number) => number;

/** Where inputs lie: anywhere, at the ends, at one end; some are 0. */
const inputs: Readonly<Record<string, Draw>> = {
  "up to": (random, scale) => scale * (2 * random.uniform() - 1),
  "0 or plus or minus": (random, scale) => scale * (random.integer(3) - 1),
  "always minus": (_, scale) => -scale,
};
/** What parameters are: the cell's own first values, or normal numbers; biases as large as the inputs. */
const weights: Readonly<Record<string, Draw | undefined>> = {
  "first values": undefined,
  "random weights": (random) => 0.5 * random.normal(),
  "random weights, large biases": (random, scale) => scale * (2 * random.uniform() - 1),
};

/** The wasm engine's differences from the reference, as shares of what they are made of; and what is no number. */
async function compare(made: Cell, scale: number, seed: number, input: Draw, weight?: Draw) {
  const graph = trainingGraph(made, sizes);
  const random = createRandom(seed);
  const draw = (count: number, from: Draw) =>
    Float64Array.from({ length: count }, () => Math.fround(from(random, scale)));
  const rows = sizes.steps * sizes.batch;
  const parameters = Object.fromEntries(
    graph.parameters.map((parameter) => {
      const count = parameter.shape.reduce((a, b) => a * b);
      const from = /^cell\.[bd]/.test(parameter.name) ? weight : weight && weights["random weights"];
      return [parameter.name, from ? draw(count, from) : Float64Array.from(initialize(parameter, random))];
    }),
  );
  const given = { x: draw(rows * sizes.input, input), r: draw(rows * sizes.units, () => random.normal()) };
  const values = { inputs: given, parameters, states: {}, settings: {}, keys: [1, 2] as const };
  const wanted = interpret(graph, { ...sizes, ...values });
  const program = await loadTraining(graph, sizes, values);
  await program.run();

  const output = wanted.value(graph.outputs.output as number);
  const largest = Math.max(1, ...output.map(Math.abs));
  const notFinite: string[] = [];
  let worst = { error: 0, where: "" };
  for (const [where, got] of Object.entries(results(program))) {
    const [, kind, name] = /^(total |state |gradient of )?(.*)$/.exec(where) as unknown as [string, string?, string?];
    if (kind === "total " || where === "loss") continue;
    const reference =
      kind === "state "
        ? wanted.states[name as string]
        : kind === "gradient of "
          ? (wanted.gradients[name as string] ?? new Float64Array(got.length))
          : output;
    if (!got.every(Number.isFinite)) notFinite.push(`wasm ${where}`);
    if (!reference?.every(Number.isFinite)) notFinite.push(`reference ${where}`);
    // A gradient adds up products of an input and an adjoint, which is as large as an output where it is large.
    const floor = kind === "gradient of " ? Math.max(1, scale) * largest : 1;
    const error = relativeError(got, reference as Float64Array, floor);
    if (!(error <= worst.error)) worst = { error, where };
  }
  return { ...worst, notFinite };
}

/** Gates that gate what other gates read pass errors on, each times its slope. */
const bounds: Readonly<Record<string, number>> = { "mogrifier-lstm": 2e-2 };
describe.each(Object.entries(cells))("%s: finite, and wasm as the reference", (name, made) => {
  test.each([1, 50, 500, 5000])("inputs of %i", async (scale) => {
    let seed = 0;
    for (const [where, input] of Object.entries(inputs)) {
      for (const [what, weight] of Object.entries(weights)) {
        const { error, where: of, notFinite } = await compare(made, scale, ++seed, input, weight);
        const place = `${where} ${scale}, ${what}, seed ${seed}`;
        expect(notFinite, place).toEqual([]);
        expect(error, `${of}: ${place}`).toBeLessThan(bounds[name] ?? 5e-3);
      }
    }
  });
});

/** Each function of the language, and what divides by a sum of them. */
const functions: Readonly<Record<string, string>> = {
  sigmoid: "g = sigmoid(v)",
  hard_sigmoid: "g = hard_sigmoid(v)",
  tanh: "g = tanh(v)",
  relu: "g = relu(v)",
  softplus: "g = softplus(v) - softplus(-v)",
  exp: "g = exp(-abs(v))",
  log: "g = log(abs(v) + 1)",
  sqrt: "g = sqrt(abs(v))",
  "sqrt of a square": "g = sqrt(v * v)",
  "the length of a vector": "g = v * sqrt(sum(v * v))",
  "a vector of length 1": "g = v / (sqrt(sum(v * v)) + 0.01)",
  step: "g = v * step(v)",
  softmax: "g = softmax(v)",
  "softmax, of each unit over time": `
    w  = m - 0.1 - 1e30 * (1 - step(n))
    m' = max(w, v)
    n' = n * exp(w - m') + exp(v - m')
    g  = exp(v - m') / n'
  `,
  "min, max and mean": "g = min(v, mean(v)) + max(v, min(v) + max(v))",
};
const around = (equations: string): Cell => cell(`v = W @ x + U @ h\n${equations}\nh' = tanh(g)\ny = g + h'`);
describe.each(Object.entries(functions))("%s: finite, and wasm as the reference", (_, equations) => {
  test.each([1, 50, 500, 5000])("inputs of %i", async (scale) => {
    const made = around(equations);
    for (const [where, input] of [...Object.entries(inputs), ["0", () => 0] as const]) {
      for (let seed = 1; seed <= 2; seed++) {
        const { error, where: of, notFinite } = await compare(made, scale, seed, input, weights["random weights"]);
        expect(notFinite, `${where} ${scale}, seed ${seed}`).toEqual([]);
        expect(error, `${of}: ${where} ${scale}, seed ${seed}`).toBeLessThan(5e-3);
      }
    }
  });
});

test("slstm: 20 models predict numbers for inputs around 500", async () => {
  for (let seed = 0; seed < 20; seed++) {
    const model = sequential([recurrent(sLstm, { units: 8 })], { input: 3, seed });
    const random = createRandom(seed);
    const x = Array.from({ length: 4 }, () =>
      Array.from({ length: 10 }, () => Array.from({ length: 3 }, () => 500 + 50 * random.normal())),
    );
    const { data } = await predict(model, x);
    expect(data).toHaveLength(32);
    expect(data.every(Number.isFinite), `seed ${seed}`).toBe(true);
  }
});
