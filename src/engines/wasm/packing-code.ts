/** Code that copies weights into panels. `packWeights` decides what is copied where. */
import { type Code, type FunctionHandle, type Local, procedure } from "./assembler.ts";
import { call, f32, forLoop, i32, i32x4, if_, v128 } from "./instructions.ts";
import type { Pack } from "./packing.ts";
import type { Range } from "./share.ts";

/** Copy a block into panels of 8 columns, four of them at once where there are four; see `Pack`. */
export function packFunction(): FunctionHandle {
  // source, strideK, strideN, countK, countN, panels (of the block's first number), panelBytes, n (in its panel)
  return procedure("pack", 8, (f) => {
    const [source, strideK, strideN, countK, countN, panels, panelBytes, first] = f.params(8);
    const [k, n, end, from, to] = f.locals("i32", 5);
    const rows = f.locals("v128", 4);
    const advance = (pointer: Local, bytes: Code): Code => pointer.set(i32.add(pointer.get, bytes));
    const start: Code = [
      from.set(i32.add(source.get, i32.mul(i32.sub(n.get, first.get), strideN.get))),
      to.set(
        i32.add(
          i32.add(panels.get, i32.mul(i32.shr_u(n.get, i32.const(3)), panelBytes.get)),
          i32.shl(i32.and(n.get, i32.const(7)), i32.const(2)),
        ),
      ),
    ];
    const fromRow = (row: number): Code => i32.add(from.get, i32.mul(strideN.get, i32.const(row)));
    // Four columns whose numbers of one depth follow each other in the parameter: copied.
    const together: Code = forLoop(f, k, 0, countK.get, 1, [
      v128.store(to.get, v128.load(from.get)),
      advance(from, strideK.get),
      advance(to, i32.const(32)),
    ]);
    // Four columns that are rows of the parameter: transposed four by four, then one by one.
    const [a, b, c, d] = rows.map((row) => row.get) as [Code, Code, Code, Code];
    const low = [0, 4, 1, 5] as const;
    const high = [2, 6, 3, 7] as const;
    const pairs = (x: Code, y: Code, order: readonly [number, number, number, number]): Code =>
      i32x4.shuffle(x, y, order);
    const crosswise: Code = [
      forLoop(f, k, 0, i32.and(countK.get, i32.const(-4)), 4, [
        rows.map((row, r) => row.set(v128.load(fromRow(r)))),
        v128.store(to.get, pairs(pairs(a, b, low), pairs(c, d, low), [0, 1, 4, 5])),
        v128.store(to.get, pairs(pairs(a, b, low), pairs(c, d, low), [2, 3, 6, 7]), 32),
        v128.store(to.get, pairs(pairs(a, b, high), pairs(c, d, high), [0, 1, 4, 5]), 64),
        v128.store(to.get, pairs(pairs(a, b, high), pairs(c, d, high), [2, 3, 6, 7]), 96),
        advance(from, i32.const(16)),
        advance(to, i32.const(128)),
      ]),
      forLoop(f, k, k.get, countK.get, 1, [
        rows.map((_, r) => f32.store(to.get, f32.load(fromRow(r)), 4 * r)),
        advance(from, strideK.get),
        advance(to, i32.const(32)),
      ]),
    ];
    return [
      end.set(i32.add(first.get, countN.get)),
      forLoop(f, n, first.get, i32.sub(end.get, i32.const(3)), 4, [
        start,
        if_(i32.eq(strideN.get, i32.const(4)), together, crosswise),
      ]),
      forLoop(f, n, n.get, end.get, 1, [
        start,
        forLoop(f, k, 0, countK.get, 1, [
          f32.store(to.get, f32.load(from.get)),
          advance(from, strideK.get),
          advance(to, i32.const(32)),
        ]),
      ]),
    ];
  });
}

/** Copy a range of the block's outputs. */
export function packCall(packer: FunctionHandle, p: Pack, { from, to }: Range): Code {
  const panels = p.panels + (p.n >> 3) * p.panelBytes + 32 * p.k;
  return call(
    packer,
    i32.add(i32.const(p.source), i32.mul(from, i32.const(p.strideN))),
    i32.const(p.strideK),
    i32.const(p.strideN),
    i32.const(p.countK),
    i32.sub(to, from),
    i32.const(panels),
    i32.const(p.panelBytes),
    i32.add(i32.const(p.n & 7), from),
  );
}
