/**
 * Masks that a config does not say, states of layers that give zeros, and parts that are not trained, as Keras 3 writes and computes them;
 * recorded by scripts/record-keras-masks.py.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { zipMembers } from "../../../src/formats/containers/zip.ts";
import { type ImportedModel, importModel } from "../../../src/formats/imported.ts";
import type { KerasLayer } from "../../../src/formats/keras/config.ts";
import { handsMasksOnBy } from "../../../src/formats/keras/masks.ts";
import { readWholeConfig } from "../../../src/formats/keras/nested-models.ts";
import { rejection } from "../../helpers/refusal.ts";
import { expectOutputs, type RecordedModel } from "./recorded.ts";

type Recorded = RecordedModel & {
  /** Packed by gzip, in base64. */
  readonly file: string;
  /** The legacy file. */
  readonly h5?: string;
};
const path = join(import.meta.dirname, "../../fixtures/keras-masks.json");
const { keras, models } = JSON.parse(readFileSync(path, "utf8")) as {
  readonly keras: string;
  readonly models: readonly Recorded[];
};
const open = (packed: string, name = "m.keras"): Promise<ImportedModel> =>
  importModel({ bytes: new Uint8Array(gunzipSync(Buffer.from(packed, "base64"))), name });

/** What is refused, by what the message says behind the layer's name. */
const refused: Readonly<Record<string, string>> = {
  "a GRU behind a decoder with a state":
    '"lstm_16" (LSTM) cannot be said: it starts from given states and so heeds no mask, and a layer behind it has that mask again',
  "a GRU behind a model of a decoder with a state":
    '"functional_96/lstm_14" (LSTM) cannot be said: it starts from given states and so heeds no mask, and a layer behind it has that mask again',
};

describe(`what Keras ${keras} computes`, () => {
  test.each(models.filter(({ name }) => !(name in refused)))("$name", async (recorded) => {
    await expectOutputs(await open(recorded.file), recorded);
  });
});

describe("legacy files, which list what is trained before what is not", () => {
  test.each(models.filter(({ h5 }) => h5 !== undefined))("$name", async (recorded) => {
    const { model } = await open(recorded.h5 as string, "m.h5");
    expect(model.values).toEqual((await open(recorded.file)).model.values);
  });
});

describe("refused, with the layer and the reason", () => {
  test.each(Object.entries(refused))("%s", async (name, message) => {
    const { file } = models.find((one) => one.name === name) as Recorded;
    expect(await rejection(open(file))).toBe(`m.keras: the layer ${message}.`);
  });
});

test("a config that names no version says by its masks whether recurrent layers hand them on", () => {
  const { file } = models.find(({ name }) => name === "two layers with the mask of an embedding") as Recorded;
  const bytes = gunzipSync(Buffer.from(file, "base64"));
  const config = JSON.parse(new TextDecoder().decode(zipMembers(bytes, "m.keras", true).get("config.json")?.read()));
  const model = readWholeConfig(config);
  expect(handsMasksOnBy(model)).toBe(true);
  // As Keras 3.16 writes it.
  const unmasked = ({ className, calls, ...layer }: KerasLayer): KerasLayer => ({
    ...{ ...layer, className },
    calls: calls.map((call) => (className === "GRU" ? { ...call, mask: undefined } : call)),
  });
  expect(handsMasksOnBy({ ...model, layers: model.layers.map(unmasked) })).toBe(false);
  expect(handsMasksOnBy({ ...model, layers: model.layers.filter(({ className }) => className !== "GRU") })).toBe(
    undefined,
  );
});
