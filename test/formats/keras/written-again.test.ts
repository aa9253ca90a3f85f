/** Models that Keras wrote, read and written again: beside the original, object by object. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { readZip } from "../../../src/formats/containers/zip.ts";
import { importModel } from "../../../src/formats/imported.ts";
import { writeKeras } from "../../../src/formats/keras/index.ts";
import { sharedData, sourceOf } from "../../helpers/shared-data.ts";
import { bitsOf, type Numbers, outputFor, renamedFor, treeOf } from "./written.ts";

const folder = join(sharedData, "keras3");
const names = existsSync(folder)
  ? readdirSync(folder, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []))
  : [];

/** Where two values differ, as paths with what became of what. */
function differences(theirs: unknown, ours: unknown, path = ""): string[] {
  const isObject = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;
  if (isObject(theirs) && isObject(ours) && Array.isArray(theirs) === Array.isArray(ours)) {
    const keys = [...new Set([...Object.keys(theirs), ...Object.keys(ours)])].filter(
      // Numbers of objects in Keras's memory; what a compiled model was trained by.
      (key) => key !== "shared_object_id" && key !== "compile_config",
    );
    return keys.flatMap((key) => differences(theirs[key], ours[key], path === "" ? key : `${path}.${key}`));
  }
  return theirs === ours ? [] : [`${path}: ${JSON.stringify(theirs)} -> ${JSON.stringify(ours)}`];
}

/** Files that come back in other words: which, and why. All others come back as they were, to the last option. */
const otherwise: Readonly<Record<string, string>> = {
  bidir_merge_none: "three outputs, of which a model of ours has one",
  decoder_with_state_inputs: "three outputs",
  return_state_outputs: "five outputs",
  mixed_float16: "computed in float32",
  own_names: "names with letters that names have not here",
  repeatvector_autoencoder: "TimeDistributed(Dense) is Dense",
  timedistributed_dense: "TimeDistributed(Dense) is Dense, for any number of steps",
  stacked_cells: "cells one on the other are layers one on the other",
  two_inputs_merge: "inputs in a list, not by name",
};

describe.skipIf(names.length === 0)("what Keras 3.16 wrote (skipped without ../shared/data/keras3)", () => {
  test.each(names)("%s", async (name) => {
    const source = sourceOf(join(folder, name, "model.keras"));
    const imported = await importModel(source);
    const { calls } = JSON.parse(readFileSync(join(folder, name, "reference.json"), "utf8"));
    const outputs = imported.outputs ?? [{ name: "output", model: imported.model }];
    for (const { model } of outputs) {
      const { bytes } = await writeKeras(model);
      const back = (await importModel({ bytes, name: "again.keras" })).model;
      expect(JSON.stringify(back.layers)).toBe(JSON.stringify(model.layers));
      expect(bitsOf(back)).toEqual(bitsOf(model));
      const inputs = renamedFor(
        model,
        onlyOf(
          calls[0].inputs,
          model.inputs.map((one) => one.name),
        ),
      );
      expect([...(await outputFor(back, inputs)).data]).toEqual([...(await outputFor(model, inputs)).data]);
    }

    const [theirs, ours] = [source.bytes, (await writeKeras(imported.model)).bytes].map((bytes) =>
      readZip(bytes, name),
    );
    const configs = [theirs, ours].map((members) => JSON.parse(new TextDecoder().decode(members?.get("config.json"))));
    const trees = await Promise.all(
      [theirs, ours].map((members) => treeOf(members?.get("model.weights.h5") as Uint8Array)),
    );
    const found = differences(configs[0], configs[1]);
    if (name in otherwise) expect(found).not.toEqual([]);
    else {
      expect(found).toEqual([]);
      // Keras's optimizer lies in a folder of its own.
      const own = trees.map((tree) => tree.filter(([path]) => !path.startsWith("/optimizer")));
      expect(own[1]).toEqual(own[0]);
    }
  });

  test.skipIf(!names.includes("own_names"))("what differs is what is said to", async () => {
    const changed = async (name: string): Promise<string[]> => {
      const { bytes, ...source } = sourceOf(join(folder, name, "model.keras"));
      const { model } = await importModel({ bytes, ...source });
      const [theirs, ours] = [bytes, (await writeKeras(model)).bytes].map((one) =>
        JSON.parse(new TextDecoder().decode(readZip(one, name).get("config.json"))),
      );
      return differences(theirs, ours);
    };
    expect(await changed("own_names")).toMatchInlineSnapshot(`
      [
        "config.name: "the model" -> "sequential"",
        "config.layers.0.config.name: "my input" -> "input_layer"",
        "config.layers.2.config.name: "gru.1" -> "gru_1"",
        "config.layers.3.config.name: "größe 2" -> "größe_2"",
      ]
    `);
    expect(await changed("decoder_with_state_inputs")).toMatchInlineSnapshot(`
      [
        "config.output_layers.0: ["dense",0,0] -> "dense"",
        "config.output_layers.1: ["lstm",0,1] -> 0",
        "config.output_layers.2: ["lstm",0,2] -> 0",
      ]
    `);
    expect(await changed("two_inputs_merge")).toMatchInlineSnapshot(`
      [
        "config.input_layers: {"series":["series",0,0],"static":["static",0,0]} -> [["series",0,0],["static",0,0]]",
      ]
    `);
    expect(new Set((await changed("mixed_float16")).map((one) => one.split(": ")[1]))).toMatchInlineSnapshot(`
      Set {
        ""mixed_float16" -> "float32"",
      }
    `);
  });
});

/** The inputs that a model has, of all. */
const onlyOf = (inputs: Record<string, Numbers>, wanted: readonly string[]): Record<string, Numbers> => {
  const found = Object.entries(inputs).filter(([name]) => wanted.includes(name));
  return found.length > 0 ? Object.fromEntries(wanted.map((name) => [name, inputs[name] as Numbers])) : inputs;
};
