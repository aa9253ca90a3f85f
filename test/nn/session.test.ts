import { expect, test } from "vitest";
import { interpret } from "../../src/interpret/interpret.ts";
import { dense, embedding, gru, type LayerSpec, lstm, simpleRnn } from "../../src/nn/layers.ts";
import { type Model, modelGraph, sequential } from "../../src/nn/model.ts";
import { createRandom } from "../../src/nn/random.ts";
import { createSession } from "../../src/nn/session.ts";
import { load } from "../../src/runtime/program.ts";
import { schedule } from "../../src/schedule/schedule.ts";

const steps = 9;
const layers: LayerSpec[] = [lstm(6), gru(5), simpleRnn(4), dense(3)];

/** The whole sequence at once, by the engine and by the oracle. */
async function whole(model: Model, inputs: Record<string, Float32Array | Int32Array>) {
  const { graph, output } = modelGraph(model, { training: false });
  const program = await load(schedule(graph, { steps, batch: 1, keep: ["output"] }));
  for (const { name } of model.parameters) program.setParameter(name, model.values[name] as Float32Array);
  if (inputs.tokens) program.setIndex("tokens", inputs.tokens);
  if (inputs.x) program.setInput("x", inputs.x);
  await program.run();
  const oracle = interpret(graph, { steps, batch: 1, inputs, parameters: model.values });
  return { engine: program.output("output"), oracle: oracle.value(output) };
}

function expectClose(got: readonly number[], wanted: ArrayLike<number>, limit: number): void {
  expect(got).toHaveLength(wanted.length);
  got.forEach((value, k) => {
    const right = wanted[k] as number;
    expect(Math.abs(value - right), `number ${k}: ${value} and ${right}`).toBeLessThan(limit);
  });
}

test("tokens one by one give what the whole sequence gives", async () => {
  const model = sequential([embedding(7, 3), ...layers], { seed: 1 });
  const tokens = Int32Array.from([1, 4, 0, 6, 6, 2, 3, 1, 5]);
  const { engine, oracle } = await whole(model, { tokens });
  const session = await createSession(model);
  const got = [...tokens].flatMap((token) => [...session.next(token)]);
  expectClose(got, engine, 1e-6);
  expectClose(got, oracle, 2e-6);
});

test("vectors one by one give what the whole sequence gives", async () => {
  const model = sequential(layers, { input: 2, seed: 2 });
  const x = Float32Array.from({ length: 2 * steps }, createRandom(3).normal);
  const { engine, oracle } = await whole(model, { x });
  const session = await createSession(model);
  const got = Array.from({ length: steps }, (_, t) => [...session.next(x.subarray(2 * t, 2 * t + 2))]).flat();
  expectClose(got, engine, 1e-6);
  expectClose(got, oracle, 2e-6);
});

test("after a reset it reads as if for the first time; two sessions do not share a state", async () => {
  const model = sequential([embedding(7, 3), lstm(6), dense(3)], { seed: 1 });
  const [session, other] = [await createSession(model), await createSession(model)];
  const first = session.next(3);
  const second = session.next(3);
  expect(second).not.toEqual(first);
  expect(other.next(3)).toEqual(first);
  session.reset();
  expect(session.next(3)).toEqual(first);
});

test("each output is a copy, and later values of the model do not reach a session", async () => {
  const model = sequential([embedding(7, 3), dense(3)], { seed: 1 });
  const session = await createSession(model);
  const first = session.next(3);
  const kept = first.slice();
  first.fill(9);
  model.values["dense.b"]?.fill(5);
  expect(session.next(3)).toEqual(kept);
});
