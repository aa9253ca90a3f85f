/** The words of the equation language: functions, initialisers, reserved names; and "did you mean". */

/** Functions and the numbers of arguments that each takes. */
export const functions = {
  sigmoid: [1],
  hard_sigmoid: [1],
  tanh: [1],
  relu: [1],
  softplus: [1],
  exp: [1],
  log: [1],
  sqrt: [1, 2],
  abs: [1],
  step: [1],
  softmax: [1],
  sum: [1],
  mean: [1],
  min: [1, 2],
  max: [1, 2],
  outer: [2],
  size: [1],
  dropout: [1],
} as const satisfies Record<string, readonly number[]>;
export type FunctionName = keyof typeof functions;

export function isFunction(name: string): name is FunctionName {
  return Object.hasOwn(functions, name);
}

type InitializerEntry = {
  /** Its numbers in order, with their defaults: Keras's, where Keras has the initialiser. */
  readonly numbers: Readonly<Record<string, number>>;
  /** Whether an equation must give them. */
  readonly required?: boolean;
  readonly matrixOnly?: boolean;
  /** The condition that the numbers must meet: in words, and as a test. */
  readonly needs?: readonly [what: string, holds: (...numbers: number[]) => boolean];
};
const none: InitializerEntry = { numbers: {} };
const scaled: InitializerEntry = { numbers: { scale: 1 }, needs: ["scale >= 0", (scale) => scale >= 0] };
const matrix: InitializerEntry = { numbers: { gain: 1 }, matrixOnly: true };
const table = {
  zeros: none,
  ones: none,
  constant: { numbers: { value: 0 }, required: true },
  glorot_uniform: none,
  glorot_normal: none,
  he_uniform: none,
  he_normal: none,
  lecun_uniform: scaled,
  lecun_normal: scaled,
  orthogonal: matrix,
  identity: matrix,
  random_uniform: {
    numbers: { min: -0.05, max: 0.05 },
    required: true,
    needs: ["min <= max", (min, max) => min <= max],
  },
  random_normal: {
    numbers: { mean: 0, stddev: 0.05 },
    required: true,
    needs: ["stddev >= 0", (_, stddev) => stddev >= 0],
  },
  decay_uniform: {
    numbers: { min: 0.9, max: 0.999, power: 1 },
    required: true,
    needs: ["0 < min <= max < 1 and power > 0", (min, max, power) => 0 < min && min <= max && max < 1 && power > 0],
  },
  power_law: {
    numbers: { first: 0, last: 1, power: 1 },
    required: true,
    needs: ["power > 0", (_first, _last, power) => power > 0],
  },
} satisfies Record<string, InitializerEntry>;
export type InitializerName = keyof typeof table;

/** Keras's initialisers, and two for decays. */
export const initializers: Readonly<Record<InitializerName, InitializerEntry>> = table;

export function isInitializer(name: string): name is InitializerName {
  return Object.hasOwn(initializers, name);
}

/** Why no line and no parameter may have this name; undefined for a name that is free. */
export function reservedFor(name: string): string | undefined {
  if (name === "__proto__") return "a word of JavaScript's";
  if (name === "units") return "the cell's size";
  if (name === "input") return "the number of features of the input";
  return isFunction(name) ? "a function" : undefined;
}

/** Edit distance of `a` and `b`: letters to insert, delete or replace; 3 stands for more than 2. */
export function editDistance(a: string, b: string): number {
  const [s, t] = [[...a], [...b]];
  if (Math.abs(s.length - t.length) > 2) return 3;
  let row = Array.from({ length: t.length + 1 }, (_, j) => j);
  for (let i = 1; i <= s.length; i++) {
    const next = [i];
    for (let j = 1; j <= t.length; j++) {
      const replace = (row[j - 1] as number) + (s[i - 1] === t[j - 1] ? 0 : 1);
      next.push(Math.min(replace, (row[j] as number) + 1, (next[j - 1] as number) + 1));
    }
    row = next;
  }
  return Math.min(3, row[t.length] as number);
}

/** The candidate nearest to the name; undefined if none is near. */
export function nearest(name: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined;
  const { length } = [...name];
  // Any two single letters are near each other: for one letter only a difference of case counts.
  let bestDistance = length === 1 ? 1 : length <= 3 ? 2 : 3;
  for (const candidate of candidates) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}
/** ` Did you mean X?`, or "" if no candidate is near. */
export function didYouMean(name: string, candidates: Iterable<string>): string {
  const best = nearest(name, candidates);
  return best === undefined ? "" : ` Did you mean ${best}?`;
}
