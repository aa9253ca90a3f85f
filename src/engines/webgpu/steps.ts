/**
 * Kernels of several instructions, so that a step of a time loop is one dispatch, or all its steps are. Knows nothing about devices.
 */
import type { Node, NodeId } from "../../graph/graph.ts";
import type { Instruction, Loop, Pass, Product } from "../../schedule/plan.ts";
import { type Kernel, kernel, rowAt } from "./kernel.ts";
import { type Context, elementCode, isByRows, isElementwise, widthOf } from "./pass.ts";
import { functions } from "./pointwise.ts";
import { arePlacesApart, areRowsApart, overlap, rangeOf, touchedBy } from "./rows.ts";
import { invocations, sumOfProduct, type Tile, tileCode, tileFor } from "./tiles.ts";

const lanes = 256;
/** Bytes of sums that a workgroup may keep for its pass: half of what every device has. */
const mostShared = 8192;
/** How deep a part of the operands is, with as many strips as gates. */
const depth = 16;

/** Instructions that are no passes, for people. */
const products: Partial<Record<Instruction["kind"], string>> = {
  product: "products",
  outer: "outer products",
  gather: "gathered rows",
  scatter: "scattered rows",
  accumulate: "sums over examples",
};
/** Instructions, for people. */
export const kindsOf = (some: readonly Instruction[]): string =>
  [...new Set(some.map(({ kind }) => products[kind] ?? kind))].join(", ");
const elsewhere = "the pass does not read the product's numbers at their own places alone";
const overwrites = "what the pass writes may still be read by the product";

/**
 * The kernel of a product and the pass that follows, which reads all that the product gives, each number at its own place: a tile's sums
 * go straight into the pass.
 * @param shift steps from the product's to the pass's
 * @returns why not, where they need a kernel each
 */
export function fusedKernel(
  product: Product,
  pass: Pass,
  context: Context,
  shift: number,
  name: string,
): Kernel | string {
  const { section, rows, time } = context;
  const { graph } = section;
  const { size } = pass;
  const isVector = (id: NodeId): boolean => typeof (graph.nodes[id] as Node).shape === "number";
  const isPlain = (id: NodeId): boolean => !["repeat_interleave", "tile"].includes((graph.nodes[id] as Node).op);
  if (!isElementwise(pass, section)) return "the pass sums over numbers of other workgroups";
  if (widthOf(pass, section) !== size || size === 1) return elsewhere;
  const { out, n, operand, k } = product;
  // Where a load is among the columns of the product, if it is.
  const slices = new Map<NodeId, number>();
  for (const [id, at] of pass.loads) {
    const numbers = (at.offset + shift * at.stepBytes - out.offset) / 4;
    const same = at.rowBytes === out.rowBytes && (time === undefined || at.stepBytes === out.stepBytes);
    const width = isVector(id) ? size : 1;
    if (same && isVector(id) && isPlain(id) && numbers >= 0 && numbers + size <= n) slices.set(id, numbers);
    // What it reads of the product in another way is not there yet.
    else if (overlap(rangeOf(at, rows, shift, width), rangeOf(out, rows, 0, n))) return elsewhere;
  }
  const lefts = [...new Set(slices.values())].sort((a, b) => a - b);
  if (lefts.length * size !== n || lefts.some((left, g) => left !== g * size)) return elsewhere;
  const read = rangeOf(operand, rows, 0, k);
  // Other workgroups may still read the operand.
  if (pass.stores.some(({ at }) => overlap(rangeOf(at, rows, shift, size), read))) return overwrites;
  if (overlap(rangeOf(out, rows, 0, n), read)) return overwrites;

  const base = tileFor(rows);
  const narrow = base.columns > 16 && lefts.length > 1;
  const tile: Tile = { ...base, depth, ...(narrow && { columns: 16, each: Math.min(base.each, 2) }) };
  if (4 * lefts.length * tile.rows * tile.columns > mostShared) return "their sums are more than a workgroup may share";
  const across = Math.ceil(size / tile.columns);
  const code = tileCode(
    sumOfProduct(product, context),
    tile,
    lefts.map((left) => `(left + ${left}u)`),
  );
  const quads = tile.columns / 4;
  const kept = lefts.flatMap((_, g) =>
    Array.from(
      { length: tile.each },
      (_, m) => `sums[${g * tile.rows * quads}u + (own_i + ${m}u) * ${quads}u + own_j] = c${g}_${m};`,
    ),
  );
  const given = new Map(
    [...slices].map(([id, left]) => {
      const g = lefts.indexOf(left);
      return [id, `total${g}`] as const;
    }),
  );
  const totals = lefts.map((left, g) => {
    const at = `${rowAt(out, "r", time)} + ${left}u + j`;
    const sum = `sums[${g * tile.rows * quads}u + (e / ${tile.columns}u) * ${quads}u + (e % ${tile.columns}u) / 4u][e % 4u]`;
    const value = product.accumulate ? `number(${at}) + ${sum}` : sum;
    return `let total${g} = ${value}; put(${at}, total${g});`;
  });
  const later: Context = { ...context, time: shift === 0 || time === undefined ? time : `(${time} + ${shift >>> 0}u)` };
  return kernel({
    ...{ kind: "product and pass in one", name, size: invocations(tile), count: across * Math.ceil(rows / tile.rows) },
    shared: `${functions}${code.shared}
var<workgroup> sums: array<vec4f, ${lefts.length * tile.rows * quads}>;`,
    body: `let top = (group / ${across}u) * ${tile.rows}u;
  let left = (group % ${across}u) * ${tile.columns}u;
  ${code.body}
  ${kept.join("\n  ")}
  workgroupBarrier();
  for (var e = lane; e < ${tile.rows * tile.columns}u; e += ${invocations(tile)}u) {
    let r = top + e / ${tile.columns}u;
    let j = left + e % ${tile.columns}u;
    if (r < ${rows}u && j < ${size}u) {
  ${totals.join("\n  ")}
  ${elementCode(pass, later, given)}
    }
  }`,
  });
}

