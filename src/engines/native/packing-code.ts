/** Code that copies blocks of matrices to where tiles read them. Knows nothing about what is copied where. */
import type { Pack } from "../vector/packing.ts";
import type { Nested } from "../vector/vector-ops.ts";
import type { Conversions } from "./bf16.ts";
import { callTile, panelVectors } from "./matmul.ts";
import { shareOf } from "./share.ts";
import { type Code, type Ops, runCode, type Whole } from "./vector-ops.ts";
import type { Writer } from "./writer.ts";

/** Writes so many outputs of a block, columns that lie in one panel: from where the first lies to its place in the panel. */
type Columns = (count: number, from: Whole, at: Whole) => void;

/** A block of a parameter to its panels; the outputs of this thread's share. Panels that are written whole are a loop. */
export function pack(w: Writer, p: Pack): void {
  const { o } = w;
  const { whole, width } = o;
  const panel = panelVectors * width;
  const { from, to } = shareOf(w, p.countN, panel);
  const columns = columnsOf(w, p);
  const before = (p.precision === "bf16" ? 2 : 4) * panel * p.k;
  const [start, at] = [o.newWhole(), o.newWhole()];
  for (let n = from; n < to; ) {
    const column = (p.n + n) % panel;
    const count = Math.min(panel - column, to - n);
    const panels = count === panel ? Math.floor((to - n) / panel) : 1;
    runCode([
      start.set(whole.const(p.source + n * p.strideN)),
      at.set(whole.const(p.panels + Math.floor((p.n + n) / panel) * p.panelBytes + before + 4 * column)),
    ]);
    const nth = o.newWhole();
    runCode(
      o.loop(nth, 0, panels, 1, () => {
        columns(count, start.get, at.get);
        runCode([
          start.set(whole.add(start.get, whole.const(panel * p.strideN))),
          at.set(whole.add(at.get, whole.const(p.panelBytes))),
        ]);
      }),
    );
    n += panels * count;
  }
}

function columnsOf(w: Writer, p: Pack): Columns {
  if (p.precision === "bf16") return columnsOfBf16(w, p);
  const { f, o, plan, scratch } = w;
  if (p.precision === "int8") return (count, from, at) => w.eightBits.pack(f, o, plan, p, { count, from, at, scratch });
  const { whole, width } = o;
  const [k, source, into] = [o.newWhole(), o.newWhole(), o.newWhole()];
  return (count, from, at) => {
    const advance: Nested<Code> = [
      source.set(whole.add(source.get, whole.const(p.strideK))),
      into.set(whole.add(into.get, whole.const(4 * panelVectors * width))),
    ];
    const copies =
      p.strideN === 4
        ? copyFirst(o, into.get, source.get, count)
        : Array.from({ length: count }, (_, v) =>
            o.storeFirst(into.get, o.loadSplat(source.get, v * p.strideN), 1, 4 * v),
          );
    runCode([source.set(from), into.set(at), o.loop(k, 0, p.countK, 1, [...copies, advance])]);
  };
}

/** The same as bf16, up to 16 outputs at a time. */
function columnsOfBf16(w: Writer, p: Pack): Columns {
  const { whole, width } = w.o;
  return (columns, from, at) => {
    for (let v = 0; v < columns; v += 16) {
      const sizes = { count: Math.min(16, columns - v), depth: p.countK, toStride: 4 * panelVectors * width };
      convert(
        w,
        p.strideN === 4
          ? { kind: "pairs", fill: false, fromStride: p.strideK, ...sizes }
          : { kind: "turned", byRow: true, fromStride: p.strideN, ...sizes },
        whole.add(from, whole.const(v * p.strideN)),
        whole.add(at, whole.const(4 * v)),
      );
    }
  };
}

/** f32 to bf16, as `how` says. `rows`: how many, where the conversion takes a number of them. */
export function convert(
  { f, o, conversions }: Writer,
  how: Parameters<Conversions["of"]>[0],
  from: Whole,
  to: Whole,
  rows = 0,
): void {
  callTile(f, conversions.of(how), from(), o.whole.const(rows)(), to());
}

/** `of` so many numbers that follow each other: vectors, the last of which may be cut. */
export function eachVector(
  { width }: Ops,
  count: number,
  of: (offset: number, lanes: number) => Code,
): readonly Code[] {
  return Array.from({ length: Math.ceil(count / width) }, (_, v) =>
    of(4 * width * v, Math.min(width, count - width * v)),
  );
}
const copyFirst = (o: Ops, to: Whole, from: Whole, count: number): readonly Code[] =>
  eachVector(o, count, (offset, lanes) => o.storeFirst(to, o.load(from, offset), lanes, offset));

/** Copy `count` numbers of each of k rows to rows that follow each other, or are `toStride` bytes apart. */
export function strip(
  { o }: Writer,
  from: Whole,
  stride: number,
  k: number,
  count: number,
  to: Whole,
  toStride = 4 * count,
): void {
  const { whole } = o;
  const [r, source, into] = [o.newWhole(), o.newWhole(), o.newWhole()];
  runCode([
    source.set(from),
    into.set(to),
    o.loop(r, 0, k, 1, [
      ...copyFirst(o, into.get, source.get, count),
      source.set(whole.add(source.get, whole.const(stride))),
      into.set(whole.add(into.get, whole.const(toStride))),
    ]),
  ]);
}
