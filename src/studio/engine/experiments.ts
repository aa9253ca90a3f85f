/** Small trainings that the chapters of the Learn room show while they go on. */
import { perceptron as perceptronCell } from "../../cells/perceptron.ts";
import { input, recurrent } from "../../nn/layers.ts";
import { sequential } from "../../nn/model.ts";
import { sgd } from "../../train/optimizers.ts";
import { createTrainer } from "../../train/trainer.ts";
import type { Job } from "./remote.ts";

/** A place in the plane and its kind: what the perceptron is to say of it. */
export type Point = { readonly x: readonly [number, number]; readonly kind: 0 | 1 };
/** The line w1 x1 + w2 x2 + b = 0. */
export type Line = { readonly w: readonly [number, number]; readonly b: number };
/** One point looked at, and the line after it. */
export type PerceptronStep = Line & { readonly pass: number; readonly point: number; readonly wrong: boolean };
/** How it ended: right about all of them; where it was after an earlier pass; or neither after so many. */
export type PerceptronEnd =
  | { readonly kind: "learned"; readonly passes: number }
  | { readonly kind: "circle"; readonly passes: number; readonly before: number }
  | { readonly kind: "unsettled"; readonly passes: number };

const mostPasses = 200;

export const experiments = {
  /** The perceptron's rule, one point after the other, until all are right or the weights come again. */
  async *perceptron(
    points: readonly Point[],
    { w, b }: Line,
    learningRate: number,
  ): Job<PerceptronStep, PerceptronEnd> {
    const model = sequential([input(2, { sequence: false }), recurrent(perceptronCell, { units: 1, name: "neuron" })]);
    model.values["neuron.W"]?.set(w);
    model.values["neuron.b"]?.fill(b);
    const optimizer = sgd({ learningRate });
    const trainer = await createTrainer(model, { batch: 1, steps: 1, loss: "perceptron", optimizer, threads: 1 });
    const line = (): Line => {
      const [w1, w2] = trainer.program.parameter("neuron.W") as unknown as [number, number];
      return { w: [w1, w2], b: trainer.program.parameter("neuron.b")[0] as number };
    };
    // Rounding may leave the last bits of weights that are the same again.
    const key = ({ w, b }: Line): string => [...w, b].map((value) => value.toFixed(4)).join(" ");
    const seen = [key(line())];
    for (let pass = 1; pass <= mostPasses; pass++) {
      let mistakes = 0;
      for (const [point, { x, kind }] of points.entries()) {
        const before = line();
        await trainer.update(x, [kind]);
        const after = line();
        // The rule moves the threshold whenever it was wrong, and only then.
        const wrong = after.b !== before.b;
        if (wrong) mistakes++;
        yield { ...after, pass, point, wrong };
      }
      if (mistakes === 0) return { kind: "learned", passes: pass };
      const before = seen.indexOf(key(line()));
      if (before >= 0) return { kind: "circle", passes: pass, before };
      seen.push(key(line()));
    }
    return { kind: "unsettled", passes: mostPasses };
  },
};
