/** Files of PyTorch, with what their models compute, recorded by scripts/record-pytorch-models.py. */
import { describe, expect, test } from "vitest";
import { importModel } from "../../../src/formats/imported.ts";
import { writeModel } from "../../../src/formats/model-file.ts";
import { isNamedPytorch, isPytorch } from "../../../src/formats/pytorch/kinds.ts";
import { readTensors } from "../../../src/formats/pytorch/read.ts";
import { writeSafetensors } from "../../../src/formats/safetensors.ts";
import { dense } from "../../../src/nn/layers.ts";
import { sequential } from "../../../src/nn/model.ts";
import { openModel } from "../../../src/tasks/open-model.ts";
import { rejection } from "../../helpers/refusal.ts";
import { zipOf } from "../containers/zips.ts";
import { expectOutput, recorded, recordedAs } from "./recorded.ts";

const open = (name: string, mapping?: unknown) =>
  importModel({ bytes: recordedAs(name).bytes, name: "m.pt", ...(mapping !== undefined && { mapping }) });
const said = (name: string, mapping?: unknown): Promise<string> => rejection(open(name, mapping));
/** Of a state dictionary of these tensors, all of zeros, in a file that keeps no order. */
const ofShapes = async (shapes: Readonly<Record<string, readonly number[]>>, mapping?: unknown) => {
  const tensors = Object.fromEntries(
    Object.entries(shapes).map(([name, shape]) => [
      name,
      { shape, data: new Float32Array(shape.reduce((a, b) => a * b, 1)) },
    ]),
  );
  const bytes = writeSafetensors({ tensors, metadata: {} });
  return await importModel({ bytes, name: "m.safetensors", ...(mapping !== undefined && { mapping }) });
};

const mapped = [
  "batch normalisation between linear layers",
  "two linear layers",
  "last step",
  "final states",
  "a cell by hand",
  "two states",
  "a state and its copy",
  "tied, with the weight once",
];
describe("files of PyTorch 1.13 give its numbers", () => {
  for (const one of recorded.filter(({ name, output }) => output !== undefined && !mapped.includes(name))) {
    test(one.name, async () => {
      await expectOutput((await open(one.name)).model, one);
    });
  }
});

describe("what a reader of the file might not expect is said", () => {
  const notes = async (name: string) => (await open(name)).notes;
  test("notes", async () => {
    expect(await notes("zip")).toMatchInlineSnapshot(`
      [
        "The file does not say how its parts are wired; they are read in a chain: embedding, rnn, fc, with an output at every step.",
      ]
    `);
    expect(await notes("rnn")).toMatchInlineSnapshot(`
      [
        "rnn is read with tanh: whether it is relu is not in the file.",
        "The file does not say how its parts are wired; they are read in a chain: rnn, with an output at every step.",
      ]
    `);
    expect(await notes("checkpoint")).toMatchInlineSnapshot(`
      [
        "The tensors are those of "model_state_dict"; beside them are epoch, optimizer_state_dict, loss, vocabulary.",
        "The file does not say how its parts are wired; they are read in a chain: embedding, rnn, fc, with an output at every step.",
      ]
    `);
    expect(await notes("f64")).toMatchInlineSnapshot(`
      [
        "The file does not say how its parts are wired; they are read in a chain: embedding, rnn, fc, with an output at every step.",
        "Weights in f64 are rounded to f32.",
      ]
    `);
    expect(await notes("module with a head")).toMatchInlineSnapshot(`
      [
        "head.2 (Dropout) is left out: it acts in training alone.",
        "The file does not say how its parts are wired; they are read in a chain: rnn, head.0, head.3, with an output at every step.",
      ]
    `);
    expect(await notes("gru with a layer normalisation")).toMatchInlineSnapshot(`
      [
        "norm is read as a layer normalisation with PyTorch's eps, 0.00001.",
        "The file does not say how its parts are wired; they are read in a chain: embedding, rnn, norm, fc, with an output at every step.",
      ]
    `);
  });

  test("a vocabulary of as many tokens as the model has is that of the model, by whatever name", async () => {
    const tokensOf = async (name: string) =>
      (await importModel({ bytes: recordedAs(name).bytes, name: "m.pt" })).vocabulary;
    expect(await tokensOf("module with its vocabulary")).toEqual([..."abcde"]);
    expect(await tokensOf("weights one level down")).toEqual([..."abcde"]);
    expect(await tokensOf("checkpoint")).toBeUndefined();
    const opened = await openModel({ bytes: recordedAs("module with its vocabulary").bytes, name: "m.pt" });
    expect(opened.task === "text" && opened.content.tokenizer).toEqual({
      kind: "char",
      vocabulary: ["\uFFFD", ..."abcde"],
      lower: true,
    });
  });

  test("files as people have them", async () => {
    expect(await notes("weights one level down")).toMatchInlineSnapshot(`
      [
        "The tensors are those of "state_dict"; beside them are n_hidden, n_layers, tokens.",
        "The file does not say how its parts are wired; they are read in a chain: lstm, fc, with an output at every step.",
      ]
    `);
    expect(await notes("module with its vocabulary")).toMatchInlineSnapshot(`
      [
        "embedding has a padding_idx, which tells only training something: its steps count, as in PyTorch.",
        "The file does not say how its parts are wired; they are read in a chain: embedding, lstm, fc, with an output at every step.",
      ]
    `);
  });

  test("what wrote it", async () => {
    expect((await open("zip")).source).toBe("PyTorch 1.6 or later");
    expect((await open("stream")).source).toBe("PyTorch, the format up to 1.5");
  });
});

