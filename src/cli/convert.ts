/** `unrolled convert`: a model of another program, or one of ours, as a file of ours, of another program, or as source. */
import { readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { checkWritable, readInput, writeFileAtomically } from "../formats/files.ts";
import { type ImportedModel, importModel } from "../formats/imported.ts";
import { type ModelFile, readModel } from "../formats/model-file.ts";
import { excerpt } from "../graph/excerpt.ts";
import { InputError } from "../graph/input-error.ts";
import { checkFiniteValues } from "../nn/finite-values.ts";
import { countParameters, type Model } from "../nn/model.ts";
import { layerSummaries, summary } from "../nn/summary.ts";
import { writerFor } from "./convert-outputs.ts";
import type { Command } from "./options.ts";
import { formatCount, printable, writeJson } from "./output.ts";

export const convert: Command = {
  name: "convert",
  usage: "convert IN OUT [options]",
  summary: "read and write models of other programs",
  details: [
    "Reads Keras (.keras, .weights.h5 with its config beside it, HDF5 of Keras 1, 2",
    "and 3), PyTorch (.pt, .pth, .safetensors, .npz), ONNX, TensorFlow.js",
    "(model.json), and .safetensors of ours, and prints what it found. OUT's ending",
    "says what is written: .safetensors is ours, .onnx, or source that needs nothing",
    "else: .c, .js, .ts.",
  ].join("\n"),
  examples: [
    "convert model.keras model.safetensors",
    "convert model.pt model.safetensors --mapping layers.json",
    "convert book.safetensors book.c",
    "convert book.safetensors book-for-torch.safetensors --pytorch",
  ],
  arguments: [2, 2],
  options: {
    output: { value: "NAME", help: "of a model with several outputs: which [the first]" },
    mapping: { value: "FILE", help: "of tensors alone: their layers, as JSON" },
    steps: { help: "of .onnx: one step, states in and out" },
    pytorch: { help: "PyTorch's names and gates, with a module beside it: OUT.py" },
    overwrite: { help: "replace OUT if it exists" },
  },
  async run(given) {
    const [file, out] = given.positionals as readonly [string, string];
    const writer = writerFor(out, { steps: given.flag("steps"), pytorch: given.flag("pytorch") });
    for (const path of writer.paths) {
      checkWritable(path);
      if (!given.flag("overwrite") && statSync(path, { throwIfNoEntry: false })?.isFile()) {
        throw new InputError(`${path}: exists already. Give another name, or --overwrite to replace it.`);
      }
    }
    const found = await read(file, given.text("output"), mappingIn(given.text("mapping")));
    const { model } = found.content;
    checkFiniteValues(model, file);
    const written = await writer.write(found.content);
    for (const [path, content] of written.files) writeFileAtomically(path, content);
    const bytes = written.files[0][1];
    const parameters = countParameters(model);
    const { source, output } = found;
    const notes = [...found.notes, ...written.notes];
    if (given.flag("json")) {
      const layers = layerSummaries(model);
      return writeJson({
        file: out,
        source,
        ...(output && { output }),
        layers,
        parameters,
        notes,
        bytes: bytes.length,
      });
    }
    const lines = [`${file}: ${source}${output === undefined ? "" : `, output ${output}`}`, "", summary(model)];
    process.stdout.write(printable([...lines, ...(notes.length > 0 ? ["", ...notes] : []), ""].join("\n")));
    for (const [path, { length }] of written.files) {
      process.stderr.write(printable(`Saved ${path}: ${formatCount(length)} bytes.\n`));
    }
  },
};

type Found = {
  readonly source: string;
  readonly notes: readonly string[];
  /** Which of several outputs. */
  readonly output?: string;
  readonly content: ModelFile;
};

/** The layers of tensors alone, as a file of JSON has them. */
function mappingIn(path: string | undefined): unknown {
  if (path === undefined) return undefined;
  try {
    return JSON.parse(new TextDecoder().decode(readInput(path)));
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw new InputError(
      `${path}: it is no JSON: ${(error as Error).message}. Give a file as the guide on PyTorch shows.`,
    );
  }
}

async function read(file: string, wanted: string | undefined, mapping: unknown): Promise<Found> {
  const bytes = readInput(file);
  if (isOwn(bytes)) {
    if (wanted !== undefined) throw new InputError(`--output: ${file} has one output. Leave it out.`);
    return { source: "Unrolled", notes: [], content: readModel(bytes, file) };
  }
  const beside = (name: string): Uint8Array | undefined => {
    const path = join(dirname(file), name);
    return statSync(path, { throwIfNoEntry: false })?.isFile() ? new Uint8Array(readFileSync(path)) : undefined;
  };
  const imported = await importModel({ bytes, name: file, beside, ...(mapping !== undefined && { mapping }) });
  const { source } = imported;
  const { name, model } = chosen(imported, file, wanted);
  const others = imported.outputs?.filter((one) => one.name !== name).map((one) => one.name) ?? [];
  const notes = [
    ...imported.notes,
    ...(others.length > 0
      ? [`It has more outputs: ${others.join(", ")}. Each is a file of its own: --output NAME.`]
      : []),
  ];
  return { source, notes, ...(name !== undefined && { output: name }), content: { model, extra: {} } };
}

function chosen(
  { model, outputs }: ImportedModel,
  file: string,
  wanted: string | undefined,
): { readonly name?: string; readonly model: Model } {
  if (wanted === undefined) return outputs?.[0] ?? { model };
  const found = outputs?.find(({ name }) => name === wanted);
  if (found !== undefined) return found;
  const names = outputs?.map(({ name }) => name).join(", ");
  throw new InputError(
    names === undefined
      ? `--output: ${file} has one output. Leave it out.`
      : `--output: ${file} has no output ${excerpt(JSON.stringify(wanted))}. It has ${names}.`,
  );
}

/** Whether it is a safetensors file with the metadata of ours. */
function isOwn(bytes: Uint8Array): boolean {
  if (bytes.length < 9 || bytes[8] !== 0x7b) return false;
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true));
  return new TextDecoder().decode(bytes.subarray(8, 8 + length)).includes('"unrolled"');
}
