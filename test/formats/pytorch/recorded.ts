/** Files that PyTorch wrote, with what their models compute: made by scripts/record-pytorch-models.py. */
import { readFileSync } from "node:fs";
import { expect } from "vitest";
import type { Model } from "../../../src/nn/model.ts";
import { predict } from "../../../src/train/predict.ts";

/** Numbers with a shape, the last index running fastest. */
export type Numbers = { readonly shape: readonly number[]; readonly data: readonly number[] };
type Recorded = {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** (batch, steps) of tokens, or (batch, steps, features). Absent of what is refused. */
  readonly x?: Numbers;
  readonly output?: Numbers;
};

type Stored = Omit<Recorded, "bytes"> & { readonly file: string };
const { cases } = JSON.parse(readFileSync(new URL("../../fixtures/pytorch-models.json", import.meta.url), "utf8")) as {
  readonly cases: readonly Stored[];
};

/** All of them, in the order of the script. */
export const recorded: readonly Recorded[] = cases.map(({ file, ...rest }) => ({
  ...rest,
  bytes: new Uint8Array(Buffer.from(file, "base64")),
}));

/** One of them by its name. */
export function recordedAs(name: string): Recorded {
  const found = recorded.find((one) => one.name === name);
  if (found === undefined) throw new Error(`no file was recorded as ${name}`);
  return found;
}

/** What a model computes, beside what PyTorch did. */
export async function expectOutput(model: Model, { name, x, output }: Recorded, tolerance = 2e-6): Promise<void> {
  const given = { shape: x?.shape as number[], data: Float32Array.from(x?.data ?? []) };
  const { data, shape } = await predict(model, given);
  expect(shape, name).toEqual(output?.shape);
  const off = Math.max(...Array.from(data, (value, k) => Math.abs(value - (output?.data[k] as number))));
  expect(off, `${name}: largest difference`).toBeLessThan(tolerance);
}
