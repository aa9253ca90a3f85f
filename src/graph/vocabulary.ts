/** The words of the equation language: functions, initialisers, reserved names; and the search for a near one. */

/** Functions and the numbers of arguments that each takes. */
export const functions = {
  sigmoid: [1],
  hard_sigmoid: [1],
  tanh: [1],
  relu: [1],
  softplus: [1],
  exp: [1],
  log: [1],
  sqrt: [1],
  abs: [1],
  step: [1],
  softmax: [1],
  sum: [1],
  mean: [1],
  min: [1, 2],
  max: [1, 2],
  outer: [2],
  size: [1],
} as const satisfies Record<string, readonly number[]>;
export type FunctionName = keyof typeof functions;

export function isFunction(name: string): name is FunctionName {
  return Object.hasOwn(functions, name);
}

/** Keras's initialisers: the names of their arguments, and the values that stand for absent ones. */
export const initializers = {
  zeros: { takes: [], defaults: [], matrixOnly: false },
  ones: { takes: [], defaults: [], matrixOnly: false },
  constant: { takes: ["value"], defaults: undefined, matrixOnly: false },
  glorot_uniform: { takes: [], defaults: [], matrixOnly: false },
  glorot_normal: { takes: [], defaults: [], matrixOnly: false },
  he_uniform: { takes: [], defaults: [], matrixOnly: false },
  he_normal: { takes: [], defaults: [], matrixOnly: false },
  lecun_uniform: { takes: [], defaults: [], matrixOnly: false },
  lecun_normal: { takes: [], defaults: [], matrixOnly: false },
  orthogonal: { takes: ["gain"], defaults: [1], matrixOnly: true },
  identity: { takes: ["gain"], defaults: [1], matrixOnly: true },
  random_uniform: { takes: ["min", "max"], defaults: undefined, matrixOnly: false },
  random_normal: { takes: ["mean", "stddev"], defaults: undefined, matrixOnly: false },
} as const satisfies Record<
  string,
  { takes: readonly string[]; defaults: readonly number[] | undefined; matrixOnly: boolean }
>;
export type InitializerName = keyof typeof initializers;

export function isInitializer(name: string): name is InitializerName {
  return Object.hasOwn(initializers, name);
}

/** Why no line and no parameter may have this name; undefined where it may. */
export function reservedFor(name: string): string | undefined {
  if (name === "units") return "the cell's size";
  if (name === "input") return "the number of features of the input";
  return isFunction(name) ? "a function" : undefined;
}

/** Number of letters to insert, delete or replace to make `a` into `b`, or 3 where it is more than 2. */
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

/** ` Did you mean X?` for the nearest of the candidates, or "" where none is near. */
export function didYouMean(name: string, candidates: Iterable<string>): string {
  let best: string | undefined;
  const { length } = [...name];
  // Every letter is near every other: of a single one only the other case counts.
  let bestDistance = length === 1 ? 1 : length <= 3 ? 2 : 3;
  for (const candidate of candidates) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best === undefined ? "" : ` Did you mean ${best}?`;
}
