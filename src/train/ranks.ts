/**
 * The part of one of several processes in a training step: its examples of each batch, and its gradients, which leave while others are
 * computed. Knows nothing about what connects them. A training of one process does not load it.
 */
import type { Numbers } from "../engines/engine.ts";
import { excerpt } from "../graph/excerpt.ts";
import { InputError } from "../graph/input-error.ts";
import type { Model } from "../nn/model.ts";
import type { Program } from "../runtime/program.ts";
import { inParts } from "../schedule/in-parts.ts";
import type { Part, Plan } from "../schedule/plan.ts";
import type { Batch } from "./batches.ts";
import type { Communicator } from "./communicator.ts";
import type { TrainerState } from "./trainer.ts";

/** Examples of a batch, from one to another, which is not included. */
export type Rows = { readonly from: number; readonly to: number };

/** A process's part of batches of one size. */
export type Ranks = {
  readonly communicator: Communicator;
  /** Its own examples. */
  readonly rows: Rows;
  /** How many examples its program has: one that does not count where it has none of the batch. */
  readonly room: number;
  /**
   * The numbers of its own examples.
   * @param values (T,B,width), flat, time first
   * @returns (T,room,width)
   */
  take(values: ArrayLike<number>, width: number): ArrayLike<number>;
  /** The plan of a training step in parts, see `inParts`; undefined where each process makes updates of its own. */
  readonly inParts: ((plan: Plan, main: number) => Plan) | undefined;
  /**
   * Run such a program: the gradients of each part are summed while the next one runs, and the optimiser runs after the last sum. With
   * updates of its own, run it for this process alone.
   * @returns the program's totals over all examples; with updates of its own, over its own examples
   */
  run(program: Program, keys: readonly [number, number]): Promise<Readonly<Record<string, number>>>;
  /** Where each process makes updates of its own: bring them together, if there are any since the last time. Every process calls it. */
  settle(program: Program): Promise<void>;
  /** Of these the momentum, in the layout of the parameters. */
  outer: Float32Array | undefined;
  /** In process 0 the states (B,H) of all examples, from those of each process's own, (room,H). In others nothing. */
  gather(states: Readonly<Record<string, Float32Array>>): Promise<Record<string, Float32Array> | undefined>;
};

/** Between the keys of the dropout masks of two processes; odd. */
const rankKey = 0x85ebca6b;

/**
 * The outer step of local updates: stochastic gradient descent with Nesterov's momentum (DiLoCo, arXiv 2311.08105). Its authors have 0.7 and
 * 0.9; with models as small as ours these are worse (docs/log/processes.md).
 */
const [outerRate, outerMomentum] = [1, 0.3];

