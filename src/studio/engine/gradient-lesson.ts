/** The computations of the chapter on learning: losses and their slopes, steps of gradient descent, and XOR learned by hidden neurons. */
import { type Cell, cell } from "../../graph/cell.ts";
import { input, recurrent } from "../../nn/layers.ts";
import { sequential } from "../../nn/model.ts";
import { trace } from "../../nn/trace.ts";
import { sgd } from "../../train/optimizers.ts";
import { createTrainer, type Trainer } from "../../train/trainer.ts";
import type { Job } from "./remote.ts";

/** A model of one number x by a few weights, each a number, and the examples from which it learns. */
export type SmallModel = {
  /** One line for the output y; the weights are names that no line defines. */
  readonly equations: string;
  readonly weights: readonly string[];
  readonly examples: readonly { readonly x: number; readonly y: number }[];
};
/** Where a model is: its mean squared error, and the derivative of that by each weight, in their order. */
export type Standing = { readonly loss: number; readonly slopes: readonly number[] };
/** A step downhill: where it led to. */
export type DescentStep = Standing & { readonly weights: readonly number[]; readonly step: number };
/**
 * The end of a descent: the slopes are next to nothing, in a hollow ("arrived") or where it goes down on some side ("flat");
 * the loss grew beyond all bounds; or neither happened within the limit of steps.
 */
export type DescentEnd = { readonly kind: "arrived" | "flat" | "diverged" | "unsettled"; readonly steps: number };

/** The part of a landscape that is seen: two weights, from the lowest to the highest. */
export type Extent = { readonly from: readonly [number, number]; readonly to: readonly [number, number] };

const maxSteps = 1000;
/** A slope that is as good as none, and a loss that is as good as infinite. */
const [leastSlope, mostLoss] = [0.002, 1e6];
/** How far around a place is looked whether it goes down. */
const nearby = 0.1;

export type XorSettings = {
  /** Hidden neurons. */
  readonly units: number;
  readonly learningRate: number;
  readonly seed: number;
};
/** A hidden neuron: tanh(w1 x1 + w2 x2 + b), and the weight by which the output reads it. */
export type HiddenNeuron = {
  readonly w: readonly [number, number];
  readonly b: number;
  readonly out: number;
  /** What it says over the plane, row by row from the lowest x2, -1 to 1. */
  readonly field: readonly number[];
};
export type XorReport = {
  readonly updates: number;
  readonly loss: number;
  readonly hidden: readonly HiddenNeuron[];
  /** The bias of the output. */
  readonly bias: number;
  /** What the output says over the plane, 0 to 1. */
  readonly field: readonly number[];
  /** What it says of the corners 00, 01, 10, 11. */
  readonly says: readonly number[];
  /** Whether each corner is on its side of a half. */
  readonly solved: boolean;
};

const xorSource = `
h = tanh(W @ x + b)
y = sigmoid(V @ h + c)
y : 1
W ~ random_uniform(-1, 1)
V ~ random_uniform(-1, 1)
b ~ random_uniform(-1, 1)
`;
const corners = [
  [0, 0],
  [0, 1],
  [1, 0],
  [1, 1],
] as const;
const xorTargets = [0, 1, 1, 0];

export const gradientLesson = {
  /** The losses over a grid of two weights: row by row from the lowest second weight, at the middles of `size` by `size` fields. */
  async landscape(model: SmallModel, extent: Extent, size: number): Promise<readonly number[]> {
    const walker = await startAt(model);
    try {
      const losses: number[] = [];
      for (const place of gridOf(extent, size)) losses.push(await walker.loss(place));
      return losses;
    } finally {
      walker.end();
    }
  },

  async standing(model: SmallModel, weights: readonly number[]): Promise<Standing> {
    const walker = await startAt(model);
    try {
      return await walker.standing(weights);
    } finally {
      walker.end();
    }
  },

  /** The weights after one step of gradient descent. */
  async moved(model: SmallModel, weights: readonly number[], learningRate: number): Promise<readonly number[]> {
    const walker = await startAt(model);
    try {
      return await walker.move(weights, learningRate);
    } finally {
      walker.end();
    }
  },

  /** Gradient descent over all examples at once, step by step. */
  async *descend(model: SmallModel, start: readonly number[], learningRate: number): Job<DescentStep, DescentEnd> {
    const walker = await startAt(model);
    try {
      let weights = start;
      let { slopes } = await walker.standing(weights);
      for (let step = 0; ; step++) {
        if (Math.hypot(...slopes) < leastSlope) return { kind: await walker.kindOfRest(weights), steps: step };
        if (step === maxSteps) return { kind: "unsettled", steps: step };
        weights = await walker.move(weights, learningRate);
        const there = await walker.standing(weights);
        slopes = there.slopes;
        yield { ...there, weights, step: step + 1 };
        if (!(there.loss < mostLoss)) return { kind: "diverged", steps: step + 1 };
      }
    } finally {
      walker.end();
    }
  },

  /** Train a few hidden neurons and an output on the four corners of XOR, all four at each update. Reports before the first update, too. */
  xor: trainXor,

  /** The same before any training. */
  async untrainedXor(settings: XorSettings, extent: Extent, size: number): Promise<XorReport> {
    const job = trainXor(settings, 0, extent, size);
    const { value } = await job.next();
    await job.return(undefined);
    return value as XorReport;
  },
};

