import { describe, expect, test } from "vitest";
import * as cells from "../../src/cells/index.ts";
import { interpret } from "../../src/engines/reference/interpret.ts";
import { grad } from "../../src/grad/grad.ts";
import { type Cell, cell } from "../../src/graph/cell.ts";
import {
  add,
  average,
  bidirectional,
  concatenate,
  dense,
  dropout,
  embedding,
  gru,
  input,
  type LayerSpec,
  lstm,
  masking,
  multiply,
  recurrent,
  repeatVector,
  timeDistributed,
} from "../../src/nn/layers.ts";
import { type Model, sequential } from "../../src/nn/model.ts";
import { modelGraph } from "../../src/nn/model-graph.ts";
import { lossGraph } from "../../src/train/loss-graph.ts";
import { createTrainer } from "../../src/train/trainer.ts";
import { randomValues, relativeError, type Values } from "../helpers/networks.ts";
import { expectRightGradients } from "../helpers/right-gradients.ts";

const sequences = { returnSequences: true };
const [steps, batch] = [4, 3];
const encoderDecoder = (options: object = {}): LayerSpec[] => [
  input("tokens", { name: "question" }),
  embedding(7, 4, { maskZero: true }),
  lstm(5, { name: "encoder" }),
  input("tokens", { name: "answer" }),
  embedding(6, 3),
  lstm(5, { ...sequences, initialState: { from: "encoder" }, ...options }),
  dense(6),
];

const withContext = cell("h' = tanh(W @ x + U @ h + V @ c + Q @ q + b)", { inputs: ["x", "c", "q"] });
const gatedBy = cell("y = sigmoid(G @ c) * (W @ x)\ny : units", { inputs: ["x", "c"] });

/** Outputs of the reference, in f64. */
function outputs(model: Model, values: Partial<Values>): Float64Array {
  const { graph, output } = modelGraph(model, { training: false });
  const drawn = randomValues(graph, steps, batch, 3);
  const { parameters } = { parameters: model.values };
  return interpret(graph, { steps, batch, ...drawn, parameters, states: {}, ...values } as never).value(output);
}

