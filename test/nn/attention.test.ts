/** Attention over the steps of another layer: against numbers computed here, with padding, on every engine, for any cell. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { cells } from "../../src/cells/index.ts";
import { readModel, writeModel } from "../../src/formats/model-file.ts";
import { grad } from "../../src/grad/grad.ts";
import { type Cell, cell } from "../../src/graph/cell.ts";
import { texOf } from "../../src/graph/tex.ts";
import {
  additiveAttention,
  attending,
  attention,
  dense,
  dropout,
  globalAveragePooling1d,
  gru,
  input,
  type LayerSpec,
  lstm,
  masking,
  recurrent,
  simpleRnn,
} from "../../src/nn/layers.ts";
import { type Model, sequential } from "../../src/nn/model.ts";
import { createRandom } from "../../src/nn/random.ts";
import { counting } from "../../src/nn/sequence-cells.ts";
import { createSession } from "../../src/nn/session.ts";
import { layerSummaries } from "../../src/nn/summary.ts";
import { fit } from "../../src/train/fit.ts";
import { lossGraph } from "../../src/train/loss-graph.ts";
import { adam } from "../../src/train/optimizers.ts";
import { predict } from "../../src/train/predict.ts";
import { cases } from "../helpers/cases.ts";
import { expectClose } from "../helpers/models.ts";
import { enginesAndThreads } from "../helpers/native.ts";
import { randomValues } from "../helpers/networks.ts";
import { normalRows, type Rows, simpleRnnSteps, times } from "../helpers/recurrences.ts";
import { expectRightGradients } from "../helpers/right-gradients.ts";

const random = createRandom(11);
const rows = normalRows.bind(undefined, random);
const sequences = { returnSequences: true } as const;

/** The values in the shares of the softmax of the scores. */
function read(scores: readonly number[], values: Rows): number[] {
  const largest = Math.max(...scores);
  const powers = scores.map((one) => Math.exp(one - largest));
  const all = powers.reduce((sum, one) => sum + one, 0);
  return (values[0] as readonly number[]).map((_, j) =>
    values.reduce((sum, row, k) => sum + ((powers[k] as number) / all) * (row[j] as number), 0),
  );
}
const dot = (a: readonly number[], b: readonly number[]): number =>
  a.reduce((sum, one, k) => sum + one * (b[k] as number), 0);

/** A question that is read, and an answer at whose steps all of it is looked at. */
const looking = (last: LayerSpec): LayerSpec[] => [
  input(2, { name: "question", time: "asked" }),
  masking({ maskValue: -9, name: "there" }),
  simpleRnn(4, { name: "encoder", ...sequences }),
  dense(5, { name: "keys" }),
  input(3, { name: "answer", time: "said" }),
  masking({ maskValue: -9 }),
  simpleRnn(5, { name: "decoder", ...sequences }),
  last,
];
function wantedOf(
  { values }: Model,
  question: Rows,
  answer: Rows,
  score: (query: Rows[number], key: Rows[number]) => number,
): Rows {
  const encoded = simpleRnnSteps(values, "encoder", question).after;
  const keys = encoded.map((one) => times(values["keys.W"] as Float32Array, one));
  const asked = simpleRnnSteps(values, "decoder", answer).after;
  return asked.map((query) =>
    read(
      keys.map((key) => score(query, key)),
      encoded,
    ),
  );
}
const lengths = [
  [4, 3],
  [1, 5],
  [6, 1],
  [3, 2],
  [2, 4],
] as const;
const question = lengths.map(([asked]) => rows(asked, 2));
const answer = lengths.map(([, said]) => rows(said, 3));

