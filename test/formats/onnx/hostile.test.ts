/** ONNX files that are damaged, that refer to other files, or that say what layers cannot. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { PbfWriter } from "pbf";
import { describe, expect, test } from "vitest";
import { importModel } from "../../../src/formats/imported.ts";
import { decodeOnnx, type ReadGraph, type ReadNode } from "../../../src/formats/onnx/decode.ts";
import { importOnnx } from "../../../src/formats/onnx/import.ts";
import { writeOnnx } from "../../../src/formats/onnx/index.ts";
import { encodeOnnx, type OnnxGraph, type OnnxNode } from "../../../src/formats/onnx/proto.ts";
import { FormatError } from "../../../src/formats/safetensors.ts";
import { createRandom } from "../../../src/nn/random.ts";
import { cases } from "../source/models.ts";
import { models } from "./models.ts";

const { models: recorded } = JSON.parse(
  readFileSync(join(import.meta.dirname, "../../fixtures/onnx.json"), "utf8"),
) as {
  models: readonly { readonly file: string }[];
};
const { models: around } = JSON.parse(
  readFileSync(join(import.meta.dirname, "../../fixtures/onnx-layers.json"), "utf8"),
) as { models: readonly { readonly file: string }[] };
const files = [
  ...recorded.map(({ file }) => new Uint8Array(Buffer.from(file, "base64"))),
  // Of what stands around recurrent layers.
  ...around.map(({ file }) => new Uint8Array(gunzipSync(Buffer.from(file, "base64")))),
  ...models.map(({ model }) => writeOnnx(model)),
  ...cases.map(({ model }) => writeOnnx(model, { form: "steps" })),
];

const refusal = async (bytes: Uint8Array, beside?: (name: string) => Uint8Array | undefined): Promise<string> => {
  const result = await importModel({ bytes, name: "m.onnx", beside }).catch((error: unknown) => error);
  expect(result).toBeInstanceOf(FormatError);
  return (result as Error).message;
};

test("damaged files: a model or one line, never anything else", { timeout: 600_000 }, async () => {
  const seed = Number(process.env.FUZZ_SEED ?? 1);
  const random = createRandom(seed);
  const below = (n: number): number => Math.floor(random.uniform() * n);
  for (let k = 0; k < Number(process.env.FUZZ ?? 600); k++) {
    const whole = files[below(files.length)] as Uint8Array;
    const bytes = whole.slice(0, random.uniform() < 0.2 ? below(whole.length) : whole.length);
    for (let j = 0; j <= below(6); j++) {
      if (bytes.length > 0)
        bytes[below(bytes.length)] = random.uniform() < 0.5 ? below(256) : ([0, 0xff, 0x7f, 0x80][below(4)] as number);
    }
    try {
      await importModel({ bytes, name: "m.onnx" });
    } catch (error) {
      const { message } = error as Error;
      if (!(error instanceof FormatError) || !message.startsWith("m.onnx: ") || message.includes("\n")) {
        throw new Error(`seed ${seed}, file ${k}: ${(error as Error).stack}`);
      }
    }
  }
});

test("graphs whose nodes are mixed up: a model or one line, never anything else", { timeout: 600_000 }, () => {
  const seed = Number(process.env.FUZZ_SEED ?? 1);
  const random = createRandom(seed);
  const below = (n: number): number => Math.floor(random.uniform() * n);
  const one = <T>(list: readonly T[]): T => list[below(list.length)] as T;
  const graphs = files.map((bytes) => decodeOnnx(bytes, "m.onnx"));
  const operators = [...new Set(graphs.flatMap(({ graph }) => graph.nodes.map(({ op }) => op)))];
  const list = [-1, 0, 1, 2, 3, 5, -2, 2 ** 31];
  /** One node or attribute or size of a graph is another one. */
  function mixed(graph: ReadGraph): ReadGraph {
    const { nodes } = graph;
    const k = below(nodes.length);
    const node = nodes[k] as ReadNode;
    const names = [
      ...nodes.slice(0, k).flatMap(({ outputs }) => outputs),
      ...graph.tensors.keys(),
      ...graph.inputs.map(({ name }) => name),
    ];
    const with_ = (changed: Partial<ReadNode>): ReadGraph => ({
      ...graph,
      nodes: nodes.with(k, { ...node, ...changed }),
    });
    const attributes = [...node.attributes];
    switch (below(7)) {
      case 0:
        return with_({ inputs: node.inputs.map((name) => (below(2) === 0 ? one(names) : name)) });
      case 1:
        return with_({ op: one(operators) });
      case 2:
        return with_({ attributes: new Map(attributes.filter(() => below(2) === 0)) });
      case 3:
        return with_({
          attributes: new Map(
            attributes.map(([key, value]) => [
              key,
              value.graph === undefined
                ? {
                    ...value,
                    ...(value.number !== undefined && { number: one(list) }),
                    ...(value.numbers && { numbers: value.numbers.map(() => one(list)) }),
                  }
                : { graph: mixed(value.graph) },
            ]),
          ),
        });
      case 4:
        return { ...graph, nodes: nodes.toSpliced(k, 1) };
      case 5: {
        const [key, tensor] = one([...graph.tensors]) ?? ["", undefined];
        if (tensor === undefined) return graph;
        const whole = tensor.whole ? { data: Float64Array.from({ length: tensor.data.length }, () => one(list)) } : {};
        return {
          ...graph,
          tensors: new Map(graph.tensors).set(key, { ...tensor, ...whole, dims: tensor.dims.toReversed() }),
        };
      }
      default:
        return {
          ...graph,
          inputs: graph.inputs.map((input) => ({
            ...input,
            dims: input.dims?.map((size) => one([size, 1, 3, undefined])),
          })),
        };
    }
  }
  for (let k = 0; k < Number(process.env.FUZZ ?? 600); k++) {
    const file = one(graphs);
    let { graph } = file;
    for (let j = 0; j <= below(3); j++) graph = mixed(graph);
    try {
      importOnnx({ ...file, graph }, "m.onnx");
    } catch (error) {
      const { message } = error as Error;
      if (!(error instanceof FormatError) || !message.startsWith("m.onnx: ") || message.includes("\n")) {
        throw new Error(`seed ${seed}, graph ${k}: ${(error as Error).stack}`);
      }
    }
  }
});

