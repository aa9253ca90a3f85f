/** `unrolled convert`: a model of another program, or one of ours, as a file of ours, of another program, or as source. */
import { checkWritable, saveFilesAtomically, statOf } from "../formats/files.ts";
import { type ModelFile, type WeightType, weightTypes } from "../formats/model-file.ts";
import { InputError } from "../graph/input-error.ts";
import { checkFiniteValues } from "../nn/finite-values.ts";
import { countParameters } from "../nn/model.ts";
import { layerSummaries, summary } from "../nn/summary.ts";
import type { ReadModelFile } from "../tasks/open-model.ts";
import { vocabulariesIn, type Writer, type Written, writerFor } from "./convert-outputs.ts";
import { type ConversionProgress, conversionProgress } from "./convert-progress.ts";
import { foreignOptions, foreignSides, readModelAt } from "./model-input.ts";
import type { Command, Given } from "./options.ts";
import { formatCount, printable, writeJson } from "./output.ts";

export const convert: Command = {
  name: "convert",
  usage: "convert IN OUT [options]",
  summary: "read and write models of other programs",
  details: [
    "Reads Keras (.keras, .weights.h5 with its config beside it, HDF5 of Keras 1, 2",
    "and 3), PyTorch (.pt, .pth, .safetensors, .npz), ONNX, TensorFlow.js",
    "(model.json), and .safetensors of ours, and prints what it found. OUT's ending",
    "says what is written: .safetensors is ours, .onnx, .keras, .json of",
    "TensorFlow.js with a file of weights beside it (OUT.weights.bin), or source that",
    "needs nothing else: .c, .js, .ts. The tokens of a model of text go beside files",
    "of other programs: OUT.vocabulary.json, which --vocabulary takes; of a",
    "translator OUT.source.json and OUT.target.json.",
  ].join("\n"),
  examples: [
    "convert model.keras model.safetensors",
    "convert model.pt model.safetensors --mapping layers.json",
    "convert model.h5 model.safetensors --vocabulary characters.json",
    "convert book.safetensors book.keras",
    "convert book.safetensors book.c",
    "convert book.safetensors book.onnx --dtype int8",
    "convert book.safetensors book-for-torch.safetensors --pytorch",
  ],
  arguments: [2, 2],
  options: {
    ...foreignOptions,
    ...foreignSides,
    steps: { help: "of .onnx: one step, states in and out" },
    plain: { help: "of .onnx: equations in place of LSTM, GRU, RNN" },
    dtype: { value: "TYPE", help: "of .onnx and ours: type of the weights [f32]", choices: weightTypes },
    pytorch: { help: "PyTorch's names and gates, with a module beside it: OUT.py" },
    overwrite: { help: "replace OUT if it exists" },
  },
  async run(given) {
    const [file, out] = given.positionals as readonly [string, string];
    const writer = writerFor(out, {
      ...{ steps: given.flag("steps"), plain: given.flag("plain"), pytorch: given.flag("pytorch") },
      dtype: given.text("dtype") as WeightType | undefined,
    });
    for (const path of writer.paths) checkFree(path, given);
    const size = statOf(file)?.size ?? 0;
    const progress = conversionProgress(size);
    const [found, written] = await converted(given, writer, progress).finally(progress.end);
    const { model } = found.file;
    const sizes = written.files.map(([path, parts]) => [path, sizeOf(parts)] as const);
    const [[, bytes]] = sizes as [(typeof sizes)[number]];
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
        bytes,
      });
    }
    const lines = [`${file}: ${source}${output === undefined ? "" : `, output ${output}`}`, "", summary(model)];
    process.stdout.write(printable([...lines, ...(notes.length > 0 ? ["", ...notes] : []), ""].join("\n")));
    for (const [path, length] of sizes) {
      process.stderr.write(printable(`Saved ${path}: ${formatCount(length)} bytes.\n`));
    }
  },
};

/** Read the model and write it. */
async function converted(
  given: Given,
  writer: Writer,
  { phase, add }: ConversionProgress,
): Promise<readonly [ReadModelFile, Written]> {
  const [file] = given.positionals as readonly [string];
  phase("reading");
  const wasRead = (bytes: number): void => {
    phase("converting");
    add(bytes);
  };
  const found = await readModelAt(file, given, { wasRead, asText: writer.vocabulary === undefined });
  checkFiniteValues(found.file.model, file);
  const written = withVocabularies(await writer.write(found.file), writer, found.file, given);
  phase("writing", sizeOf(written.files.flatMap(([, parts]) => parts)));
  await saveFilesAtomically(written.files, add);
  return [found, written];
}
/** With the vocabularies of a model of text beside a file that has no place for them. */
function withVocabularies(written: Written, { vocabulary: name }: Writer, content: ModelFile, given: Given): Written {
  if (name === undefined) return written;
  const { files, notes } = vocabulariesIn(content);
  for (const [ending] of files) checkFree(`${name}${ending}`, given);
  const bytes = (text: string): Uint8Array => new TextEncoder().encode(`${text}\n`);
  return {
    files: [...written.files, ...files.map(([ending, text]) => [`${name}${ending}`, [bytes(text)]] as const)],
    notes: [...written.notes, ...notes],
  };
}
function checkFree(path: string, given: Given): void {
  checkWritable(path);
  if (given.flag("overwrite") || !statOf(path)?.isFile()) return;
  throw new InputError(`${path}: exists already. Give another name, or --overwrite to replace it.`);
}
const sizeOf = (parts: readonly Uint8Array[]): number => parts.reduce((total, { length }) => total + length, 0);
