import { readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, expectTypeOf, test } from "vitest";
import { about, cells, lstm } from "../../src/cells/index.ts";
import { readModel, writeModel } from "../../src/formats/model-file.ts";
import { addCell, type Cell } from "../../src/graph/cell.ts";
import { createBuilder } from "../../src/graph/graph.ts";
import { texOf } from "../../src/graph/tex.ts";
import { dense, recurrent } from "../../src/nn/layers.ts";
import { sequential } from "../../src/nn/model.ts";

const all = Object.entries(cells);

test("every cell is there by its file's name, and nothing else is", () => {
  const files = readdirSync(join(import.meta.dirname, "../../src/cells")).map((file) => file.replace(/\.ts$/, ""));
  expect(Object.keys(cells).sort()).toEqual(files.filter((file) => file !== "index").sort());
});

test("every cell has its year and its difference in a line of at most 72 letters, another one each", () => {
  expect(Object.keys(about)).toEqual(Object.keys(cells));
  const said = Object.values(about).map(({ differs }) => differs);
  expect(new Set(said).size).toBe(said.length);
  for (const one of said) expect(one.length, one).toBeLessThanOrEqual(72);
  for (const { year = 1958 } of Object.values(about)) expect(1958 <= year && year <= 2025).toBe(true);
});

test.each(all)("%s: every line has a description", (_, { names, descriptions }) => {
  for (const name of names) expect(descriptions[name]).toBeTruthy();
});

test.each(all)("%s: a line of TeX an equation", (_, cell) => {
  expect(texOf(cell).split("\n")).toHaveLength(cell.names.length + 2);
});