/**
 * Whether passes can be one kernel in which a workgroup goes through them for each row: what one stores, others touch in the same row
 * alone.
 */
export function areOfRows(passes: readonly Pass[], context: Context, steps: number): boolean {
  if (!passes.every((pass) => isByRows(pass, context))) return false;
  const { section, rows } = context;
  const all = passes.map((pass) => touchedBy(section, pass));
  return all.every(({ written }, k) =>
    written.every((a) =>
      all.every(({ touched }, m) => m === k || touched.every((b) => areRowsApart(a, b, { rows, steps }, "the same"))),
    ),
  );
}

/**
 * All steps of a time loop in which each number depends on numbers at its own place alone, as in a minGRU or an SRU: an invocation goes
 * through time for each.
 * @returns why not, for other loops
 */
export function scanKernel({ body, steps, reverse }: Loop, context: Context, name: string): Kernel | string {
  const { section, rows } = context;
  const passes = body.filter((one: Instruction): one is Pass => one.kind === "pass");
  const [first] = passes;
  if (first === undefined || passes.length < body.length)
    return `a step has ${kindsOf(body.filter(({ kind }) => kind !== "pass"))}, which read numbers of other places`;
  const width = widthOf(first, section);
  const isAlike = (pass: Pass): boolean =>
    isElementwise(pass, section) && widthOf(pass, section) === width && pass.size === first.size;
  // One number per row that a pass of vectors reads would come from another invocation, if this loop makes it.
  if (!passes.every(isAlike)) return "a pass of a step reads or sums numbers of other places";
  const all = passes.map((pass) => touchedBy(section, pass));
  const touched = all.flatMap((one) => one.touched);
  // No invocation waits for another, so what one stores no other may touch.
  if (!all.every(({ written }) => written.every((a) => touched.every((b) => arePlacesApart(a, b, { rows, steps })))))
    return "a pass of a step reads numbers of other places";
  const total = rows * width;
  return kernel({
    ...{ kind: "all steps in one", name, size: lanes, count: Math.ceil(total / lanes), shared: functions },
    body: `let i = group * ${lanes}u + lane;
  if (i >= ${total}u) { return; }
  let r = i / ${width}u;
  let j = i % ${width}u;
  for (var k = 0u; k < ${steps}u; k++) {
  let t = ${reverse ? `${steps - 1}u - k` : "k"};
  ${passes.map((pass) => `{ ${elementCode(pass, { ...context, time: "t" })} }`).join("\n  ")}
  }`,
  });
}
