/** Models whose weights are infinite or NaN are written for no other program. */
import { expect, test } from "vitest";
import { writeKeras } from "../../src/formats/keras/index.ts";
import { writeOnnx } from "../../src/formats/onnx/index.ts";
import { writePytorch } from "../../src/formats/pytorch.ts";
import { writeSource } from "../../src/formats/source/index.ts";
import { writeTfjs } from "../../src/formats/tfjs/index.ts";
import { dense, lstm } from "../../src/nn/layers.ts";
import { type Model, sequential } from "../../src/nn/model.ts";

const writers = {
  writeKeras,
  writeTfjs,
  writePytorch,
  writeOnnx,
  writeSource: (model: Model) => writeSource(model, { language: "c" }),
};
test.each(Object.entries(writers))("%s", async (name, write) => {
  const model = sequential([lstm(3), dense(2)], { input: 4, seed: 1 });
  await write(model);
  for (const [value, said] of [
    [Number.NaN, "NaN"],
    [Number.NEGATIVE_INFINITY, "-Infinity"],
  ] as const) {
    (model.values["dense.W"] as Float32Array)[4] = value;
    await expect((async () => write(model))()).rejects.toThrow(
      `${name}: the model: dense.W[1, 1] is ${said}, not a finite number. The model's weights have diverged: train anew at a lower rate.`,
    );
  }
});