describe.each(enginesAndThreads)("engine $engine, $threads threads: of sequences of other lengths, padded", (host) => {
  test.each([
    ["products", attention("encoder", { key: "keys", name: "look" }), () => dot],
    [
      "products, scaled",
      attention("encoder", { key: "keys", name: "look", useScale: true }),
      ({ values }: Model) =>
        (q: Rows[number], k: Rows[number]) =>
          (values["look.scale"]?.[0] as number) * dot(q, k),
    ],
    [
      "sums",
      additiveAttention("encoder", { key: "keys", name: "look" }),
      ({ values }: Model) =>
        (q: Rows[number], k: Rows[number]) =>
          dot(
            q.map((one, j) => Math.tanh(one + (k[j] as number))),
            Array.from(values["look.scale"] as Float32Array),
          ),
    ],
  ] as const)("scores that are %s", async (_, last, score) => {
    const model = sequential(looking(last), { seed: 3 });
    const wanted = question.map((one, n) => wantedOf(model, one, answer[n] as Rows, score(model)));
    for (const pad of ["post", "pre"] as const) {
      const { data, shape } = await predict(model, { question, answer }, { ...host, pad, batchSize: 3 });
      expect(shape).toEqual([5, 5, 4]);
      const none = (length: number): number[] => new Array<number>(4 * (5 - length)).fill(0);
      expectClose(
        data,
        wanted.flatMap((own) =>
          pad === "post" ? [...own.flat(), ...none(own.length)] : [...none(own.length), ...own.flat()],
        ),
      );
    }
  });
  test("one query for an example, in place of one at every step", async () => {
    const model = sequential(
      [
        input(2, { name: "question", time: "asked" }),
        simpleRnn(4, { name: "encoder", ...sequences }),
        input(4, { name: "query", sequence: false }),
        attention("encoder"),
      ],
      { seed: 3 },
    );
    const [asked, query] = [rows(7, 2), rows(1, 4)];
    const encoded = simpleRnnSteps(model.values, "encoder", asked).after;
    const { data } = await predict(model, { question: [asked], query }, host);
    expectClose(
      data,
      read(
        encoded.map((key) => dot(query[0] as Rows[number], key)),
        encoded,
      ),
    );
  });
  test("within a cell, whose state asks: a simple recurrent network", async () => {
    const model = sequential(
      [
        input(4, { name: "memory", time: "asked" }),
        input(3, { name: "x", time: "said" }),
        recurrent(attending(cells["simple-rnn"] as Cell, { score: "dot" }), {
          ...{ name: "look", units: 5, inputs: { K: "memory", V: "memory" }, ...sequences },
        }),
      ],
      { seed: 2 },
    );
    const [memory, x] = [rows(6, 4), rows(5, 3)];
    const of = (name: string): Float32Array => model.values[`look.${name}`] as Float32Array;
    let h: readonly number[] = [0, 0, 0, 0, 0];
    const wanted = x.flatMap((one) => {
      const query = times(of("W_query"), h);
      const context = read(
        memory.map((key) => dot(query, key)),
        memory,
      );
      const [a, b] = [times(of("W"), [...one, ...context]), times(of("U"), h)];
      h = a.map((value, k) => Math.tanh(value + (b[k] as number) + (of("b")[k] as number)));
      return h;
    });
    const { data } = await predict(model, { memory: [memory], x: [x] }, host);
    expectClose(data, wanted);
  });
  test("within a cell, by location: from the first on and from the last back, of a question with padding", async () => {
    const model = sequential(
      [
        input(4, { name: "memory", time: "asked" }),
        masking({ maskValue: -9, name: "there" }),
        recurrent(counting, { name: "places", ...sequences }),
        input(3, { name: "x", time: "said" }),
        recurrent(attending(cells["simple-rnn"] as Cell, { score: "location" }), {
          ...{ name: "look", units: 5, inputs: { V: "there", P: "places" }, ...sequences },
        }),
      ],
      { seed: 2 },
    );
    for (const [name, value] of Object.entries({ b_pace: 0.2, b_near: 0.4, b_side: -0.3 })) {
      (model.values[`look.${name}`] as Float32Array)[0] = value;
    }
    const [memory, x] = [rows(6, 4), rows(5, 3)];
    const of = (name: string): Float32Array => model.values[`look.${name}`] as Float32Array;
    const [pace, near, side] = [Math.exp(0.2), Math.exp(0.4), 1 / (1 + Math.exp(0.3))];
    const sharesOf = (from: number): number[] => {
      const all = memory.map((_, k) => Math.exp(-near * (k + 1 - from - pace) ** 2));
      const sum = all.reduce((a, b) => a + b);
      return all.map((one) => one / sum);
    };
    let h: readonly number[] = [0, 0, 0, 0, 0];
    let [ahead, behind] = [0, 0];
    const wanted = x.flatMap((one) => {
      const [onwards, mirrored] = [sharesOf(ahead), sharesOf(behind)];
      [ahead, behind] = [onwards, mirrored].map((all) => all.reduce((sum, a, k) => sum + a * (k + 1), 0)) as [
        number,
        number,
      ];
      const shares = onwards.map((a, k) => side * a + (1 - side) * (mirrored[memory.length - 1 - k] as number));
      const context = [0, 1, 2, 3].map((j) =>
        memory.reduce((sum, row, k) => sum + (shares[k] as number) * (row[j] as number), 0),
      );
      const [a, b] = [times(of("W"), [...one, ...context]), times(of("U"), h)];
      h = a.map((value, k) => Math.tanh(value + (b[k] as number) + (of("b")[k] as number)));
      return h;
    });
    const longer = [...memory, ...rows(3, 4).map((row) => row.map(() => -9))];
    const { data } = await predict(model, { memory: [longer], x: [x] }, host);
    expectClose(data, wanted);
  });
});

