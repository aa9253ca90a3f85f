/** Models as JavaScript. */
import { describe, expect, test } from "vitest";
import { type SourceLanguage, writeSource } from "../../../src/formats/source/index.ts";
import { bidirectional, dense, gru, input, lstm } from "../../../src/nn/layers.ts";
import { sequential } from "../../../src/nn/model.ts";
import { createSession } from "../../../src/nn/session.ts";
import { expectClose } from "../../helpers/models.ts";
import { cases, expected, steps } from "./models.ts";

type Stream = {
  next: (x: number | ArrayLike<number>) => Float32Array;
  reset: () => void;
  state: () => Record<string, Float32Array>;
  restore: (state: Record<string, Float32Array>) => void;
};
type Written = { createModel: () => Stream; inputs: number; outputs: number; symbols?: string[] };
/** What a file's text exports. */
const load = (text: string): Written => {
  const names = [...text.matchAll(/^export (?:const|function) (\w+)/gm)].map(([, name]) => name);
  return new Function(
    `"use strict";${text.replaceAll(/^export /gm, "")}\nreturn { ${names.join(", ")} };`,
  )() as Written;
};

describe.each(cases)("$name", (one) => {
  const { model, input } = one;
  const width = model.input === "tokens" ? 1 : model.input;
  const at = (t: number): number | ArrayLike<number> =>
    model.input === "tokens" ? (input[t] as number) : input.subarray(t * width, (t + 1) * width);

  test("JavaScript gives what the reference gives, again after a reset, and goes on from a state", () => {
    const { createModel, inputs, outputs } = load(writeSource(model, { language: "js" }));
    expect([inputs, outputs]).toEqual([model.inputs[0]?.count ?? model.input, model.outputSize]);
    const [stream, other] = [createModel(), createModel()];
    const read = (): number[] => Array.from({ length: steps }, (_, t) => [...stream.next(at(t))]).flat();
    const wanted = expected(one);
    expectClose(read(), wanted, { within: 2e-6 });
    stream.reset();
    expectClose(read(), wanted, { within: 2e-6 });
    // The half in one stream, the rest in another.
    stream.reset();
    stream.next(at(0));
    stream.next(at(1));
    other.next(at(3));
    other.restore(stream.state());
    expect([...other.next(at(2))]).toEqual([...stream.next(at(2))]);
  });
});

test("symbols stand beside the model; the same model gives the same text", () => {
  const model = sequential([lstm(3), dense(3)], { input: 2 });
  const options = { language: "js" as const, symbols: ["a", '"', "é\n"] };
  const text = writeSource(model, options);
  expect(load(text).symbols).toEqual(options.symbols);
  expect(writeSource(model, options)).toBe(text);
});

describe("what cannot be written is refused", () => {
  const write =
    (model: Parameters<typeof writeSource>[0], language: SourceLanguage = "c") =>
    () =>
      writeSource(model, { language });
  test("a layer that needs the whole sequence, several inputs", () => {
    expect(write(sequential([bidirectional(lstm(3))], { input: 2 }))).toThrow(
      "writeSource: runs one step at a time, but bidirectional starts at the last step",
    );
    const two = sequential([input(2, { name: "a" }), input(3, { name: "b" }), gru(2)]);
    expect(write(two)).toThrow("writeSource: needs a model with one input; this one also has");
  });
  test("weights that are no numbers, symbols for other outputs, names that C has not", () => {
    const model = sequential([lstm(3)], { input: 2 });
    expect(() => writeSource(model, { language: "c", symbols: ["a"] })).toThrow(
      "writeSource: symbols needs one for each of 3 outputs, got 1",
    );
    expect(() => writeSource(model, { language: "c", name: "a b" })).toThrow(/name/);
    const taken =
      "int float restrict inline default bool exp expf sqrt sqrtl isnan INFINITY M_PI FP_NAN linux main weights start0 sigmoid lesser _Bool";
    for (const name of taken.split(" ")) {
      expect(() => writeSource(model, { language: "c", name })).toThrow(
        `writeSource: name: in C "${name}" is a word of the language, or declared by math.h or the file itself. Give another, as "model_${name}".`,
      );
      expect(writeSource(model, { language: "js", name })).toContain(`${name}: `);
    }
    (model.values["lstm.b_f"] ?? (Object.values(model.values)[0] as Float32Array))[0] = Number.NaN;
    expect(write(model)).toThrow("not a finite number");
  });
});

test("a session and the file agree over a long sequence", async () => {
  const model = sequential([gru(16, { returnSequences: true }), dense(4)], { input: 3, seed: 5 });
  const stream = load(writeSource(model, { language: "js" })).createModel();
  const session = await createSession(model);
  for (let t = 0; t < 500; t++) {
    const x = [Math.sin(t), Math.cos(t / 3), (t % 7) - 3];
    expectClose(stream.next(x), session.next(x), { within: 3e-6 });
  }
});