type Facts = {
  /** Numbers of parameters of the source's equations, for D inputs and H units. */
  readonly count: (D: number, H: number) => number;
  readonly states: string;
  readonly output?: string;
  /** Numbers of the states that have not one a unit. */
  readonly sizes?: (D: number, H: number) => Readonly<Record<string, number>>;
};
/** Four gates, or `gates` of them, that read input and state; and what peepholes add. */
const gated = (D: number, H: number, gates = 4): number => gates * H * (D + H + 1);
const facts: Readonly<Record<string, Facts>> = {
  perceptron: { count: (D, H) => H * (D + 1), states: "", output: "y" },
  dense: { count: (D, H) => H * (D + 1), states: "", output: "y" },
  "simple-rnn": { count: (D, H) => gated(D, H, 1), states: "h" },
  irnn: { count: (D, H) => gated(D, H, 1), states: "h" },
  indrnn: { count: (D, H) => H * D + 2 * H, states: "h" },
  lstm: { count: gated, states: "c h" },
  "peephole-lstm": { count: (D, H) => gated(D, H) + 3 * H, states: "c y", output: "y'" },
  "lstm-nig": { count: (D, H) => gated(D, H, 3) + 2 * H, states: "c y", output: "y'" },
  "lstm-nfg": { count: (D, H) => gated(D, H, 3) + 2 * H, states: "c y", output: "y'" },
  "lstm-nog": { count: (D, H) => gated(D, H, 3) + 2 * H, states: "c y", output: "y'" },
  "lstm-niaf": { count: (D, H) => gated(D, H) + 3 * H, states: "c y", output: "y'" },
  "lstm-noaf": { count: (D, H) => gated(D, H) + 3 * H, states: "c y", output: "y'" },
  "lstm-cifg": { count: (D, H) => gated(D, H, 3) + 2 * H, states: "c y", output: "y'" },
  "lstm-np": { count: gated, states: "c y", output: "y'" },
  "lstm-fgr": { count: (D, H) => gated(D, H) + 3 * H + 9 * H * H, states: "i f c o y", output: "y'" },
  // C = 2 H cells: 4 C (D + H + 1) for the gates, 3 C peepholes, H C for the projection.
  "projection-lstm": {
    count: (D, H) => 8 * H * (D + H + 1) + 6 * H + 2 * H * H,
    ...{ states: "c r", output: "r'", sizes: (_, H) => ({ c: 2 * H }) },
  },
  // One bias a gate, two gains a gate; gain and bias of the cell state.
  "layer-norm-lstm": { count: (D, H) => gated(D, H) + 8 * H + 2 * H, states: "c h" },
  "multiplicative-lstm": { count: (D, H) => gated(D, H) + H * (D + H), states: "c h" },
  "mogrifier-lstm": { count: (D, H) => gated(D, H) + 5 * D * H, states: "c h" },
  janet: { count: (D, H) => gated(D, H, 2), states: "h" },
  slstm: { count: gated, states: "m c n h" },
  // Query, key, value and output gate; and two gates of one number.
  mlstm: {
    count: (D, H) => (4 * H + 2) * (D + 1),
    ...{ states: "m C n", output: "y", sizes: (_, H) => ({ m: 1, C: H * H }) },
  },
  gru: { count: (D, H) => gated(D, H, 3), states: "h" },
  "gru-reset-after": { count: (D, H) => gated(D, H, 3) + 3 * H, states: "h" },
  // D is H in the papers of the next two: H D for the input's projection, then four and five matrices.
  mut1: { count: (D, H) => H * D + 4 * H * H + 3 * H, states: "h" },
  mut2: { count: (D, H) => H * D + 5 * H * H + 3 * H, states: "h" },
  mut3: { count: (D, H) => gated(D, H, 3), states: "h" },
  mgu: { count: (D, H) => gated(D, H, 2), states: "h" },
  ugrnn: { count: (D, H) => gated(D, H, 2), states: "h" },
  qrnn: { count: (D, H) => 3 * H * (2 * D + 1), states: "p c", output: "y", sizes: (D) => ({ p: D }) },
  // Three matrices, two peepholes and two biases; and the highway's projection.
  sru: { count: (D, H) => 3 * H * D + 4 * H + H * D, states: "c", output: "y" },
  "min-gru": { count: (D, H) => 2 * H * (D + 1), states: "h" },
  "min-lstm": { count: (D, H) => 3 * H * (D + 1), states: "h" },
  // The linear layer before, then two gates and the decay; k tells the first step from the others.
  "rg-lru": { count: (D, H) => H * D + 2 * H * (H + 1) + H, states: "k h" },
  // Into 4 H, from there to candidate and output; what is left of the state, and what is taken of the candidate.
  rru: { count: (D, H) => 4 * H * (D + H + 1) + 2 * H * (4 * H + 1) + 2 * H, states: "h", output: "y" },
};
test.each(all)("%s: parameters, states and output are those of its source", (name, made) => {
  const wanted = facts[name] as Facts;
  expect([made.states.join(" "), made.output]).toEqual([wanted.states, wanted.output ?? "h'"]);
  for (const [D, H] of [
    [5, 7],
    [7, 1],
    [1, 16],
  ] as const) {
    const builder = createBuilder();
    const { output } = addCell(builder, made, { layer: name, units: H, inputs: { x: builder.input("x", D) } });
    const graph = builder.graph({ output });
    const count = graph.parameters.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b), 0);
    expect(count, `${D} inputs, ${H} units`).toBe(wanted.count(D, H));
    expect(builder.shapeOf(output)).toBe(H);
    expect(graph.states.map((state) => state.name)).toEqual(made.states.map((state) => `${name}.${state}`));
    for (const { name: state, size } of graph.states) {
      const short = state.slice(name.length + 1);
      expect(size, state).toBe(wanted.sizes?.(D, H)[short] ?? H);
    }
  }
});

test.each(all)("%s: a model's file gives it back", (name, cell) => {
  const model = sequential([recurrent(cell, { units: 5, returnSequences: true }), dense(3)], { input: 4, seed: 2 });
  const read = readModel(writeModel({ model, extra: {} }), name).model;
  expect(read.values).toEqual(model.values);
  expect(read.parameters).toEqual(model.parameters);
  const [layer] = read.layers;
  expect(layer?.kind === "cell" && layer.cell).toMatchObject({ source: cell.source, states: cell.states });
});

