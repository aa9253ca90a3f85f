/** How much the answer to a text depends on each of its tokens. */
import type { HostOptions, InferenceOptions } from "../../engines/engine.ts";
import { hostOf, inferenceRules } from "../../engines/registry.ts";
import { InputError } from "../../graph/input-error.ts";
import { type Arguments, checkArguments, options as optionsOf, someText } from "../../graph/schema.ts";
import { outputSaliency } from "../../nn/saliency.ts";
import { aClassifier, type Classifier } from "./file.ts";
import { classificationOf, probabilitiesOf } from "./predict.ts";
import { readText } from "./text.ts";

/** An answer to a text, and what each of its tokens did for it. */
export type TextExplanation = {
  readonly label: string;
  readonly probability: number;
  readonly probabilities: Readonly<Record<string, number>>;
  /**
   * Of each token: the gradient of the label's log-probability times the token's vector, in nats (positive where it speaks for the
   * label), and the gradient's norm.
   */
  readonly tokens: readonly { readonly token: string; readonly saliency: number; readonly norm: number }[];
};

export const explainTextArguments: Arguments = {
  of: aClassifier,
  text: someText,
  options: optionsOf<InferenceOptions>(inferenceRules),
};

/**
 * Classify a text, and tell how much the answer depends on each of its tokens, by the gradient of the likeliest label's log-probability.
 * J. Li et al., "Visualizing and understanding neural models in NLP", 2016.
 * @param of a classifier of texts
 * @param text the text
 * @param options the host's options
 * @returns `label`, `probability`, `probabilities`, and of each token its `saliency` in nats and the gradient's `norm`
 * @throws InputError for a classifier of sound or numbers, and for a text without words
 * @example const { label, tokens } = await explainText(reviews, "a warm and funny film");
 */
export async function explainText(
  of: Classifier,
  text: string,
  options: InferenceOptions = {},
): Promise<TextExplanation> {
  checkArguments("explainText", { of, text, options }, explainTextArguments);
  if (of.input.kind !== "text") throw new InputError("explainText: the model reads no texts");
  const { ids, tokens } = readText(of.input.vocabulary, text, "explainText: the text");
  const [row] = await probabilitiesOf(of, [ids], options);
  const said = classificationOf(of.labels, row as Float32Array);
  const host: HostOptions = hostOf(options);
  // The derivative of the label's log-probability by the logits.
  const weights = Float32Array.from(
    of.labels,
    (label) => Number(label === said.label) - (said.probabilities[label] as number),
  );
  const { products, norms } = await outputSaliency(of.model, ids, weights, host);
  return {
    ...said,
    tokens: tokens.map((token, t) => ({ token, saliency: products[t] as number, norm: norms[t] as number })),
  };
}