describe("gradients against central differences 1e-6, wasm against the reference 1e-4, in training", () => {
  test.each<[string, LayerSpec[], number?]>([
    ["an encoder hands its states to a decoder", encoderDecoder()],
    [
      "the states of both directions, side by side",
      [
        bidirectional(lstm(2, sequences), { name: "encoder" }),
        lstm(4, { ...sequences, initialState: { from: "encoder" } }),
        dense(3),
      ],
      3,
    ],
    [
      "a vector as the state to start from",
      [
        input(3, { name: "image", sequence: false }),
        dense(5, { activation: "tanh", name: "start" }),
        input(2, { name: "words" }),
        gru(5, { ...sequences, initialState: { from: "start" } }),
      ],
    ],
    ["a vector at every step", [gru(4), repeatVector(steps), lstm(3, sequences), dense(2)], 3],
    ["vector to sequence", [input(3, { sequence: false }), repeatVector(steps), gru(4, sequences)]],
    ["learned states", [lstm(4, { ...sequences, initialState: "learned" }), gru(3, { initialState: "learned" })], 3],
    [
      "learned states, backwards",
      [bidirectional(gru(3, { ...sequences, initialState: "learned", goBackwards: false })), dense(2)],
      2,
    ],
    ["tied", [embedding(6, 4), lstm(4, sequences), dense(6, { tied: "embedding" })]],
    [
      "tied, with a mask and a table of one column more than a vector holds",
      [embedding(6, 5, { maskZero: true }), lstm(5, sequences), dense(6, { tied: "embedding" })],
    ],
    ["zoneout", [lstm(4, { ...sequences, zoneout: { c: 0.5, h: 0.1 } }), gru(3, { zoneout: 0.3 })], 3],
    [
      "dropout where equations say so: a vector and a matrix",
      [
        recurrent(
          cell("C' = 0.5 * C + dropout(outer(W_v @ x, W_k @ x))\ny = dropout(C' @ (W_q @ x)) + 0.1 * (V @ x)"),
          {
            ...{ units: 3, ...sequences, recurrentDropout: 0.4 },
          },
        ),
        recurrent(cells.rru, { units: 2, recurrentDropout: 0.5 }),
      ],
      3,
    ],
    ["locked dropout", [dropout(0.4, { locked: true }), gru(3, sequences), dropout(0.2, { locked: true })], 5],
    [
      "merged",
      [
        gru(4, { ...sequences, name: "a" }),
        lstm(4, { ...sequences, name: "b" }),
        add(["a", "b"], { name: "sum" }),
        multiply(["a", "sum"], { name: "product" }),
        average(["a", "b", "product"]),
        concatenate(["average", "b"]),
        dense(2),
      ],
      3,
    ],
    [
      "two directions apart",
      [
        bidirectional(lstm(3, sequences), { mergeMode: "none", name: "both" }),
        gru(2, { ...sequences, reads: "both.backward", name: "one" }),
        concatenate(["both.forward", "one"]),
      ],
      3,
    ],
    ["a given mask", [input(3, { mask: true }), lstm(4, sequences), gru(2, sequences)]],
    [
      "masked steps of both directions, and of a last output",
      [input(3, { mask: true }), bidirectional(gru(2, sequences)), lstm(3, { zeroOutputForMask: true })],
    ],
    [
      "a state that is there to be handed on",
      [
        recurrent(cell("h' = tanh(W @ x + U @ h)\nk' = V @ h' + 0.5 * k"), { units: 3, name: "encoder" }),
        recurrent(cell("k' = tanh(W @ x + U @ k)\nh' = h * k'"), {
          reads: "x",
          units: 3,
          initialState: { from: "encoder" },
        }),
      ],
      2,
    ],
    [
      "parameters that are read at every step and once: a vector, a function of one, a matrix",
      [
        recurrent(cell("h' = tanh(W @ x + U @ h + exp(b))"), { ...sequences, units: 3, name: "encoder" }),
        recurrent(cell("h' = 0.5 * h + x"), { units: 3, name: "last" }),
        recurrent(cell("y = tanh(U @ x) * exp(b) + b"), {
          units: 3,
          shared: { U: "encoder.U", b: "encoder.b" },
        }),
      ],
      2,
    ],
    [
      "a cell with further inputs: a vector of the example, masked steps of another layer, both directions",
      [
        input(3, { name: "image", sequence: false }),
        dense(2, { name: "context", activation: "tanh" }),
        input(2, { name: "words", mask: true }),
        gru(4, { ...sequences, name: "reader" }),
        bidirectional(recurrent(withContext, { ...sequences, units: 3, inputs: { c: "context", q: "reader" } }), {
          reads: "words",
        }),
        recurrent(gatedBy, { units: 3, inputs: { c: "reader" } }),
        lstm(2, { name: "last" }),
        recurrent(gatedBy, { units: 2, inputs: { c: "context" } }),
      ],
    ],
  ])("%s", async (_, layers, features) => {
    const model = sequential(layers, features === undefined ? {} : { input: features });
    const graph = grad(lossGraph(model, { loss: "mean_squared_error", training: true }));
    const values = randomValues(graph, steps, batch, 1);
    await expectRightGradients(graph, values, { steps, batch });
  });
});

