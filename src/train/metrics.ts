/**
 * Metrics, as plain functions in f64 over outputs (T,B,V), flat, as `createPredictor` gives them, and targets; a mask (T,B)
 * says which steps count: those whose entry is not 0 or false. And the same as graphs, for programs that train and
 * evaluate. Names are Keras's; like the losses, they read logits.
 */
import type { Builder, NodeId } from "../graph/graph.ts";
import { InputError } from "../graph/input-error.ts";
import {
  camelCase,
  checkArguments,
  checkValue,
  either,
  finiteNumber,
  flag,
  isIndex,
  isList,
  listOf,
  lookUp,
  numbers,
  options,
  type Rule,
  required,
  type Schema,
  wholeNumber,
} from "../graph/schema.ts";
import { type CamelCase, type Loss, losses } from "./losses.ts";

type Numbers = ArrayLike<number>;
/** Options of the metric functions. */
export type MetricOptions = {
  /** Numbers per output, V. */
  readonly features: number;
  /** One entry per step (T,B): steps with 0 or false do not count. By default all count. */
  readonly mask?: ArrayLike<number | boolean> | undefined;
};

const someMask: Rule = {
  expected: "an array of numbers or booleans, one per step",
  accepts: isList,
  look(where, value) {
    const one: Rule = either(flag, { expected: "a number", accepts: (step) => typeof step === "number" });
    Array.from(value as ArrayLike<unknown>).forEach((step, k) => {
      checkValue(`${where}[${k}]`, step, one);
    });
  },
};
const rules: Schema<MetricOptions> = { features: required(wholeNumber(1)), mask: someMask };
export const metricArguments = { outputs: numbers, targets: numbers, options: options(rules) };
export const binaryAccuracyArguments = {
  ...metricArguments,
  options: options<MetricOptions & { readonly threshold?: number }>({ ...rules, threshold: finiteNumber }),
};

/**
 * The share of steps where the largest output is that of the target class. The first of equal outputs wins. Keras's
 * SparseCategoricalAccuracy.
 * @param outputs logits or probabilities (T,B,V), flat
 * @param targets classes (T,B), flat
 * @param options `features`: V; `mask` (T,B): steps that count
 * @throws InputError if the lengths do not fit, or if no step counts
 */
export function sparseCategoricalAccuracy(outputs: Numbers, targets: Numbers, options: MetricOptions): number {
  checkArguments("sparseCategoricalAccuracy", { outputs, targets, options }, metricArguments);
  const { features } = options;
  return meanOfSteps("sparseCategoricalAccuracy", outputs, targets, { ...options, perTarget: 1 }, (row) =>
    largest(outputs, row, features) === targets[row] ? 1 : 0,
  );
}

/**
 * The share of steps where the largest output and the largest target are at the same index. Keras's CategoricalAccuracy.
 * @param outputs logits or probabilities (T,B,V), flat
 * @param targets vectors (T,B,V), flat
 * @param options `features`: V; `mask` (T,B): steps that count
 * @throws InputError if the lengths do not fit, or if no step counts
 */
export function categoricalAccuracy(outputs: Numbers, targets: Numbers, options: MetricOptions): number {
  checkArguments("categoricalAccuracy", { outputs, targets, options }, metricArguments);
  const { features } = options;
  return meanOfSteps("categoricalAccuracy", outputs, targets, { ...options, perTarget: features }, (row) =>
    largest(outputs, row, features) === largest(targets, row, features) ? 1 : 0,
  );
}

/**
 * The share of features where `output > threshold` agrees with the target, which is 1 or 0. Keras's BinaryAccuracy.
 * @param outputs logits (T,B,V), flat
 * @param targets 0 or 1 (T,B,V), flat
 * @param options `features`: V; `threshold`: default 0, for logits, where 0 is a probability of 1/2 (give 0.5, Keras's, for
 *   probabilities); `mask` (T,B): steps that count
 * @throws InputError if the lengths do not fit, or if no step counts
 */
