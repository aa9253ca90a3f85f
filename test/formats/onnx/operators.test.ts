/** Operators one by one and in the ways that exporters put them together: ONNX Runtime's numbers, or a refusal. */
import { describe, expect, test } from "vitest";
import { importModel } from "../../../src/formats/imported.ts";
import type { OnnxGraph } from "../../../src/formats/onnx/proto.ts";
import { createSession } from "../../../src/nn/session.ts";
import { expectClose } from "../../helpers/models.ts";
import { runtime } from "../../helpers/onnx-runtime.ts";
import { expectSame, fileOf, floats, int, ints, node, refusalOf, type SmallGraph, tensorOf } from "./graphs.ts";

const lstm = [floats("W", 1, 12, 2), floats("R", 1, 12, 3), floats("B", 1, 24)];
const toTime = node("Transpose", "x", "t", { perm: { ints: [1, 0, 2] } });
const x = (...dims: (string | number)[]) => [{ name: "x", type: "float" as const, dims }];

/** A gated state over the features of one product: its halves are the gate and the candidate. */
const body: OnnxGraph = {
  ...{ name: "body", tensors: [], inputs: [], outputs: [] },
  inputs: [
    { name: "h_in", type: "float", dims: ["batch", 3] },
    { name: "x_in", type: "float", dims: ["batch", 2] },
  ],
  nodes: [
    node("MatMul", "x_in G", "a"),
    node("MatMul", "h_in U", "b"),
    node("Add", "a b", "c"),
    node("Add", "c g", "d"),
    node("Split", "d", "e f", { axis: { int: -1 } }),
    node("Sigmoid", "e", "z"),
    node("Tanh", "f", "k"),
    node("Sub", "k h_in", "l"),
    node("Mul", "z l", "m"),
    node("Add", "h_in m", "h_out"),
    node("Identity", "h_out", "y_out"),
  ],
  outputs: ["h_out", "y_out"].map((name) => ({ name, type: "float", dims: ["batch", 3] })),
};
const branch = (one: ReturnType<typeof node>): OnnxGraph => ({
  ...{ name: "branch", nodes: [one], tensors: [], inputs: [] },
  outputs: [{ name: one.outputs[0] as string, type: "float", dims: ["batch", "time", 2] }],
});

