/**
 * All steps of a time loop in one dispatch, where no example needs numbers of another one: a workgroup goes through time for some rows,
 * and reads all weights at each step. No workgroup waits for another. Knows nothing about devices.
 */
import type { Loop, Pass, Product, WeightBlock } from "../../schedule/plan.ts";
import { type Kernel, kernel, partsOf, rowAt } from "./kernel.ts";
import {
  type Context,
  elementCode,
  isElementwise,
  matrixSumCode,
  rowCode,
  widthOf,
  withoutMatrixSums,
} from "./pass.ts";
import { functions } from "./pointwise.ts";
import { areRowsApart, touchedBy } from "./rows.ts";
import { kindsOf } from "./steps.ts";

/**
 * The most weights of a step. Each workgroup reads all of them at each step: half a megabyte from a card's cache takes about as long as a
 * dispatch that waits for another one, by the figures of cards' makers; `scripts/graphics.mjs` measures both ways.
 */
export const mostWeights = 2 ** 17;

const lanes = 256;
/** Rows of a workgroup: their numbers at one place are a vector. */
const slice = 4;
/** How many numbers of a row a product may read: as many as lie in memory that a workgroup shares, beside the sums. */
const mostDepth = 640;
/** Weights that an invocation asks for before it needs the first. */
const ahead = 8;

/** Blocks of weights whose neighbours along the sum are neighbours in memory, and where they are turned to, by index. */
type Turn = { readonly block: WeightBlock; readonly to: number };

/**
 * @param most weights of a step; more are not worth it
 * @returns why not, for other loops
 */
export function wholeLoopKernels(
  { body, steps, reverse }: Loop,
  context: Context,
  most: number,
  name: string,
): { readonly kernels: readonly Kernel[]; readonly scratch: number } | string {
  const { section, rows, scratch } = context;
  const own = body.filter((one): one is Pass | Product => one.kind === "pass" || one.kind === "product");
  if (own.length < body.length) return `a step has ${kindsOf(body.filter((one) => !own.includes(one as Pass)))}`;
  const products = own.filter((one) => one.kind === "product");
  const weights = products.reduce((sum, { weights: blocks }) => sum + numbersOf(blocks), 0);
  if (weights > most) {
    const [found, allowed] = [weights, most].map((count) => count.toLocaleString("en"));
    return `each workgroup would read all ${found} weights at each step, and ${allowed} are the most that pay`;
  }
  const depth = Math.max(1, ...products.map(({ k }) => k));
  if (depth > mostDepth) return `a product reads ${depth} numbers of a row, and a workgroup keeps ${mostDepth}`;
  const all = own.map((one) => touchedBy(section, one));
  const touched = all.flatMap((one) => one.touched);
  const isOwn = all.every(({ written }) =>
    written.every((a) => touched.every((b) => areRowsApart(a, b, { rows, steps }, "any two"))),
  );
  if (!isOwn) return "a step reads numbers of other examples";

  const turns: Turn[] = [];
  let end = scratch;
  const turned = (block: WeightBlock): WeightBlock => {
    if (block.strideN === 4) return block;
    turns.push({ block, to: end });
    const source = 4 * end;
    end += block.countK * block.countN;
    return { ...block, source, strideK: 4 * block.countN, strideN: 4 };
  };
  const code = own.map((one) =>
    one.kind === "pass"
      ? passCode(one, { ...context, time: "t" })
      : productCode({ ...one, weights: one.weights.map(turned) }, "t"),
  );
  const loop = kernel({
    ...{ kind: "all steps in one", name, size: lanes, count: Math.ceil(rows / slice) },
    shared: `${functions}${partsOf(lanes)}
var<workgroup> operand: array<vec4f, ${depth}>;
var<workgroup> shares: array<vec4f, ${lanes}>;`,
    body: `let top = group * ${slice}u;
  let count = min(${slice}u, ${rows}u - top);
  for (var k = 0u; k < ${steps}u; k++) {
  let t = ${reverse ? `${steps - 1}u - k` : "k"};
  ${code.map((one) => `{ ${one} }`).join(`\n  ${meet}\n  `)}
  ${meet}
  }`,
  });
  const kernels = turns.length === 0 ? [loop] : [turnKernel(turns, `weights of ${name}`), loop];
  return { kernels, scratch: end - scratch };
}