export function binaryAccuracy(
  outputs: Numbers,
  targets: Numbers,
  options: MetricOptions & { readonly threshold?: number },
): number {
  checkArguments("binaryAccuracy", { outputs, targets, options }, binaryAccuracyArguments);
  const { features, threshold = 0 } = options;
  const says = (output: number): number => (output > threshold ? 1 : output <= threshold ? 0 : Number.NaN);
  return meanOfSteps("binaryAccuracy", outputs, targets, { ...options, perTarget: features }, (row) =>
    meanOfFeatures(row, features, (k) => (says(outputs[k] as number) === targets[k] ? 1 : 0)),
  );
}

/**
 * The mean of |output - target|. Keras's MeanAbsoluteError.
 * @param outputs (T,B,V), flat
 * @param targets (T,B,V), flat
 * @param options `features`: V; `mask` (T,B): steps that count
 * @throws InputError if the lengths do not fit, or if no step counts
 */
export function meanAbsoluteError(outputs: Numbers, targets: Numbers, options: MetricOptions): number {
  checkArguments("meanAbsoluteError", { outputs, targets, options }, metricArguments);
  const { features } = options;
  return meanOfSteps("meanAbsoluteError", outputs, targets, { ...options, perTarget: features }, (row) =>
    meanOfFeatures(row, features, (k) => Math.abs((outputs[k] as number) - (targets[k] as number))),
  );
}

/**
 * Perplexity: exp of the mean softmax cross-entropy, the number of equally likely classes among which a guess would be as
 * hard.
 * @param logits (T,B,V), flat
 * @param targets classes (T,B), flat
 * @param options `features`: V; `mask` (T,B): steps that count
 * @throws InputError if the lengths do not fit, or if no step counts
 * @example perplexity(data, y.flat(), { features: 65 }) // data as `predict` gives it
 */
export function perplexity(logits: Numbers, targets: Numbers, options: MetricOptions): number {
  checkArguments("perplexity", { outputs: logits, targets, options }, metricArguments);
  const { features } = options;
  const crossentropy = meanOfSteps("perplexity", logits, targets, { ...options, perTarget: 1 }, (row) => {
    const picked = logits[row * features + (targets[row] as number)] as number;
    const most = logits[row * features + largest(logits, row, features)] as number;
    const sum = features * meanOfFeatures(row, features, (k) => Math.exp((logits[k] as number) - most));
    return most - picked + Math.log(sum);
  });
  return Math.exp(crossentropy);
}

/** The index of the first largest number of a row; NaN if one of them is NaN. */
function largest(values: Numbers, row: number, features: number): number {
  let best = 0;
  for (let k = 0; k < features; k++) {
    const value = values[row * features + k] as number;
    if (Number.isNaN(value)) return Number.NaN;
    if (value > (values[row * features + best] as number)) best = k;
  }
  return best;
}

function meanOfFeatures(row: number, features: number, value: (at: number) => number): number {
  let sum = 0;
  for (let k = row * features; k < (row + 1) * features; k++) sum += value(k);
  return sum / features;
}

/**
 * The mean of a value over the steps that count.
 * @throws InputError if the lengths do not fit, if a class is out of range, or if no step counts
 */
function meanOfSteps(
  where: string,
  outputs: Numbers,
  targets: Numbers,
  { features, perTarget, mask }: MetricOptions & { readonly perTarget: number },
  value: (row: number) => number,
): number {
  const steps = targets.length / perTarget;
  if (!Number.isInteger(steps) || outputs.length !== steps * features) {
    throw new InputError(
      `${where}: needs ${features} outputs and ${perTarget} targets per step, got ${outputs.length} and ${targets.length}`,
    );
  }
  if (mask !== undefined && mask.length !== steps) {
    throw new InputError(`${where}: needs a mask of ${steps} steps, got ${mask.length}`);
  }
  const classes = perTarget === 1 && features > 1;
  let [sum, count] = [0, 0];
  for (let row = 0; row < steps; row++) {
    if (mask !== undefined && !mask[row]) continue;
    const target = targets[row] as number;
    if (classes && !isIndex(target, features)) {
      throw new InputError(`${where}: class ${target} (step ${row}) is out of range: expected 0 to ${features - 1}`);
    }
    sum += value(row);
    count++;
  }
  if (count === 0) throw new InputError(`${where}: there is no step to measure`);
  return sum / count;
}