const same: readonly (readonly [what: string, graph: SmallGraph, y: string])[] = [
  [
    "steps weighed by the softmax of a sum of their features",
    {
      nodes: [
        node("Mul", "x c", "a"),
        node("ReduceSum", "a last", "s"),
        node("Softmax", "s", "p", { axis: { int: 1 } }),
        node("Mul", "p x", "w"),
        node("ReduceSum", "w one", "y", { keepdims: { int: 0 } }),
      ],
      tensors: [floats("c", 2), ints("last", -1), ints("one", 1)],
    },
    "batch",
  ],
  [
    "a product that is read again under another name keeps no activation of one reader",
    {
      nodes: [node("MatMul", "x W2", "p"), node("Identity", "p", "q"), node("Tanh", "q", "a"), node("Sub", "a p", "y")],
      tensors: [floats("W2", 2, 4)],
    },
    "batch time",
  ],
  [
    "the mean of all steps is taken from each of them",
    { nodes: [node("ReduceMean", "x", "m", { axes: { ints: [1] } }), node("Sub", "x m", "y")] },
    "batch time",
  ],
  [
    "a single axis comes and goes by shapes",
    {
      nodes: [node("Reshape", "x s", "a"), node("Squeeze", "a two", "b"), node("Relu", "b", "y")],
      tensors: [ints("s", 0, 0, 1, 2), ints("two", 2)],
    },
    "batch time",
  ],
  [
    "a constant with more axes than what it is added to",
    {
      nodes: [
        node("ReduceMax", "x", "m", { axes: { ints: [1] }, keepdims: { int: 0 } }),
        node("Mul", "m c", "a"),
        node("Squeeze", "a zero", "y"),
      ],
      tensors: [floats("c", 1, 1, 2), ints("zero", 0)],
    },
    "batch",
  ],
  [
    "steps turned round before a layer",
    {
      nodes: [
        toTime,
        node("Slice", "t minus low zero minus", "b"),
        node("LSTM", "b W R B", "Y", { hidden_size: { int: 3 } }),
        node("Squeeze", "Y one", "s"),
        node("Slice", "s minus low zero minus", "f"),
        node("LSTM", "f W2 R2", "Z", { hidden_size: { int: 2 } }),
        node("Squeeze", "Z one", "y"),
      ],
      tensors: [
        ...lstm,
        ...[floats("W2", 1, 8, 3), floats("R2", 1, 8, 2), ints("one", 1)],
        ...[ints("minus", -1), ints("low", -(2 ** 31)), ints("zero", 0)],
      ],
    },
    "time batch",
  ],
  [
    "the last step by its number",
    {
      inputs: x(5, "batch", 2),
      nodes: [
        node("LSTM", "x W R B", "Y", { hidden_size: { int: 3 } }),
        node("Squeeze", "Y one", "s"),
        node("Gather", "s four", "y"),
      ],
      tensors: [...lstm, ints("one", 1), int("four", 4)],
    },
    "batch",
  ],
  [
    "the first step of a layer that runs from the last one",
    {
      nodes: [
        toTime,
        node("LSTM", "t W R B", "Y", { hidden_size: { int: 3 }, direction: { text: "reverse" } }),
        node("Squeeze", "Y one", "s"),
        node("Gather", "s zero", "y"),
      ],
      tensors: [...lstm, ints("one", 1), int("zero", 0)],
    },
    "batch",
  ],
  [
    "quotients of whole numbers are whole",
    {
      nodes: [
        node("Div", "seven two", "three"),
        node("MatMul", "x W3", "p"),
        node("Concat", "zeros three", "s", { axis: { int: 0 } }),
        node("Reshape", "p s", "y"),
      ],
      tensors: [ints("seven", 7), ints("two", 2), ints("zeros", 0, 0), floats("W3", 2, 3)],
    },
    "batch time",
  ],
  [
    "one number a step",
    {
      inputs: x("batch", "time"),
      nodes: [
        node("Unsqueeze", "x two", "u"),
        node("Transpose", "u", "t", { perm: { ints: [1, 0, 2] } }),
        node("GRU", "t W1 R1", "Y", { hidden_size: { int: 2 } }),
        node("Squeeze", "Y one", "y"),
      ],
      tensors: [ints("two", 2), ints("one", 1), floats("W1", 1, 6, 1), floats("R1", 1, 6, 2)],
    },
    "time batch",
  ],
  [
    "normalised features behind a convolution",
    {
      nodes: [
        node("Transpose", "x", "c", { perm: { ints: [0, 2, 1] } }),
        node("Conv", "c K", "k"),
        node("BatchNormalization", "k s b m v", "n"),
        node("Relu", "n", "r"),
        node("Transpose", "r", "y", { perm: { ints: [0, 2, 1] } }),
      ],
      tensors: [
        floats("K", 4, 2, 1),
        ...["s", "b", "m"].map((name) => floats(name, 4)),
        { name: "v", dims: [4], data: Float32Array.of(0.5, 1, 2, 3) },
      ],
    },
    "batch time",
  ],
  [
    "a loop of equations over a body of weights that are sliced",
    {
      nodes: [
        toTime,
        node("Scan", "h0 t", "h s", { body: { graph: body }, num_scan_inputs: { int: 1 } }),
        node("Tanh", "s", "y"),
      ],
      tensors: [
        floats("G", 2, 6),
        floats("U", 3, 6),
        floats("g", 6),
        { name: "h0", dims: [3, 3], data: new Float32Array(9) },
      ],
    },
    "time batch",
  ],
  [
    "a loop that multiplies by a matrix and by its transpose",
    {
      nodes: [
        toTime,
        node("Scan", "h0 t", "h s", {
          num_scan_inputs: { int: 1 },
          body: {
            graph: {
              ...body,
              nodes: [
                node("MatMul", "x_in G3", "a"),
                node("MatMul", "h_in Q", "b"),
                node("Gemm", "b Q", "c", { transB: { int: 1 } }),
                node("Add", "a c", "d"),
                node("Tanh", "d", "h_out"),
                node("Identity", "h_out", "y_out"),
              ],
            },
          },
        }),
        node("Identity", "s", "y"),
      ],
      tensors: [floats("G3", 2, 3), floats("Q", 3, 3), { name: "h0", dims: [3, 3], data: new Float32Array(9) }],
    },
    "time batch",
  ],
  [
    "the same loop from the last step to the first, with outputs in the order in which they are made",
    {
      nodes: [
        toTime,
        node("Scan", "h0 t", "h s", {
          body: { graph: body },
          num_scan_inputs: { int: 1 },
          scan_input_directions: { ints: [1] },
        }),
        node("Slice", "s minus low zero minus", "r"),
        node("Add", "r h", "b"),
        node("RNN", "b V1 V2", "Y Y_h", { hidden_size: { int: 2 } }),
        node("Squeeze", "Y_h zero", "y"),
      ],
      tensors: [
        ...[
          floats("G", 2, 6),
          floats("U", 3, 6),
          floats("g", 6),
          { name: "h0", dims: [3, 3], data: new Float32Array(9) },
        ],
        ...[floats("V1", 1, 2, 3), floats("V2", 1, 2, 2), ints("minus", -1), ints("low", -(2 ** 31)), ints("zero", 0)],
      ],
    },
    "batch",
  ],
  [
    "the branch of a condition that is known",
    {
      nodes: [
        node("Shape", "x", "s"),
        node("Size", "s", "n"),
        node("Equal", "n three", "c"),
        node("If", "c", "y", {
          then_branch: { graph: branch(node("Tanh", "x", "a")) },
          else_branch: { graph: branch(node("Sin", "x", "a")) },
        }),
      ],
      tensors: [int("three", 3)],
    },
    "batch time",
  ],
];
test.each(same)("%s", async (_, graph, y) => {
  await expectSame(graph, y);
});

