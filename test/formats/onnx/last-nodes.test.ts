/** Nodes at the end of a graph that only give the output another shape, as those of PyTorch's classifiers: left out, with a note. */
import { describe, expect, test } from "vitest";
import { type ImportedModel, importModel } from "../../../src/formats/imported.ts";
import type { OnnxNode } from "../../../src/formats/onnx/proto.ts";
import { fileOf, floats, int, ints, node, refusalOf } from "./graphs.ts";

const perm = (...order: number[]) => ({ perm: { ints: order } });
/** A layer and a dense one: p is (batch, time, features) or, of the last step, (batch, features). */
const graph = (features: number, last: boolean, after: readonly OnnxNode[]) => ({
  nodes: [
    node("Transpose", "x", "t", perm(1, 0, 2)),
    node("LSTM", "t W R", "Y Y_h", { hidden_size: { int: 3 } }),
    ...(last
      ? [node("Gather", "Y_h zero", "h")]
      : [node("Squeeze", "Y one", "s"), node("Transpose", "s", "h", perm(1, 0, 2))]),
    node("MatMul", "h V", "p"),
    ...after,
  ],
  tensors: [
    ...[floats("W", 1, 12, 2), floats("R", 1, 12, 3), floats("V", 3, features), int("zero", 0), int("minus", -1)],
    ...[ints("one", 1), ints("end", -1), ints("rows", -1, features), ints("keep", 0, -1)],
  ],
});
const read = (...given: Parameters<typeof graph>): Promise<ImportedModel> =>
  importModel({ bytes: fileOf(graph(...given)), name: "m.onnx" });
const gone = (op: string): string =>
  `The node "y:${op}" (${op}), at the end, takes the axis of the one feature away: here it stays, with the same numbers in the same order.`;
const shape = (op: string): string =>
  `The node "y:${op}" (${op}), at the end, gives the numbers another shape: here they stand as before it, in the same order.`;
const together = 'Its output "y" has examples and steps in one axis: here they are two, with the same numbers.';
const before =
  'Its output "y" has its features before its steps or examples: here they are last, so the numbers come in another order.';

const squeeze = node("Squeeze", "p end", "y");
const flat = node("Reshape", "p end", "y");
const flatten = node("Flatten", "p", "y", { axis: { int: 1 } });
describe.each<[string, OnnxNode, features: number, last: boolean, note: string]>([
  [".squeeze(-1) of each step", squeeze, 1, false, gone("Squeeze")],
  [".squeeze(-1) of the last step", squeeze, 1, true, gone("Squeeze")],
  [".squeeze()", node("Squeeze", "p", "y"), 1, true, gone("Squeeze")],
  ["[:, 0]", node("Gather", "p zero", "y", { axis: { int: 1 } }), 1, true, gone("Gather")],
  ["[..., -1]", node("Gather", "p minus", "y", { axis: { int: -1 } }), 1, false, gone("Gather")],
  [".view(-1) of each step", flat, 1, false, shape("Reshape")],
  [".view(-1) of the last step", flat, 1, true, shape("Reshape")],
  [".view(-1) of several features", flat, 4, true, shape("Reshape")],
  [".flatten(1)", flatten, 4, false, shape("Flatten")],
  [".view(B, -1)", node("Reshape", "p keep", "y"), 4, false, shape("Reshape")],
  [".view(-1, 4)", node("Reshape", "p rows", "y"), 4, false, together],
  [".permute(0, 2, 1)", node("Transpose", "p", "y", perm(0, 2, 1)), 4, false, before],
  [".t()", node("Transpose", "p", "y", perm(1, 0)), 4, true, before],
])("%s", (_, end, features, last, note) => {
  test("is left out, with a note", async () => {
    const plain = await read(features, last, [node("Identity", "p", "y")]);
    const found = await read(features, last, [end]);
    expect(found).toEqual({ ...plain, notes: [note] });
  });
  test("an activation may follow", async () => {
    const plain = await read(features, last, [node("Sigmoid", "p", "y")]);
    const moved = { ...end, outputs: ["q"] };
    const found = await read(features, last, [moved, node("Sigmoid", "q", "y")]);
    expect(found).toEqual({ ...plain, notes: [note.replace('node "y:', 'node "q:')] });
  });
});
test("what goes on with the numbers in another way is refused", async () => {
  const after = [node("Squeeze", "p end", "q"), node("MatMul", "q M", "y")];
  const { nodes, tensors } = graph(1, false, after);
  expect(await refusalOf({ nodes, tensors: [...tensors, floats("M", 5, 2)] })).toContain(
    'the node "y:MatMul" (MatMul) cannot be said with layers: it reads one number a step, whose axis was taken away before.',
  );
});
