/** How good a translator is: its loss and accuracy token by token, and its own translations beside the right ones. */
import type { InferenceOptions } from "../../engines/engine.ts";
import { hostOf, inferenceRules } from "../../engines/registry.ts";
import { type Arguments, checkArguments, options as optionsOf, wholeNumber } from "../../graph/schema.ts";
import { evaluate } from "../../train/evaluate.ts";
import { bleu } from "./bleu.ts";
import { examplesOf } from "./examples.ts";
import { translate } from "./predict.ts";
import { aTranslator, type TextPair, type Translator, textPairs } from "./settings.ts";

/** Options of `evaluateTranslator`; also the host's. */
export type EvaluateTranslatorOptions = InferenceOptions & {
  /** Of the translations. Default 1. */
  readonly beams?: number;
};
export const evaluateTranslatorArguments: Arguments = {
  of: aTranslator,
  pairs: textPairs,
  options: optionsOf<EvaluateTranslatorOptions>({ ...inferenceRules, beams: wholeNumber(1, 1000) }),
};

/** Measures of a translator on pairs. */
export type TranslatorEvaluation = {
  readonly pairs: number;
  /** Mean over the tokens of the targets and their ends, where all before each were right, in nats. */
  readonly loss: number;
  /** The share of them that were the likeliest. */
  readonly accuracy: number;
  /** The share of sources whose translation is the target, to the letter. */
  readonly exact: number;
  /** BLEU of the translations, 0 to 1, of words as white space and punctuation divide them: K. Papineni et al., 2002. */
  readonly bleu: number;
};

/**
 * Measure a translator on pairs that it was not trained on.
 * @param of the translator
 * @param pairs texts and what they are to become
 * @param options `beams` (1); the host's
 * @throws InputError for wrong options
 * @example const { exact } = await evaluateTranslator(reverse, others);
 */
export async function evaluateTranslator(
  of: Translator,
  pairs: readonly TextPair[],
  options: EvaluateTranslatorOptions = {},
): Promise<TranslatorEvaluation> {
  checkArguments("evaluateTranslator", { of, pairs, options }, evaluateTranslatorArguments);
  const { beams = 1 } = options;
  const host = hostOf(options);
  const { x, y } = examplesOf(of, pairs);
  const { loss, accuracy } = await evaluate(of.model, x, y, {
    ...host,
    metrics: ["accuracy"],
    pad: "post",
    buckets: 4,
  });
  const said = await translate(
    of,
    pairs.map(({ source }) => source),
    { ...host, beams },
  );
  const right = said.filter(({ text }, k) => text === pairs[k]?.target).length;
  return {
    ...{ pairs: pairs.length, loss: loss as number, accuracy: accuracy as number, exact: right / pairs.length },
    bleu: bleu(
      said.map(({ text }) => text),
      pairs.map(({ target }) => target),
    ),
  };
}