const refused: readonly (readonly [what: string, graph: SmallGraph, message: string])[] = [
  [
    "a softmax over the steps of a product",
    {
      nodes: [
        node("MatMul", "x W2", "p"),
        node("Transpose", "p", "t", { perm: { ints: [0, 2, 1] } }),
        node("Softmax", "t", "y", { axis: { int: -1 } }),
      ],
      tensors: [floats("W2", 2, 4)],
    },
    "(Softmax) cannot be said with layers: the number of features",
  ],
  [
    "an axis of two directions that is squeezed",
    {
      nodes: [
        toTime,
        node("LSTM", "t W R", "Y", { hidden_size: { int: 3 }, direction: { text: "bidirectional" } }),
        node("Squeeze", "Y one", "y"),
      ],
      tensors: [floats("W", 2, 12, 2), floats("R", 2, 12, 3), ints("one", 1)],
    },
    "it takes away an axis of size 2.",
  ],
  [
    "directions that are split into parts of other sizes",
    {
      nodes: [
        toTime,
        node("LSTM", "t W R", "Y", { hidden_size: { int: 3 }, direction: { text: "bidirectional" } }),
        node("Split", "Y s", "y z", { axis: { int: 1 } }),
      ],
      tensors: [floats("W", 2, 12, 2), floats("R", 2, 12, 3), ints("s", 2, 1)],
    },
    "its parts are not what it splits.",
  ],
  [
    "operands of different ranks put together",
    {
      nodes: [
        node("ReduceMean", "x", "m", { axes: { ints: [1] }, keepdims: { int: 0 } }),
        node("Concat", "x m", "y", { axis: { int: -1 } }),
      ],
    },
    "its operands have different numbers of axes.",
  ],
  [
    "axes that are computed",
    { nodes: [node("Shape", "x", "s"), node("Unsqueeze", "x s", "y")] },
    "its axes are computed.",
  ],
  [
    "a convolution that fills up by itself",
    {
      nodes: [
        node("Transpose", "x", "c", { perm: { ints: [0, 2, 1] } }),
        node("Conv", "c K", "y", { auto_pad: { text: "SAME_UPPER" }, strides: { ints: [3] } }),
      ],
      tensors: [floats("K", 4, 2, 3)],
    },
    "how much it fills up depends on the number of steps (auto_pad).",
  ],
  [
    "a pooling of which a rest is left, where the file says the number of steps",
    {
      inputs: [{ name: "x", type: "float", dims: ["batch", 7, 2] }],
      nodes: [
        node("Transpose", "x", "c", { perm: { ints: [0, 2, 1] } }),
        node("MaxPool", "c", "y", { kernel_shape: { ints: [2] }, strides: { ints: [2] } }),
      ],
    },
    "of 7 steps it makes 3, and ours make 4. Give the model a number of steps that it takes whole.",
  ],
  [
    "a convolution of other features",
    {
      nodes: [node("Transpose", "x", "c", { perm: { ints: [0, 2, 1] } }), node("Conv", "c K", "y")],
      tensors: [floats("K", 4, 3, 1)],
    },
    "it has weights for 3 features and reads 2.",
  ],
  [
    "lengths for one layer and not for the next",
    {
      inputs: [...x("time", "batch", 2), { name: "n", type: "int64", dims: ["batch"] }],
      nodes: [
        node("LSTM", "x W R B n", "Y", { hidden_size: { int: 3 } }),
        node("Squeeze", "Y one", "s"),
        node("GRU", "s W2 R2", "Z", { hidden_size: { int: 2 } }),
        node("Squeeze", "Z one", "y"),
      ],
      tensors: [...lstm, floats("W2", 1, 6, 3), floats("R2", 1, 6, 2), ints("one", 1)],
    },
    'the node "Z:GRU" cannot be said with layers: it counts the steps behind the end of a sequence',
  ],
  [
    "lengths, and the mean over all steps",
    {
      inputs: [...x("time", "batch", 2), { name: "n", type: "int64", dims: ["batch"] }],
      nodes: [
        node("LSTM", "x W R B n", "Y", { hidden_size: { int: 3 } }),
        node("Squeeze", "Y one", "s"),
        node("ReduceMean", "s", "y", { axes: { ints: [0] } }),
      ],
      tensors: [...lstm, ints("one", 1)],
    },
    'the node "y:ReduceMean" cannot be said with layers: it counts the steps',
  ],
  [
    "steps added to themselves in reverse order",
    {
      nodes: [node("Slice", "x minus low one minus", "b"), node("Add", "x b", "y")],
      tensors: [ints("minus", -1), ints("low", -(2 ** 31)), ints("one", 1)],
    },
    "what it reads runs in opposite directions of time.",
  ],
  [
    "steps of which those in reverse order are subtracted",
    {
      nodes: [node("Slice", "x minus low one minus", "b"), node("Sub", "x b", "y")],
      tensors: [ints("minus", -1), ints("low", -(2 ** 31)), ints("one", 1)],
    },
    "it combines, step by step, a sequence with one in reverse order, which layers do not.",
  ],
  [
    "features that are repeated, and no matrix",
    {
      nodes: [node("Tanh", "x", "t"), node("Gather", "t twice", "y", { axis: { int: -1 } })],
      tensors: [ints("twice", 0, 0, 1, 1)],
    },
    "its features are repeated, which equations say only of products.",
  ],
  ["numbers that are rounded", { nodes: [node("Cast", "x", "y", { to: { int: 7 } })] }, "it rounds to whole numbers."],
  [
    "a branch that an input chooses, as voice detectors of several sampling rates have",
    {
      inputs: [...x("batch", "time", 2), { name: "sr", type: "int64", dims: [] }],
      nodes: [
        node("Equal", "sr rate", "c"),
        node("If", "c", "y", {
          then_branch: { graph: branch(node("Tanh", "x", "a")) },
          else_branch: { graph: branch(node("Relu", "x", "a")) },
        }),
      ],
      tensors: [int("rate", 16000)],
    },
    'the node "y:If" (If) cannot be said with layers: which of its branches runs depends on the input "sr", and layers have no branches. ' +
      "Export the model for one of them, or put a constant there.",
  ],
  [
    "a loop over the steps that was written out",
    {
      nodes: [0, 1, 2].flatMap((k) => [
        node("Gather", `x i${k}`, `x${k}`, { axis: { int: 1 } }),
        node("MatMul", `x${k} W2`, `p${k}`),
        k === 0 ? node("Tanh", "p0", "h0") : node("Add", `p${k} h${k - 1}`, k === 2 ? "y" : "h1"),
      ]),
      tensors: [floats("W2", 2, 2), int("i0", 0), int("i1", 1), int("i2", 2)],
    },
    '"x0:Gather" (Gather) cannot be said with layers: it stands in a loop over 3 steps that was written out when the model was exported, and ' +
      "holds for 3 steps alone. Export the model with a layer",
  ],
  [
    "a loop that counts",
    {
      nodes: [node("Loop", "n c x", "y", { body: { graph: branch(node("Tanh", "x", "a")) } })],
      tensors: [int("n", 3), int("c", 1)],
    },
    "(Loop) cannot be said with layers: this operator is not read. It runs its body as often as it is told: a time loop is read as a Scan",
  ],
  [
    "a body with what is a layer of its own, of its state",
    {
      nodes: [
        toTime,
        node("Scan", "h0 t", "h y", {
          body: {
            graph: {
              ...body,
              nodes: [
                ...body.nodes.slice(0, -1),
                node("LayerNormalization", "h_out k1", "h_next"),
                node("Identity", "h_next", "y_out"),
              ],
              outputs: body.outputs.map((one) => ({ ...one, name: one.name === "h_out" ? "h_next" : one.name })),
            },
          },
          num_scan_inputs: { int: 1 },
        }),
      ],
      tensors: [
        ...[floats("G", 2, 6), floats("U", 3, 6), floats("g", 6), floats("k1", 3)],
        { name: "h0", dims: [3, 3], data: new Float32Array(9) },
      ],
    },
    "in the body of a loop stands what becomes a layer of its own (layer_normalization): there, equations alone are read.",
  ],
  [
    "another hidden_size",
    { nodes: [toTime, node("LSTM", "t W R", "y", { hidden_size: { int: 4 } })], tensors: lstm },
    "its hidden_size is another than that of its weights.",
  ],
  [
    "a direction that is none",
    { nodes: [toTime, node("LSTM", "t W R", "y", { direction: { text: "backward" } })], tensors: lstm },
    "its direction is none that there is.",
  ],
  [
    "sums that are kept at 0",
    { nodes: [toTime, node("LSTM", "t W R", "y", { clip: { float: 0 } })], tensors: lstm },
    "its clip is 0: runtimes take one above 0.",
  ],
];
describe("refused", () => {
  test.each(refused)("%s", async (_, graph, message) => {
    expect(await refusalOf(graph)).toContain(message);
  });
  test("opset 6, whose operands are repeated by attributes", async () => {
    expect(await refusalOf({ nodes: [node("Tanh", "x", "y")] }, 6)).toBe(
      "m.onnx: it is of opset 6, and 7 and later are read. Export it again.",
    );
  });
  test("sums of sums, which double with each, end", async () => {
    const nodes = Array.from({ length: 2000 }, (_, k) => node("Add", `${k || "x"} ${k || "x"}`, `${k + 1}`));
    expect(await refusalOf({ nodes: [...nodes, node("Tanh", "2000", "y")] })).toContain("more than 1000 layers");
  });
  test.each(["Exp", "Sub"])("%s twelve thousand times", async (op) => {
    const nodes = Array.from({ length: 12_000 }, (_, k) =>
      node(op, op === "Exp" ? `${k || "x"}` : `${k || "x"} x`, `${k + 1}`),
    );
    expect(await refusalOf({ nodes: [...nodes, node("Tanh", "12000", "y")] })).toMatch(
      /have more than 5000 parts|depend on each other more deeply/,
    );
  });
  test("weights twelve thousand times, and a difference", async () => {
    const nodes = Array.from({ length: 12_000 }, (_, k) => node("MatMul", `${k || "x"} W2`, `${k + 1}`));
    const graph = { nodes: [...nodes, node("Sub", "12000 x", "y")], tensors: [floats("W2", 2, 2)] };
    expect(await refusalOf(graph)).toMatch(/more than 5000 parts|more deeply|1000 layers/);
  });
});