const numbersOf = (blocks: readonly WeightBlock[]): number =>
  blocks.reduce((sum, { countK, countN }) => sum + countK * countN, 0);

/** What one invocation has written, others of its workgroup read. */
const meet = "storageBarrier(); workgroupBarrier();";

function passCode(pass: Pass, context: Context): string {
  const { section } = context;
  const { sums, others } = withoutMatrixSums(pass);
  const each = (width: number, column: string, body: string): string =>
    `for (var e = lane; e < count * ${width}u; e += ${lanes}u) {
    let r = top + e / ${width}u; let ${column} = e % ${width}u;
    ${body}
  }`;
  const parts = sums.map((one) => {
    const { results, code } = matrixSumCode(pass, one, context);
    return each(results, "to", code);
  });
  if (others !== undefined)
    parts.push(
      isElementwise(others, section)
        ? each(widthOf(others, section), "j", elementCode(others, context))
        : `for (var c = 0u; c < count; c++) { let r = top + c;\n  ${rowCode(others, context)}\n  }`,
    );
  return parts.join(`\n  ${meet}\n  `);
}

/** Each invocation has a column of all rows; where columns are fewer, several share one and have a part of its sum each. */
function productCode({ operand, k, out, n, weights, accumulate }: Product, time: string): string {
  const across = Math.min(lanes, 2 ** Math.ceil(Math.log2(n)));
  const sharing = lanes / across;
  const part = ahead * Math.ceil(k / sharing / ahead);
  const numbers = Array.from({ length: ahead }, (_, m) => m);
  const block = ({ source, countK, countN, strideK, k: first, n: left }: WeightBlock): string => {
    const weight = (m: number): string => `number(base + (d + ${m}u) * ${strideK / 4}u)`;
    return `if (j - ${left}u < ${countN}u) {
      let base = ${source / 4}u + (j - ${left}u) - ${(first * strideK) / 4}u;
      let end = min((share + 1u) * ${part}u, ${first + countK}u);
      var d = max(share * ${part}u, ${first}u);
      for (; d + ${ahead}u <= end; d += ${ahead}u) {
        ${numbers.map((m) => `let w${m} = ${weight(m)};`).join(" ")}
        ${numbers.map((m) => `sum += w${m} * operand[d + ${m}u];`).join(" ")}
      }
      for (; d < end; d++) { sum += ${weight(0)} * operand[d]; }
    }`;
  };
  const gather = `shares[lane] = sum;
    workgroupBarrier();
    if (share == 0u) { for (var s = 1u; s < ${sharing}u; s++) { sum += shares[s * ${across}u + lane]; } }`;
  const at = `${rowAt(out, "(top + c)", time)} + j`;
  return `for (var d = lane; d < ${k}u; d += ${lanes}u) {
    var four = vec4f();
    for (var c = 0u; c < count; c++) { four[c] = number(${rowAt(operand, "(top + c)", time)} + d); }
    operand[d] = four;
  }
  workgroupBarrier();
  let share = lane / ${across}u;
  for (var left = 0u; left < ${n}u; left += ${across}u) {
    let j = left + lane % ${across}u;
    var sum = vec4f();
    ${weights.map(block).join("\n    ")}
    ${sharing > 1 ? gather : ""}
    if (share == 0u && j < ${n}u) {
      for (var c = 0u; c < count; c++) { put(${at}, ${accumulate ? `number(${at}) + ` : ""}sum[c]); }
    }
  }`;
}

/** Weights turned, so that neighbours along the columns, which neighbouring invocations read, are neighbours in memory. */
function turnKernel(turns: readonly Turn[], name: string): Kernel {
  const copies = turns.map(({ block: { source, countK, countN, strideK, strideN }, to }) => {
    const first = to - (turns[0] as Turn).to;
    const from = `${source / 4}u + (e / ${countN}u) * ${strideK / 4}u + (e % ${countN}u) * ${strideN / 4}u`;
    return `if (i - ${first}u < ${countK * countN}u) { let e = i - ${first}u; memory[${to}u + e] = memory[${from}]; }`;
  });
  const total = numbersOf(turns.map(({ block }) => block));
  return kernel({
    ...{ kind: "turned weights", name, size: lanes, count: Math.ceil(total / lanes) },
    body: `let i = group * ${lanes}u + lane;
  ${copies.join("\n  ")}`,
  });
}