/** @param syncEvery how many updates of its own each process makes before all are brought together; 1: each update is one of all */
export function createRanks(communicator: Communicator, batch: number, syncEvery = 1): Ranks {
  /** Updates of its own since the last time, and the parameters then. */
  let pending = 0;
  let common: Float32Array = new Float32Array(0);
  const { rank, size } = communicator;
  /** As even parts as there can be, in the order of ranks. Where examples are fewer than processes, some have none. */
  const rowsOf = (of: number): Rows => ({
    from: Math.floor((batch * of) / size),
    to: Math.floor((batch * (of + 1)) / size),
  });
  const { from, to } = rowsOf(rank);
  const own = to - from;
  const room = Math.max(1, own);
  return {
    communicator,
    rows: { from, to },
    room,
    outer: undefined,
    inParts: syncEvery > 1 ? undefined : inParts,
    take(values, width) {
      const steps = values.length / (batch * width);
      const length = steps * room * width;
      const taken = values instanceof Int32Array ? new Int32Array(length) : new Float64Array(length);
      for (let t = 0; t < steps; t++) {
        const [start, into] = [(t * batch + from) * width, t * room * width];
        for (let k = 0; k < own * width; k++) taken[into + k] = values[start + k] as number;
      }
      return taken;
    },
    async run(program, [seed, run]) {
      const { parts } = program.plan;
      const names = Object.keys(program.plan.totals);
      const totals = (): Numbers => Float64Array.from(names, (name) => program.total(name));
      const named = (sums: Numbers) => Object.fromEntries(names.map((name, k) => [name, sums[k] as number]));
      if (syncEvery > 1) {
        if (pending === 0) common = program.allParameters(common.length > 0 ? common : undefined);
        program.setKeys((seed + Math.imul(rank, rankKey)) | 0, run);
        await program.run();
        await program.fetch();
        pending++;
        // At the same updates whatever was brought together between them, which the clock may have asked for.
        if (run % syncEvery === 0) await this.settle(program);
        return named(totals());
      }
      if (parts === undefined) {
        await program.run();
        const sums = totals();
        await communicator.sum(sums);
        return named(sums);
      }
      const sent: Promise<void>[] = [];
      const send = (numbers: Numbers): Numbers => {
        const sum = communicator.sum(numbers);
        sum.catch(() => {}); // It is awaited below, where the program has run as far.
        sent.push(sum);
        return numbers;
      };
      const lastOfBatch = parts.findLastIndex(({ ofBatch }) => ofBatch);
      let sums: Numbers | undefined;
      await program.runInParts(
        async (k) => {
          // Examples of different processes have different masks; parameters have one.
          program.setKeys(parts[k]?.ofBatch ? (seed + Math.imul(rank, rankKey)) | 0 : seed, run);
          if (k > lastOfBatch) await Promise.all(sent);
        },
        (k) => {
          for (const one of (parts[k] as Part).completes) send(program.gradientsOf(one));
          if (k === lastOfBatch) sums = send(totals());
        },
      );
      return named(sums as Numbers);
    },
    async settle(program) {
      if (pending === 0) return;
      pending = 0;
      const step = program.allParameters() as Float32Array<ArrayBuffer>;
      for (let k = 0; k < step.length; k++) step[k] = (common[k] as number) - (step[k] as number);
      await communicator.sum(step);
      this.outer ??= new Float32Array(step.length);
      const { outer } = this;
      for (let k = 0; k < step.length; k++) {
        const mean = (step[k] as number) / size;
        const momentum = outerMomentum * (outer[k] as number) + mean;
        outer[k] = momentum;
        step[k] = (common[k] as number) - outerRate * (mean + outerMomentum * momentum);
      }
      program.setAllParameters(step);
    },
    async gather(states) {
      const names = Object.keys(states);
      const widths = names.map((name) => (states[name] as Float32Array).length / room);
      const bytes = new Float32Array(own * widths.reduce((sum, width) => sum + width, 0));
      let end = 0;
      names.forEach((name, k) => {
        const count = own * (widths[k] as number);
        bytes.set((states[name] as Float32Array).subarray(0, count), end);
        end += count;
      });
      const all = await communicator.gather(new Uint8Array(bytes.buffer));
      if (rank > 0) return undefined;
      const whole = names.map((_, k) => new Float32Array(batch * (widths[k] as number)));
      all.forEach((given, of) => {
        const numbers = new Float32Array(given.slice().buffer);
        const rows = rowsOf(of);
        let start = 0;
        whole.forEach((values, k) => {
          const width = widths[k] as number;
          const count = (rows.to - rows.from) * width;
          values.set(numbers.subarray(start, start + count), rows.from * width);
          start += count;
        });
      });
      return Object.fromEntries(names.map((name, k) => [name, whole[k] as Float32Array]));
    },
  };
}

/** How many numbers of an array stand for it in a digest. */
const sampled = 1024;

/**
 * A number from 0 to 2 ** 32 that depends on the sizes of a batch, and on numbers from all over it.
 * @param place what else it depends on: which batch it is. Without a batch, it is the end of a pass
 */