test("layers are named by their modules, without what PyTorch puts before all of them", async () => {
  const names = async (name: string) => (await open(name)).model.layers.map((layer) => layer.name);
  expect(await names("zip")).toEqual(["embedding", "rnn", "fc"]);
  expect(await names("prefixes")).toEqual(["embedding", "rnn", "fc"]);
  expect(await names("lstm, 2 layers, both directions")).toEqual(["rnn_l0", "rnn_l1"]);
});

test("values are arrays of their own: what is trained leaves the file's bytes as they are", async () => {
  const bytes = recordedAs("zip").bytes;
  const tensors = Object.fromEntries([["w.weight", { shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) }]]);
  const alone = writeSafetensors({ tensors, metadata: {} });
  const layers = [{ kind: "linear", prefix: "w" }];
  for (const [file, { model }] of [
    [bytes, await open("zip")],
    [alone, await importModel({ bytes: alone, name: "m.safetensors", mapping: { layers } })],
  ] as const) {
    const before = file.slice();
    for (const values of Object.values(model.values)) {
      expect(values.byteLength).toBe(values.buffer.byteLength);
      values.fill(7);
    }
    expect(file).toEqual(before);
  }
});

test("tied weights are one table", async () => {
  for (const name of ["tied", "tied, module"]) {
    const { model } = await open(name);
    expect(Object.keys(model.values)).not.toContain("fc.W");
    expect(model.values["embedding.weight"]).toHaveLength(15);
  }
});

test("views have the numbers of their storage that are theirs", () => {
  for (const name of ["views", "views, stream"]) {
    const { tensors } = readTensors(recordedAs(name).bytes, name);
    const of = (tensor: string) => {
      const found = tensors.get(tensor);
      return found && "read" in found ? found.read() : undefined;
    };
    expect(of("rnn.weight_ih_l0")?.shape).toEqual([9, 2]);
    expect(of("fc.weight")?.shape).toEqual([5, 3]);
    expect(new Set(of("fc.weight")?.data as Float32Array).size).toBe(15);
    expect(of("embedding.weight")?.shape).toEqual([5, 2]);
  }
});

