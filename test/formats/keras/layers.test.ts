/** Layers that stand around recurrent ones, as Keras 3 writes and computes them; recorded by scripts/record-keras-layers.py. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { type ImportedModel, importModel } from "../../../src/formats/imported.ts";
import { rejection } from "../../helpers/refusal.ts";
import { expectOutputs, type RecordedModel } from "./recorded.ts";

type Recorded = RecordedModel & {
  readonly file: string;
  /** The same as a legacy HDF5 file, packed by gzip. */
  readonly h5?: string;
};
const path = join(import.meta.dirname, "../../fixtures/keras-layers.json");
const { keras, models } = JSON.parse(readFileSync(path, "utf8")) as {
  readonly keras: string;
  readonly models: readonly Recorded[];
};
const open = ({ file }: Pick<Recorded, "file">, name = "m.keras"): Promise<ImportedModel> =>
  importModel({ bytes: new Uint8Array(Buffer.from(file, "base64")), name });
const named = (name: string): Recorded => models.find((one) => one.name === name) as Recorded;

/** What is refused, by what the message says behind the layer's name. */
const refused: Readonly<Record<string, string>> = {
  "PReLU of each step":
    '"p_re_lu_2" (PReLU) cannot be said: it has slopes of its own for each step; ours are one for all (shared_axes=[1])',
  "masks of merges":
    '"maximum_2" (Maximum) cannot be said: it merges what is masked, and computes something else at masked steps. Mask nothing of it',
  "masks of concatenations":
    '"concatenate_1" (Concatenate) cannot be said: a step counts behind it where it does in one of several masks; ours count where it does in all. Give all inputs the same padding, or one mask',
  "pooling, axes kept":
    '"global_average_pooling1d_2" (GlobalAveragePooling1D) cannot be said: it keeps the axis of time (keepdims)',
  "strided convolution":
    '"conv1d_15" (Conv1D) cannot be said: of 8 steps it makes 4 in Keras and 3 here. Give the model a number of steps that it takes whole, without padding',
  "max pooling of any length":
    '"max_pooling1d_1" (MaxPooling1D) cannot be said: where it begins depends on the number of steps (padding "same" with strides), which the model leaves open. Say the shape of its input',
  "max pooling, a rest left":
    '"max_pooling1d_2" (MaxPooling1D) cannot be said: of 7 steps it makes 2 in Keras and 3 here. Give the model a number of steps that it takes whole, without padding',
  "separable convolution":
    '"separable_conv1d" (SeparableConv1D) cannot be said: there is no layer of ours for its class. Put layers in its place that are read, or end the model before it',
  "depthwise convolution":
    '"depthwise_conv1d" (DepthwiseConv1D) cannot be said: there is no layer of ours for its class. Put layers in its place that are read, or end the model before it',
  "zero padding":
    '"zero_padding1d" (ZeroPadding1D) cannot be said: there is no layer of ours for its class. Put layers in its place that are read, or end the model before it',
  "a forecast of other steps":
    '"repeat_vector_2" (RepeatVector) cannot be said: it makes 3 steps of a sequence of 5, and ours are of one length. Give encoder and decoder inputs of their own, with a time each',
  "a reshaped end":
    '"reshape" (Reshape) cannot be said: it gives an array another shape, and ours are sequences of vectors. Give the model arrays of that shape, and leave it out',
  "one feature by a reshape":
    '"reshape_1" (Reshape) cannot be said: it gives an array another shape, and ours are sequences of vectors. Give the model arrays of that shape, and leave it out',
  "steps without a feature at the end":
    '"reshape_2" (Reshape) cannot be said: it gives an array another shape, and ours are sequences of vectors. Give the model arrays of that shape, and leave it out',
  "permuted features":
    '"permute" (Permute) cannot be said: it exchanges time and features. Give the model arrays that are exchanged, and leave it out',
  "attention by permutations":
    '"permute_2" (Permute) cannot be said: it exchanges time and features. Give the model arrays that are exchanged, and leave it out',
  "up-sampling":
    '"up_sampling1d" (UpSampling1D) cannot be said: there is no layer of ours for its class. Put layers in its place that are read, or end the model before it',
  "dot attention, masked":
    '"attention_2" (Attention) cannot be said: it reads what is masked. Leave the mask out, or take the layer away from behind it',
  "rescaling and normalisation":
    '"normalization" (Normalization) cannot be said: there is no layer of ours for its class. Put layers in its place that are read, or end the model before it',
  "Multiply of masked and unmasked":
    '"multiply_7" (Multiply) cannot be said: it merges what is masked, and computes something else at masked steps. Mask nothing of it',
  "Maximum of masked and unmasked":
    '"maximum_5" (Maximum) cannot be said: it merges what is masked, and computes something else at masked steps. Mask nothing of it',
  "Minimum of masked and unmasked":
    '"minimum_1" (Minimum) cannot be said: it merges what is masked, and computes something else at masked steps. Mask nothing of it',
  "max pooling that reaches behind the end":
    '"max_pooling1d_4" (MaxPooling1D) cannot be said: its last window reaches behind the last of 7 steps (padding "same"). Give the model a number of steps that it takes whole',
  "average pooling that reaches behind the end":
    '"average_pooling1d_1" (AveragePooling1D) cannot be said: its last window reaches behind the last of 7 steps (padding "same"). Give the model a number of steps that it takes whole',
  "one mask, merged":
    '"maximum_3" (Maximum) cannot be said: it merges what is masked, and computes something else at masked steps. Mask nothing of it',
  "einsum dense":
    '"einsum_dense" (EinsumDense) cannot be said: there is no layer of ours for its class. Put layers in its place that are read, or end the model before it',
};

describe(`what Keras ${keras} computes`, () => {
  test.each(models.filter(({ name }) => !(name in refused)))("$name", async (recorded) => {
    await expectOutputs(await open(recorded), recorded);
  });
});

describe("legacy HDF5 files, whose arrays are in a list for each outermost layer", () => {
  test.each(models.filter(({ h5 }) => h5 !== undefined))("$name", async (recorded) => {
    const bytes = new Uint8Array(gunzipSync(Buffer.from(recorded.h5 as string, "base64")));
    const imported = await importModel({ bytes, name: "m.h5" });
    const { model } = await open(recorded);
    expect(JSON.stringify(imported.model.layers)).toBe(JSON.stringify(model.layers));
    expect(imported.model.values).toEqual(model.values);
  });
});

describe("refused, with the layer and what to do", () => {
  test.each(Object.entries(refused))("%s", async (name, message) => {
    expect(await rejection(open(named(name)))).toBe(`m.keras: the layer ${message}.`);
  });
});
