/** Write a model as one file of source text in C, JavaScript or TypeScript that needs nothing else, and reads one step at a time. */
import { InputError } from "../../graph/input-error.ts";
import {
  type Arguments,
  checkArguments,
  listOf,
  oneOf,
  options as optionsOf,
  type Rule,
  required,
  string,
} from "../../graph/schema.ts";
import { checkFiniteValues } from "../../nn/finite-values.ts";
import { countParameters, type Model } from "../../nn/model.ts";
import { aModel, checkReadsForward } from "../../nn/model-checks.ts";
import { modelGraph } from "../../nn/model-graph.ts";
import { schedule } from "../../schedule/schedule.ts";
import type { Target } from "../../schedule/target.ts";
import { cFile, scriptFile } from "./files.ts";
import { isTakenInC } from "./names.ts";

/** The languages that `writeSource` writes. */
export const sourceLanguages = ["c", "js", "ts"] as const;
/** What a model can be written in. */
export type SourceLanguage = (typeof sourceLanguages)[number];

/** Options of `writeSource`. */
export type WriteSourceOptions = {
  readonly language: SourceLanguage;
  /** What names begin with in C, and the comment names the model. Default "model". */
  readonly name?: string;
  /** What each output stands for, as a token's text or a class's name: a list beside the model. */
  readonly symbols?: readonly string[];
};

/** A name in C. */
const identifier: Rule = {
  expected: "a name of letters, digits and _",
  accepts: (value) => typeof value === "string" && /^[A-Za-z_]\w{0,62}$/.test(value),
};
/** @internal */
export const writeSourceArguments: Arguments = {
  model: aModel,
  options: optionsOf<WriteSourceOptions>({
    language: required(oneOf(...sourceLanguages)),
    name: identifier,
    symbols: listOf(string),
  }),
};

/** More would be no text that compilers read, nor one string of JavaScript. */
const mostParameters = 2 ** 24;

/** One number after the other, as plain arrays have them. */
const target: Target = {
  name: "source",
  vectorWidth: 1,
  alignment: 4,
  rowStride: { of: 128, more: 0 },
  reservedBytes: 0,
  tailBytes: 0,
  memoryBytes: 2 ** 31,
  memory: "host",
};

/**
 * Write a model as source text that runs it step by step, without any other file: weights in f32, states in an array of fixed size,
 * nothing allocated while it runs. In C (C99, with `math.h` alone) the caller owns the memory of each stream that is read.
 *
 * | | C, `name` "model" | JavaScript, TypeScript |
 * | --- | --- | --- |
 * | begin | `model_reset(&stream)` | `const stream = createModel()`, `stream.reset()` |
 * | read | `const float *y = model_next(&stream, x)` | `stream.next(x)` |
 * | sizes | `MODEL_INPUTS`, `MODEL_OUTPUTS` | `inputs`, `outputs` |
 *
 * `x` is a token id, or the D numbers of a vector; the output (V) is overwritten by the next step. A model that returns only its last
 * output is read as if each step were the last. Ids and sizes are not checked.
 * @param model a model with one input that runs forwards
 * @param options `language`; `name`; `symbols`
 * @returns the text of a file; the same model always gives the same text
 * @throws InputError for a model that needs whole sequences or has several inputs, with its layer, for weights that are not finite, and
 * in C for a name that is a word of the language, or declared by `math.h` or the file itself
 * @example writeFileSync("model.c", writeSource(model, { language: "c" }))
 */
export function writeSource(model: Model, options: WriteSourceOptions): string {
  checkArguments("writeSource", { model, options }, writeSourceArguments);
  const { language, name = "model", symbols } = options;
  if (language === "c" && isTakenInC(name)) {
    throw new InputError(
      `writeSource: name: in C "${name}" is a word of the language, or declared by math.h or the file itself. Give another, as "model_${name}".`,
    );
  }
  checkReadsForward(model, "writeSource");
  checkFiniteValues(model, "writeSource: the model");
  if (symbols !== undefined && symbols.length !== model.outputSize) {
    throw new InputError(
      `writeSource: symbols needs one for each of ${model.outputSize} outputs, got ${symbols.length}`,
    );
  }
  const parameters = countParameters(model);
  if (parameters > mostParameters) {
    throw new InputError(
      `writeSource: a file of source holds at most ${mostParameters} parameters, the model has ${parameters}. Keep it as .safetensors.`,
    );
  }
  const { graph } = modelGraph(model, { training: false, goesOn: true });
  const plan = schedule(graph, { target, steps: 1, batch: 1, keep: ["output"] });
  return (language === "c" ? cFile : scriptFile)({ model, plan, name, symbols, typed: language === "ts" });
}