const startsOf = ({ parameters }: Cell): Record<string, string> =>
  Object.fromEntries(parameters.map((p) => [p.name, [p.initializer.name, ...p.initializer.values].join(" ")]));

test("lstm: starts as in Keras, with unit_forget_bias", () => {
  const wanted = { W_f: "glorot_uniform", U_f: "orthogonal 1", b_f: "ones", b_i: "zeros", b_g: "zeros" };
  expect(startsOf(lstm)).toMatchObject(wanted);
  expect(lstm).toMatchObject({ states: ["c", "h"], output: "h'" });
  expectTypeOf(lstm.names).toEqualTypeOf<readonly ("f" | "i" | "g" | "o" | "c" | "h")[]>();
});

test("starts that are not Keras's, by cell", () => {
  const unusual = /^(?!glorot_uniform|orthogonal|zeros)/;
  const found = Object.fromEntries(
    all.flatMap(([name, cell]) => {
      const starts = Object.entries(startsOf(cell)).filter(([p, start]) => p !== "b_f" && unusual.test(start));
      return starts.length === 0 ? [] : [[name, starts.map((start) => start.join(" ~ ")).join(", ")]];
    }),
  );
  expect(found).toMatchInlineSnapshot(`
    {
      "indrnn": "u ~ random_uniform 0 1",
      "irnn": "W ~ random_normal 0 0.001, U ~ identity 1",
      "layer-norm-lstm": "a1_f ~ ones, a2_f ~ ones, a1_i ~ ones, a2_i ~ ones, a1_o ~ ones, a2_o ~ ones, a1_g ~ ones, a2_g ~ ones, a3 ~ ones",
      "lstm-cifg": "b_i ~ constant -1",
      "mlstm": "W_q ~ lecun_normal 0.4, W_k ~ lecun_normal 0.4, W_v ~ lecun_normal 0.4, W_o ~ lecun_normal 0.4, b_i ~ random_normal 0 0.1",
      "mogrifier-lstm": "Q1 ~ lecun_normal 1, R2 ~ lecun_normal 1, Q3 ~ lecun_normal 1, R4 ~ lecun_normal 1, Q5 ~ lecun_normal 1, W_fx ~ lecun_normal 1, W_fh ~ lecun_normal 1, W_ix ~ lecun_normal 1, W_ih ~ lecun_normal 1, W_jx ~ lecun_normal 1, W_jh ~ lecun_normal 1, W_ox ~ lecun_normal 1, W_oh ~ lecun_normal 1",
      "qrnn": "V_z ~ lecun_uniform 0.16666667, W_z ~ lecun_uniform 0.16666667, V_f ~ lecun_uniform 0.16666667, W_f ~ lecun_uniform 0.16666667, V_o ~ lecun_uniform 0.16666667, W_o ~ lecun_uniform 0.16666667",
      "rg-lru": "W ~ lecun_normal 1, W_a ~ lecun_normal 1, W_x ~ lecun_normal 1, Λ ~ decay_uniform 0.9 0.999 8",
      "rru": "s ~ constant 0.5465",
      "slstm": "W_z ~ lecun_normal 0.4, W_o ~ lecun_normal 0.4, W_i ~ lecun_normal 0.4, W_f ~ lecun_normal 0.4",
      "sru": "W_f ~ lecun_uniform 0.5, v_f ~ random_uniform -1.2247449 1.2247449, W_r ~ lecun_uniform 0.5, v_r ~ random_uniform -1.2247449 1.2247449, W ~ lecun_uniform 1, W_x ~ lecun_uniform 3",
      "ugrnn": "b_g ~ ones",
    }
  `);
});
