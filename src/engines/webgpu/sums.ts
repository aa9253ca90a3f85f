/** Kernels of rows that an index names, and of sums over rows. The order of sums is fixed, so their bits are. */
import type { Accumulate, Clear, Gather, Scatter, Total } from "../../schedule/plan.ts";
import { combine, type Kernel, type Kind, kernel, partsOf, plus, rowAt } from "./kernel.ts";
import type { Context } from "./pass.ts";

const lanes = 256;

/** An invocation for each of so many numbers, `i`. */
function forEach(kind: Kind, name: string, total: number, body: string): Kernel {
  const start = `let i = group * ${lanes}u + lane;
  if (i >= ${total}u) { return; }`;
  return kernel({ kind, name, size: lanes, count: Math.ceil(total / lanes), body: `${start}\n  ${body}` });
}

export function gatherKernel({ table, size, index, out }: Gather, { rows, time }: Context, name: string): Kernel {
  return forEach(
    "gather",
    name,
    rows * size,
    `let r = i / ${size}u;
  let j = i % ${size}u;
  memory[${rowAt(out, "r", time)} + j] = memory[${table / 4}u + memory[${rowAt(index, "r", time)}] * ${size}u + j];`,
  );
}

/**
 * Rows with one index are added by the invocations of the first of them, in their order: a first kernel finds for each row whether it is
 * the first one, and the next one. It needs 2 numbers of scratch memory a row.
 */
export function scatterKernels(
  { gradient, size, index, value }: Scatter,
  { rows, time, scratch }: Context,
  name: string,
): readonly Kernel[] {
  const at = (row: string): string => `memory[${rowAt(index, row, time)}]`;
  const find = forEach(
    "rows of a scatter",
    `${name} (rows)`,
    rows,
    `let own = ${at("i")};
  var isFirst = 1u;
  for (var k = i; k > 0u; k--) {
    if (${at("(k - 1u)")} == own) { isFirst = 0u; break; }
  }
  var next = i + 1u;
  while (next < ${rows}u && ${at("next")} != own) { next++; }
  memory[${scratch}u + 2u * i] = isFirst;
  memory[${scratch}u + 2u * i + 1u] = next;`,
  );
  const add = forEach(
    "scatter",
    name,
    rows * size,
    `let j = i % ${size}u;
  var r = i / ${size}u;
  if (memory[${scratch}u + 2u * r] == 0u) { return; }
  let to = ${gradient / 4}u + ${at("r")} * ${size}u + j;
  var sum = number(to);
  while (r < ${rows}u) {
    sum += number(${rowAt(value, "r", time)} + j);
    r = memory[${scratch}u + 2u * r + 1u];
  }
  put(to, sum);`,
  );
  return [find, add];
}

/** Columns and, for each, how many invocations add up rows. */
const [columns, sharing] = [16, 16];

export function accumulateKernel(
  { value, size, gradient, first }: Accumulate,
  { rows, time }: Context,
  name: string,
): Kernel {
  return kernel({
    ...{ kind: "accumulate", name, size: lanes, count: Math.ceil(size / columns), shared: partsOf(lanes) },
    body: `let j = group * ${columns}u + lane % ${columns}u;
  var sum = 0f;
  if (j < ${size}u) {
    for (var r = lane / ${columns}u; r < ${rows}u; r += ${sharing}u) { sum += number(${rowAt(value, "r", time)} + j); }
  }
  // Invocations of one column are ${columns} apart, and so stay together as halves are added.
  parts[lane] = sum;
  workgroupBarrier();
  for (var half = ${lanes / 2}u; half >= ${columns}u; half = half / 2u) {
    if (lane < half) { parts[lane] += parts[lane + half]; }
    workgroupBarrier();
  }
  if (lane < ${columns}u && j < ${size}u) {
    let at = ${gradient / 4}u + j;
    put(at, ${first ? "" : "number(at) + "}parts[lane]);
  }`,
  });
}

export function totalKernel({ value, at }: Total, { rows, time }: Context, name: string): Kernel {
  return kernel({
    ...{ kind: "total", name, size: lanes, count: 1, shared: partsOf(lanes) },
    body: `var sum = 0f;
  for (var r = lane; r < ${rows}u; r += ${lanes}u) { sum += number(${rowAt(value, "r", time)}); }
  ${combine(lanes, "sum", plus)}
  if (lane == 0u) { put(${at / 4}u, sum); }`,
  });
}

export const clearKernel = ({ offset, bytes }: Clear): Kernel =>
  forEach("clear", "clear", bytes / 4, `memory[${offset / 4}u + i] = 0u;`);