describe("a mapping says how tensors are wired", () => {
  const head = { kind: "linear", prefix: "fc" };
  test("functions that are in the code alone", async () => {
    const { model, notes } = await open("two linear layers", {
      layers: [
        { kind: "gru", prefix: "rnn" },
        { kind: "linear", prefix: "fc1", activation: "relu" },
        { kind: "linear", prefix: "fc2" },
      ],
    });
    await expectOutput(model, recordedAs("two linear layers"));
    expect(notes).toEqual([]);
  });

  test("the last step of both directions, or their final states", async () => {
    const of = (output: string) => ({ layers: [{ kind: "lstm", prefix: "rnn", output }, head] });
    await expectOutput((await open("last step", of("last"))).model, recordedAs("last step"));
    await expectOutput((await open("final states", of("states"))).model, recordedAs("final states"));
  });

  test("a cell whose layers only the code knows how to use", async () => {
    const named = "a cell by hand";
    expect(await said(named)).toMatchInlineSnapshot(
      `"m.pt: softmax is a LogSoftmax, and where it is used is not in the file. Without a mapping, which says how tensors are wired, only a chain of layers is read."`,
    );
    const equations = `
      h' = W @ x + U @ h + b
      s  = V @ x + Z @ h + c
      d  = s - max(s)
      y  = d - log(sum(exp(d)))
      s  : 2
    `;
    const part = (tensor: string, from: number, to: number) => ({ tensor, columns: [from, to] });
    const [i2h, i2o] = ["i2h.weight", "i2o.weight"];
    const parameters = {
      W: part(i2h, 0, 2),
      U: part(i2h, 2, 5),
      b: "i2h.bias",
      V: part(i2o, 0, 2),
      Z: part(i2o, 2, 5),
    };
    const layer = { kind: "cell", units: 3, equations, parameters: { ...parameters, c: "i2o.bias" } };
    await expectOutput((await open(named, { layers: [layer] })).model, recordedAs(named));
  });

  test("tensors by other names, parts of them as the parameters of a cell, and tensors that are left", async () => {
    const { model } = await ofShapes(
      { w: [3, 2], u: [3, 3], b: [3], c: [3], both: [4, 5], conv: [1, 1, 1], "conv.b": [1] },
      {
        layers: [
          {
            kind: "rnn",
            name: "first",
            nonlinearity: "relu",
            tensors: { weight_ih: "w", weight_hh: "u", bias_ih: "b", bias_hh: "c" },
          },
          {
            kind: "cell",
            units: 2,
            equations: "h' = tanh(W @ x + U @ h)",
            parameters: {
              W: { tensor: "both", rows: [0, 2], columns: [0, 3] },
              U: { tensor: "both", rows: [2, 4], columns: [3, 5] },
            },
          },
        ],
        ignore: ["conv"],
      },
    );
    expect(model.layers.map(({ name }) => name)).toEqual(["first", "cell"]);
    expect(model.outputSize).toBe(2);
  });

  test("what is no mapping", async () => {
    expect(await said("zip", [])).toMatchInlineSnapshot(
      `"mapping must be an object { layers, ignore }, got a list of 0"`,
    );
    expect(await said("zip", {})).toMatchInlineSnapshot(
      `"mapping: layers must be a list of at least 1, each a layer, { kind, ... } with a kind of input, embedding, lstm, gru, rnn, linear, layer_norm, batch_norm, dropout, cell, got undefined"`,
    );
    expect(await said("zip", { layers: [{ kind: "conv" }] })).toMatchInlineSnapshot(
      `"mapping: layers[0] must be a layer, { kind, ... } with a kind of input, embedding, lstm, gru, rnn, linear, layer_norm, batch_norm, dropout, cell, got an object"`,
    );
    expect(await said("zip", { layers: [{ kind: "lstm", prefx: "a" }] })).toMatchInlineSnapshot(
      `"mapping: layers[0] (lstm): unknown option "prefx". Did you mean prefix?"`,
    );
    expect(await said("zip", { layers: [{ kind: "linear", prefix: "fc", activation: "selu" }] })).toMatchInlineSnapshot(
      `"mapping: layers[0] (linear): activation must be one of "linear", "relu", "tanh", "sigmoid", "hard_sigmoid", "softplus", "softmax", "log_softmax", "exp", got "selu""`,
    );
    expect(await said("zip", { layers: [{ kind: "cell", equations: "h' = ", parameters: {} }] })).toMatchInlineSnapshot(
      `"m.pt: line 1, column 6: expected a value after "=", found the end of the line."`,
    );
  });

  test("a mapping that does not fit the tensors", async () => {
    const all = [{ kind: "embedding", prefix: "embedding" }, { kind: "lstm", prefix: "rnn" }, head];
    expect(await said("zip", { layers: [all[0], { kind: "gru", prefix: "rnn" }, head] })).toMatchInlineSnapshot(
      `"m.pt: rnn.weight_hh_l0 has shape (12, 3), expected (12, 4)."`,
    );
    expect(await said("zip", { layers: [all[0], { kind: "lstm", prefix: "lstm" }] })).toMatchInlineSnapshot(
      `"m.pt: lstm.weight_ih_l0 is missing; lstm.weight_hh_l0 is missing; left over: rnn.weight_ih_l0, rnn.weight_hh_l0, rnn.bias_ih_l0, rnn.bias_hh_l0, fc.weight, fc.bias."`,
    );
    expect(await said("zip", { layers: [all[0], head], ignore: ["rnn."] })).toMatchInlineSnapshot(
      `"m.pt: fc.weight gives fc.W the shape (5, 3), and what its layer reads needs (5, 2)."`,
    );
    expect(await said("zip", { layers: [{ ...all[1], initialState: "x" }], ignore: ["e", "f"] })).toMatchInlineSnapshot(
      `"m.pt: mapping: rnn: initialState needs an earlier layer of one direction that is as deep, got "x""`,
    );
  });
});

