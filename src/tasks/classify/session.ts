/** A classifier that reads sound or rows as they come, and says after each frame what it has heard so far. */
import type { InferenceOptions } from "../../engines/engine.ts";
import { inferenceRules } from "../../engines/registry.ts";
import { InputError } from "../../graph/input-error.ts";
import {
  type Arguments,
  anArray,
  checkArguments,
  checkValue,
  listOf,
  options as optionsOf,
  string,
} from "../../graph/schema.ts";
import { type InspectedStep, inspectedSession } from "../../nn/inspection.ts";
import { createSession, type Session } from "../../nn/session.ts";
import { Disposable } from "../../runtime/disposable.ts";
import { checkedRows } from "./examples.ts";
import { createExtractor, type FeatureExtractor } from "./features.ts";
import { aClassifier, type Classifier } from "./file.ts";
import { scaled } from "./input.ts";
import { type Classification, checkForwards, classificationOf, softmax } from "./predict.ts";

/** Options of `classifySession`; also the host's: `engine`, `threads`, `fma`, `precision`, `quantize`. */
export type ClassifySessionOptions = InferenceOptions & {
  /** Gates, states and other values to give with each frame, by layer and name, of `namedValues(of.model)`. Default none. */
  readonly values?: readonly string[];
};

/** What is said after a frame, from all frames since the last `reset`. */
export type ClassifiedFrame = Pick<Classification, "label" | "probability" | "probabilities"> & {
  /** With `values`: the numbers (n) of each in this frame, as `inspectModel` gives them. */
  readonly values?: InspectedStep["values"];
};

export const classifySessionArguments: Arguments = {
  of: aClassifier,
  options: optionsOf<ClassifySessionOptions>({ ...inferenceRules, values: listOf(string) }),
};

/**
 * Create a session: it is fed samples or rows, and gives the class probabilities so far after each frame. After a whole sequence and
 * `end`, they are those of `classify`.
 * @param of a classifier of one direction (`bidirectional: false`), whose features are scaled by the training examples or not at all
 * @param options `values`: gates and states to give with each frame, by layer and name (default none); the host's: `engine`,
 *   `threads`, `fma`, `precision`, `quantize`
 * @throws InputError for a classifier that needs whole sequences, and for a value that its model does not have
 * @example
 * const session = await classifySession(digits);
 * for (const { label, probability } of session.push(samples)) console.log(label, probability);
 */
export async function classifySession(of: Classifier, options: ClassifySessionOptions = {}): Promise<ClassifySession> {
  checkArguments("classifySession", { of, options }, classifySessionArguments);
  checkForwards(of, true, "classifySession");
  const { values = [], ...host } = options;
  if (values.length === 0) return new ClassifySession(of, await createSession(of.model, host));
  const { session, valuesNow } = await inspectedSession("classifySession", of.model, values, host);
  return new ClassifySession(of, session, valuesNow);
}

/** A classifier that reads as it listens, made by `classifySession`. It owns its memory until `dispose()`. */
export class ClassifySession extends Disposable {
  private readonly of: Classifier;
  private readonly session: Session;
  private readonly extractor: FeatureExtractor | undefined;
  private readonly valuesNow: (() => InspectedStep["values"]) | undefined;

  constructor(of: Classifier, session: Session, valuesNow?: () => InspectedStep["values"]) {
    super();
    this.of = of;
    this.session = session;
    this.valuesNow = valuesNow;
    this.extractor = of.input.kind === "audio" ? createExtractor(of.input.features) : undefined;
  }

  /** The rate of the samples that it reads; undefined for rows of numbers. */
  get sampleRate(): number | undefined {
    return this.of.input.kind === "audio" ? this.of.input.features.sampleRate : undefined;
  }

  /**
   * Read more.
   * @param input samples at `sampleRate`, any number of them; or one row of numbers
   * @returns what is said after each frame that is now complete; there may be none
   * @throws InputError for what is not a finite number; then nothing is read
   */
  push(input: ArrayLike<number>): ClassifiedFrame[] {
    checkValue("classifySession: the input", input, anArray);
    if (this.extractor === undefined) {
      const { input: wanted } = this.of;
      // A session reads no texts.
      const width = wanted.kind === "numbers" ? wanted.columns.length : 0;
      return this.read(checkedRows({ rows: [input] }, width, "classifySession"));
    }
    for (let n = 0; n < input.length; n++) {
      if (!Number.isFinite(input[n]))
        throw new InputError(`classifySession: sample ${n} must be a finite number, got ${input[n]}`);
    }
    return this.read(this.extractor.push(input));
  }

  /** Read the frames that wait for what follows: of changes, and of sound shorter than a frame. More sound then is a new beginning of frames. */
  end(): ClassifiedFrame[] {
    return this.read(this.extractor?.end() ?? []);
  }

  /** Forget all that was read. */
  reset(): void {
    this.extractor?.end();
    this.session.reset();
  }

  /** A copy of the model's states, by name, as `Session.state` gives it. */
  state(): Record<string, Float32Array> {
    return this.session.state();
  }

  dispose(): void {
    this.session.dispose();
  }

  private read(rows: readonly Float64Array[]): ClassifiedFrame[] {
    const { labels, input } = this.of;
    return scaled(input.scaling, rows, "classifySession").map((row) => {
      const said = classificationOf(labels, softmax(this.session.next(row)));
      return this.valuesNow === undefined ? said : { ...said, values: this.valuesNow() };
    });
  }
}