test("a decoder starts from the states of its encoder after the encoder's last step that counts", () => {
  const model = sequential(encoderDecoder(), { seed: 4 });
  expect(model.inputs).toEqual([
    { name: "question", features: "tokens", count: 7, sequence: true },
    { name: "answer", features: "tokens", count: 6, sequence: true },
  ]);
  const answer = [1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5, 0];
  // Steps first: each column is one question; padded right, left and not at all they are the same question.
  const same = outputs(model, { inputs: { question: [5, 0, 0, 2, 0, 5, 0, 5, 2, 0, 2, 0], answer } as never });
  const whole = outputs(model, { inputs: { question: [5, 5, 5, 2, 2, 2, 0, 0, 0, 0, 0, 0], answer } as never });
  expect(relativeError(same, whole)).toBeLessThan(1e-12);
  const other = outputs(model, { inputs: { question: [5, 5, 5, 3, 3, 3, 0, 0, 0, 0, 0, 0], answer } as never });
  expect(relativeError(other, whole)).toBeGreaterThan(1e-4);
});

describe("states are handed on by their names", () => {
  const [hThenC, cThenH] = ["h' = tanh(W @ x + c)\nc' = c + h'", "c' = c + tanh(W @ x + c)\nh' = c' - c"].map(
    (source) => cell(source),
  ) as [Cell, Cell];
  /** x is 1 at every step, W 1: the decoder's first step shows what it started from. */
  const run = (layers: LayerSpec[]): Float64Array => {
    const model = sequential(layers, { input: 1 });
    for (const values of Object.values(model.values)) values.fill(1);
    return outputs(model, { inputs: { x: new Float64Array(steps * batch).fill(1) } as never });
  };
  const first = (values: Float64Array): number => values[0] as number;
  test("whatever their order", () => {
    let c = 0;
    for (let t = 0; t < steps; t++) c += Math.tanh(1 + c);
    for (const encoder of [hThenC, cThenH]) {
      for (const decoder of [hThenC, cThenH]) {
        const got = run([
          recurrent(encoder, { units: 1, name: "encoder" }),
          recurrent(decoder, { units: 1, ...sequences, reads: "x", initialState: { from: "encoder" } }),
        ]);
        expect(first(got)).toBeCloseTo(Math.tanh(1 + c), 12);
      }
    }
    expect([hThenC.states, cThenH.states]).toEqual([
      ["h", "c"],
      ["c", "h"],
    ]);
  });
  test("a state that the cell itself does not read, and one that only itself reads, are there to be handed on", () => {
    const encoder = cell("h' = tanh(W @ x)\nc' = c + 2 * x\nk' = 3 * h'");
    expect(encoder.states).toEqual(["h", "c", "k"]);
    const decoder = cell("k' = k\nc' = c\nh' = h + 10 * c + 100 * k + 0 * x");
    const got = run([
      recurrent(encoder, { units: 1, name: "encoder" }),
      recurrent(decoder, { units: 1, ...sequences, reads: "x", initialState: { from: "encoder" } }),
    ]);
    const h = Math.tanh(1);
    expect(first(got)).toBeCloseTo(h + 10 * 2 * steps + 100 * 3 * h, 10);
  });
  test("a state that nothing reads is not started, and the model trains", async () => {
    // Its output does not depend on what `start` makes of the encoder's end.
    const decoder = cell("p' = W @ x\ny = tanh(V @ x)");
    const model = sequential(
      [
        recurrent(hThenC, { units: 1, name: "encoder" }),
        dense(1, { name: "start" }),
        recurrent(decoder, { units: 1, ...sequences, reads: "x", initialState: { from: "start" } }),
      ],
      { input: 1 },
    );
    const trainer = await createTrainer(model, { batch: 2, steps: 3, loss: "meanSquaredError" });
    // Of tanh(V): 0 for x = 0.
    expect(await trainer.update(new Float64Array(6), new Float64Array(6).fill(0.5))).toBe(0.25);
    trainer.dispose();
  });
  test("vectors by the names of their layers; a single one to a single state, whatever its name", () => {
    const start = (name: string, reads: string): LayerSpec => dense(1, { name, reads });
    const layers = (from: string | string[], of: Cell): LayerSpec[] => [
      input(1, { name: "x" }),
      recurrent(cell("h' = x + 0 * h"), { units: 1, name: "last" }),
      start("h", "last"),
      dense(1, { name: "c", reads: "h" }),
      recurrent(of, { units: 1, ...sequences, reads: "x", initialState: { from } }),
    ];
    const run2 = (made: LayerSpec[]): number => {
      const model = sequential(made);
      for (const values of Object.values(model.values)) values.fill(1);
      return first(outputs(model, { inputs: { x: new Float64Array(steps * batch).fill(1) } as never }));
    };
    // h = 1 + 1, c = h + 1.
    for (const from of [
      ["h", "c"],
      ["c", "h"],
    ]) {
      expect(run2(layers(from, cell("h' = h + 10 * c + 0 * x\nc' = c")))).toBe(32);
    }
    expect(run2(layers("c", cell("s' = s + x")))).toBe(4);
  });
  test.each<[string, LayerSpec[], string]>([
    [
      "other names",
      [
        recurrent(cell("s' = tanh(W @ x + s)"), { units: 1, name: "a" }),
        gru(1, { reads: "x", initialState: { from: "a" } }),
      ],
      "gru: initialState needs one vector for each state (h), got s",
    ],
    [
      "more than there are",
      [lstm(1, { name: "a" }), gru(1, { reads: "x", initialState: { from: "a" } })],
      "gru: initialState needs one vector for each state (h), got c, h",
    ],
    [
      "one name twice",
      [
        gru(1, { name: "a" }),
        gru(1, { name: "b", reads: "x" }),
        lstm(1, { reads: "x", initialState: { from: ["a", "b"] } }),
      ],
      "lstm: initialState needs one vector for each state (c, h), got h, h",
    ],
    [
      "a sequence",
      [dense(1, { name: "a" }), gru(1, { reads: "x", initialState: { from: "a" } })],
      "gru: initialState: state h starts from one vector per example, and that layer gives a sequence. Leave its returnSequences out.",
    ],
    [
      "vectors without the names",
      [
        gru(1),
        dense(1, { name: "one" }),
        dense(1, { name: "two" }),
        repeatVector(2),
        lstm(1, { initialState: { from: ["one", "two"] } }),
      ],
      "lstm: initialState needs one vector for each state (c, h), got one, two",
    ],
  ])("%s: refused with both", (_, layers, message) => {
    expect(() => sequential(layers, { input: 1 })).toThrow(message);
  });
});