export function digestOfBatch(given: Batch | undefined, ...place: readonly number[]): number {
  const digest = createDigest();
  for (const number of place) digest.add(number);
  if (given === undefined) return digest.value();
  const { inputs, targets, weights = [], batch, examples } = given;
  const word = new Float64Array(1);
  const words = new Int32Array(word.buffer);
  for (const one of [...Object.values(inputs), targets, weights, [batch, examples]]) {
    digest.add(one.length);
    const step = Math.max(1, Math.floor(one.length / sampled));
    for (let k = 0; k < one.length; k += step) {
      word[0] = one[k] as number;
      digest.add(words[0] as number);
      digest.add(words[1] as number);
    }
  }
  return digest.value();
}

/** What processes agree on between updates, so that all of them take the same decisions: what the first one's clock says, and who stops. */
export type Agreement = {
  /**
   * Exchange; what the functions below return changes with it alone. Every process calls it.
   * @param fact a number that is the same in every process, from 0 to 2 ** 32
   * @throws InputError in every process if it is not
   */
  exchange(fact?: number): Promise<void>;
  /** Whether the signal of any process was aborted. */
  aborted(): boolean;
  /** The first process's clock, and the time at which it looked, in milliseconds. */
  clock(): number;
  now(): number;
};

export async function createAgreement(
  { rank, size, sum }: Communicator,
  { signal, clock }: { readonly signal: AbortSignal | undefined; readonly clock: () => number },
): Promise<Agreement> {
  let agreed: Numbers = new Float64Array(4);
  const exchangeNow = async (fact: number): Promise<void> => {
    const first = rank === 0;
    const own = Float64Array.of(
      signal?.aborted ? 1 : 0,
      first ? clock() : 0,
      first ? performance.now() : 0,
      fact,
    ) as Float64Array<ArrayBuffer>;
    await sum(own);
    if (own[3] !== size * fact) throw new InputError(`training: ${otherBatches}`);
    agreed = own;
  };
  const exchange = (fact = 0): Promise<void> => {
    const exchanged = exchangeNow(fact);
    exchanged.catch(() => {}); // Whoever asked may await it later.
    return exchanged;
  };
  await exchange();
  return {
    exchange,
    aborted: () => (agreed[0] as number) > 0,
    clock: () => agreed[1] as number,
    now: () => agreed[2] as number,
  };
}

/**
 * @param facts what must be the same in every process, by what it is called
 * @throws InputError, in every process, that names the first process and the first fact that differ from those of the first process
 */
export async function checkSame(
  communicator: Communicator,
  where: string,
  facts: Readonly<Record<string, unknown>>,
): Promise<void> {
  const [encoder, decoder] = [new TextEncoder(), new TextDecoder()];
  const all = await communicator.gather(encoder.encode(JSON.stringify(facts)));
  const different = difference(all.map((bytes) => JSON.parse(decoder.decode(bytes)) as typeof facts));
  const told = decoder.decode(await communicator.broadcast(encoder.encode(different)));
  if (told !== "") throw new InputError(`${where}: ${told}`);
}

type Facts = Readonly<Record<string, unknown>>;
function difference([first = {}, ...others]: readonly Facts[]): string {
  for (const [k, other] of others.entries()) {
    const found = firstDifference(first, other);
    if (found === undefined) continue;
    const [mine, its] = found.values.map((value) => (value === undefined ? "nothing" : excerpt(JSON.stringify(value))));
    return `${found.name}: process ${k + 1} has ${its}, and process 0 has ${mine}. Start all processes with the same.`;
  }
  return "";
}
/** The first value that differs, within values too, by the names that lead to it. */
function firstDifference(
  first: Facts,
  other: Facts,
): { readonly name: string; readonly values: readonly [unknown, unknown] } | undefined {
  const isFacts = (value: unknown): value is Facts =>
    typeof value === "object" && value !== null && !Array.isArray(value);
  for (const name of new Set([...Object.keys(first), ...Object.keys(other)])) {
    const [a, b] = [first[name], other[name]];
    if (JSON.stringify(a) === JSON.stringify(b)) continue;
    const within = isFacts(a) && isFacts(b) ? firstDifference(a, b) : undefined;
    return within === undefined ? { name, values: [a, b] } : { ...within, name: `${name}: ${within.name}` };
  }
  return undefined;
}

