/** Models as ONNX files, as ONNX Runtime runs them. */
import { describe, expect, test } from "vitest";
import { writeOnnx } from "../../../src/formats/onnx/index.ts";
import type { Model } from "../../../src/nn/model.ts";
import { createRandom } from "../../../src/nn/random.ts";
import { createSession } from "../../../src/nn/session.ts";
import { expectClose } from "../../helpers/models.ts";
import { runtime as ort } from "../../helpers/onnx-runtime.ts";
import { cases } from "../source/models.ts";
import { tensorOf } from "./graphs.ts";
import { fedAndWanted, models } from "./models.ts";

/** Those with operators of ONNX's own, also by their equations. */
const operators = [
  "gru",
  "gruResetAfter",
  "lstm",
  "lstmCifg",
  "peepholeLstm",
  "simpleRnn",
  "irnn",
  "both ways",
  "the last output",
];
const withPlain = <One extends { readonly name: string }>(all: readonly One[]) => [
  ...all.map((one) => ({ ...one, plain: false })),
  ...all
    .filter(({ name }) => operators.includes(name))
    .map((one) => ({ ...one, name: `${one.name}, plain`, plain: true })),
];

describe.each(withPlain(models))("$name", ({ model, plain }) => {
  test("whole sequences", async () => {
    const { fed, wanted, dims } = await fedAndWanted(model);
    const session = await ort.InferenceSession.create(writeOnnx(model, { plain }), { logSeverityLevel: 3 });
    const feeds = Object.fromEntries(
      Object.entries(fed).map(([name, { values, dims }]) => [name, tensorOf(values, dims)]),
    );
    const { output } = await session.run(feeds);
    expect(output?.dims.map(Number)).toEqual(dims);
    expectClose(output?.data as Float32Array, wanted, { within: 1e-5 });
  });
});

describe.each(withPlain(cases))("$name, step by step", ({ model, plain }) => {
  test("states go in and come out", async () => {
    const own = await createSession(model);
    const session = await ort.InferenceSession.create(writeOnnx(model, { form: "steps", plain }), {
      logSeverityLevel: 3,
    });
    const [{ name, features, count }] = model.inputs as [Model["inputs"][number]];
    const random = createRandom(5);
    let states = own.state();
    for (let t = 0; t < 4; t++) {
      const x =
        features === "tokens"
          ? Int32Array.of(random.uniform() * (count as number))
          : Float32Array.from({ length: features as number }, random.normal);
      const feeds = {
        [name]: tensorOf(x, features === "tokens" ? [1] : [1, x.length]),
        ...Object.fromEntries(
          Object.entries(states).map(([state, values]) => [state, tensorOf(values, [1, values.length])]),
        ),
      };
      const results = await session.run(feeds);
      expectClose(results.output?.data as Float32Array, own.next(features === "tokens" ? (x[0] as number) : x), {
        within: 1e-5,
      });
      states = Object.fromEntries(
        Object.keys(states).map((state) => [state, results[`next.${state}`]?.data as Float32Array]),
      );
      for (const [state, values] of Object.entries(own.state()))
        expectClose(states[state] as Float32Array, values, { within: 1e-5 });
    }
  });
});
