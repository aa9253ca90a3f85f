/** Measure a classifier on examples: accuracy, a confusion matrix, and precision and recall of each class. */
import { InputError } from "../../graph/input-error.ts";
import { type Arguments, checkArguments } from "../../graph/schema.ts";
import { type LabelledSequence, labelledSequences, placeOfLabel } from "./examples.ts";
import { aClassifier, type Classifier } from "./file.ts";
import { type Vectors, vectorsOf } from "./input.ts";
import { type ClassifyOptions, classifyArguments, probabilitiesOf } from "./predict.ts";

/** The measures of one class; 0 where nothing is divided by nothing. */
export type ClassMeasures = {
  readonly label: string;
  readonly examples: number;
  /** The share of those called so that are so. */
  readonly precision: number;
  /** The share of those that are so that are called so. */
  readonly recall: number;
  /** The harmonic mean of both. */
  readonly f1: number;
};

/** How well a classifier does. */
export type ClassifierEvaluation = {
  readonly examples: number;
  /** The share of examples whose likeliest class is theirs. */
  readonly accuracy: number;
  /** The mean of -log of the probability of an example's class, in nats. */
  readonly loss: number;
  /** The mean of the classes' F1 that there are examples of. */
  readonly f1: number;
  readonly classes: readonly ClassMeasures[];
  /** Examples by their class (row) and the class that they are said to have (column), in the order of the labels. */
  readonly confusion: readonly (readonly number[])[];
};

const { options: optionRules } = classifyArguments as { options: Arguments[string] };
export const evaluateClassifierArguments: Arguments = {
  of: aClassifier,
  examples: labelledSequences,
  options: optionRules,
};

/**
 * Measure a classifier on examples.
 * @param of the classifier
 * @param examples sequences with labels, as `classifier` takes them
 * @param options `batchSize` (32); the host's options
 * @returns accuracy, loss in nats, F1, precision and recall by class, and the confusion matrix
 * @throws InputError, with the example's name, for a label that the classifier does not have, and for what it does not read
 * @example const { accuracy, confusion } = await evaluateClassifier(digits, test);
 */
export async function evaluateClassifier(
  of: Classifier,
  examples: readonly LabelledSequence[],
  options: Omit<ClassifyOptions, "frames"> = {},
): Promise<ClassifierEvaluation> {
  checkArguments("evaluateClassifier", { of, examples, options }, evaluateClassifierArguments);
  const vectors = examples.map((one, k) => vectorsOf(of.input, one, k));
  const targets = targetsOf(of, examples);
  return evaluateVectors(of, vectors, targets, options);
}

/** The number of each example's class. @throws InputError for a label that the classifier does not have */
export function targetsOf({ labels }: Classifier, examples: readonly LabelledSequence[]): number[] {
  return examples.map((one, k) => {
    const target = labels.indexOf(one.label);
    if (target >= 0) return target;
    const known = labels.length <= 20 ? labels.join(", ") : `${labels.slice(0, 20).join(", ")}, ...`;
    throw new InputError(
      `${placeOfLabel(one, k)}: the label ${JSON.stringify(one.label)} was never seen in training; the model knows ${known}. Leave it out, or train anew.`,
    );
  });
}

export async function evaluateVectors(
  of: Classifier,
  vectors: readonly Vectors[],
  targets: readonly number[],
  options: ClassifyOptions = {},
): Promise<ClassifierEvaluation> {
  return measuresOf(of.labels, await probabilitiesOf(of, vectors, options), targets);
}

/**
 * The measures of probabilities.
 * @param rows the probabilities of each example, by class
 * @param targets the number of each example's class
 */
export function measuresOf(
  labels: readonly string[],
  rows: readonly ArrayLike<number>[],
  targets: readonly number[],
): ClassifierEvaluation {
  const confusion = labels.map(() => labels.map(() => 0));
  let loss = 0;
  rows.forEach((row, k) => {
    const target = targets[k] as number;
    const said = Array.from(row).indexOf(Math.max(...Array.from(row)));
    (confusion[target] as number[])[said] = ((confusion[target] as number[])[said] as number) + 1;
    loss -= Math.log(Math.max(1e-38, row[target] as number)) / rows.length;
  });
  const sum = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0);
  const share = (part: number, whole: number): number => (whole === 0 ? 0 : part / whole);
  const classes = labels.map((label, j) => {
    const row = confusion[j] as number[];
    const right = row[j] as number;
    const precision = share(right, sum(confusion.map((one) => one[j] as number)));
    const recall = share(right, sum(row));
    return { label, examples: sum(row), precision, recall, f1: share(2 * precision * recall, precision + recall) };
  });
  const there = classes.filter(({ examples }) => examples > 0);
  return {
    examples: rows.length,
    accuracy: share(sum(confusion.map((row, j) => row[j] as number)), rows.length),
    loss,
    f1: share(sum(there.map(({ f1 }) => f1)), there.length),
    classes,
    confusion,
  };
}