const nodeOf = (
  op: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: OnnxNode["attributes"] = {},
): OnnxNode => ({
  ...{ op, inputs, outputs, attributes },
});
const modelOf = (graph: Partial<OnnxGraph>): Uint8Array =>
  encodeOnnx({
    ...{ irVersion: 8, opset: 17, producer: "test" },
    graph: {
      ...{ name: "m", nodes: [], tensors: [] },
      inputs: [{ name: "x", type: "float", dims: ["batch", "time", 2] }],
      outputs: [{ name: "y", type: "float", dims: ["batch", "time", 2] }],
      ...graph,
    },
  });

describe("what cannot be said is refused with its node", () => {
  test.each([
    [
      "an operator that is not read",
      [nodeOf("Cumsum", ["x"], ["y"])],
      'the node "y:Cumsum" (Cumsum) cannot be said with layers: this operator is not read.',
    ],
    ["an input that nothing gives", [nodeOf("Tanh", ["z"], ["y"])], 'nothing gives its input "z"'],
    [
      "a layout that runtimes refuse",
      [nodeOf("RNN", ["x", "W", "R"], ["y"], { layout: { int: 1 }, hidden_size: { int: 2 } })],
      "it has layout 1, which runtimes refuse.",
    ],
    [
      "an activation without its numbers",
      [nodeOf("RNN", ["x", "W", "R"], ["y"], { activations: { texts: ["Affine"] }, hidden_size: { int: 2 } })],
      "the activation Affine has no alpha and beta, and runtimes differ in what that means.",
    ],
    [
      "weights of other sizes",
      [nodeOf("LSTM", ["x", "W", "R"], ["y"], { hidden_size: { int: 2 } })],
      "its weights' sizes do not fit each other, or what it reads.",
    ],
  ] as const)("%s", async (_, nodes, message) => {
    const tensors = [
      { name: "W", dims: [1, 2, 2], data: new Float32Array(4) },
      { name: "R", dims: [1, 2, 2], data: new Float32Array(4) },
    ];
    expect(await refusal(modelOf({ nodes, tensors }))).toContain(message);
  });

  test("no outputs, no graph, nothing at all", async () => {
    expect(await refusal(modelOf({}))).toBe(
      "m.onnx: none of its outputs depends on its inputs in a way that layers can say.",
    );
    expect(await refusal(new Uint8Array())).toBe("m.onnx: it is no ONNX model: it has no graph, or no opset.");
  });
});

