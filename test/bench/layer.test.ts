/** Recurrent layers alone: what they compute, and what counts as their work. */
import { expect, test } from "vitest";
import { enginesHere } from "../../src/bench/engines.ts";
import { compileLayers, runnerOf } from "../../src/bench/layer.ts";
import { cellOf, type Shape, shapes } from "../../src/bench/shapes.ts";
import { createRandom } from "../../src/nn/random.ts";
import type { Program } from "../../src/runtime/program.ts";
import { multiplyAdds } from "../../src/schedule/cost.ts";

const base = { name: "small", task: "layer", vocabulary: 0, embedding: 5, units: 6, steps: 4, batch: 3 } as const;
const kinds = Object.keys(cellOf) as Shape["kind"][];
const { engines } = await enginesHere();

/** The sum of the outputs, each times its given gradient. */
const total = (program: Program, gradients: Float32Array): number =>
  program.output("y").reduce((sum, value, k) => sum + value * (gradients[k] as number), 0);

test.each(kinds)("%s, two layers: gradients of inputs and parameters are central differences", async (kind) => {
  const shape: Shape = { ...base, kind, layers: 2 };
  const program = await compileLayers(shape, { engine: "reference" });
  const random = createRandom(2);
  const draw = (length: number): Float32Array => Float32Array.from({ length }, () => random.normal() / 2);
  const [x, dy] = [draw(4 * 3 * 5), draw(4 * 3 * 6)];
  program.setInput("d y", dy);
  program.setInput("x", x);
  for (const [name, { size }] of Object.entries(program.plan.parameters)) program.setParameter(name, draw(size));
  const difference = async (values: Float32Array, k: number, set: (values: Float32Array) => void): Promise<number> => {
    const at = async (value: number): Promise<number> => {
      const moved = values.slice();
      moved[k] = value;
      set(moved);
      await program.run();
      return total(program, dy);
    };
    const [low, high] = [Math.fround((values[k] as number) - 2 ** -8), Math.fround((values[k] as number) + 2 ** -8)];
    const slope = ((await at(high)) - (await at(low))) / (high - low);
    set(values);
    return slope;
  };
  await program.run();
  await program.fetch();
  const dx = program.output("d x");
  const names = Object.keys(program.plan.parameters);
  const gradients = Object.fromEntries(names.map((name) => [name, program.gradient(name)]));
  for (const k of [0, 17, 59]) {
    expect(dx[k]).toBeCloseTo(await difference(x, k, (values) => program.setInput("x", values)), 3);
  }
  for (const name of names) {
    const slope = await difference(program.parameter(name), 1, (values) => program.setParameter(name, values));
    expect(gradients[name]?.[1], name).toBeCloseTo(slope, 3);
  }
});

test.each(kinds)("%s: every engine gives the same numbers, also after a parameter has changed", async (kind) => {
  const shape: Shape = { ...base, kind, layers: 2, units: 24 };
  const reference = await compileLayers(shape, { engine: "reference" });
  const run = runnerOf(reference, shape, createRandom(4));
  for (const { name: engine } of engines) {
    const program = await compileLayers(shape, { engine, threads: 2 });
    const again = runnerOf(program, shape, createRandom(4));
    for (const step of [run, again, run, again]) await step();
    await reference.fetch();
    const pairs = [
      ...["y", "d x"].map((name) => [reference.output(name), program.output(name)]),
      ...Object.keys(program.plan.parameters).map((name) => [reference.gradient(name), program.gradient(name)]),
    ] as [Float32Array, Float32Array][];
    for (const [theirs, ours] of pairs) {
      ours.forEach((value, k) => {
        expect(Math.abs(value - (theirs[k] as number))).toBeLessThan(1e-4 * (1 + Math.abs(value)));
      });
    }
    program.dispose();
  }
});

test("the work of an LSTM is that of its products, three times: forward, inputs and weights", async () => {
  const one = await compileLayers({ ...base, kind: "lstm", layers: 1 }, { engine: "wasm" });
  expect(multiplyAdds(one.plan)).toBe(3 * 4 * 3 * 4 * 6 * (5 + 6));
  const two = await compileLayers({ ...base, kind: "lstm", layers: 2 }, { engine: "wasm" });
  expect(multiplyAdds(two.plan)).toBe(3 * 4 * 3 * 4 * 6 * (5 + 6 + 6 + 6));
});

test("a shape of layers is named after its sizes, and the whole step of the same sizes is measured too", () => {
  const alone = shapes.filter(({ task }) => task === "layer");
  expect(alone.length).toBeGreaterThan(5);
  for (const { name, kind, embedding, units, layers, batch, steps } of alone) {
    expect(name).toBe(`layer-${kind}-${[embedding, units, layers, batch, steps].join("-")}`);
    if (kind !== "lstm" && kind !== "gru") continue;
    expect(shapes.map((other) => other.name)).toContain(
      `${kind}-65-${[embedding, units, layers, batch, steps].join("-")}`,
    );
  }
});
