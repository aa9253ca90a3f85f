/** A softmax that was written as ONNX is one again, so that what it ends is a language model again. */
import { describe, expect, test } from "vitest";
import { importModel } from "../../../src/formats/imported.ts";
import { writeOnnx } from "../../../src/formats/onnx/index.ts";
import type { OnnxGraph, OnnxTensor } from "../../../src/formats/onnx/proto.ts";
import { cell } from "../../../src/graph/cell.ts";
import { dense, embedding, gru, type LayerSpec, lstm, recurrent } from "../../../src/nn/layers.ts";
import { type Model, sequential } from "../../../src/nn/model.ts";
import { createRandom } from "../../../src/nn/random.ts";
import { generate } from "../../../src/tasks/generate.ts";
import { languageModelFrom } from "../../../src/tasks/language-model.ts";
import { collect, redraw } from "../../helpers/models.ts";
import { expectSame, floats, node } from "./graphs.ts";

const all = { returnSequences: true };
const vocabulary = ["a", "b", "c", "\n", "d"];
const tokens = (...layers: readonly LayerSpec[]): Model =>
  redraw(sequential([embedding(5, 4), ...layers]), createRandom(41), 0.8);
const bent = (source: string): LayerSpec => recurrent(cell(source), { label: "activation" });

describe.each<[string, Model]>([
  ["of a dense layer", tokens(gru(6, all), dense(5, { activation: "softmax" }))],
  ["of the last output alone", tokens(lstm(6), dense(5, { activation: "softmax" }))],
  ["in a layer of its own", tokens(lstm(6), dense(5), bent("y = softmax(x)"))],
  ["its logarithm", tokens(gru(6, all), dense(5), bent("y = log(softmax(x))"))],
  ["its logarithm by sums", tokens(gru(6, all), dense(5), bent("d = x - max(x)\ny = d - log(sum(exp(d)))"))],
])("a softmax %s", (_, model) => {
  const forms = model.returnsSequences ? (["sequences", "steps"] as const) : (["sequences"] as const);
  test.each(forms)("a language model from %s", async (form) => {
    const bytes = writeOnnx(model, { form });
    const { model: back } = await importModel({ bytes, name: "m.onnx" });
    const window = model.returnsSequences ? undefined : 4;
    const text = (of: Model): Promise<string[]> =>
      collect(generate(languageModelFrom(of, { vocabulary, window }), { prompt: "ab", length: 12, seed: 3 }));
    expect(await text(back)).toEqual(await text(model));
  });
});
test("the layer says that it is one", async () => {
  const bytes = writeOnnx(tokens(gru(6, all), dense(5, { activation: "softmax" })));
  const last = (await importModel({ bytes, name: "m.onnx" })).model.layers.at(-1);
  expect(last?.kind === "cell" && last.cell.source).toBe("y = softmax(W @ x + b)");
});

const parts = (over: number) => [
  node("MatMul", "x W2", "p"),
  node("ReduceMax", "p", "m", { axes: { ints: [-1] } }),
  node("Sub", "p m", "c"),
  node("Exp", "c", "e"),
  node("ReduceSum", "e axis", "s", { keepdims: { int: over } }),
  node("Log", "s", "l"),
  node("Add", "m l", "a"),
  node("Sub", "p a", "q"),
];
const given = [floats("W2", 2, 4), { name: "axis", dims: [1], data: BigInt64Array.of(-1n) }];
test("a part of it that is read elsewhere stays", async () => {
  const nodes = [...parts(1), node("Exp", "q", "r"), node("Sub", "r c", "y")];
  const model = await expectSame({ nodes, tensors: given });
  expect(model.layers.some((one) => one.kind === "cell" && one.cell.source.includes("softmax"))).toBe(false);
});
test("its logarithm and itself are both read", async () => {
  await expectSame({ nodes: [...parts(1), node("Exp", "q", "r"), node("Sub", "r q", "y")], tensors: given });
});
test("a part of it that a branch reads stays", async () => {
  const branch = (op: string): OnnxGraph => ({
    ...{ name: op, nodes: [node(op, "q c", `${op}_y`)], tensors: [], inputs: [] },
    outputs: [{ name: `${op}_y`, type: "float", dims: ["batch", "time", 4] }],
  });
  const branches = { then_branch: { graph: branch("Add") }, else_branch: { graph: branch("Sub") } };
  const yes: OnnxTensor = { name: "yes", dims: [1], data: BigInt64Array.of(1n) };
  const nodes = [...parts(1), node("Cast", "yes", "is", { to: { int: 9 } }), node("If", "is", "y", branches)];
  await expectSame({ nodes, tensors: [...given, yes] });
});