test("learned states start every sequence, and are parameters", () => {
  const model = sequential([gru(3, { ...sequences, initialState: "learned" })], { input: 2 });
  expect(model.parameters.find(({ name }) => name === "gru.initial_h")?.shape).toEqual([3]);
  const zeros = outputs(model, {});
  (model.values["gru.initial_h"] as Float32Array).set([0.5, -0.5, 0.25]);
  const learned = outputs(model, {});
  // The same as a state that is set from outside.
  const plain = sequential([gru(3, sequences)], { input: 2 });
  for (const { name } of plain.parameters) plain.values[name]?.set(model.values[name] as Float32Array);
  const set = outputs(plain, { states: { "gru.h": [0.5, -0.5, 0.25, 0.5, -0.5, 0.25, 0.5, -0.5, 0.25] } as never });
  expect(relativeError(learned, set)).toBeLessThan(1e-12);
  expect(relativeError(learned, zeros)).toBeGreaterThan(0.01);
});

test("a further input of one vector per example is the same as if it were repeated at every step", () => {
  const layers = (sequence: boolean): LayerSpec[] => [
    input(3, { name: "image", sequence }),
    input(2, { name: "words" }),
    recurrent(cell("h' = tanh(W @ x + U @ h + V @ c + b)", { inputs: ["x", "c"] }), {
      ...{ units: 4, returnSequences: true, inputs: { c: "image" } },
    }),
  ];
  const words = Array.from({ length: steps * batch * 2 }, (_, k) => Math.sin(k));
  const image = Array.from({ length: batch * 3 }, (_, k) => Math.cos(k));
  const once = outputs(sequential(layers(false), { seed: 5 }), { inputs: { words, image } as never });
  const each = Array.from({ length: steps }, () => image).flat();
  expect([...once]).toEqual([
    ...outputs(sequential(layers(true), { seed: 5 }), { inputs: { words, image: each } as never }),
  ]);
});