test("a tied layer takes the weight of its embedding where the file has it once", async () => {
  const name = "tied, with the weight once";
  const layers = [
    { kind: "embedding", prefix: "embedding" },
    { kind: "lstm", prefix: "rnn" },
  ];
  const { model } = await open(name, { layers: [...layers, { kind: "linear", prefix: "fc", tied: "embedding" }] });
  expect(Object.keys(model.values)).not.toContain("fc.W");
  await expectOutput(model, recordedAs(name));
  const whole = { layers: [...layers, { kind: "linear", tied: "embedding" }], ignore: ["fc."] };
  expect(Object.keys((await open(name, whole)).model.values)).not.toContain("linear.b");
  expect(await said(name, { layers: [...layers, { kind: "linear", tied: "words" }] })).toMatchInlineSnapshot(
    `"m.pt: layers[2] (linear): linear is tied to "words", and no embedding before it is called so; layers[2] (linear): weight is missing; left over: fc.bias."`,
  );
});

test("weights of a loss are no layer", async () => {
  const names = async (name: string) => (await open(name)).model.layers.map((layer) => layer.name);
  expect(await names("weights of a loss beside a state")).toEqual(["embedding", "rnn", "fc"]);
  expect((await open("weights of a loss in a state")).notes).toMatchInlineSnapshot(`
    [
      "criterion is left out: it is a loss, which acts in training alone.",
      "The file does not say how its parts are wired; they are read in a chain: embedding, rnn, fc, with an output at every step.",
    ]
  `);
  expect((await open("a loss in a module")).notes).toMatchInlineSnapshot(`
    [
      "1 is left out: it is a loss, which acts in training alone.",
      "The file does not say how its parts are wired; they are read in a chain: 0.",
    ]
  `);
});

test("dropout between layers is a layer of its own", async () => {
  const name = "gru, 2 layers, both directions";
  const { model } = await open(name, { layers: [{ kind: "gru", prefix: "rnn", dropout: 0.3 }] });
  expect(model.layers.map((layer) => layer.name)).toEqual(["rnn_l0", "dropout", "rnn_l1"]);
  await expectOutput(model, recordedAs(name));
});