/** What must be the same of a model: its parameters, by name. */
export const factsOfModel = ({ parameters }: Model): Facts =>
  Object.fromEntries(parameters.map(({ name, shape }) => [name, shape.join(" x ")]));

/**
 * Every process has a plan of the same computation, though not of as many examples.
 * @throws InputError in every process if they have not
 */
export async function checkSameComputation(communicator: Communicator, { sections }: Plan): Promise<void> {
  const digest = createDigest();
  for (const character of JSON.stringify(sections.map(({ graph }) => graph))) digest.add(character.charCodeAt(0));
  if (await isSameInAll(communicator, digest.value())) return;
  throw new InputError(
    "training: processes compute different things: the model's equations, the loss, the metrics or the optimiser differ. Start all processes with the same.",
  );
}

/** Whether a number from 0 to 2 ** 32 is the same in every process. Every process calls it. */
async function isSameInAll({ size, sum }: Communicator, fact: number): Promise<boolean> {
  const total: Numbers = Float64Array.of(fact) as Float64Array<ArrayBuffer>;
  await sum(total);
  return total[0] === size * fact;
}

const otherBatches =
  "processes have different batches. Each reads all of the data, and computes its part of every batch: give all the same, and seed what is random.";

/**
 * What a pass has read, which must be the same in every process.
 * @param where begins the message
 */
export function createPassCheck(communicator: Communicator, where: string) {
  const digest = createDigest();
  return {
    add: (batch: Batch): void => digest.add(digestOfBatch(batch)),
    /** Every process calls it at the end. @throws InputError in every process if they have read different batches */
    async check(): Promise<void> {
      if (!(await isSameInAll(communicator, digest.value()))) throw new InputError(`${where}: ${otherBatches}`);
    },
  };
}

/** Give all processes the first one's values: those of another processor can differ in their last bits. */
export async function shareValues(
  { broadcast }: Communicator,
  values: Readonly<Record<string, Float32Array>>,
): Promise<void> {
  const all = Object.values(values);
  const numbers = new Float32Array(all.reduce((sum, { length }) => sum + length, 0));
  let end = 0;
  for (const one of all) {
    numbers.set(one, end);
    end += one.length;
  }
  const shared = new Float32Array((await broadcast(new Uint8Array(numbers.buffer))).slice().buffer);
  end = 0;
  for (const one of all) {
    one.set(shared.subarray(end, end + one.length));
    end += one.length;
  }
}

/** A number that depends on every number of a state to resume from, and on its place. */
export function digestOfState(state: TrainerState | undefined): string {
  if (state === undefined) return "none";
  const { slots, states = {}, ...rest } = state;
  const { add, value } = createDigest();
  for (const character of JSON.stringify(rest)) add(character.codePointAt(0) as number);
  for (const one of [...Object.values(slots).flatMap((all) => Object.values(all)), ...Object.values(states)])
    for (const word of new Int32Array(one.buffer, one.byteOffset, one.length)) add(word);
  return `update ${state.step}, ${value().toString(16).padStart(8, "0")}`;
}

/** A hash of words of 32 bits (FNV-1a, with a shift), from 0 to 2 ** 32. */
function createDigest() {
  let hash = 0x811c9dc5;
  return {
    add(word: number): void {
      hash = Math.imul(hash ^ word, 0x01000193);
      hash ^= hash >>> 15;
    },
    value: (): number => hash >>> 0,
  };
}
