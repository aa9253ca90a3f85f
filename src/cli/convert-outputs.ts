/** What `unrolled convert` writes, by the ending of a file's name. Each format is loaded when it is written. */
import { basename } from "node:path";
import { type ModelFile, modelParts, type WeightType } from "../formats/model-file.ts";
import { type SourceLanguage, sourceLanguages } from "../formats/source/index.ts";
import { InputError } from "../graph/input-error.ts";
import { isPlain } from "../graph/schema.ts";

/** A file, in parts. */
type WrittenFile = readonly [path: string, parts: readonly Uint8Array[]];
/** The files of a model, the named one first, and what is to be known of them. */
export type Written = {
  readonly files: readonly [WrittenFile, ...WrittenFile[]];
  readonly notes: readonly string[];
};
/** What writes a model, to these paths. */
export type Writer = {
  readonly paths: readonly string[];
  readonly write: (content: ModelFile) => Promise<Written>;
  /** What the names of vocabularies of a model of text begin with, if the file has no place for them. */
  readonly vocabulary?: string;
};
type Choices = {
  readonly steps: boolean;
  readonly plain: boolean;
  readonly pytorch: boolean;
  readonly dtype: WeightType | undefined;
};

/** @throws InputError for an ending that nothing is written for, and for options of others */
export function writerFor(out: string, { steps, plain, pytorch, dtype }: Choices): Writer {
  const ending = /\.(\w+)$/.exec(out)?.[1]?.toLowerCase() ?? "";
  if (steps && ending !== "onnx") throw new InputError(`--steps: is for .onnx, and OUT is ${out}. Leave it out.`);
  if (plain && ending !== "onnx") throw new InputError(`--plain: is for .onnx, and OUT is ${out}. Leave it out.`);
  if (pytorch && ending !== "safetensors") {
    throw new InputError(`--pytorch: is for .safetensors, and OUT is ${out}. Leave it out.`);
  }
  if (dtype !== undefined && (pytorch || (ending !== "onnx" && ending !== "safetensors"))) {
    throw new InputError(`--dtype: is for .onnx and .safetensors of ours, and OUT is ${out}. Leave it out.`);
  }
  const vocabulary = out.replace(/\.\w+$/, "");
  const one = (parts: readonly Uint8Array[]): Written => ({ files: [[out, parts]], notes: [] });
  const text = new TextEncoder();
  if (pytorch) {
    const module = out.replace(/\.\w+$/, ".py");
    return {
      ...{ paths: [out, module], vocabulary },
      async write({ model }) {
        const made = (await import("../formats/pytorch/write.ts")).pytorchParts(model);
        return {
          files: [
            [out, made.weights],
            [module, [text.encode(made.module)]],
          ],
          notes: made.notes,
        };
      },
    };
  }
  if (ending === "safetensors") {
    return {
      paths: [out],
      write: async ({ model, extra: { options: _, optimizer: __, ...extra } }) =>
        one(modelParts({ model, extra }, { dtype: dtype ?? "f32" })),
    };
  }
  if (ending === "onnx") {
    if (dtype === "bf16") throw new InputError(`--dtype bf16: .onnx takes f32, f16 or int8. Give one of them.`);
    const options = { form: steps ? "steps" : "sequences", dtype: dtype ?? "f32", plain } as const;
    return {
      ...{ paths: [out], vocabulary },
      async write({ model }) {
        const { parts, notes } = (await import("../formats/onnx/index.ts")).onnxParts(model, options);
        return { files: [[out, parts]], notes };
      },
    };
  }
  if (ending === "keras") {
    return {
      ...{ paths: [out], vocabulary },
      async write({ model }) {
        const { parts, notes } = await (await import("../formats/keras/index.ts")).kerasParts(model);
        return { files: [[out, parts]], notes };
      },
    };
  }
  if (ending === "json") {
    const weights = out.replace(/\.\w+$/, ".weights.bin");
    return {
      ...{ paths: [out, weights], vocabulary },
      async write({ model }) {
        const { writeTfjs } = await import("../formats/tfjs/index.ts");
        const made = writeTfjs(model, { weights: basename(weights) });
        return {
          files: [
            [out, [made.json]],
            [weights, [made.weights]],
          ],
          notes: made.notes,
        };
      },
    };
  }
  const language = sourceLanguages.find((name) => name === ending);
  if (language !== undefined)
    return { paths: [out], write: async (content) => one([text.encode(await sourceOf(content, out, language))]) };
  throw new InputError(
    `${out}: its ending says what is written: .safetensors, .onnx, .keras, .json (TensorFlow.js), .c, .js or .ts. Give a name with one of them.`,
  );
}

async function sourceOf({ model, extra }: ModelFile, out: string, language: SourceLanguage): Promise<string> {
  const { writeSource } = await import("../formats/source/index.ts");
  const { isTakenInC } = await import("../formats/source/names.ts");
  const name = basename(out)
    .replace(/\.\w+$/, "")
    .replaceAll(/\W/g, "_");
  const fits = /^[A-Za-z_]/.test(name) && (language !== "c" || !isTakenInC(name));
  const symbols = symbolsOf(extra);
  return writeSource(model, {
    language,
    name: fits ? name.slice(0, 60) : `model_${name.slice(0, 50)}`,
    ...(symbols?.length === model.outputSize && { symbols }),
  });
}

/**
 * The vocabularies of a model of text, by the endings of their names, and what is to be known of them: as `--vocabulary` takes them, a list
 * of characters, which others read too, else the tokenizer. None of other tasks.
 */
export function vocabulariesIn({ extra: { task } }: ModelFile): {
  readonly files: readonly (readonly [ending: string, content: string])[];
  readonly notes: readonly string[];
} {
  const { kind, tokenizer, source, target, window } = isPlain(task) ? task : {};
  if (kind === "text" && isPlain(tokenizer)) {
    const note = `It predicts from the last ${window} tokens, which its file does not say: --window ${window}.`;
    return { files: [[".vocabulary.json", written(tokenizer)]], notes: window === undefined ? [] : [note] };
  }
  if (kind !== "translate" || !isPlain(source) || !isPlain(target)) return { files: [], notes: [] };
  return {
    files: [
      [".source.json", written(source)],
      [".target.json", written(target)],
    ],
    notes: [
      "The numbers of its inputs are those of these vocabularies plus 1, for 0 is padding; its output has them as they are.",
    ],
  };
}
function written(tokenizer: Readonly<Record<string, unknown>>): string {
  if (tokenizer.kind !== "char" || tokenizer.lower === true || !Array.isArray(tokenizer.vocabulary))
    return JSON.stringify(tokenizer);
  return JSON.stringify([...tokenizer.vocabulary, ...(tokenizer.endOfText === true ? ["<|endoftext|>"] : [])]);
}

/** What outputs stand for, where the model's task says it: classes, characters or words. */
function symbolsOf({ task }: ModelFile["extra"]): readonly string[] | undefined {
  if (!isPlain(task)) return undefined;
  const { labels, tokenizer } = task as { labels?: unknown; tokenizer?: unknown };
  if (Array.isArray(labels) && labels.every((one) => typeof one === "string")) return labels;
  if (!isPlain(tokenizer)) return undefined;
  const { kind, vocabulary, endOfText } = tokenizer as { kind?: unknown; vocabulary?: unknown; endOfText?: unknown };
  if ((kind !== "char" && kind !== "word" && kind !== "whitespace") || !Array.isArray(vocabulary)) return undefined;
  return [...vocabulary, ...(endOfText === true ? [""] : [])];
}