test("two inputs and two outputs of one size are no stream where one does not depend on the other", async () => {
  const vector = (name: string) => ({ name, type: "float" as const, dims: ["batch", 2] });
  const graph: SmallGraph = {
    inputs: [vector("x"), vector("z")],
    outputs: [vector("y"), vector("w")],
    nodes: [node("Tanh", "x", "y"), node("Sigmoid", "z", "w")],
  };
  const { model, notes } = await importModel({ bytes: fileOf(graph), name: "m.onnx" });
  expect(model.inputs.map(({ name, sequence }) => [name, sequence])).toEqual([["x", false]]);
  expect(notes).toEqual(['Its output "w" is left out: a model has one, "y".', 'Its input "z" is not read.']);
});
test("a constant of two layers is each one's own", async () => {
  const graph: SmallGraph = {
    nodes: [
      node("MatMul", "x W2", "p"),
      node("Add", "p b", "q"),
      node("Tanh", "q", "r"),
      node("MatMul", "r W2", "s"),
      node("Add", "s b", "y"),
    ],
    tensors: [floats("W2", 2, 2), floats("b", 2)],
  };
  const { values } = await expectSame(graph);
  expect(values["dense.b"]).toEqual(values["dense_1.b"]);
  expect(values["dense.b"]).not.toBe(values["dense_1.b"]);
});
test("initial states of two layers in one input are left to a session", async () => {
  const graph: SmallGraph = {
    inputs: [...x("time", "batch", 2), { name: "h", type: "float", dims: [2, "batch", 3] }],
    nodes: [
      node("Slice", "h zero one zero", "h0"),
      node("Slice", "h one two zero", "h1"),
      node("GRU", "x W R - - h0", "Y", { hidden_size: { int: 3 } }),
      node("Squeeze", "Y one", "s"),
      node("GRU", "s W2 R - - h1", "Z", { hidden_size: { int: 3 } }),
      node("Squeeze", "Z one", "y"),
    ],
    tensors: [
      ...[floats("W", 1, 9, 2), floats("R", 1, 9, 3), floats("W2", 1, 9, 3)],
      ...[ints("zero", 0), ints("one", 1), ints("two", 2)],
    ],
  };
  const { model, notes } = await importModel({ bytes: fileOf(graph), name: "m.onnx" });
  expect(model.layers.map(({ name }) => name)).toEqual(["gru", "gru_1"]);
  expect(notes).toEqual(["Its initial states are inputs: here a session owns them, and sequences start from zeros."]);
});

