/** The Evaluator: the mean loss of a model over a stream of tokens, every token counted once. */

import type { InferenceOptions } from "../engines/engine.ts";
import { inferenceRules } from "../engines/registry.ts";
import { InputError } from "../graph/input-error.ts";
import { type Arguments, callable, checkArguments, options as optionsOf } from "../graph/schema.ts";
import { inputOf, type Model } from "../nn/model.ts";
import { aModel, checkCarriesStates, checkReturnsSequences } from "../nn/model-checks.ts";
import { lossInputs } from "../nn/model-graph.ts";
import { Disposable } from "../runtime/disposable.ts";
import type { Program } from "../runtime/program.ts";
import { checkIndices, counts, oneTimeRules } from "./checks.ts";
import { aCommunicator, type Communicator } from "./communicator.ts";
import { bindLoss } from "./loss-graph.ts";
import { defaultLoss } from "./losses.ts";
import type { Ranks } from "./ranks.ts";
import { someTokens, type Tokens, tokenSource } from "./token-source.ts";

/** Options of `createEvaluator`; also the host's: `engine`, `threads`, `fma`, `precision`, `quantize`. */
export type EvaluatorOptions = InferenceOptions & {
  /** The number of parts of the stream that are read in parallel. */
  readonly batch: number;
  /** The number of tokens of each part per run. */
  readonly steps: number;
  /** Other processes that measure the same model on the same tokens: each reads its own parts. */
  readonly distributed?: Communicator | undefined;
};

const lossArguments: Arguments = { tokens: someTokens, pause: callable };
export const evaluatorArguments: Arguments = {
  model: aModel,
  options: optionsOf<EvaluatorOptions>({ ...inferenceRules, ...oneTimeRules, distributed: aCommunicator }),
};

/**
 * Create an evaluator, which measures the loss of a model over streams of tokens, as often as it is called.
 * @param model a model that reads tokens and has an output at every step
 * @param options `batch`: parts of the stream read in parallel; `steps`: tokens per run; the host's options
 * @throws InputError for a model without an output at every step, or with an `initialState`
 * @example const evaluator = await createEvaluator(model, { batch: 8, steps: 64 }); await evaluator.loss(tokens);
 */
export async function createEvaluator(model: Model, options: EvaluatorOptions): Promise<Evaluator> {
  checkArguments("createEvaluator", { model, options }, evaluatorArguments);
  const { batch, steps, distributed, ...host } = options;
  checkReturnsSequences(model, "createEvaluator");
  checkCarriesStates(model, "createEvaluator");
  const ranks = distributed && (await import("./ranks.ts")).createRanks(distributed, batch);
  const sizes = { steps, batch: ranks?.room ?? batch };
  const program = await bindLoss(model, { ...sizes, loss: defaultLoss }, host, { owner: "evaluator" });
  return new Evaluator(model, program, batch, steps, ranks);
}

/** Measures losses; made by `createEvaluator`. It owns its memory until `dispose()`, and reads the model's present values at each call. */
export class Evaluator extends Disposable {
  private readonly model: Model;
  private readonly program: Program;
  private readonly batch: number;
  private readonly steps: number;
  private readonly ranks: Ranks | undefined;

  constructor(model: Model, program: Program, batch: number, steps: number, ranks?: Ranks) {
    super();
    this.model = model;
    this.program = program;
    this.batch = batch;
    this.steps = steps;
    this.ranks = ranks;
  }

  /**
   * The mean loss, in nats, of predicting each token from those before it. The stream is split into `batch` parts; each
   * starts from a state of zeros and with the last token of the part before, so that no token is left out. Masked steps do
   * not count; if none counts, the loss is 0.
   * @param tokens the stream, at least 2 tokens
   * @param pause awaited after each run, so that the caller can yield to the event loop
   * @throws InputError for fewer than two tokens, for tokens out of range, and while an earlier call is still running
   */
  loss(tokens: Tokens, pause: () => Promise<void> = async () => {}): Promise<number> {
    return this.alone("evaluator.loss", () => this.lossAlone(tokens, pause));
  }
  private async lossAlone(tokens: Tokens, pause: () => Promise<void>): Promise<number> {
    checkArguments("evaluator", { tokens, pause }, lossArguments);
    const { program, batch: parts, steps, model, ranks } = this;
    const { from: first, to: past } = ranks?.rows ?? { from: 0, to: parts };
    const batch = ranks?.room ?? parts;
    const source = tokenSource(tokens);
    const predictions = source.length - 1;
    if (predictions < 1) throw new InputError("evaluator: needs at least 2 tokens to predict one");
    program.setParameters(model.values);
    program.resetStates();
    const partLength = Math.ceil(predictions / parts);
    const [inputs, targets] = [new Int32Array(batch * steps), new Int32Array(batch * steps)];
    const weights = new Float32Array(batch * steps);
    const run = new Int32Array(steps + 1);
    const masked = (token: number): boolean => model.maskedBy.some((padding) => !counts([token], 0, 1, padding));
    const tokensOf = model.inputs[0]?.count ?? model.outputSize;
    let [total, counted] = [0, 0];
    for (let start = 0; start < partLength; start += steps) {
      for (let b = 0; b < batch; b++) {
        const from = (first + b) * partLength + start;
        const count = first + b < past ? Math.max(0, Math.min(steps, partLength - start, predictions - from)) : 0;
        if (count > 0) {
          const some = run.subarray(0, count + 1);
          source.read(from, some);
          checkIndices("evaluator: token", some, tokensOf, (k) => `at ${from + k}`);
        }
        for (let t = 0; t < steps; t++) {
          const token = t < count ? (run[t] as number) : 0;
          inputs[t * batch + b] = token;
          targets[t * batch + b] = t < count ? (run[t + 1] as number) : 0;
          weights[t * batch + b] = t < count ? 1 : 0;
          if (t < count && !masked(token)) counted++;
        }
      }
      program.setIndex(inputOf(model), inputs);
      program.setIndex(lossInputs.target, targets);
      program.setInput(lossInputs.weight, weights);
      await program.run();
      program.advanceStates();
      total += program.total("loss");
      await pause();
    }
    const sums = Float64Array.of(total, counted) as Float64Array<ArrayBuffer>;
    await ranks?.communicator.sum(sums);
    return (sums[0] as number) / (sums[1] || 1);
  }
  dispose(): void {
    this.program.dispose();
  }
}
