/** Final states, what they are read as, and what states start from: ONNX Runtime's numbers, or a refusal. */
import { describe, expect, test } from "vitest";
import { importModel } from "../../../src/formats/imported.ts";
import type { OnnxTensor } from "../../../src/formats/onnx/proto.ts";
import { predict } from "../../../src/train/predict.ts";
import { expectClose } from "../../helpers/models.ts";
import { runtime } from "../../helpers/onnx-runtime.ts";
import { expectSame, fileOf, floats, ints, node, refusalOf, type SmallGraph, tensorOf } from "./graphs.ts";

const gatesOf = { LSTM: 4, GRU: 3, RNN: 1 } as const;
type Op = keyof typeof gatesOf;
/** Weights of a layer of 3 units, under names that end with a letter. */
const weights = (op: Op, letter: string, directions = 1, reads = 2): OnnxTensor[] => [
  floats(`W${letter}`, directions, 3 * gatesOf[op], reads),
  floats(`R${letter}`, directions, 3 * gatesOf[op], 3),
  floats(`B${letter}`, directions, 6 * gatesOf[op]),
];
const toTime = node("Transpose", "x", "t", { perm: { ints: [1, 0, 2] } });
/** (time, directions, batch, 3) -> y (batch, time, 3) */
const toBatch = [node("Squeeze", "Y one", "a"), node("Transpose", "a", "y", { perm: { ints: [1, 0, 2] } })] as const;
const both = { direction: { text: "bidirectional" } } as const;
const units = { hidden_size: { int: 3 } } as const;
const places = [ints("zero", 0), ints("one", 1), ints("two", 2), ints("three", 3)];
const lstm = node("LSTM", "t We Re Be", "Ye h c", units);

/** Activations that are sums of what they read, where a product reads them. */
describe("an activation is a factor as it stands, a sum too", () => {
  const ways = ["Elu", "LeakyRelu", "Affine", "HardSigmoid", "ScaledTanh", "Softsign"].flatMap((name) =>
    [0, 1, 2].map((place) => [name, place] as const),
  );
  test.each(ways)("%s as activation %i of an LSTM", async (name, place) => {
    const usual = ["Sigmoid", "Tanh", "Tanh"];
    const attributes = {
      ...{ hidden_size: { int: 3 }, activations: { texts: usual.with(place, name) } },
      ...{ activation_alpha: { floats: [0.6] }, activation_beta: { floats: [0.3] } },
    };
    const nodes = [toTime, node("LSTM", "t We Re Be", "Y", attributes), ...toBatch];
    await expectSame({ nodes, tensors: [...weights("LSTM", "e"), ...places] });
  });
});

/** What is done with all states of a layer, `h` and `c` (1, batch, 3). */
const read: readonly (readonly [what: string, nodes: SmallGraph["nodes"], tensors?: OnnxTensor[]])[] = [
  ["the cell state alone", [lstm, node("Squeeze", "c zero", "y")]],
  [
    "the cell state before a dense layer",
    [lstm, node("Squeeze", "c zero", "s"), node("MatMul", "s V", "y")],
    [floats("V", 3, 2)],
  ],
  [
    "both states side by side",
    [
      lstm,
      node("Squeeze", "h zero", "s"),
      node("Squeeze", "c zero", "r"),
      node("Concat", "s r", "y", { axis: { int: 1 } }),
    ],
  ],
  ["their sum", [lstm, node("Add", "h c", "a"), node("Squeeze", "a zero", "y")]],
  [
    "the cell state of the way back",
    [
      node("LSTM", "t We Re Be", "Ye h c", { ...units, direction: { text: "reverse" } }),
      node("Squeeze", "c zero", "y"),
    ],
  ],
  [
    "the cell states of both directions, the second first",
    [
      node("LSTM", "t Wb Rb Bb", "Yb h c", { ...units, ...both }),
      node("Gather", "c last", "d"),
      node("Gather", "c first", "e"),
      node("Concat", "d e", "y", { axis: { int: 1 } }),
    ],
    [...weights("LSTM", "b", 2), { ...ints("last", 1), dims: [] }, { ...ints("first", 0), dims: [] }],
  ],
  [
    "the last output of the way back alone",
    [node("LSTM", "t Wb Rb Bb", "Yb h", { ...units, ...both }), node("Gather", "h last", "y")],
    [...weights("LSTM", "b", 2), { ...ints("last", 1), dims: [] }],
  ],
];
describe("final states are read as what they are", () => {
  for (const [what, nodes, tensors = []] of read) {
    test(what, async () => {
      await expectSame(
        { nodes: [toTime, ...nodes], tensors: [...weights("LSTM", "e"), ...places, ...tensors] },
        "batch",
      );
    });
  }
  test("the cell state, from learned initial states and of a part of the steps", async () => {
    const graph = (steps: string): SmallGraph => ({
      nodes: [
        toTime,
        node("Slice", "t one three zero", "part"),
        node("Expand", "i size", "s"),
        node("LSTM", `${steps} We Re Be - ${steps === "t" ? "s s" : "- -"}`, "Ye h c", units),
        node("Squeeze", "c zero", "y"),
      ],
      tensors: [
        ...weights("LSTM", "e"),
        ...places.slice(0, 3),
        ints("three", 2 ** 31 - 1),
        floats("i", 1, 1, 3),
        ints("size", 1, 3, 3),
      ],
    });
    await expectSame(graph("t"), "batch");
    await expectSame(graph("part"), "batch");
  });
});

