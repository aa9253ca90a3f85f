/** Models whose only input is a layer with a name of its own, as functional models of other programs have it, beside those without. */
import { expect, test } from "vitest";
import { writeSource } from "../../src/formats/source/index.ts";
import { inspectModel } from "../../src/nn/inspection.ts";
import { dense, embedding, input, type LayerSpec, lstm } from "../../src/nn/layers.ts";
import { type Model, sequential } from "../../src/nn/model.ts";
import { saliency } from "../../src/nn/saliency.ts";
import { createSession } from "../../src/nn/session.ts";
import { lossesWithout } from "../../src/tasks/ablation.ts";
import { createPrefill } from "../../src/tasks/prefill.ts";
import { createSlots } from "../../src/tasks/slots.ts";
import { createEvaluator } from "../../src/train/evaluator.ts";
import { fitStream } from "../../src/train/fit-stream.ts";
import { collect } from "../helpers/models.ts";

const layers = (): LayerSpec[] => [embedding(5, 3), lstm(4, { returnSequences: true }), dense(5)];
const plain = (): Model => sequential(layers(), { seed: 2 });
const named = (): Model => sequential([input("tokens", { name: "words" }), ...layers()], { seed: 2 });
const ids = Int32Array.of(1, 4, 2, 0, 3, 3, 1, 2, 4, 0, 2, 1, 3);

test.each<[string, (model: Model) => Promise<unknown>]>([
  [
    "a session",
    async (model) => {
      const session = await createSession(model);
      const outputs = [...ids].map((id) => session.next(id).slice());
      session.dispose();
      return outputs;
    },
  ],
  ["inspecting", (model) => collect(inspectModel(model, ids))],
  ["saliency", (model) => saliency(model, ids)],
  [
    "evaluating a stream",
    async (model) => {
      const evaluator = await createEvaluator(model, { batch: 2, steps: 3 });
      return evaluator.loss(ids).finally(() => evaluator.dispose());
    },
  ],
  [
    "training on a stream",
    async (model) => {
      await fitStream(model, ids, { batch: 2, steps: 2, epochs: 2, validationSplit: 0, threads: 1 });
      return model.values;
    },
  ],
  [
    "leaving out a unit",
    async (model) => {
      const reading = lossesWithout(model, ids, [{ key: "lstm.h", unit: 1 }]);
      for (;;) {
        const { done, value } = await reading.next();
        if (done) return value;
      }
    },
  ],
  [
    "slots and prefill",
    async (model) => {
      const slots = await createSlots({ model }, 2);
      slots.tokens.set([1, 4]);
      slots.step();
      const prefill = await createPrefill(model);
      const tokens = Int32Array.from({ length: prefill.steps }, (_, k) => k % 5);
      const state = prefill.read(slots.state(0), tokens);
      const logits = slots.logits.map((one) => one.slice());
      for (const one of [slots, prefill]) one.dispose();
      return { state, logits };
    },
  ],
  [
    "a window",
    async (model) => {
      const last = sequential(
        model.layers.map((one) => (one.kind === "cell" ? { ...one, returnSequences: false } : one)),
        { seed: 2 },
      );
      const slots = await createSlots({ model: last, window: 3 }, 1);
      slots.tokens[0] = 4;
      slots.step();
      const logits = slots.logits.map((one) => one.slice());
      slots.dispose();
      return logits;
    },
  ],
])("%s: the same by whatever name", async (_, run) => {
  expect(await run(named())).toEqual(await run(plain()));
});

test("vectors, too; and source", async () => {
  const vectors = (specs: readonly LayerSpec[], options = {}) =>
    sequential([...specs, lstm(3, { returnSequences: true })], { seed: 4, ...options });
  const rows = [
    [1, -2],
    [0.5, 3],
  ];
  const [one, other] = [vectors([input(2, { name: "a" })]), vectors([], { input: 2 })];
  expect(await collect(inspectModel(one, rows))).toEqual(await collect(inspectModel(other, rows)));
  for (const language of ["c", "js", "ts"] as const) {
    const lines = (model: Model) =>
      writeSource(model, { language })
        .split("\n")
        .filter((line) => !/read one step/.test(line));
    expect(lines(named())).toEqual(lines(plain()));
  }
});