/** A metric as a graph: one number per output, and `finish`, which is applied to the mean. */
type Metric = Loss & { readonly finish?: (mean: number) => number };

/** 1 for the largest features, else 0. */
const largestOf = (g: Builder, z: NodeId): NodeId =>
  g.sub(g.constant(1), g.unary("step", g.sub(g.reduce("max_of", z), z)));

/** The metrics as graphs; equally large outputs share the credit. Every loss is a metric too. */
const metrics = {
  sparseCategoricalAccuracy: {
    target: "index",
    build: (g, z, target) => {
      const found = largestOf(g, z);
      return g.div(g.sum(g.mul(g.oneHot(target, g.shapeOf(z) as number), found)), g.sum(found));
    },
  },
  categoricalAccuracy: {
    target: "vector",
    build: (g, z, target) => {
      const [found, wanted] = [largestOf(g, z), largestOf(g, target)];
      return g.div(g.sum(g.mul(wanted, found)), g.mul(g.sum(wanted), g.sum(found)));
    },
  },
  binaryAccuracy: {
    target: "vector",
    build: (g, z, target) => {
      const wrong = g.unary("step", g.unary("abs", g.sub(g.unary("step", z), target)));
      return g.mean(g.sub(g.constant(1), wrong));
    },
  },
  perplexity: { ...losses.sparse_categorical_crossentropy, finish: Math.exp },
  ...losses,
} as const satisfies Readonly<Record<string, Metric>>;
type Known = keyof typeof metrics | "accuracy" | "acc";

/**
 * The names of metrics of `fit` and `evaluate`: Keras's, also in camel case. "accuracy" ("acc") chooses the one that fits:
 * `binaryAccuracy` for one output, else by the kind of target. Logs have them under the given name, in camel case.
 */
export type MetricName = Known | CamelCase<Known>;

const byName: Readonly<Record<string, Metric | undefined>> = { accuracy: undefined, acc: undefined, ...metrics };
/** A list of names of metrics. */
export const metricNames: Rule = listOf({
  expected: 'the name of a metric ("accuracy")',
  accepts: (value) => typeof value === "string",
  look: (where, value) => lookUp(where, value as string, byName),
});
/** The names as the logs have them, without duplicates. */
export const namesOfMetrics = (given: readonly MetricName[] = []): readonly MetricName[] => [
  ...new Set(given.map((name) => camelCase(name) as MetricName)),
];
/** Apply a metric's `finish` to its mean. */
export const finishMetric = (name: string, mean: number): number =>
  name === "loss" ? mean : (lookUp("training: metric", name, byName)?.finish?.(mean) ?? mean);

/**
 * The graph of a metric beside a loss that reads targets of this kind and size.
 * @throws InputError for an unknown name, and for a metric that reads another kind or size of target than the loss
 */
export function metricOf(
  name: MetricName,
  {
    target,
    outputSize,
    targetSize,
  }: { readonly target: Loss["target"]; readonly outputSize: number; readonly targetSize: number },
): Loss["build"] {
  const metric =
    lookUp("training: metric", name, byName) ??
    (target === "index"
      ? metrics.sparseCategoricalAccuracy
      : outputSize === 1
        ? metrics.binaryAccuracy
        : metrics.categoricalAccuracy);
  if (metric.target === target && target === "vector" && targetSize !== outputSize) {
    throw new InputError(
      `training: metric "${name}" compares targets with outputs of ${outputSize} numbers, but the loss has targets of ` +
        `${targetSize}. Leave it out.`,
    );
  }
  if (metric.target === target) return metric.build;
  const kind = (of: Loss["target"]): string => (of === "index" ? "classes" : "vectors");
  throw new InputError(
    `training: metric "${name}" needs ${kind(metric.target)} as targets, but the loss needs ${kind(target)}`,
  );
}
