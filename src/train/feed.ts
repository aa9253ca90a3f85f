/**
 * One batch into a program: what the model reads and what it is to answer, checked; targets in the order of time; every
 * output weighted alike, but those of masked steps. Knows nothing about what is done with the loss.
 */
import { InputError } from "../graph/input-error.ts";
import type { Model } from "../nn/model.ts";
import type { Program } from "../runtime/program.ts";
import { checkFinite, checkIndices, checkInputs, checkLength } from "./checks.ts";

export type Feed = (inputs: ArrayLike<number>, targets: ArrayLike<number>) => void;

/**
 * The returned function takes tokens (T,B) or vectors (T,B,D), and targets (T,B) or (T,B,V), flat, time first; for a model
 * that gives one output a sequence the targets are (B) or (B,V). Where it goes backwards, targets come in its order.
 * @throws InputError, with the place, for numbers that do not fit, before any is taken over
 */
export function createFeed(model: Model, program: Program, { steps, batch }: { steps: number; batch: number }): Feed {
  const { input, returnsSequences, backwards, maskedBy, outputSize } = model;
  const rows = steps * batch;
  const outputs = returnsSequences ? rows : batch;
  const features = input === "tokens" ? 1 : input;
  const classes = program.plan.indices.target !== undefined;
  const width = classes ? 1 : outputSize;
  const weight = new Float32Array(outputs).fill(1 / outputs);
  const inOrder = classes ? new Int32Array(outputs) : new Float32Array(outputs * width);
  const padding = maskedBy[0]?.value;
  program.setInput("weight", weight);

  return (inputs, targets) => {
    checkInputs(model, inputs, { steps, batch }, "training");
    const perSequence = { steps: returnsSequences ? steps : 1, batch, features: width };
    checkLength("training", "targets", targets.length, perSequence);
    if (classes) checkIndices("training: class", targets, outputSize, batch);
    else checkFinite("training: the target", targets, width, batch);
    const counts = padding === undefined ? rows : countSteps(inputs, padding);

    if (input === "tokens") program.setIndex("tokens", inputs);
    else program.setInput("x", inputs);
    if (padding !== undefined && returnsSequences) program.setInput("weight", weight.fill(1 / counts));
    const wanted = backwards ? fromEnd(targets) : targets;
    if (classes) program.setIndex("target", wanted);
    else program.setInput("target", wanted);
  };

  /** Steps of all examples that are not padding. */
  function countSteps(inputs: ArrayLike<number>, padding: number): number {
    const counted = new Int32Array(batch);
    for (let row = 0; row < rows; row++) {
      for (let j = 0; j < features; j++) {
        if (Math.fround(inputs[row * features + j] as number) === padding) continue;
        counted[row % batch] = (counted[row % batch] as number) + 1;
        break;
      }
    }
    const empty = counted.indexOf(0);
    if (empty >= 0)
      throw new InputError(`training: every step of example ${empty} is masked; leave it out of the batch`);
    return counted.reduce((sum, count) => sum + count, 0);
  }
  /** The same with the last step first. */
  function fromEnd(targets: ArrayLike<number>): ArrayLike<number> {
    const perStep = batch * width;
    for (let t = 0; t < steps; t++) {
      for (let k = 0; k < perStep; k++) inOrder[t * perStep + k] = targets[(steps - 1 - t) * perStep + k] as number;
    }
    return inOrder;
  }
}
