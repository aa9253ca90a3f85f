/**
 * A guard against infinite and NaN values in training: it keeps what the last two updates started from, so that the cause
 * can be found when the loss becomes infinite or NaN.
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
import { batchWeightRules } from "./bind-batch.ts";
import { type Inputs, someInputs } from "./checks.ts";
import type { Cause } from "./diagnosis.ts";
import type { Trainer, UpdateOptions } from "./trainer.ts";

/** The advice if the updates are the cause. */
export const byRate = "Try a smaller learning rate, or clip the gradients.";

/**
 * The error for a loss or a parameter that became infinite or NaN. Its message names the first such value, with advice: a rate, an
 * initialiser or the data, which are the caller's.
 */
export class NonFiniteLoss extends InputError {
  /** Whether the model's values are later than those that training began with. */
  readonly trained: boolean;
  /** Which value became infinite or NaN first, and where. */
  readonly what: string;
  /** What to do about it, by its cause. */
  readonly advice: string;

  constructor({ what, advice }: Cause, { good, first }: { readonly good: number; readonly first: number }) {
    super(`training: ${what}. The model keeps its values of update ${good}. ${advice}`);
    this.trained = good > first;
    this.what = what;
    this.advice = advice;
  }
}

/** The arguments of one update. */
export type Given = UpdateOptions & {
  readonly inputs: Inputs;
  readonly targets: ArrayLike<number>;
  /** The numbers of its examples, for messages. By default their indices in the batch. */
  readonly rows?: ArrayLike<number>;
};

export const givenRules: Schema<Given> = {
  ...batchWeightRules,
  inputs: required(someInputs),
  targets: required(anArray),
  rows: numbers,
  last: flag,
};
export const guardArguments: Arguments = {
  trainer: having("a trainer, as createTrainer makes it", "program", "update", "restore"),
};

/** The parameters, states and keys that an update starts from. */
export type Snapshot = {
  trainer: Trainer;
  readonly parameters: Float32Array;
  states: Readonly<Record<string, Float32Array<ArrayBuffer>>>;
  keys: readonly [number, number];
  /** The optimiser's step that it is part of. */
  step: number;
  given: Given | undefined;
};

/** Updates that report the cause if they fail; made by `createNonFiniteGuard`. */
export type NonFiniteGuard = {
  /** `trainer.update`, with a copy of what it starts from. @throws NonFiniteLoss if the loss is infinite or NaN */
  update(given: Given, learningRate?: number): Promise<number>;
  /** Copy the trained values into the model, unless one is infinite or NaN. Returns whether it did. */
  trySave(): boolean;
  /** Copy the trained values into the model. @throws NonFiniteLoss if one is infinite or NaN */
  save(): Promise<void>;
  /** Continue with another trainer, which has taken over from the one before. */
  use(trainer: Trainer): void;
  /** Release its copies. An update throws afterwards. */
  dispose(): void;
};

/**
 * Wrap a trainer so that its updates report the cause if the loss becomes infinite or NaN; `fit` and `fitStream` use it,
 * and so can your own loop. The arrays of a batch must stay unchanged until the next update is done.
 *
 * Before each update the parameters are copied, which is cheap. Searching them for NaN is not, so they are checked only when
 * they are saved and when the loss is not finite. By then one more update may have been made, so the starting points of the
 * last two are kept.
 * @param of a trainer from `createTrainer`
 * @throws InputError for what is not a trainer
 * @example
 * const guard = createNonFiniteGuard(trainer);
 * const loss = await guard.update({ inputs, targets }, 0.001); // instead of trainer.update
 */
export function createNonFiniteGuard(of: Trainer): NonFiniteGuard {
  checkArguments("createNonFiniteGuard", { trainer: of }, guardArguments);
  let trainer = of;
  const statesOf = ({ program }: Trainer): Snapshot["states"] =>
    Object.fromEntries(Object.keys(program.plan.states).map((name) => [name, program.start(name)]));
  const snapshots = [0, 1].map(
    (): Snapshot => ({
      trainer,
      parameters: takeSpare(trainer.program.plan.slabs.numbers),
      states: statesOf(trainer),
      keys: [0, 0],
      step: 0,
      given: undefined,
    }),
  ) as [Snapshot, Snapshot];
  const first = trainer.step;
  let good = first;
  let turn = 0;

  let disposed = false;

  async function update(given: Given, learningRate?: number): Promise<number> {
    if (disposed) throw new InputError("guard: used after dispose(). Create another one.");
    checkOptions("training", given, givenRules);
    turn = 1 - turn;
    const snapshot = snapshots[turn] as Snapshot;
    const { program } = trainer;
    if (snapshot.trainer === trainer) {
      for (const [name, values] of Object.entries(snapshot.states)) trainer.program.start(name, values);
    } else {
      snapshot.trainer = trainer;
      snapshot.states = statesOf(trainer);
    }
    snapshot.keys = trainer.keys;
    snapshot.step = trainer.step + 1;
    snapshot.given = given;
    const { inputs, targets, rows: _, ...options } = given;
    let loss: number;
    try {
      // Where they stay on a device, so does what is kept of them.
      if (trainer.fetches) program.allParameters(snapshot.parameters);
      else program.executable.keepParameters?.(turn);
      loss = await trainer.update(inputs, targets, learningRate, options);
    } catch (error) {
      // Of a device that is lost the host still has what was copied last.
      if (program.plan.target.memory === "device") trySave();
      throw error;
    }
    if (!Number.isFinite(loss))
      throw await broken(`the loss (update ${snapshot.step}) became ${loss}, expected a finite number`);
    return loss;
  }
  function trySave(): boolean {
    const saved = trainer.save();
    if (saved) good = trainer.step;
    return saved;
  }
  async function save(): Promise<void> {
    if (!trySave())
      throw await broken(`a parameter became infinite or NaN by update ${trainer.step}, expected finite numbers`);
  }
  async function broken(symptom: string): Promise<NonFiniteLoss> {
    const { findCause } = await import("./diagnosis.ts");
    const two = [snapshots[1 - turn] as Snapshot, snapshots[turn] as Snapshot] as const;
    if (!trainer.fetches) {
      await trainer.program.fetch();
      for (const [k, snapshot] of snapshots.entries()) {
        if (snapshot.given === undefined) continue;
        try {
          await snapshot.trainer.program.executable.keptParameters?.(k, snapshot.parameters);
        } catch {
          snapshot.given = undefined; // Its program was disposed of, for one of another size.
        }
      }
    }
    const cause = await findCause(two, trainer.program.allParameters(), first);
    return new NonFiniteLoss(cause ?? { what: symptom, advice: byRate }, { good, first });
  }
  function use(next: Trainer): void {
    trainer = next;
  }
  function dispose(): void {
    if (!disposed) keepSpare(snapshots.map(({ parameters }) => parameters));
    disposed = true;
  }
  return { update, trySave, save, use, dispose };
}

/** The buffers of the last disposed guard, at most 64 MB, for the next one: otherwise each `fit` would leave them as garbage. */
let spare: Float32Array[] = [];
const maxSpareBytes = 2 ** 26;

function keepSpare(all: Float32Array[]): void {
  spare = all.reduce((sum, { byteLength }) => sum + byteLength, 0) <= maxSpareBytes ? all : [];
}
function takeSpare(floats: number): Float32Array {
  const found = spare.pop();
  return found?.length === floats ? found : new Float32Array(floats);
}