/** What states start from: operators of the second layer, its operands behind the weights, and nodes before it. */
const starts: readonly (readonly [
  what: string,
  op: Op,
  from: string,
  nodes?: SmallGraph["nodes"],
  tensors?: OnnxTensor[],
])[] = [
  ["both of the first's", "LSTM", "h c"],
  ["both of the first's, changed for each other", "LSTM", "c h"],
  ["the output alone", "LSTM", "h"],
  ["the cell state alone", "LSTM", "- c"],
  ["a GRU from the output", "GRU", "h"],
  ["a GRU from the cell state", "GRU", "c"],
  ["a simple layer from the cell state", "RNN", "c"],
  [
    "a GRU from a dense layer",
    "GRU",
    "d",
    [
      node("Squeeze", "h zero", "s"),
      node("MatMul", "s V", "p"),
      node("Tanh", "p", "q"),
      node("Unsqueeze", "q zero", "d"),
    ],
    [floats("V", 3, 3)],
  ],
  [
    "an LSTM from two dense layers",
    "LSTM",
    "d e",
    [
      ...[node("Squeeze", "h zero", "s"), node("MatMul", "s V", "p"), node("Unsqueeze", "p zero", "d")],
      ...[node("MatMul", "s U", "q"), node("Sigmoid", "q", "r"), node("Unsqueeze", "r zero", "e")],
    ],
    [floats("V", 3, 3), floats("U", 3, 3)],
  ],
  [
    "an LSTM from a layer and a constant",
    "LSTM",
    "k c",
    [node("Expand", "i size", "k")],
    [floats("i", 1, 1, 3), ints("size", 1, 3, 3)],
  ],
  [
    "ones and zeros for all examples",
    "LSTM",
    "k z",
    [
      node("ConstantOfShape", "size", "k", { value: { tensor: { name: "", dims: [1], data: Float32Array.of(1) } } }),
      node("ConstantOfShape", "size", "z"),
    ],
    [ints("size", 1, 3, 3)],
  ],
];
describe("states start from", () => {
  for (const [what, op, from, nodes = [], tensors = []] of starts) {
    test(what, async () => {
      const second = node(op, `t Wd Rd Bd - ${from}`, "Y", units);
      await expectSame({
        nodes: [toTime, lstm, ...nodes, second, ...toBatch],
        tensors: [...weights("LSTM", "e"), ...weights(op, "d"), ...places, ...tensors],
      });
    });
  }
  test("those of two layers, whose states stand together", async () => {
    await expectSame({
      nodes: [
        ...[toTime, lstm, node("Squeeze", "Ye one", "s"), node("LSTM", "s Wf Rf Bf", "Yf hf cf", units)],
        ...[node("Concat", "h hf", "hs", { axis: { int: 0 } }), node("Concat", "c cf", "cs", { axis: { int: 0 } })],
        ...[node("Slice", "hs zero one zero", "h0"), node("Slice", "cs zero one zero", "c0")],
        ...[node("Slice", "hs one two zero", "h1"), node("Slice", "cs one two zero", "c1")],
        ...[node("LSTM", "t Wd Rd Bd - h0 c0", "Yd", units), node("Squeeze", "Yd one", "u")],
        ...[node("LSTM", "u Wg Rg Bg - h1 c1", "Y", units), ...toBatch],
      ],
      tensors: [
        ...[...weights("LSTM", "e"), ...weights("LSTM", "f", 1, 3)],
        ...[...weights("LSTM", "d"), ...weights("LSTM", "g", 1, 3), ...places],
      ],
    });
  });
  test("those of both directions, for both directions", async () => {
    await expectSame({
      nodes: [
        ...[toTime, node("LSTM", "t We Re Be", "Ye h c", { ...units, ...both })],
        ...[node("LSTM", "t Wd Rd Bd - h c", "Y", { ...units, ...both })],
        ...[node("Transpose", "Y", "a", { perm: { ints: [2, 0, 1, 3] } }), node("Reshape", "a size", "y")],
      ],
      tensors: [...weights("LSTM", "e", 2), ...weights("LSTM", "d", 2), ints("size", 0, 0, 6)],
    });
  });
  test.each([
    [
      "numbers of each example",
      "k",
      [floats("k", 1, 2, 3)],
      "its initial states are numbers in the file, others for each of 2 examples: here all examples share them. Export the model with " +
        "one example, or with its states as inputs.",
    ],
    ["vectors of another size", "w", [], "its initial states are no vectors of its 3 units, one for each example."],
  ])("refused: %s", async (_, from, tensors, message) => {
    const nodes = [node("ReduceMean", "t", "m", { axes: { ints: [0] } }), node("MatMul", "m V", "w")];
    const graph: SmallGraph = {
      nodes: [toTime, ...nodes, node("GRU", `t Wd Rd Bd - ${from}`, "Y", units), ...toBatch],
      tensors: [...weights("GRU", "d"), ...places, floats("V", 2, 4), ...tensors],
    };
    expect(await refusalOf(graph)).toBe(`m.onnx: the node "Y:GRU" (GRU) cannot be said with layers: ${message}`);
  });
});

