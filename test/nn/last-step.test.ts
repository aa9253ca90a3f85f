import { describe, expect, test } from "vitest";
import { cells, lstm as lstmCell } from "../../src/cells/index.ts";
import { interpret } from "../../src/engines/reference/interpret.ts";
import { grad } from "../../src/grad/grad.ts";
import { type Cell, cell } from "../../src/graph/cell.ts";
import { dense, dropout, embedding, lstm, recurrent } from "../../src/nn/layers.ts";
import { type Model, sequential } from "../../src/nn/model.ts";
import { modelGraph } from "../../src/nn/model-graph.ts";
import { createSession } from "../../src/nn/session.ts";
import { load } from "../../src/runtime/program.ts";
import { printPlan } from "../../src/schedule/print.ts";
import { createEvaluator } from "../../src/train/evaluator.ts";
import { fitStream } from "../../src/train/fit-stream.ts";
import { lossGraph } from "../../src/train/loss-graph.ts";
import { loadTraining, programError, results } from "../helpers/engines.ts";
import { gradientError } from "../helpers/gradients.ts";
import { randomValues } from "../helpers/networks.ts";
import { schedule, trainingPlan } from "../helpers/plans.ts";

const sequences = { returnSequences: true };
const [steps, batch] = [4, 3];

async function outputOf(model: Model): Promise<Float32Array> {
  const { graph } = modelGraph(model, { training: false });
  const program = await load(schedule(graph, { steps, batch, keep: ["output"] }));
  for (const { name } of model.parameters) program.setParameter(name, model.values[name] as Float32Array);
  const values = randomValues(graph, steps, batch, 2);
  program.setInput("x", values.inputs.x as Float64Array);
  await program.run();
  return program.output("output");
}

const projected = cell(`h' = tanh(W @ x + U @ h + b)
  y = V @ h'`);
describe("without returnSequences, a layer gives the output of the last step (B,units), for any cell", () => {
  test.each(Object.entries({ ...cells, projected }).filter(([, { states }]) => states.length > 0))(
    "%s",
    async (_, of) => {
      const make = (returnSequences: boolean): Model =>
        sequential([recurrent(of as Cell, { units: 5, returnSequences })], { input: 6, seed: 1 });
      const [all, last] = [make(true), make(false)];
      expect([all.returnsSequences, last.returnsSequences]).toEqual([true, false]);
      expect(last.outputSize).toBe(all.outputSize);
      expect(await outputOf(last)).toEqual((await outputOf(all)).slice(-batch * all.outputSize));
    },
  );
});

/** The Keras notebook's model, smaller. */
const notebook = (): Model =>
  sequential([
    embedding(11, 5),
    lstm(6, sequences),
    lstm(7),
    dropout(0.2),
    dense(9, { activation: "relu" }),
    dense(11),
  ]);

test("sequence to vector: gradients against central differences 1e-6, wasm against the reference 1e-4", async () => {
  const graph = grad(lossGraph(notebook(), { loss: "sparse_categorical_crossentropy", training: true }));
  const values = randomValues(graph, steps, batch, 1);
  expect(values.inputs["loss.target"]?.length).toBe(batch);
  expect(gradientError(graph, values, { steps, batch })).toBeLessThan(1e-6);
  const program = await loadTraining(graph, { steps, batch }, values);
  await program.run();
  await program.run();
  const { error, where } = programError(program, graph, interpret(graph, { steps, batch, ...values }));
  expect(error, where).toBeLessThan(1e-4);
});

test("sequence to vector: the same bits for 1, 2 and 3 threads", async () => {
  const graph = grad(lossGraph(notebook(), { loss: "sparse_categorical_crossentropy", training: true }));
  for (const sizes of [
    { steps: 4, batch: 13 },
    { steps: 4, batch: 2 },
  ]) {
    const values = randomValues(graph, sizes.steps, sizes.batch, 1);
    const runs = [1, 2, 3].map(async (threads) => {
      const program = await loadTraining(graph, sizes, values, { threads });
      await program.run();
      return results(program);
    });
    const [one, two, three] = await Promise.all(runs);
    expect(two).toEqual(one);
    expect(three).toEqual(one);
  }
});

