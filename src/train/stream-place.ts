/** The place of a training in its stream of tokens: what is stored of it, checked when it is read, and where it stands. */

import { InputError } from "../graph/input-error.ts";
import { isPlain, withDefaults } from "../graph/schema.ts";
import type { RandomState } from "../nn/random.ts";
import { type Best, type FitStreamOptions, fitDefaults } from "./fit-stream-options.ts";
import { type CheckRun, countBatches, fingerprint } from "./stream.ts";
import { type Parts, split } from "./stream-split.ts";
import type { Tokens } from "./token-source.ts";
import type { TrainerState } from "./trainer.ts";

/** The position of a training in its stream. It contains no times, unless `minutes` are counted. */
export type Place = {
  /** Identifies the tokens and the batches. */
  readonly stream: string;
  /** Updates so far, the next batch of the pass, and the token at which the pass begins. */
  readonly taken: number;
  readonly batch: number;
  readonly offset: number;
  readonly random: RandomState;
  /** The sum of the losses of the pass so far, and their number. */
  readonly losses: readonly [sum: number, count: number];
  /** When the last validation was, in updates or milliseconds and in updates, and its result. */
  readonly validated: readonly [at: number, taken: number];
  readonly validationLoss: number | null;
  /** Present if the model's values are those of this validation. */
  readonly best?: Best;
  /** The learning rate that a callback has set. */
  readonly learningRate?: number;
  /** Milliseconds used, if `minutes` are counted. */
  readonly usedMs?: number;
  /** The reason that a callback gave to stop, until training has stopped. */
  readonly stopped?: string;
  /** The states of the callbacks. */
  readonly callbacks: readonly unknown[];
  /** The length of the training, in updates or milliseconds, once it has been completed. */
  readonly ended?: number;
};

/** Check a position that comes from a file. */
export function readPlace(given: unknown): Place | undefined {
  if (given === undefined) return undefined;
  const place = given as Place;
  const amount = (value: unknown): boolean => typeof value === "number" && value >= 0;
  const optional = (value: unknown): boolean => value === undefined || amount(value);
  const pair = (value: unknown): boolean =>
    Array.isArray(value) && value.length === 2 && value.every((one) => typeof one === "number");
  const good =
    isPlain(given) &&
    typeof place.stream === "string" &&
    [place.taken, place.batch, place.offset].every((one) => amount(one) && Number.isSafeInteger(one)) &&
    pair(place.losses) &&
    pair(place.validated) &&
    (place.validationLoss === null || typeof place.validationLoss === "number") &&
    [place.learningRate, place.usedMs, place.ended].every(optional) &&
    Array.isArray(place.callbacks) &&
    ["string", "undefined"].includes(typeof place.stopped) &&
    (place.best === undefined ||
      (isPlain(place.best) &&
        [place.best.loss, place.best.step, place.best.epoch].every((one) => typeof one === "number")));
  if (good) return place;
  throw new InputError(
    "fitStream: resume.place is not a position in a stream. Leave it out to start the tokens from the beginning.",
  );
}

/** Identifies the tokens and batches of a training: it resumes only with the same. */
export function streamOf(
  { training, validation }: Parts,
  options: FitStreamOptions,
  check?: (what: string) => CheckRun,
): string {
  const { batch, steps } = withDefaults(fitDefaults, options);
  return `${batch} x ${steps} of ${fingerprint(training, check?.("token"))}, ${fingerprint(validation, check?.("validation token"))}`;
}

/** The length of a training, in updates or milliseconds. */
export function lengthOf(training: number, options: FitStreamOptions): number {
  const { epochs, batch, steps } = withDefaults(fitDefaults, options);
  if (options.minutes !== undefined) return 60_000 * options.minutes;
  return Math.max(1, Math.round(epochs * countBatches(training, { batch, steps })));
}

/** Where a training state stands in a training of these tokens: before, at or past its end; or what differs if it is another training. */
export type Stand = {
  readonly where: "under way" | "ended" | "past" | "no place" | "other batches" | "other text" | "other validation";
  /** The epochs or minutes so far, whichever are counted. */
  readonly had: number;
  readonly epoch: number;
  readonly best: Best | undefined;
  readonly validationLoss: number | null;
};

export function standOf(state: TrainerState | undefined, tokens: Tokens, options: FitStreamOptions = {}): Stand {
  const place = readPlace(state?.place);
  if (place === undefined) return { where: "no place", had: 0, epoch: 0, best: undefined, validationLoss: null };
  const parts = split(tokens, options, { where: "fitStream", asked: false });
  const { stream, taken, usedMs = 0, ended = 0, best, validationLoss } = place;
  const here = streamOf(parts, options);
  const total = lengthOf(parts.training.length, options);
  const inMinutes = options.minutes !== undefined;
  const same = (separator: string, part: number) => stream.split(separator)[part] === here.split(separator)[part];
  let where: Stand["where"] = "under way";
  if (stream !== here) where = same(", ", 0) ? "other validation" : same(" of ", 1) ? "other batches" : "other text";
  else if (ended >= total) where = "ended";
  else if ((inMinutes ? usedMs : taken) > total) where = "past";
  const epoch = taken / Math.max(1, countBatches(parts.training.length, withDefaults(fitDefaults, options)));
  return { where, had: inMinutes ? usedMs / 60_000 : epoch, epoch, best, validationLoss };
}