test("the further inputs of a cell are named, and fit", () => {
  const of = cell("h' = tanh(W @ x + V @ c)\ng' = U @ h' + 0.5 * g", { inputs: ["x", "c"] });
  expect(() => recurrent(of, { units: 2 })).toThrow(
    'recurrent: its cell\'s input c reads no layer. Give inputs: { c: "NAME" }.',
  );
  expect(() => recurrent(of, { units: 2, inputs: { c: "a", d: "b" } })).toThrow(
    "recurrent: inputs: its cell has no further input d; it has c",
  );
  const layers = (options: object, before: LayerSpec[] = []) => [
    input(2, { name: "x" }),
    ...before,
    recurrent(of, { units: 2, reads: "x", ...options }),
  ];
  expect(() => sequential(layers({ inputs: { c: "a" } }))).toThrow('recurrent: reads "a", but no layer before it');
  const back = gru(3, { ...sequences, goBackwards: true, name: "a" });
  expect(() => sequential(layers({ inputs: { c: "a" } }, [back]))).toThrow("input c is a sequence of the opposite");
  expect(() =>
    sequential([
      input(2, { name: "x" }),
      gru(2, { name: "last" }),
      recurrent(gatedBy, { units: 2, inputs: { c: "x" } }),
    ]),
  ).toThrow("recurrent: its input c is a sequence, but it reads one vector per example. Give the sequence as x.");
  expect(() => sequential([input("tokens", { name: "t" }), ...layers({ inputs: { c: "t" } })])).toThrow(
    "recurrent.c: reads tokens; a cell reads vectors. Add an embedding.",
  );
  const sum = recurrent(cell("y = sum(x)"), { units: 1, name: "a" });
  expect(() => sequential(layers({ inputs: { c: "a" } }, [sum]))).toThrow(
    "recurrent.c: reads one number, as sum(x) gives it; a cell reads vectors. Add a vector to it: sum(x) + b.",
  );
});

test("tied weights are one table: rows as vectors, and as the weights of the classes", () => {
  const model = sequential([embedding(6, 4), lstm(4, sequences), dense(6, { tied: "embedding" })]);
  expect(model.parameters.map(({ name }) => name)).not.toContain("dense.W");
  expect(model.parameters.map(({ name }) => name)).toContain("dense.b");
  expect(() => sequential([embedding(6, 4), lstm(5, sequences), dense(6, { tied: "embedding" })])).toThrow(
    "dense.W: shared with embedding.weight: expected the shape (6, 5), got (6, 4).",
  );
  expect(() => sequential([embedding(6, 4), lstm(5, sequences), dense(6, { tied: "table" })])).toThrow(
    "shared with table.weight: expected the shape (6, 5), got no parameter of this name in an earlier layer.",
  );
});

describe("zoneout", () => {
  const one = cell("h' = x + 0 * h");
  test("afterwards a state is the mean of old and new, by rate", () => {
    const model = sequential([recurrent(one, { ...sequences, zoneout: 0.25 })], { input: 1 });
    const x = [1, 2, 3, 1, 2, 3, 5, 6, 7, 0, 0, 0];
    // h after each step: 0.75 x + 0.25 h.
    expect([...outputs(model, { inputs: { x } as never })]).toEqual(
      [0, 1, 2, 3].flatMap((t) =>
        [0, 1, 2].map((b) => {
          let h = 0;
          for (let s = 0; s <= t; s++) h = 0.75 * (x[3 * s + b] as number) + 0.25 * h;
          return h;
        }),
      ),
    );
  });
  test("in training a number stays as it was with that probability, or is new: never anything between", () => {
    const model = sequential([recurrent(one, { ...sequences, zoneout: 0.25 })], { input: 40 });
    const { graph, output } = modelGraph(model, { training: true });
    const x = Float64Array.from({ length: 100 * 40 }, (_, k) => 1 + Math.floor(k / 40));
    const h = interpret(graph, { steps: 100, batch: 1, inputs: { x }, keys: [1, 2] }).value(output);
    let kept = 0;
    h.forEach((value, k) => {
      const before = k < 40 ? 0 : (h[k - 40] as number);
      if (value === before) kept++;
      else expect(value).toBe(x[k]);
    });
    expect(kept / h.length).toBeGreaterThan(0.22);
    expect(kept / h.length).toBeLessThan(0.28);
  });
});