test("one step of a cell in single operators, as PyTorch writes LSTMCell, is the recurrent model", async () => {
  const state = (name: string) => ({ name, type: "float" as const, dims: ["batch", 3] });
  const graph: SmallGraph = {
    inputs: [...x("batch", 2), state("h"), state("c")],
    outputs: [{ name: "y", type: "float", dims: ["batch", 4] }, state("h1"), state("c1")],
    nodes: [
      node("Gemm", "x W b", "p", { transB: { int: 1 } }),
      node("Gemm", "h U d", "q", { transB: { int: 1 } }),
      node("Add", "p q", "s"),
      node("Split", "s", "i f g o", { axis: { int: 1 } }),
      ...["i", "f", "o"].map((name) => node("Sigmoid", name, `${name}_`)),
      node("Tanh", "g", "g_"),
      node("Mul", "f_ c", "k"),
      node("Mul", "i_ g_", "l"),
      node("Add", "k l", "c1"),
      node("Tanh", "c1", "t"),
      node("Mul", "o_ t", "h1"),
      node("Gemm", "h1 V v", "y", { transB: { int: 1 } }),
    ],
    tensors: [
      floats("W", 12, 2),
      floats("b", 12),
      floats("U", 12, 3),
      floats("d", 12),
      floats("V", 4, 3),
      floats("v", 4),
    ],
  };
  const bytes = fileOf(graph);
  const { model, notes } = await importModel({ bytes, name: "m.onnx" });
  expect(model.layers.map(({ name }) => name)).toEqual(["mul", "dense"]);
  expect(notes.join()).toContain("It computes one step");
  const session = await runtime.InferenceSession.create(bytes, { logSeverityLevel: 3 });
  const own = await createSession(model);
  let [h, c] = [new Float32Array(3), new Float32Array(3)];
  for (let t = 0; t < 4; t++) {
    const { data } = floats(`step ${t}`, 2);
    const feeds = { x: tensorOf(data as Float32Array, [1, 2]), h: tensorOf(h, [1, 3]), c: tensorOf(c, [1, 3]) };
    const results = await session.run(feeds);
    expectClose(own.next(data as Float32Array), results.y?.data as Float32Array, { within: 1e-6 });
    [h, c] = [results.h1?.data as Float32Array<ArrayBuffer>, results.c1?.data as Float32Array<ArrayBuffer>];
  }
});
