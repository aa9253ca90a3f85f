/** Models as layers of Keras, before they are written. */
import { expect, test } from "vitest";
import { kerasTree } from "../../../src/formats/keras/from-model.ts";
import { functionsOfKeras3, gateForKeras3 } from "../../../src/formats/keras/recognize.ts";
import type { Program, Source, Tree } from "../../../src/formats/keras/tree.ts";
import { kerasConfig } from "../../../src/formats/keras/write.ts";
import { add, bidirectional, dense, embedding, gru, input, lstm, simpleRnn } from "../../../src/nn/layers.ts";
import { type Model, sequential } from "../../../src/nn/model.ts";

const program: Program = {
  ...{ name: "Keras", call: "writeKeras", functions: functionsOfKeras3(), otherGate: gateForKeras3() },
  ...{ handsMasksOn: false, saysMasks: true, leaksMasks: false, resetAfter: true, heedsMasks: true },
  ...{ differentDirections: true, causal: true, functionLayers: [] },
};
const tree = (model: Model): Tree => kerasTree(model, program);

/** A line a layer: what it reads, and its arrays. */
function lines({ layers, chain, output }: Tree): string {
  const said = ({ layer, output: k }: Source): string => (k === 0 ? layer : `${layer}[${k}]`);
  const all = layers.map(({ name, className, inputs, initial, mask, shapes, weights }) =>
    [
      `${className} ${name}(${inputs.map(said).join(", ")}`,
      ...(initial.length > 0 ? [`, from ${initial.map(said).join(", ")}`] : []),
      ...(mask ? [`, where ${mask.input} is not ${mask.value}`] : []),
      `) ${JSON.stringify(shapes[0])}`,
      ...weights.map(
        ({ path, arrays }) => ` ${path}: ${arrays.map(({ name, shape }) => `${name} ${shape.join("x")}`).join(", ")}`,
      ),
    ].join(""),
  );
  return [chain ? "a chain" : "a graph", ...all, `-> ${said(output)}`].join("\n");
}

test("a chain: each layer reads the one before it, masks go with the values", () => {
  expect(lines(tree(sequential([embedding(5, 2, { maskZero: true }), gru(3), dense(1)])))).toMatchInlineSnapshot(`
    "a chain
    InputLayer input_layer() [null,null]
    Embedding embedding(input_layer) [null,null,2] : embeddings 5x2
    GRU gru(embedding, where tokens is not 0) [null,3] cell: kernel 2x9, recurrent_kernel 3x9, bias 2x9
    Dense dense(gru) [null,1] : kernel 3x1, bias 1
    -> dense"
  `);
});

test("a mask that goes around a recurrent layer is said where it is heeded, so the model is a graph", () => {
  const all = { returnSequences: true };
  expect(
    lines(tree(sequential([embedding(5, 2, { maskZero: true }), simpleRnn(3, all), lstm(2)]))),
  ).toMatchInlineSnapshot(`
    "a graph
    InputLayer input_layer() [null,null]
    Embedding embedding(input_layer) [null,null,2] : embeddings 5x2
    SimpleRNN simple_rnn(embedding, where tokens is not 0) [null,null,3] cell: kernel 2x3, recurrent_kernel 3x3, bias 3
    LSTM lstm(simple_rnn, where tokens is not 0) [null,2] cell: kernel 3x8, recurrent_kernel 2x8, bias 8
    -> lstm"
  `);
});

test("states that a layer starts from are outputs of another, of both directions side by side", () => {
  const model = sequential([
    input(2, { name: "asked" }),
    bidirectional(gru(2), { name: "encoder" }),
    input(2, { name: "said" }),
    gru(4, { name: "decoder", initialState: { from: "encoder" } }),
  ]);
  expect(lines(tree(model))).toMatchInlineSnapshot(`
    "a graph
    InputLayer asked() [null,null,2]
    Bidirectional encoder(asked) [null,4] forward_layer/cell: kernel 2x6, recurrent_kernel 2x6, bias 2x6 backward_layer/cell: kernel 2x6, recurrent_kernel 2x6, bias 2x6
    InputLayer said() [null,null,2]
    Concatenate concatenate(encoder[1], encoder[2]) [null,4]
    GRU decoder(said, from concatenate) [null,4] cell: kernel 2x12, recurrent_kernel 4x12, bias 2x12
    -> decoder"
  `);
});

test("what the output does not need is left out, and said to be", () => {
  const model = sequential([
    input(2, { name: "x" }),
    dense(2, { name: "a" }),
    dense(2, { name: "b", reads: "x" }),
    dense(1),
  ]);
  const { layers, notes } = tree(model);
  expect(layers.map(({ name }) => name)).toEqual(["x", "b", "dense"]);
  expect(notes).toEqual(["Left out, as no output needs them: a."]);
});

test("layers stand in Keras's order: by how far they are from the output, then as a search from it meets them", () => {
  const model = sequential([
    input(2, { name: "x" }),
    dense(2, { name: "near" }),
    dense(2, { name: "far", reads: "x" }),
    dense(2, { name: "farther" }),
    add(["farther", "near"]),
  ]);
  const { order } = kerasConfig(tree(model));
  expect(order.map(({ name }) => name)).toEqual(["x", "far", "farther", "near", "add"]);
});