const attend = (of: Cell, score?: "dot" | "location"): LayerSpec =>
  recurrent(attending(of, score && { score }), {
    ...{ name: "look", units: 4, initialState: "learned", ...sequences },
    inputs: { ...(score === "location" ? { P: "places" } : { K: "keys" }), V: "encoder" },
  });
const decoding = (last: readonly LayerSpec[], masked: boolean): LayerSpec[] => [
  input(2, { name: "question", time: "asked" }),
  ...(masked ? [masking({ maskValue: -9, name: "there" })] : []),
  simpleRnn(3, { name: "encoder", ...sequences }),
  dense(4, { name: "keys" }),
  recurrent(counting, { name: "places", ...sequences }),
  input(3, { name: "answer", time: "said" }),
  ...(masked ? [masking({ maskValue: -9 })] : []),
  ...last,
];
const coverage = cell(
  `q  = W_q @ h
   P  = tanh(K + q + U_c @ h)
   e  = P @ v - sum(g) * s
   a  = softmax(e)
   s' = s + a                      # how much of each step has been read
   c  = a @ K
   h' = tanh(W @ [x, c] + sum(s') * b - mean(e) + max(s') - min(a) + sum(outer(a, c)))
   v ~ glorot_uniform
   g : 1
   K : steps`,
  { inputs: ["x", "K"] },
);
test.each([
  ["products, after the decoder", [gru(4, sequences), attention("encoder", { key: "keys" })]],
  [
    "sums, after the decoder, with dropout",
    [dropout(0.3), lstm(4, sequences), additiveAttention("encoder", { key: "keys" }), dense(2)],
  ],
  ["sums, in a GRU", [attend(cells.gru as Cell)]],
  ["products, in an LSTM", [attend(cells.lstm as Cell, "dot"), globalAveragePooling1d()]],
  ["by location, in a GRU", [attend(cells.gru as Cell, "location")]],
  ["a state for each step of the question", [recurrent(coverage, { units: 4, inputs: { K: "keys" }, ...sequences })]],
] as const)("gradients against central differences 1e-6, wasm against the reference 1e-4: %s", async (_, last) => {
  for (const steps of [
    [5, 3],
    [1, 4],
    [6, 1],
  ] as const) {
    const model = sequential(decoding(last as readonly LayerSpec[], true));
    const graph = grad(lossGraph(model, { loss: "mean_squared_error", training: true, steps }));
    const values = randomValues(graph, steps, 2, 1);
    // The end of one question is padding.
    const asked = values.inputs.question as Float64Array;
    if (steps[0] > 2) asked.fill(-9, 4 * (steps[0] - 1), 4 * (steps[0] - 1) + 2);
    await expectRightGradients(graph, values, { steps, batch: 2 });
  }
});

test("whatever stands in padding, and however much there is, the output is the same: models drawn", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.nat(),
      fc.constantFrom("gru", "lstm", "mgu"),
      fc.integer({ min: 1, max: 6 }),
      async (seed, name, asked) => {
        const model = sequential(decoding([attend(cells[name] as Cell)], true), { seed });
        const own = normalRows(createRandom(seed), asked, 2);
        const x = normalRows(createRandom(seed + 1), 3, 3);
        const alone = await predict(model, { question: [own], answer: [x] });
        const more = await predict(model, { question: [own, rows(9, 2)], answer: [x, x] }, { pad: "post" });
        expectClose(more.data.slice(0, alone.data.length), alone.data);
      },
    ),
    { seed: 3, numRuns: cases(12) },
  );
});

