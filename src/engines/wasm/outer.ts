/** The gradients of matrices, which are sums of outer products, as code: one matrix product over all steps and examples. */
import type { Outer } from "../../schedule/plan.ts";
import { type Code, type FunctionHandle, type Local, procedure } from "./assembler.ts";
import { call, f32, f32x4, forLoop, i32, v128 } from "./instructions.ts";
import { larger, type Range, smaller } from "./share.ts";
import { padded } from "./target.ts";

/** to[r][c] += from[r][c]. Nothing behind the last column is read or written. */
export function addBlockFunction(): FunctionHandle {
  // rows, columns, from, fromRowBytes, to, toRowBytes
  return procedure("add block", 6, (f) => {
    const [rows, columns, from, fromRowBytes, to, toRowBytes] = f.params(6);
    const [r, c, vectors] = [f.local("i32"), f.local("i32"), f.local("i32")];
    const here = (base: Local): Code => i32.add(base.get, c.get);
    return [
      columns.set(i32.shl(columns.get, i32.const(2))),
      vectors.set(i32.and(columns.get, i32.const(-16))),
      forLoop(f, r, 0, rows.get, 1, [
        forLoop(f, c, 0, vectors.get, 16, v128.store(here(to), f32x4.add(v128.load(here(to)), v128.load(here(from))))),
        forLoop(
          f,
          c,
          vectors.get,
          columns.get,
          4,
          f32.store(here(to), f32.add(f32.load(here(to)), f32.load(here(from)))),
        ),
        from.set(i32.add(from.get, fromRowBytes.get)),
        to.set(i32.add(to.get, toRowBytes.get)),
      ]),
    ];
  });
}

/** Compute a range of the rows, and write them to the gradients or add them. */
export function outerCode(
  o: Outer,
  {
    depth,
    product,
    adder,
    scratch: tiles,
  }: { depth: number; scratch: Code } & Record<"product" | "adder", FunctionHandle>,
  { from, to }: Range,
): Code {
  const width = padded(o.columnCount);
  const numbers = (...values: number[]): Code[] => values.map((value) => i32.const(value));
  const multiply = (count: Code, first: Code, out: Code, outRowBytes: number, accumulate: boolean): Code =>
    call(
      product,
      count,
      ...numbers(width, depth),
      i32.add(i32.const(o.rows.offset), i32.mul(first, i32.const(4))),
      ...numbers(o.rows.rowBytes, o.columns.offset, o.columns.rowBytes),
      out,
      ...numbers(outRowBytes, accumulate ? 1 : 0),
      tiles,
    );
  /** The part of the range in a block: its first row, the number of rows, and the address of their gradient. */
  const partOf = ({ row, rows, gradient, gradientRowBytes }: Outer["blocks"][number]): [Code, Code, Code] => {
    const first = larger(from, i32.const(row));
    const count = i32.sub(smaller(to, i32.const(row + rows)), first);
    const past = i32.mul(i32.sub(first, i32.const(row)), i32.const(gradientRowBytes));
    return [first, count, i32.add(i32.const(gradient), past)];
  };
  const { scratch } = o;
  if (scratch === undefined) {
    return o.blocks.map((block) => {
      const [first, count, out] = partOf(block);
      return multiply(count, first, out, block.gradientRowBytes, !block.first);
    });
  }
  const scratchRow = (row: Code): Code => i32.add(i32.const(scratch), i32.mul(row, i32.const(4 * width)));
  return [
    multiply(i32.sub(to, from), from, scratchRow(from), 4 * width, false),
    o.blocks.map((block) => {
      const [first, count, out] = partOf(block);
      const rowBytes = [i32.const(4 * width), i32.const(block.gradientRowBytes)] as const;
      return call(adder, count, i32.const(block.columns), scratchRow(first), rowBytes[0], out, rowBytes[1]);
    }),
  ];
}
