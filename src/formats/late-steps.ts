/**
 * Cells for what other programs do with parts of a sequence. A sequence that has fewer steps there than the one that it is made of, as that
 * behind a convolution without padding, has as many here as that one: it begins so many steps late, and what stands before is not looked at.
 */
import { type Cell, cell } from "../graph/cell.ts";

/** A matrix of a convolution: what it is called, and what it multiplies: an input of the cell, so many of its steps ago. */
export type Tap = { readonly weight: string; readonly input: string; readonly delay: number };

/**
 * The sum of the taps and, where it has one, a bias: x (D) -> (units). Before the first step there are zeros.
 * @param direction whether it is one of two directions, which need a state
 */
export function tapsCell(taps: readonly Tap[], bias: boolean, direction = false): Cell {
  const most = Math.max(...taps.map(({ delay }) => delay));
  const sumOf = (delay: number): string =>
    [
      ...taps.filter((tap) => tap.delay === delay).map(({ weight, input }) => `${weight} @ ${input}`),
      ...(delay < most ? [`q_${delay + 1}`] : []),
      ...(delay === 0 && bias ? ["b"] : []),
    ].join(" + ");
  const lines = Array.from({ length: most }, (_, k) => `q_${k + 1}' = ${sumOf(k + 1)}`);
  // Each state is read before its own line: it is what was said one step before.
  return cell(
    [
      `${direction && most === 0 ? "y'" : "y"} = ${sumOf(0)}`,
      ...lines,
      ...["y", ...lines.map((_, k) => `q_${k + 1}`)].map((name) => `${name} : units`),
    ].join("\n"),
    {
      inputs: [...new Set(["x", ...taps.map(({ input }) => input)])],
    },
  );
}

/** What counts steps: `on` is 0 at the first so many, 1 behind them. */
const counted = (late: number): readonly string[] => [
  "past' = past + 1   # steps so far",
  `on = step(max(sum(past') - ${late}, 0))   # 0 at the first ${late}`,
];

/** The equations of a cell whose states stay zeros at the first so many steps. */
export function startingLate(source: string, late: number): string {
  if (late === 0) return source;
  const lines = source.split("\n").map((line) => {
    const [, state, right] = /^\s*([\p{L}_][\p{L}\p{N}_]*)'\s*=\s*([^#]*)/u.exec(line) ?? [];
    return state === undefined ? line : `${state}' = on * (${(right as string).trim()})`;
  });
  return [...counted(late), ...lines, "past : 1"].join("\n");
}

/** The same cell where what it reads begins so many steps late. */
export const lateCell = (of: Cell, late: number): Cell => (late === 0 ? of : cell(startingLate(of.source, late)));

/** For which numbers of steps a window gives as many outputs there as here: all, multiples of its strides, or not even those. */
export function fitsOf(
  { late: own }: Pick<Window, "late">,
  { width, left, right, strides, late }: Readonly<Record<"width" | "left" | "right" | "strides" | "late", number>>,
): "all" | "multiples" | "none" {
  // Of so many steps here, of which some stand before those that there are.
  const fits = (steps: number): boolean =>
    Math.floor((steps - late + left + right - width) / strides) + 1 === Math.ceil(steps / strides) - own;
  const large = strides * (width + left + right + late + 1);
  if (!fits(large)) return "none";
  return Array.from({ length: strides }, (_, k) => large + k).every(fits) ? "all" : "multiples";
}

/** Zeros at the first so many steps, then x. */
export const zerosBefore = (late: number): Cell => cell([...counted(late), "y = on * x", "past : 1"].join("\n"));

/** x of so many steps ago; zeros before. */
export function delayed(steps: number): Cell {
  const names = Array.from({ length: steps }, (_, k) => `d_${k + 1}`);
  const lines = names.map((name, k) => `${name}' = ${k === 0 ? "x" : names[k - 1]}`);
  return cell([`y = ${names.at(-1) ?? "x"}`, ...lines, ...names.map((name) => `${name} : input`)].join("\n"));
}

/** The mean, sum or largest value of each feature over the steps from one on. */
export function poolingFrom(late: number, kind: "mean" | "sum" | "max"): Cell {
  const lines = {
    mean: ["s' = s + on * x", `y = s' / max(sum(past') - ${late}, 1)`],
    sum: ["s' = s + on * x", "y = s'"],
    max: [
      `before = step(max(sum(past) - ${late}, 0))   # whether there was a step to exceed`,
      "s' = max(x - 1e9 * (1 - on), s - 1e9 * (1 - before))",
      "y = s'",
    ],
  }[kind];
  return cell([...counted(late), ...lines, "past : 1", "s : input"].join("\n"));
}

/** The step behind the first so many: kept up to the last step, whose output alone is read. */
export const firstFrom = (late: number): Cell =>
  cell(
    [
      ...counted(late),
      `before = step(max(sum(past) - ${late}, 0))`,
      "s' = s + on * (1 - before) * x   # once",
      ...["past : 1", "s : input"],
    ].join("\n"),
  );

/** How a convolution or a pooling is said here. */
export type Window = {
  /** For each step of the kernel, the first first, where it is from the step of its output: so many steps of the output ago, and which since. */
  readonly places: readonly { readonly delay: number; readonly offset: number }[];
  /** How many steps behind the step of its output it reads. */
  readonly ahead: number;
  /** How many steps late its output begins. */
  readonly late: number;
};

/**
 * Where a window of `size` steps, `dilation` apart, reads, from `left` steps before the first one to `right` behind the last.
 * @param late how many steps late what it reads begins
 * @returns undefined where its output would begin before the first step, or in between of strides
 */
export function windowOf(
  size: number,
  {
    left,
    right,
    strides,
    dilation,
    late,
  }: Readonly<Record<"left" | "right" | "strides" | "dilation" | "late", number>>,
): Window | undefined {
  const width = (size - 1) * dilation;
  const taps = Array.from({ length: size }, (_, j) => j * dilation);
  if (strides === 1) {
    const own = width - left - right;
    if (late + own < 0) return undefined;
    // The step of the kernel at `at` is `ahead - (width - at)` steps behind that of the output.
    return {
      places: taps.map((at) => ({ delay: width - at - right, offset: 0 })),
      ahead: Math.max(0, right),
      late: late + own,
    };
  }
  // Output i stands at step (i + own) * strides, counted from the first, which is late, too.
  if (late % strides !== 0) return undefined;
  const own = Math.max(0, Math.ceil((width - left - strides + 1) / strides));
  const places = taps.map((at) => {
    const from = at - left - own * strides;
    const delay = Math.ceil(-from / strides);
    return { delay: Math.max(0, delay), offset: from + Math.max(0, delay) * strides };
  });
  return { places, ahead: 0, late: late / strides + own };
}