describe("refused, with what is in the way", () => {
  test("tensors of kinds that are not read", async () => {
    expect(await said("quantised")).toMatchInlineSnapshot(`"m.pt: fc.weight is quantised, which is not read."`);
    expect(await said("quantised, stream")).toMatchInlineSnapshot(`"m.pt: fc.weight is quantised, which is not read."`);
    expect(await said("complex numbers of f64, stream")).toMatchInlineSnapshot(
      `"m.pt: fc.weight has numbers of type ComplexDoubleStorage, which are not read."`,
    );
    expect(await said("sparse")).toMatchInlineSnapshot(`"m.pt: fc.weight is sparse, which is not read."`);
    expect(await said("whole numbers")).toMatchInlineSnapshot(
      `"m.pt: fc.weight has numbers of type I64, expected floats."`,
    );
  });

  test("what is missing, left over or of another shape", async () => {
    expect(await said("of another shape")).toMatchInlineSnapshot(
      `"m.pt: rnn.bias_hh_l0 has shape (5), expected (12)."`,
    );
    expect(await said("without a tensor")).toMatchInlineSnapshot(
      `"m.pt: rnn has no weight_hh_l0. Without a mapping, which says how tensors are wired, only a chain of layers is read."`,
    );
    expect(await said("with one more")).toMatchInlineSnapshot(
      `"m.pt: the model has tensors that are of no layer that is read: scale. Without a mapping, which says how tensors are wired, only a chain of layers is read."`,
    );
    expect(await said("numbers alone")).toMatchInlineSnapshot(`"m.pt: it holds no tensors of a model."`);
  });

  /** An array of one number, as a .npy file. */
  const npyOf = (descr: string): Uint8Array => {
    const header = `{'descr': '${descr}', 'fortran_order': False, 'shape': (1,), }\n`;
    const start = [0x93, ...Buffer.from("NUMPY"), 1, 0, header.length, 0];
    return Uint8Array.from([...start, ...Buffer.from(header), 0, 0, 0, 0]);
  };

  test("arrays without names, as those of Keras's get_weights are saved", async () => {
    const bytes = zipOf(["arr_0", "arr_1"].map((name) => ({ name: `${name}.npy`, data: npyOf("<f4") })));
    expect(await rejection(importModel({ bytes, name: "w.npz" }))).toMatchInlineSnapshot(
      `"w.npz: its arrays have no names, as numpy.savez gives those of Keras's model.get_weights(). Load them into the model (model.set_weights) and save it as .keras; or give a mapping."`,
    );
  });

  test("one array of NumPy", async () => {
    const array = (descr: string) => importModel({ bytes: npyOf(descr), name: "w.npy" });
    expect(await rejection(array("<f4"))).toMatchInlineSnapshot(
      `"w.npy: it holds one array, and a model has several. Give an .npz of them."`,
    );
    expect(await rejection(array("|O"))).toMatchInlineSnapshot(
      `"w.npy: it holds Python objects, which are a pickle, and only arrays of numbers are read."`,
    );
  });

  test("TorchScript, which is code", async () => {
    expect(await said("TorchScript")).toMatchInlineSnapshot(
      `"m.pt: torch.jit.save wrote it, and its modules are code, which is not read. Save its state_dict() by torch.save."`,
    );
  });

  test("layers that are not read", async () => {
    expect(await said("convolution")).toMatchInlineSnapshot(
      `"m.pt: conv has a weight of 3 axes, as a convolution has, which is not read. Without a mapping, which says how tensors are wired, only a chain of layers is read."`,
    );
  });

  test("batch normalisation between linear layers: a function may stand there, too", async () => {
    expect(await said("batch normalisation between linear layers")).toMatchInlineSnapshot(
      `"m.pt: what stands between the linear layers head.0 and head.3 is not in it. Without a mapping, which says how tensors are wired, only a chain of layers is read."`,
    );
    const head = [
      { kind: "lstm", prefix: "rnn" },
      { kind: "linear", prefix: "head.0" },
      { kind: "batch_norm", prefix: "head.1", activation: "relu" },
      { kind: "linear", prefix: "head.3" },
    ];
    const name = "batch normalisation between linear layers";
    await expectOutput((await open(name, { layers: head })).model, recordedAs(name));
  });

  test("batch normalisation at the end, and one whose tensors do not fit", async () => {
    expect((await open("batch normalisation")).notes).toMatchInlineSnapshot(`
      [
        "1 is read as a batch normalisation with PyTorch's eps, 0.00001.",
        "The file does not say how its parts are wired; they are read in a chain: 0, 1.",
        "layer_1: as it is at inference, a factor and a shift for each feature; training here leaves out what it does with batches.",
      ]
    `);
    const norm = { "n.running_mean": [3], "n.running_var": [2], "n.weight": [3], "n.bias": [3] };
    expect(await rejection(ofShapes(norm))).toMatchInlineSnapshot(
      `"m.safetensors: n.running_var has shape (2), expected (3)."`,
    );
    expect(await rejection(ofShapes({ "n.running_mean": [3], "n.weight": [3] }))).toMatchInlineSnapshot(
      `"m.safetensors: n.running_var is missing."`,
    );
    expect(await rejection(ofShapes({ "n.running_mean": [3, 3] }))).toMatchInlineSnapshot(
      `"m.safetensors: n has a running_mean that is no vector. Without a mapping, which says how tensors are wired, only a chain of layers is read."`,
    );
  });

  test("layers of 8 bits, whose weights are no tensors", async () => {
    expect(await said("layers of 8 bits, module")).toMatchInlineSnapshot(
      `"m.pt: rnn._all_weight_values.0.param is packed, as a quantised layer is, which is not read; fc._packed_params._packed_params is packed, as a quantised layer is, which is not read."`,
    );
    expect(await said("layers of 8 bits, state")).toMatchInlineSnapshot(
      `"m.pt: rnn._all_weight_values.0.param is packed, as a quantised layer is, which is not read; fc._packed_params._packed_params is quantised, which is not read."`,
    );
    expect(await said("an LSTM of 8 bits, module")).toMatchInlineSnapshot(
      `"m.pt: rnn._all_weight_values.0.param is packed, as a quantised layer is, which is not read."`,
    );
    expect(await said("an LSTM of 8 bits, state")).toMatchInlineSnapshot(
      `"m.pt: rnn._all_weight_values.0.param is packed, as a quantised layer is, which is not read."`,
    );
    const mapping = {
      layers: [
        { kind: "embedding", prefix: "embedding" },
        { kind: "linear", prefix: "fc" },
      ],
    };
    expect(await said("an LSTM of 8 bits, state", mapping)).toMatchInlineSnapshot(
      `"m.pt: left over: rnn._all_weight_values.0.param, which is packed, as a quantised layer is, which is not read."`,
    );
  });

  test("weights within other values", async () => {
    expect(await said("layers in a plain list")).toMatchInlineSnapshot(
      `"m.pt: more holds layers or parameters that its module does not have as its own, which are not read."`,
    );
    expect(await said("arrays of NumPy")).toMatchInlineSnapshot(
      `"m.pt: embedding.weight is an array of NumPy, which is not read within a pickle; rnn.weight_ih_l0 is an array of NumPy, which is not read within a pickle; rnn.weight_hh_l0 is an array of NumPy, which is not read within a pickle; rnn.bias_ih_l0 is an array of NumPy, which is not read within a pickle; rnn.bias_hh_l0 is an array of NumPy, which is not read within a pickle; fc.weight is an array of NumPy, which is not read within a pickle; fc.bias is an array of NumPy, which is not read within a pickle."`,
    );
  });

  test("modules of one's own without tensors: what they do is code", async () => {
    expect(await said("a function of one's own")).toMatchInlineSnapshot(
      `"m.pt: 1 is a __main__.Double without tensors, whose code is not in the file. Without a mapping, which says how tensors are wired, only a chain of layers is read."`,
    );
    expect(await said("a function of one's own with dropout")).toMatchInlineSnapshot(
      `"m.pt: 1 is a __main__.Double without tensors, whose code is not in the file. Without a mapping, which says how tensors are wired, only a chain of layers is read."`,
    );
  });

  test("functions that are others by their options", async () => {
    expect(await said("softplus with options")).toMatchInlineSnapshot(
      `"m.pt: 1 is a Softplus with beta 2 and threshold 1, and only one with 1 and 20 is read. Without a mapping, which says how tensors are wired, only a chain of layers is read."`,
    );
    expect(await said("softmax over steps")).toMatchInlineSnapshot(
      `"m.pt: 1 is a Softmax with dim 1, and only one over the features (dim -1, or 2) is read. Without a mapping, which says how tensors are wired, only a chain of layers is read."`,
    );
    expect(await said("logarithm of softmax without an axis")).toMatchInlineSnapshot(
      `"m.pt: 1 is a LogSoftmax with dim None, and only one over the features (dim -1, or 2) is read. Without a mapping, which says how tensors are wired, only a chain of layers is read."`,
    );
    expect(await said("elu")).toMatchInlineSnapshot(
      `"m.pt: 1 is a ELU, which is not read. Without a mapping, which says how tensors are wired, only a chain of layers is read."`,
    );
  });

  test("what looks like a layer normalisation and may be something else", async () => {
    expect(await said("batch normalisation without running numbers")).toMatchInlineSnapshot(
      `"m.pt: 1 is a BatchNorm1d without a running mean, which has another at every batch. Without a mapping, which says how tensors are wired, only a chain of layers is read."`,
    );
    expect(await rejection(ofShapes({ "fc.weight": [3, 2], "fc.bias": [3], "act.weight": [3] }))).toMatchInlineSnapshot(
      `"m.safetensors: act has a weight vector and no bias: whether it is a normalisation, a function or the weights of a loss is not in the file. Without a mapping, which says how tensors are wired, only a chain of layers is read."`,
    );
  });

  test("several states that are no parts of one model", async () => {
    expect(await said("two states")).toMatchInlineSnapshot(
      `"m.pt: it holds 2 state dictionaries, which make no chain together: ema_state_dict.embedding reads tokens, and state_dict.fc before it gives 5. A mapping says which it takes: for the first alone, prefixes that begin with "state_dict." and an "ignore" of ["ema_state_dict."]."`,
    );
    expect(await said("a state and its copy")).toMatchInlineSnapshot(
      `"m.pt: it holds 2 state dictionaries, which make no chain together: best has the same tensors as state_dict. A mapping says which it takes: for the first alone, prefixes that begin with "state_dict." and an "ignore" of ["best."]."`,
    );
    const layers = ["embedding", "rnn", "fc"].map((name, k) => ({
      kind: ["embedding", "gru", "linear"][k],
      prefix: `state_dict.${name}`,
    }));
    for (const [name, other] of [
      ["two states", "ema_state_dict"],
      ["a state and its copy", "best"],
    ] as const) {
      await expectOutput((await open(name, { layers, ignore: [`${other}.`] })).model, recordedAs(name));
    }
  });

  test("numbers that f32 does not hold", async () => {
    expect(await said("too large for f32")).toMatchInlineSnapshot(
      `"m.pt: fc.weight holds 1e+300, which is too large for f32."`,
    );
  });

  test("what only the code says", async () => {
    expect(await said("two linear layers")).toMatchInlineSnapshot(
      `"m.pt: what stands between the linear layers fc1 and fc2 is not in it. Without a mapping, which says how tensors are wired, only a chain of layers is read."`,
    );
    const linear = { weight: [2, 2], bias: [2] };
    const both = Object.fromEntries(
      ["fc1", "fc2"].flatMap((name) => Object.entries(linear).map(([own, shape]) => [`${name}.${own}`, shape])),
    );
    expect(await rejection(ofShapes(both))).toMatchInlineSnapshot(
      `"m.safetensors: what stands between the linear layers fc1 and fc2 is not in it. Without a mapping, which says how tensors are wired, only a chain of layers is read."`,
    );
    const gru = {
      "rnn.weight_ih_l0": [6, 3],
      "rnn.weight_hh_l0": [6, 2],
      "rnn.bias_ih_l0": [6],
      "rnn.bias_hh_l0": [6],
    };
    expect(await rejection(ofShapes({ ...gru, "a.weight": [5, 4], "a.bias": [5] }))).toMatchInlineSnapshot(
      `"m.safetensors: no order of its parts fits: a (4 to 5), rnn (3 to 2). Without a mapping, which says how tensors are wired, only a chain of layers is read."`,
    );
  });
});

