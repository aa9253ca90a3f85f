/**
 * Draw the losses of a training as lines of text: the training loss as a curve of braille dots, each validation loss as
 * a disc, with numbers on both axes.
 */

export type Point = { readonly epoch: number; readonly loss: number };
export type Losses = { readonly training: readonly Point[]; readonly validation: readonly Point[] };

/**
 * The columns and rows of the whole chart, including the legend and the lower axis; and the functions that colour the
 * curves.
 */
export type ChartOptions = {
  readonly width: number;
  readonly height: number;
  readonly paint: (text: string, curve: keyof Losses) => string;
};

const narrowest = 32;
/** The steps are close to each other, so that little of the chart stays empty. */
const lossSteps = [1, 2, 3, 4, 5];
const epochSteps = [1, 2, 5];
const disc = "●";
/** The number that a dot adds to U+2800, by its column and row in the cell. */
const dots = [
  [0x01, 0x02, 0x04, 0x40],
  [0x08, 0x10, 0x20, 0x80],
] as const;

/** Returns no lines if there is nothing to draw yet, or not enough space. */
export function lossChart({ training, validation }: Losses, { width, height, paint }: ChartOptions): string[] {
  const rows = height - 2;
  const end = training.at(-1)?.epoch ?? 0;
  if (training.length < 2 || rows < 2 || width < narrowest) return [];
  const { low, high, labels } = lossAxis({ training, validation }, rows);
  const margin = Math.max(...labels.map(({ label }) => label.length));
  const columns = width - margin - 2;

  /** The vertical position, from 0 at the top to 1 at the bottom. */
  const depth = (loss: number): number => (high - loss) / (high - low);
  const cells = drawCurve(training, { columns, rows, end, depth });
  for (const { epoch, loss } of validation) {
    const row = cells[Math.round(depth(loss) * (rows - 1))];
    if (row) row[Math.round((epoch / end) * (columns - 1))] = disc;
  }

  const colour = (text: string): string =>
    text
      .replace(/[\u2801-\u28ff]+(?: training)?/g, (run) => paint(run, "training"))
      .replace(/●(?: validation)?/g, (run) => paint(run, "validation"));
  const indent = " ".repeat(margin);
  const legend = `loss  ⠒⠒ training${validation.length === 0 ? "" : `  ${disc} validation`}`;
  return [
    `${indent}  ${colour(legend)}`,
    ...cells.map((row, r) => `${labels[r]?.label.padStart(margin)} ┤${colour(row.join("").trimEnd())}`),
    `${indent} └${epochAxis(end, columns)}`,
  ];
}

type Drawing = {
  readonly columns: number;
  readonly rows: number;
  readonly end: number;
  readonly depth: (loss: number) => number;
};

/** Each cell has 2 x 4 dots. Each column of dots shows the mean of its points; straight lines connect the columns. */
function drawCurve(points: readonly Point[], { columns, rows, end, depth }: Drawing): string[][] {
  const [wide, high] = [2 * columns, 4 * rows];
  const bits = Array.from({ length: rows }, () => new Uint8Array(columns));
  const dot = (x: number, y: number): void => {
    const row = bits[y >> 2];
    if (row) row[x >> 1] = (row[x >> 1] as number) | (dots[x & 1]?.[y & 3] as number);
  };
  // All points outside the chart are placed one dot outside, so the line leads there but the point is not drawn.
  const place = (loss: number): number => Math.max(-1, Math.min(high, Math.round(depth(loss) * (high - 1))));
  let before: { x: number; y: number } | undefined;
  for (const { x, loss } of byColumn(points, (epoch) => Math.round((epoch / end) * (wide - 1)))) {
    const y = place(loss);
    const from = before ?? { x: x - 1, y };
    let latest = from.y;
    for (let k = from.x + 1; k <= x; k++) {
      const next = Math.round(from.y + ((y - from.y) * (k - from.x)) / (x - from.x));
      const step = Math.sign(next - latest);
      while (latest !== next) {
        latest += step;
        dot(k, latest);
      }
      dot(k, next);
    }
    before = { x, y };
  }
  return bits.map((row) => Array.from(row, (cell) => (cell === 0 ? " " : String.fromCharCode(0x2800 + cell))));
}

/** The mean loss of each column with points, from left to right. */
function byColumn(points: readonly Point[], columnOf: (epoch: number) => number): { x: number; loss: number }[] {
  const sums = new Map<number, { sum: number; count: number }>();
  for (const { epoch, loss } of points) {
    const x = columnOf(epoch);
    const { sum, count } = sums.get(x) ?? { sum: 0, count: 0 };
    sums.set(x, { sum: sum + loss, count: count + 1 });
  }
  return Array.from(sums, ([x, { sum, count }]) => ({ x, loss: sum / count }));
}

type Tick = { readonly value: number; readonly label: string };

/**
 * A round number at each row; spare rows are at the bottom, because losses fall. The first steep fall can leave the
 * chart, so that the later curve is not flat.
 */
function lossAxis({ training, validation }: Losses, rows: number) {
  const sorted = training.map(({ loss }) => loss).sort((a, b) => a - b);
  const shown = [...validation, ...training.slice(-1)].map(({ loss }) => loss);
  const least = Math.min(sorted[0] as number, ...shown);
  const most = Math.max(sorted[Math.floor(0.95 * (sorted.length - 1))] as number, ...shown);
  const gaps = rows - 1;
  let step = roundStep(Math.max((most - least) / gaps, 1e-3, 1e-6 * most), lossSteps);
  const last = (): number => Math.ceil(most / step - 1e-9);
  while (last() - Math.floor(least / step + 1e-9) > gaps) step = roundStep(1.01 * step, lossSteps);
  const first = Math.max(0, last() - gaps);
  return { low: first * step, high: (first + gaps) * step, labels: ticksOf(step, first, gaps).reverse() };
}

/** The axis goes from 0 to the end, with a number about every twelve columns. */
function epochAxis(end: number, columns: number): string {
  const step = roundStep((12 * end) / columns, epochSteps);
  let line = "";
  for (const { value, label } of ticksOf(step, 0, Math.floor(end / step + 1e-9))) {
    const text = value === 0 ? "0 epochs " : label;
    const start = Math.round((value / end) * (columns - 1)) - Math.floor(label.length / 2);
    line = line.padEnd(Math.min(Math.max(0, start), columns - text.length), "─") + text;
  }
  return line.padEnd(columns, "─");
}

/** The ticks `first * step` and the next `count` steps. */
function ticksOf(step: number, first: number, count: number): Tick[] {
  const whole = (decimals: number): boolean => {
    const scaled = step * 10 ** decimals;
    return Math.abs(scaled - Math.round(scaled)) < 1e-6 * scaled;
  };
  let decimals = 0;
  while (!whole(decimals)) decimals++;
  return Array.from({ length: count + 1 }, (_, k) => {
    const value = (first + k) * step;
    return { value, label: Math.abs(value) < 1e5 ? value.toFixed(decimals) : value.toExponential(1) };
  });
}

/** The smallest of these numbers times a power of ten that is at least `step`. */
function roundStep(atLeast: number, times: readonly number[]): number {
  const power = 10 ** Math.floor(Math.log10(atLeast));
  return power * (times.find((one) => one * power >= atLeast * (1 - 1e-9)) ?? 10);
}