describe("dropout in equations", () => {
  const twice = cell("h' = dropout(x) + 0 * h\ny = [h', dropout(h')]");
  const model = sequential([recurrent(twice, { ...sequences, recurrentDropout: 0.25 })], { input: 40 });
  const x = new Float64Array(100 * 40).fill(3);
  const run = (training: boolean) => {
    const { graph, output } = modelGraph(model, { training });
    return interpret(graph, { steps: 100, batch: 1, inputs: { x }, keys: [1, 2] }).value(output);
  };
  test("leaves in training that share of numbers out at each step, each call others, and makes the others larger", () => {
    const y = run(true);
    const [first, second] = [0, 40].map((from) => y.filter((_, k) => k % 80 >= from && k % 80 < from + 40));
    for (const value of first as Float64Array) expect([0, 4]).toContain(value);
    const share = (values: Float64Array) => values.filter((value) => value === 0).length / values.length;
    expect(share(first as Float64Array)).toBeCloseTo(0.25, 1);
    // Left out by either of the two.
    expect(share(second as Float64Array)).toBeCloseTo(1 - 0.75 ** 2, 1);
    const ofStep = (t: number) => first?.slice(40 * t, 40 * t + 40);
    expect(ofStep(1)).not.toEqual(ofStep(0));
  });
  test("is what stands in it outside training", () => {
    expect(new Set(run(false))).toEqual(new Set([3]));
  });
  test("takes the place of that of the state that the cell reads", () => {
    const counts = cell("h' = h + 1 + 0 * dropout(x)");
    const counter = sequential([recurrent(counts, { recurrentDropout: 0.5 })], { input: 5 });
    const { graph, output } = modelGraph(counter, { training: true });
    const h = interpret(graph, { steps: 9, batch: 1, inputs: { x: new Float64Array(45) }, keys: [1, 2] }).value(output);
    expect([...h]).toEqual([9, 9, 9, 9, 9]);
  });
});

test("a locked dropout keeps the same features at every step", () => {
  const model = sequential([dropout(0.5, { locked: true }), dense(1)], { input: 8 });
  const graph = lossGraph(model, { loss: "mean_squared_error", training: true });
  const node = graph.nodes.findIndex(({ op }) => op === "mask");
  const values = randomValues(graph, 6, 2, 1);
  const mask = interpret(graph, { steps: 6, batch: 2, ...values }).value(node);
  for (let t = 1; t < 6; t++) expect(mask.slice(16 * t, 16 * t + 16)).toEqual(mask.slice(0, 16));
  expect(new Set(mask)).toEqual(new Set([0, 2]));
});

test("a given mask counts the steps that it says", () => {
  const model = sequential([input(2, { name: "x", mask: true }), gru(3)]);
  expect(model.inputs.map(({ name }) => name)).toEqual(["x", "x.mask"]);
  const x = Float64Array.from({ length: 24 }, (_, k) => Math.sin(k));
  const cut = x.slice();
  for (const row of [6, 9, 10]) cut.fill(100, 2 * row, 2 * row + 2);
  const mask = [1, 1, 1, 1, 1, 1, 0, 1, 1, 0, 0, 1];
  const run = (numbers: Float64Array) => outputs(model, { inputs: { x: numbers, "x.mask": mask } as never });
  expect(run(cut)).toEqual(run(x));
});