/** A model with one dense layer whose matrix lies in another file. */
function withExternal(location: string, offset: number, length: number): Uint8Array {
  const pair = (key: string, value: string) => (_: unknown, to: PbfWriter) => {
    to.writeStringField(1, key);
    to.writeStringField(2, value);
  };
  const graph = new PbfWriter();
  graph.writeMessage(
    1,
    (_: unknown, to) => {
      for (const name of ["x", "W"]) to.writeStringField(1, name);
      to.writeStringField(2, "y");
      to.writeStringField(4, "MatMul");
    },
    null,
  );
  graph.writeMessage(
    5,
    (_: unknown, to) => {
      for (const size of [2, 2]) to.writeVarintField(1, size);
      to.writeVarintField(2, 1);
      to.writeStringField(8, "W");
      to.writeMessage(13, pair("location", location), null);
      to.writeMessage(13, pair("offset", `${offset}`), null);
      to.writeMessage(13, pair("length", `${length}`), null);
      to.writeVarintField(14, 1);
    },
    null,
  );
  const shaped = modelOf({});
  // Inputs and outputs as they are, and the node and the tensor before them.
  const rest = new PbfWriter();
  rest.writeVarintField(1, 8);
  rest.writeMessage(8, (_: unknown, to) => to.writeVarintField(2, 17), null);
  const own = shaped.indexOf(0x3a) + 2;
  const inner = shaped.subarray(own, own + (shaped[own - 1] as number));
  const made = graph.finish();
  rest.writeBytesField(7, Uint8Array.from([...made, ...inner]));
  return rest.finish();
}

test("weights in another file of the same folder are read; those elsewhere, and what lies beyond its end, are refused", async () => {
  const weights = new Uint8Array(new Float32Array([9, 1, 2, 3, 4]).buffer);
  const beside = (name: string) => (name === "w.bin" ? weights : undefined);
  const { model } = await importModel({ bytes: withExternal("w.bin", 4, 16), name: "m.onnx", beside });
  expect([...(model.values["dense.W"] as Float32Array)]).toEqual([1, 3, 2, 4]);
  for (const location of ["../w.bin", "/etc/passwd", "a/w.bin", "..", "C:w.bin", ""]) {
    expect(await refusal(withExternal(location, 0, 16), beside)).toContain(
      "which is no file's name in the same folder: it is not read.",
    );
  }
  expect(await refusal(withExternal("v.bin", 0, 16), beside)).toBe(
    'm.onnx: the tensor "W" lies in "v.bin", which is not beside it.',
  );
  expect(await refusal(withExternal("w.bin", 8, 16), beside)).toContain("lies beyond the end of");
  expect(await refusal(withExternal("w.bin", 0, 12), beside)).toContain("needs 16 bytes and has 12");
});

const shared = join(import.meta.dirname, "../../../../shared/data/models");
test.skipIf(!existsSync(shared))(
  "silero's voice detector is refused by its first node (skipped where ../shared/data/models is missing)",
  async () => {
    const bytes = readFileSync(join(shared, "silero-vad/silero_vad_16k_op15.onnx"));
    expect(await refusal(bytes)).toBe(
      'm.onnx: the node "/model/stft/padding/Pad" (Pad) cannot be said with layers: it adds steps or features to those that there are. ' +
        "Give the model sequences that have them, cut the file before or behind it, or export the model without it.",
    );
  },
);