test("it learns to look: which of six places holds the key that is asked for", async () => {
  const draw = createRandom(5);
  const make = (count: number) => {
    const places = Array.from({ length: count }, () => {
      const order = [0, 1, 2, 3, 4, 5].map((k) => [draw.uniform(), k] as const).sort((a, b) => a[0] - b[0]);
      return order.map(([, k]) => k);
    });
    const one = (k: number): number[] => Array.from({ length: 6 }, (_, j) => (j === k ? 1 : 0));
    return {
      x: {
        memory: places.map((keys) => keys.map((k, place) => [...one(k), ...one(place)])),
        query: places.map((_, n) => [one(n % 6)]),
      },
      y: places.map((keys, n) => [keys.indexOf(n % 6)]),
    };
  };
  const model = sequential([
    input(12, { name: "memory", time: "places" }),
    dense(8, { name: "keys" }),
    input(6, { name: "query", time: "asked" }),
    dense(8),
    attention("memory", { key: "keys" }),
    dense(6),
  ]);
  const { x, y } = make(600);
  await fit(model, x, y, { epochs: 30, batchSize: 30, optimizer: adam({ learningRate: 0.03 }), seed: 1 });
  const held = make(60);
  const { data } = await predict(model, held.x);
  const right = held.y.filter(([place], n) => {
    const scores = Array.from(data.slice(6 * n, 6 * n + 6));
    return scores.indexOf(Math.max(...scores)) === place;
  });
  expect(right).toHaveLength(60);
});

test("a file and a summary keep what it reads", async () => {
  const model = sequential(decoding([attend(cells.gru as Cell)], true), { seed: 4 });
  const bytes = writeModel({ model, extra: {} });
  const x = { question: [rows(4, 2)], answer: [rows(2, 3)] };
  expect((await predict(readModel(bytes).model, x)).data).toEqual((await predict(model, x)).data);
  expect(layerSummaries(model).at(-1)).toMatchObject({
    name: "look",
    reads: ["keys", "encoder"],
    outputShapes: [["B", "said", 4]],
  });
});

test("as TeX: all steps have no time, and a vector left of them is a row", () => {
  const of = cell("e = H @ (W @ x)\na = softmax(e)\ny = a @ H\nH : steps", { inputs: ["x", "H"] });
  expect(texOf(of)).toBe(
    "\\begin{aligned}\ne_t &= H W x_t \\\\\na_t &= \\operatorname{softmax}(e_t) \\\\\ny_t &= a_t^{\\top} H\n\\end{aligned}",
  );
});

describe("what is refused, in a line", () => {
  const two = { inputs: ["x", "H"] } as const;
  test.each([
    [
      "steps of the first input",
      "y = W @ x\nx : steps",
      "x is the input of one step. All steps are those of another input",
    ],
    ["steps of what is no input", "k = W @ x\ny = k * sum(H)\nk : steps", "`steps` is for an input, and k is none."],
    ["an input left of @", "y = H @ x", "For all steps of what H reads add a line H : steps"],
    [
      "a parameter as long as the sequence",
      "y = W @ (H @ x)\nH : steps",
      "the size of W would be the number of steps of H",
    ],
    [
      "an output as long as the sequence",
      "y = softmax(H @ x)\nH : steps",
      "the output y has a number for each step of H",
    ],
    ["a concatenation with it", "e = H @ x\ny = W @ [e, x]\nH : steps", "a concatenation takes vectors of one size"],
    [
      "a vector for each row and column",
      "e = H @ x\nP = H * e\ny = P @ x\nH : steps",
      "'*' of a matrix with a row for each step and of a number for each step",
    ],
  ])("%s", (_, equations, message) => {
    expect(() => cell(equations, two)).toThrow(message);
  });
  const of = cell("a = softmax(H @ (W @ x))\ny = a @ H\nH : steps", two);
  test.each([
    [
      "one vector per example",
      [gru(2, { name: "last" }), input(2, { name: "other" }), recurrent(of, { inputs: { H: "last" } })],
      "recurrent.H: reads all steps of a sequence, but that layer gives one vector per example. Give it returnSequences: true.",
    ],
    [
      "tokens",
      [input(2, { name: "other" }), recurrent(of, { inputs: { H: "words" } })],
      "recurrent.H: reads tokens; a cell reads vectors. Add an embedding.",
    ],
    [
      "keys and values of other steps",
      [
        gru(2, { name: "keys", ...sequences }),
        input(2, { name: "other", time: "more" }),
        attention("keys", { key: "other" }),
      ],
      "needs as many features as there are rows",
    ],
  ] as const)("a layer that reads all steps of %s", (_, layers, message) => {
    const first = layers[0].kind === "input" ? input("tokens", { name: "words" }) : input(2, { name: "first" });
    expect(() => sequential([first, ...layers])).toThrow(message);
  });
  test("a session over what it reads whole", async () => {
    const own = sequential([gru(3, { name: "own", ...sequences }), attention("own")], { input: 2 });
    await expect(createSession(own)).rejects.toThrow(
      "session: runs one step at a time, but attention reads all steps of its input K",
    );
  });
});