test("timeDistributed gives the layer back; a recurrent one is refused", () => {
  const layer = dense(3);
  expect(timeDistributed(layer)).toBe(layer);
  expect(() => timeDistributed(lstm(3))).toThrow("timeDistributed: needs a layer that reads one vector at a time");
});

test.each<[string, LayerSpec[], string]>([
  [
    "a name that is none",
    [gru(3, { reads: "encoder" })],
    'gru: reads "encoder", but no layer before it has that name. There are x.',
  ],
  [
    "states that do not fit",
    [gru(3, { ...sequences, name: "a" }), lstm(3, { initialState: { from: "a" } })],
    "lstm: initialState needs one vector for each state (c, h), got h",
  ],
  [
    "states of another size",
    [gru(4, { ...sequences, name: "a" }), gru(3, { initialState: { from: "a" } })],
    "gru: initialState: state h has 3 features, got 4",
  ],
  ["two sequences", [bidirectional(gru(3, sequences), { mergeMode: "none" }), dense(2)], 'reads: "NAME.forward"'],
  [
    "two sequences at the end",
    [bidirectional(gru(3), { mergeMode: "none" })],
    "gives two sequences. Merge them in a later layer.",
  ],
  ["a repeated sequence", [gru(3, sequences), repeatVector(4)], "repeat_vector: needs one vector per example"],
  ["two numbers of steps", [gru(3), repeatVector(4), gru(3), repeatVector(5)], "one number of steps, got 4 and 5"],
  [
    "a sequence and a vector",
    [gru(3, { ...sequences, name: "a" }), gru(3, { name: "b" }), add(["a", "b"])],
    "add: merges a sequence with one vector per example",
  ],
  [
    "opposite directions",
    [
      gru(3, { ...sequences, name: "a" }),
      gru(3, { ...sequences, goBackwards: true, reads: "x", name: "b" }),
      add(["a", "b"]),
    ],
    "add: merges sequences of opposite directions",
  ],
  ["masking inside", [gru(3, sequences), masking()], "masking: masking reads an input of the model"],
])("mistakes are one line: %s", (_, layers, message) => {
  expect(() => sequential(layers, { input: 2 })).toThrow(message);
});
test.each<[string, () => unknown, string]>([
  ["zoneout of a state that is none", () => gru(3, { zoneout: { c: 0.1 } }), "gru: zoneout: its cell has no state c"],
  ["a rate", () => gru(3, { dropConnect: 1 }), "gru: dropConnect must be a number in [0, 1), got 1"],
  [
    "two ways at once",
    () => gru(3, { stateful: true, initialState: "learned" }),
    "gru: stateful and initialState exclude each other",
  ],
  [
    "an option that is none",
    () => gru(3, { returnSequence: true } as object),
    'gru: unknown option "returnSequence". Did you mean returnSequences?',
  ],
  [
    "a state that is none",
    () => gru(3, { initialState: "ones" as "zeros" }),
    'gru: initialState must be "zeros", "learned"',
  ],
  ["an embedding of vectors", () => sequential([input(3), embedding(3, 4)]), "an embedding reads tokens"],
])("mistakes are one line: %s", (_, make, message) => {
  expect(make).toThrow(message);
});

test("what reads says to a layer holds in both directions, and is said once", () => {
  const model = sequential([
    input(3, { name: "x" }),
    dense(5, { name: "other" }),
    bidirectional(gru(2, { ...sequences, reads: "x" }), { name: "both" }),
  ]);
  expect(model.layers.at(-1)?.reads).toBe("x");
  expect(model.values["both.forward.W_z"]).toHaveLength(2 * 3);
  expect(() => bidirectional(gru(2, { reads: "x" }), { reads: "y" })).toThrow(
    "bidirectional: reads y, and one of its layers x. Give reads once.",
  );
  expect(() => bidirectional(gru(2), { backward: gru(2, { reads: "x" }), reads: "y" })).toThrow("one of its layers x");
});
