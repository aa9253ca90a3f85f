/**
 * Updates that end with a reason where they break: what each of the last two started from is kept for it. Knows nothing
 * about where batches come from.
 */
import { InputError } from "../graph/input-error.ts";
import {
  type Arguments,
  anArray,
  checkArguments,
  checkOptions,
  flag,
  having,
  numbers,
  required,
  type Schema,
} from "../graph/schema.ts";
import { type Inputs, someInputs } from "./checks.ts";
import type { Cause } from "./diagnosis.ts";
import { feedRules } from "./feed.ts";
import type { Trainer, UpdateOptions } from "./trainer.ts";

/** The advice where what was learned is to blame. */
export const byRate = "Try a smaller learning rate, or clip the gradients.";

/** The loss, or a parameter, became infinite or NaN. */
export class NonFiniteLoss extends Error {
  /** Whether the model's values are later than those that it began with; and what was found. */
  readonly trained: boolean;
  readonly what: string;
  /** What can be done about it, by its cause. */
  readonly advice: string;

  constructor({ what, advice }: Cause, { good, first }: { readonly good: number; readonly first: number }) {
    super(`training: ${what}. The model keeps its values of update ${good}. ${advice}`);
    this.trained = good > first;
    this.what = what;
    this.advice = advice;
  }
}

/** What one update is given. */
export type Given = UpdateOptions & {
  readonly inputs: Inputs;
  readonly targets: ArrayLike<number>;
  /** What its examples are called; their places in the batch where absent. */
  readonly rows?: ArrayLike<number>;
};

export const givenRules: Schema<Given> = {
  ...feedRules,
  inputs: required(someInputs),
  targets: required(anArray),
  rows: numbers,
  last: flag,
};
export const watchArguments: Arguments = {
  trainer: having("a trainer, as createTrainer makes it", "program", "update", "restore"),
};

/** What an update starts from. */
export type Moment = {
  trainer: Trainer;
  readonly parameters: Float32Array;
  states: Readonly<Record<string, Float32Array<ArrayBuffer>>>;
  keys: readonly [number, number];
  /** The step of the optimiser that it is part of. */
  step: number;
  given: Given | undefined;
};

/** Updates that end with a reason where they break. */
export type Watch = {
  /** One update, of which is remembered what it starts from. @throws NonFiniteLoss where its loss is infinite or NaN */
  update(given: Given, learningRate?: number): Promise<number>;
  /** Copy the trained values into the model, unless one is infinite or NaN. Gives whether it did. */
  trySave(): boolean;
  /** The same. @throws NonFiniteLoss where it did not */
  save(): Promise<void>;
  /** Another trainer that has taken over from the one before. */
  use(trainer: Trainer): void;
  /** Give its copies to the next watch. An update throws afterwards. */
  dispose(): void;
};

/**
 * Updates that end with a reason where they break, for `fit`, `fitStream` and loops of one's own. The arrays of a batch
 * must last until the next update is done.
 *
 * A copy of the parameters before each update costs far less than the update; looking for numbers that are none in them
 * does not, so they are looked at when they are saved, and when a loss says that it is time. By then the next update may
 * have been taken: what the last two started from is kept.
 * @example
 * const watch = createWatch(trainer);
 * const loss = await watch.update({ inputs, targets }, 0.001); // instead of trainer.update
 */
export function createWatch(of: Trainer): Watch {
  checkArguments("createWatch", { trainer: of }, watchArguments);
  let trainer = of;
  const statesOf = ({ program }: Trainer): Moment["states"] =>
    Object.fromEntries(Object.keys(program.plan.states).map((name) => [name, program.start(name)]));
  const moments = [0, 1].map(
    (): Moment => ({
      trainer,
      parameters: takeSpare(trainer.program.plan.slabs.numbers),
      states: statesOf(trainer),
      keys: [0, 0],
      step: 0,
      given: undefined,
    }),
  ) as [Moment, Moment];
  const first = trainer.step;
  let good = first;
  let turn = 0;

  let disposed = false;

  async function update(given: Given, learningRate?: number): Promise<number> {
    if (disposed) throw new InputError("watch: used after dispose(). Create another one.");
    checkOptions("training", given, givenRules);
    turn = 1 - turn;
    const moment = moments[turn] as Moment;
    trainer.program.allParameters(moment.parameters);
    if (moment.trainer === trainer) {
      for (const [name, values] of Object.entries(moment.states)) trainer.program.start(name, values);
    } else {
      moment.trainer = trainer;
      moment.states = statesOf(trainer);
    }
    moment.keys = trainer.keys;
    moment.step = trainer.step + 1;
    moment.given = given;
    const { inputs, targets, rows: _, ...options } = given;
    const loss = await trainer.update(inputs, targets, learningRate, options);
    if (!Number.isFinite(loss)) throw await broken(`the loss became ${loss} in update ${moment.step}`);
    return loss;
  }
  function trySave(): boolean {
    const saved = trainer.save();
    if (saved) good = trainer.step;
    return saved;
  }
  async function save(): Promise<void> {
    if (!trySave()) throw await broken("a parameter became infinite or NaN");
  }
  async function broken(symptom: string): Promise<NonFiniteLoss> {
    const { findCause } = await import("./diagnosis.ts");
    const two = [moments[1 - turn] as Moment, moments[turn] as Moment] as const;
    const cause = await findCause(two, trainer.program.allParameters(), first);
    return new NonFiniteLoss(cause ?? { what: symptom, advice: byRate }, { good, first });
  }
  function use(next: Trainer): void {
    trainer = next;
  }
  function dispose(): void {
    if (!disposed) keepSpare(moments.map(({ parameters }) => parameters));
    disposed = true;
  }
  return { update, trySave, save, use, dispose };
}

/** The copies of the watch that was disposed of last, if they are no more than 64 MB: garbage that would come in every `fit`. */
let spare: Float32Array[] = [];
const maxSpareBytes = 2 ** 26;

function keepSpare(all: Float32Array[]): void {
  spare = all.reduce((sum, { byteLength }) => sum + byteLength, 0) <= maxSpareBytes ? all : [];
}
function takeSpare(floats: number): Float32Array {
  const found = spare.pop();
  return found?.length === floats ? found : new Float32Array(floats);
}
