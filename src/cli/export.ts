/** `unrolled export`: write a model's weights without the training state, for use in an application. */
import { checkWritable, readInput, statOf, writeFileAtomically } from "../formats/files.ts";
import { readModel, type WeightType, weightTypes, writeModel } from "../formats/model-file.ts";
import { InputError } from "../graph/input-error.ts";
import { checkFiniteValues } from "../nn/finite-values.ts";
import { countParameters } from "../nn/model.ts";
import type { Command } from "./options.ts";
import { formatCount, printable, writeJson } from "./output.ts";

export const exportModel: Command = {
  name: "export",
  usage: "export MODEL.safetensors OUT.safetensors [options]",
  summary: "write a model's weights without training state",
  details: "Leaves out what only `train --resume` needs: with Adam, two thirds of the file.",
  examples: [
    "export book.safetensors small.safetensors --dtype f16",
    "export book.safetensors book.safetensors --overwrite",
  ],
  arguments: [2, 2],
  options: {
    dtype: { value: "TYPE", help: "element type of the weights [f32]", choices: weightTypes },
    overwrite: { help: "replace OUT if it exists" },
  },
  async run(given) {
    const [file, out] = given.positionals as readonly [string, string];
    const dtype = (given.text("dtype") ?? "f32") as WeightType;
    checkWritable(out);
    if (!given.flag("overwrite") && statOf(out)?.isFile()) {
      throw new InputError(`${out}: exists already. Give another name, or --overwrite to replace it.`);
    }
    const before = readInput(file);
    const { model, extra } = readModel(before, file);
    checkFiniteValues(model, file);
    const { optimizer: _, options: __, ...kept } = extra;
    const bytes = writeModel({ model, extra: kept }, { dtype });
    writeFileAtomically(out, bytes);
    const parameters = countParameters(model);
    if (given.flag("json")) return writeJson({ file: out, dtype, parameters, bytes: bytes.length });
    const sizes = `${formatCount(bytes.length)} bytes (${file}: ${formatCount(before.length)})`;
    process.stderr.write(printable(`Saved ${out}: ${formatCount(parameters)} parameters in ${dtype}, ${sizes}.\n`));
  },
};
