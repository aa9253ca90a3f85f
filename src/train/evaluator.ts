/** The mean loss of a model over a stream of tokens, every token counted once. */

import type { HostOptions } from "../engines/engine.ts";
import { hostRules } from "../engines/registry.ts";
import { InputError } from "../graph/input-error.ts";
import { type Arguments, callable, checkArguments, options as optionsOf } from "../graph/schema.ts";
import { aModel, checkCarriesStates, checkReturnsSequences, type Model } from "../nn/model.ts";
import { Disposable } from "../runtime/disposable.ts";
import type { Program } from "../runtime/program.ts";
import { checkIndices, counts, sizesRules } from "./checks.ts";
import { bindLoss } from "./loss-graph.ts";
import { defaultLoss } from "./losses.ts";
import { someTokens, type Tokens, tokenSource } from "./token-source.ts";

/** `batch` lanes of the stream side by side, `steps` tokens of each at a time. */
export type EvaluatorOptions = HostOptions & { readonly batch: number; readonly steps: number };

const lossArguments: Arguments = { tokens: someTokens, pause: callable };
export const evaluatorArguments: Arguments = {
  model: aModel,
  options: optionsOf<EvaluatorOptions>({ ...hostRules, ...sizesRules }),
};

/**
 * Measures again and again the loss of a model over streams of tokens.
 * @throws InputError for a model that does not give an output at every step, or does not go on from batch to batch
 * @example const evaluator = await createEvaluator(model, { batch: 8, steps: 64 }); await evaluator.loss(tokens);
 */
export async function createEvaluator(model: Model, options: EvaluatorOptions): Promise<Evaluator> {
  checkArguments("createEvaluator", { model, options }, evaluatorArguments);
  const { batch, steps, ...host } = options;
  checkReturnsSequences(model, "createEvaluator");
  checkCarriesStates(model, "createEvaluator");
  const program = await bindLoss(model, { steps, batch, loss: defaultLoss }, host, { owner: "evaluator" });
  return new Evaluator(model, program, batch, steps);
}

/** Owns a program without gradients until it is disposed of; reads the model's values anew at each call. */
export class Evaluator extends Disposable {
  private readonly model: Model;
  private readonly program: Program;
  private readonly batch: number;
  private readonly steps: number;

  constructor(model: Model, program: Program, batch: number, steps: number) {
    super();
    this.model = model;
    this.program = program;
    this.batch = batch;
    this.steps = steps;
  }

  /**
   * Mean loss in nats of predicting each token from those before it. The stream is cut into as many lanes as the
   * batch has examples; each begins with a zero state and in the words of the one before, so that no token is left out.
   * Steps that the model masks do not count; where none counts, it is 0.
   * @throws InputError for less than two tokens, and while an earlier call goes on
   * @param pause called now and then, so that a page or a signal gets its turn
   */
  loss(tokens: Tokens, pause: () => Promise<void> = async () => {}): Promise<number> {
    return this.alone("evaluator.loss", () => this.lossAlone(tokens, pause));
  }
  private async lossAlone(tokens: Tokens, pause: () => Promise<void>): Promise<number> {
    checkArguments("evaluator", { tokens, pause }, lossArguments);
    const { program, batch, steps, model } = this;
    const source = tokenSource(tokens);
    const predictions = source.length - 1;
    if (predictions < 1) throw new InputError("evaluator: needs at least 2 tokens to predict one");
    program.setParameters(model.values);
    program.resetStates();
    const lane = Math.ceil(predictions / batch);
    const [inputs, targets] = [new Int32Array(batch * steps), new Int32Array(batch * steps)];
    const weights = new Float32Array(batch * steps);
    const run = new Int32Array(steps + 1);
    const masked = (token: number): boolean => model.maskedBy.some((padding) => !counts([token], 0, 1, padding));
    const tokensOf = model.inputs[0]?.count ?? model.outputSize;
    let [total, counted] = [0, 0];
    for (let start = 0; start < lane; start += steps) {
      for (let b = 0; b < batch; b++) {
        const from = b * lane + start;
        const count = Math.max(0, Math.min(steps, lane - start, predictions - from));
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
      program.setIndex("tokens", inputs);
      program.setIndex("target", targets);
      program.setInput("weight", weights);
      await program.run();
      program.advanceStates();
      total += program.total("loss");
      await pause();
    }
    return total / (counted || 1);
  }
  dispose(): void {
    this.program.dispose();
  }
}