test("what follows the last step runs once a sequence, forward and backward", () => {
  const plan = trainingPlan(notebook(), { batch, steps });
  expect(printPlan({ ...plan, sections: plan.sections.slice(0, 1) })).toMatchInlineSnapshot(`
    "for all 4 steps at once
      gather  %1 by tokens
      product [lstm.W_f lstm.W_i lstm.W_g lstm.W_o] @ %1 : 5 to 32  (merged: 4 in one)
    for t = 0 to 3
      product [lstm.U_f lstm.U_i lstm.U_g lstm.U_o] @ lstm.h : 6 to 32  (merged: 4 in one)
      pass    lstm.f lstm.i lstm.g lstm.o lstm.c' %31 lstm.h' : 6 features, 17 operations fused
    for all 4 steps at once
      product [lstm_1.W_f lstm_1.W_i lstm_1.W_g lstm_1.W_o] @ lstm.h' : 6 to 32  (merged: 4 in one)
    for t = 0 to 3
      product [lstm_1.U_f lstm_1.U_i lstm_1.U_g lstm_1.U_o] @ lstm_1.h : 7 to 32  (merged: 4 in one)
      pass    lstm_1.f lstm_1.i lstm_1.g lstm_1.o lstm_1.c' %62 lstm_1.h' : 7 features, 17 operations fused
    once a sequence
      pass    %66 : 7 features, 2 operations fused
      product [dense.W] @ %66 : 7 to 12
      pass    dense.y : 9 features, 2 operations fused
      product [dense_1.W] @ dense.y : 9 to 12
      pass    %78 = sum %79 = logsumexp : 11 features, 3 operations fused
      pass    %81 : 1 features, 2 operations fused
      pass    d dense_1.y : 11 features, 9 operations fused
      sum     loss = %81
      product [dense_1.Wᵀ] @ d dense_1.y : 11 to 12
      product d dense_1.W = d dense_1.y times dense.y, summed over examples
      sum     d dense_1.b = d dense_1.y, over examples
      pass    %99 : 9 features, 3 operations fused
      product [dense.Wᵀ] @ %99 : 9 to 8
      product d dense.W = %99 times %66, summed over examples
      sum     d dense.b = %99, over examples
      pass    d lstm_1.h : 7 features, 2 operations fused
    for t = 3 to 0
      pass    d lstm_1.c %116 %124 %133 %142 : 7 features, 22 operations fused
      product [lstm_1.U_oᵀ lstm_1.U_gᵀ lstm_1.U_iᵀ lstm_1.U_fᵀ] @ %116 : 32 to 8  (merged: 4 in one)
    for all 4 steps at once
      product d lstm_1.U_o d lstm_1.U_g d lstm_1.U_i d lstm_1.U_f = %116, ... times lstm_1.h, summed over steps and examples
      product d lstm_1.W_o d lstm_1.W_g d lstm_1.W_i d lstm_1.W_f = %116, ... times lstm.h', summed over steps and examples
      product [lstm_1.W_oᵀ lstm_1.W_gᵀ lstm_1.W_iᵀ lstm_1.W_fᵀ] @ %116 : 32 to 8  (merged: 4 in one)
      sum     d lstm_1.b_o = %116, over steps and examples
      sum     d lstm_1.b_g = %124, over steps and examples
      sum     d lstm_1.b_i = %133, over steps and examples
      sum     d lstm_1.b_f = %142, over steps and examples
    for t = 3 to 0
      pass    d lstm.c %166 %173 %182 %191 : 6 features, 23 operations fused
      product [lstm.U_oᵀ lstm.U_gᵀ lstm.U_iᵀ lstm.U_fᵀ] @ %166 : 32 to 8  (merged: 4 in one)
    for all 4 steps at once
      product d lstm.U_o d lstm.U_g d lstm.U_i d lstm.U_f = %166, ... times lstm.h, summed over steps and examples
      product d lstm.W_o d lstm.W_g d lstm.W_i d lstm.W_f = %166, ... times %1, summed over steps and examples
      product [lstm.W_oᵀ lstm.W_gᵀ lstm.W_iᵀ lstm.W_fᵀ] @ %166 : 32 to 8  (merged: 4 in one)
      sum     d lstm.b_o = %166, over steps and examples
      sum     d lstm.b_g = %173, over steps and examples
      sum     d lstm.b_i = %182, over steps and examples
      sum     d lstm.b_f = %191, over steps and examples
      scatter %196 by tokens"
  `);
});

test("a session gives the output after each input", async () => {
  const model = sequential([lstm(4)], { input: 2, seed: 1 });
  const all = sequential([lstm(4, sequences)], { input: 2, seed: 1 });
  const [one, other] = [await createSession(model), await createSession(all)];
  for (const x of [
    [1, 0],
    [0.5, -1],
  ]) {
    expect([...one.next(x)]).toEqual([...other.next(x)]);
  }
});

describe("a model whose shapes do not fit is refused in one line", () => {
  test("a recurrent layer behind one that gives its last output alone", () => {
    const make = () => sequential([lstm(3), recurrent(lstmCell, { units: 2, name: "second" })], { input: 2 });
    expect(make).toThrow("second: needs a sequence, but the layer before returns only its last output.");
  });
  test("a stream of tokens, which needs an output at every step", async () => {
    const model = sequential([embedding(5, 3), lstm(4), dense(5)]);
    const message = "needs an output at every step, but lstm returns only its last.";
    await expect(fitStream(model, new Int32Array(100))).rejects.toThrow(`fitStream: ${message}`);
    await expect(createEvaluator(model, { batch: 1, steps: 5 })).rejects.toThrow(`createEvaluator: ${message}`);
  });
});