const xorUpdatesPerReport = 10;

/** @yields before the first update, and after every few; the views are grids of `size` by `size` over the plane's extent */
async function* trainXor(
  { units, learningRate, seed }: XorSettings,
  updates: number,
  extent: Extent,
  size: number,
): Job<XorReport, undefined> {
  const xor = cell(xorSource);
  const model = sequential([input(2, { sequence: false }), recurrent(xor, { units, name: "xor" })], { seed });
  const trainer = await trainerOf(model, corners.length);
  const plane = gridOf(extent, size);
  const report = async (done: number, loss: number): Promise<XorReport> => {
    const of = (name: string): Float32Array => trainer.program.parameter(`xor.${name}`);
    const [W, b, V, c] = [of("W"), of("b"), of("V"), of("c")];
    const parameters = { W, b, V, c };
    const { h, y } = await trace(xor as Cell<"h" | "y">, [...corners, ...plane], { units, parameters, threads: 1 });
    const outputs = y.map(([value]) => value as number);
    const says = outputs.slice(0, corners.length);
    const hidden = Array.from(
      { length: units },
      (_, k): HiddenNeuron => ({
        ...{ w: [W[2 * k] as number, W[2 * k + 1] as number], b: b[k] as number, out: V[k] as number },
        field: h.slice(corners.length).map((values) => values[k] as number),
      }),
    );
    return {
      ...{ updates: done, loss, hidden, bias: c[0] as number, field: outputs.slice(corners.length), says },
      solved: says.every((said, k) => said > 0.5 === (xorTargets[k] === 1)),
    };
  };
  try {
    // An update tells the loss before it.
    const step = (rate: number) => trainer.update(corners.flat(), xorTargets, rate);
    yield await report(0, await step(0));
    for (let done = 0; done < updates; ) {
      const count = Math.min(xorUpdatesPerReport, updates - done);
      for (let k = 0; k < count; k++) await step(learningRate);
      done += count;
      yield await report(done, await step(0));
    }
  } finally {
    trainer.dispose();
  }
}

/** The middles of `size` by `size` fields, row by row from the lowest. */
function gridOf({ from, to }: Extent, size: number): readonly (readonly [number, number])[] {
  const at = (axis: 0 | 1, k: number): number => from[axis] + ((k + 0.5) / size) * (to[axis] - from[axis]);
  return Array.from({ length: size * size }, (_, k) => [at(0, k % size), at(1, Math.floor(k / size))]);
}

const trainerOf = (model: Parameters<typeof createTrainer>[0], batch: number): Promise<Trainer> =>
  createTrainer(model, { batch, steps: 1, loss: "mean_squared_error", optimizer: sgd(), threads: 1 });

/** A model that can be put anywhere among its weights. */
async function startAt({ equations, weights: names, examples }: SmallModel) {
  const layer = recurrent(cell(equations), { units: 1, name: "model" });
  const trainer = await trainerOf(sequential([input(1, { sequence: false }), layer]), examples.length);
  const { program } = trainer;
  const [xs, ys] = [examples.map(({ x }) => x), examples.map(({ y }) => y)];
  const put = (weights: readonly number[]): void =>
    names.forEach((name, k) => program.setParameter(`model.${name}`, [weights[k] as number]));
  const taken = (): number[] => names.map((name) => program.parameter(`model.${name}`)[0] as number);
  const loss = (weights: readonly number[], rate = 0): Promise<number> => {
    put(weights);
    return trainer.update(xs, ys, rate);
  };
  /** A step of gradient descent. */
  const move = async (weights: readonly number[], rate: number): Promise<number[]> => {
    await loss(weights, rate);
    return taken();
  };
  return {
    ...{ loss, move },
    /** A step at a rate of 1 goes as far as the slope is steep. */
    async standing(weights: readonly number[]): Promise<Standing> {
      const here = await loss(weights, 1);
      const there = taken();
      // As the program holds them: in 32 bits.
      return { loss: here, slopes: there.map((after, k) => Math.fround(weights[k] as number) - after) };
    },
    async kindOfRest(weights: readonly number[]): Promise<"arrived" | "flat"> {
      const here = await loss(weights);
      for (const [a, b] of [
        [1, 1],
        [1, -1],
        [-1, 1],
        [-1, -1],
      ] as const) {
        const around = [a, b, a, b].slice(0, weights.length).map((side) => side * nearby);
        if ((await loss(weights.map((value, k) => value + (around[k] as number)))) < here - 1e-4) return "flat";
      }
      return "arrived";
    },
    end: (): void => trainer.dispose(),
  };
}
