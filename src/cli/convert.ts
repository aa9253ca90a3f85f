/** `unrolled convert`: a model of another program, or one of ours, as a file of ours. */
import { readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { checkWritable, readInput, writeFileAtomically } from "../formats/files.ts";
import { type ImportedModel, importModel } from "../formats/imported.ts";
import { type ModelFile, readModel, writeModel } from "../formats/model-file.ts";
import { excerpt } from "../graph/excerpt.ts";
import { InputError } from "../graph/input-error.ts";
import { checkFiniteValues } from "../nn/finite-values.ts";
import { countParameters, type Model } from "../nn/model.ts";
import { layerSummaries, summary } from "../nn/summary.ts";
import type { Command } from "./options.ts";
import { formatCount, printable, writeJson } from "./output.ts";

export const convert: Command = {
  name: "convert",
  usage: "convert IN OUT.safetensors [options]",
  summary: "read a model of Keras, and write one of ours",
  details:
    "Reads .keras, .weights.h5 with its config beside it, and HDF5 files of\nKeras 1, 2 and 3, and .safetensors of ours. Prints what it found.",
  examples: ["convert model.keras model.safetensors", "convert old.h5 model.safetensors --overwrite"],
  arguments: [2, 2],
  options: {
    output: { value: "NAME", help: "of a model with several outputs: which [the first]" },
    overwrite: { help: "replace OUT if it exists" },
  },
  async run(given) {
    const [file, out] = given.positionals as readonly [string, string];
    if (!/\.safetensors$/i.test(out)) {
      throw new InputError(`${out}: the name of what is written ends in .safetensors. Give such a name.`);
    }
    checkWritable(out);
    if (!given.flag("overwrite") && statSync(out, { throwIfNoEntry: false })?.isFile()) {
      throw new InputError(`${out}: exists already. Give another name, or --overwrite to replace it.`);
    }
    const found = await read(file, given.text("output"));
    const { model } = found.content;
    checkFiniteValues(model, file);
    const bytes = writeModel(found.content);
    writeFileAtomically(out, bytes);
    const parameters = countParameters(model);
    const { source, notes, output } = found;
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
    process.stderr.write(printable(`Saved ${out}: ${formatCount(bytes.length)} bytes.\n`));
  },
};

type Found = {
  readonly source: string;
  readonly notes: readonly string[];
  /** Which of several outputs. */
  readonly output?: string;
  readonly content: ModelFile;
};

async function read(file: string, wanted: string | undefined): Promise<Found> {
  const bytes = readInput(file);
  if (isOwn(bytes)) {
    if (wanted !== undefined) throw new InputError(`--output: ${file} has one output. Leave it out.`);
    return { source: "Unrolled", notes: [], content: readModel(bytes, file) };
  }
  const beside = (name: string): Uint8Array | undefined => {
    const path = join(dirname(file), name);
    return statSync(path, { throwIfNoEntry: false })?.isFile() ? new Uint8Array(readFileSync(path)) : undefined;
  };
  const imported = await importModel({ bytes, name: file, beside });
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