describe("steps come out in the file's order", () => {
  const reverse = node("GRU", "t Wd Rd Bd", "Y", { ...units, direction: { text: "reverse" } });
  const turn = (from: string, to: string) => node("Slice", `${from} last low zero minus`, to);
  const tensors = [
    ...[...weights("GRU", "d"), ...weights("LSTM", "e"), ...places],
    ...[ints("last", -1), ints("low", -(2 ** 31)), ints("minus", -1)],
  ];
  const ways: readonly (readonly [what: string, nodes: SmallGraph["nodes"]])[] = [
    ["of a layer that runs backwards", [toTime, reverse, ...toBatch]],
    [
      "of one that reads them turned round, turned back",
      [toTime, turn("t", "s"), node("GRU", "s Wd Rd Bd", "Z", units), turn("Z", "Y"), ...toBatch],
    ],
    [
      "of one that runs backwards beside one that does not",
      [
        ...[toTime, reverse, node("Squeeze", "Y one", "a"), node("LSTM", "t We Re Be", "Z", units)],
        ...[node("Squeeze", "Z one", "b"), node("Concat", "b a t", "c", { axis: { int: 2 } })],
        node("Transpose", "c", "y", { perm: { ints: [1, 0, 2] } }),
      ],
    ],
    [
      "of one that runs backwards, added to one that does not",
      [
        ...[toTime, reverse, node("LSTM", "t We Re Be", "Z", units), node("Add", "Y Z", "s")],
        ...[node("Squeeze", "s one", "a"), node("Transpose", "a", "y", { perm: { ints: [1, 0, 2] } })],
      ],
    ],
  ];
  test.each(ways)("%s", async (_, nodes) => {
    await expectSame({ nodes, tensors });
  });
});

describe("sequences with lengths", () => {
  const steps = 5;
  const lengths = [5, 3, 1];
  const graphOf = (op: Op, direction: string, output: string): SmallGraph => ({
    inputs: [
      { name: "x", type: "float", dims: ["batch", "time", 2] },
      { name: "lengths", type: "int64", dims: ["batch"] },
    ],
    outputs: [{ name: "y", type: "float", dims: ["batch", 3] }],
    nodes: [
      ...[toTime, node("Cast", "lengths", "l", { to: { int: 6 } })],
      node(op, "t Wd Rd Bd l", op === "LSTM" ? "Y h c" : "Y h", { ...units, direction: { text: direction } }),
      node("Squeeze", `${output} zero`, "y"),
    ],
    tensors: [...weights(op, "d"), ...places],
  });
  test.each(
    (["LSTM", "GRU", "RNN"] as const).flatMap((op) =>
      ["forward", "reverse"].flatMap((direction) =>
        (op === "LSTM" ? ["h", "c"] : ["h"]).map((output) => [op, direction, output] as const),
      ),
    ),
  )("%s, %s: the final state %s is that of each sequence's own last step", async (op, direction, output) => {
    const bytes = fileOf(graphOf(op, direction, output));
    const data = floats("input x", lengths.length, steps, 2).data as Float32Array;
    const session = await runtime.InferenceSession.create(bytes, { logSeverityLevel: 3 });
    const { y } = await session.run({
      x: tensorOf(data, [lengths.length, steps, 2]),
      lengths: tensorOf(Int32Array.from(lengths), [lengths.length]),
    });
    const { model } = await importModel({ bytes, name: "m.onnx" });
    const mask = lengths.map((length) => Array.from({ length: steps }, (_, t) => (t < length ? 1 : 0)));
    const found = await predict(
      model,
      { x: { data, shape: [lengths.length, steps, 2] }, "x.mask": mask },
      { engine: "reference" },
    );
    expectClose(found.data, y?.data as Float32Array, { within: 2e-6 });
  });
  test("refused: lengths that are numbers in the file", async () => {
    const graph = graphOf("GRU", "forward", "h");
    const nodes = graph.nodes.map((one) => (one.op === "Cast" ? node("Cast", "fixed", "l", { to: { int: 6 } }) : one));
    expect(await refusalOf({ ...graph, nodes, tensors: [...(graph.tensors ?? []), ints("fixed", 5, 3)] })).toContain(
      "(GRU) cannot be said with layers: its sequences' lengths are numbers in the file (5, 3), and here a mask, which is an input. " +
        "Export the model with its lengths as an input, or without them.",
    );
  });
});
