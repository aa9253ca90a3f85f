/** Models that Keras wrote, with what it computes of them. */
import { expect } from "vitest";
import type { ImportedModel } from "../../../src/formats/imported.ts";
import { readModel, writeModel } from "../../../src/formats/model-file.ts";
import { predict } from "../../../src/train/predict.ts";

type Numbers = { readonly shape: readonly number[]; readonly data: readonly number[] };
export type RecordedModel = {
  readonly name: string;
  readonly inputs: readonly Numbers[];
  readonly outputs: readonly Numbers[];
};

/** @throws unless every output is Keras's, to 5e-6 */
export async function expectOutputs(
  { model, outputs, notes }: ImportedModel,
  { inputs, outputs: wanted }: RecordedModel,
): Promise<void> {
  const all = outputs ?? [{ name: "", model }];
  expect(all).toHaveLength(wanted.length);
  for (const [k, { model: one }] of all.entries()) {
    const given = one.inputs.map(({ name }) => [name, inputs[Number(/^in(\d+)$/.exec(name)?.[1] ?? 1) - 1]]);
    const alone = one.inputs.length === 1 && one.layers[0]?.kind !== "input";
    const found = await predict(one, alone ? (inputs[0] as Numbers) : Object.fromEntries(given), {
      engine: "reference",
    });
    const { shape, data } = wanted[k] as Numbers;
    // Where the steps of Keras begin late, as the notes say, those before are not looked at.
    const [, late] = /has (\d+) steps more here/.exec(notes.join()) ?? [];
    const [examples = 0, steps = 0, features = 1] = found.shape;
    expect([examples, ...(found.shape.length > 2 ? [steps - Number(late ?? 0), features] : [steps])]).toEqual(shape);
    const same = [...found.data].filter(
      (_, i) => late === undefined || Math.floor(i / features) % steps >= Number(late),
    );
    const off = data.map((value, i) => Math.abs(value - (same[i] as number)));
    expect(Math.max(...off)).toBeLessThan(5e-6);
    // Our file says the same.
    const bytes = writeModel({ model: one, extra: {} });
    expect(writeModel({ model: readModel(bytes).model, extra: {} })).toEqual(bytes);
  }
}