test("in a file that keeps no order, shapes decide", async () => {
  const gru = (name: string, reads: number, units: number) => ({
    [`${name}.weight_ih_l0`]: [3 * units, reads],
    [`${name}.weight_hh_l0`]: [3 * units, units],
    [`${name}.bias_ih_l0`]: [3 * units],
    [`${name}.bias_hh_l0`]: [3 * units],
  });
  const { model } = await ofShapes({
    "a_out.weight": [7, 4],
    "a_out.bias": [7],
    ...gru("rnn", 3, 4),
    "words.weight": [7, 3],
  });
  expect(model.layers.map(({ name, kind }) => [name, kind])).toEqual([
    ["words", "embedding"],
    ["rnn", "cell"],
    ["a_out", "cell"],
  ]);
  // Alike, they follow each other by their numbers.
  const two = await ofShapes({ ...gru("rnn10", 3, 3), ...gru("rnn2", 3, 3) });
  expect(two.model.layers.map(({ name }) => name)).toEqual(["rnn2", "rnn10"]);
  // By other names, nothing tells which is first.
  expect(await rejection(ofShapes({ ...gru("encoder", 3, 3), ...gru("decoder", 3, 3) }))).toMatchInlineSnapshot(
    `"m.safetensors: its shapes allow several orders, such as decoder, encoder and encoder, decoder. Without a mapping, which says how tensors are wired, only a chain of layers is read."`,
  );
});

test("our own files are not taken for PyTorch's, and nor is anything else", () => {
  const ours = writeModel({ model: sequential([dense(1)], { input: 1 }), extra: {} });
  expect(isPytorch(ours)).toBe(false);
  for (const text of ["", "PK", "{}", "\x89HDF\r\n\x1a\n", "not a model at all, but some text"]) {
    const bytes = new Uint8Array(Buffer.from(text, "latin1"));
    expect([isPytorch(bytes), isNamedPytorch(bytes, "m.pt")]).toEqual([false, false]);
  }
});
