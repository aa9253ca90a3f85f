/** The instructions of a section in order, each shared out among the threads: the part of one of them. */
import type { Instruction, Section } from "../../schedule/plan.ts";
import { printInstruction, printTimes } from "../../schedule/print.ts";
import { loopsByExamples } from "../threads/loops-by-examples.ts";
import type { Pack } from "../vector/packing.ts";
import type { When } from "../vector/pass.ts";
import { togetherByRows } from "../vector/row-passes.ts";
import { gather, scatter } from "./indexed-rows.ts";
import { panelVectors, tileRows } from "./matmul.ts";
import { outer } from "./outer.ts";
import { pack } from "./packing-code.ts";
import { alone, rowsOf, rowUnit, together } from "./passes.ts";
import { product } from "./products.ts";
import { shareOf } from "./share.ts";
import { accumulate, total } from "./sums.ts";
import { runCode, type Whole } from "./vector-ops.ts";
import type { Writer } from "./writer.ts";

/** All instructions of the section with this number; before them, what prepares parameters and gradients. */
export function writeSection(w: Writer, section: Section, k: number): void {
  const { f, o } = w;
  const packs = w.packing.packs[k] as readonly Pack[];
  if (w.a.listing !== undefined && packs.length > 0) {
    const names = packs.map(({ parameter }) => parameter).join(" ");
    f.comment(`weights to panels, where they have changed: ${names}`, true);
  }
  const [changed] = f.parameters.map((parameter) => () => parameter) as [Whole];
  runCode(
    o.when(
      changed,
      packs.map((one) => () => pack(w, one)),
    ),
  );
  const { instructions, steps } = section;
  const when: When = { time: "steps", steps };
  for (const one of instructions) {
    if (one.kind !== "clear") continue;
    comment(w, one, section, when);
    clear(w, one);
  }
  meet(w);
  const rest = instructions.filter(({ kind }) => kind !== "clear");
  all(w, section, rest, when, undefined, () => meet(w));
}

/** Where the next instruction reads what other threads wrote. */
function meet({ f, threads, barrier }: Writer): void {
  if (threads > 1) f.call(barrier, []);
}

/** Instructions in order; some passes are one with those before them. `between`: what stands behind each. */
function all(
  w: Writer,
  section: Section,
  instructions: readonly Instruction[],
  when: When,
  t: Whole | undefined,
  between: (last: boolean) => void,
): void {
  const list = togetherByRows(w.plan.target, section.graph, instructions, rowsOf(section, when));
  list.forEach((one, k) => {
    for (const each of "kind" in one ? [one] : one) comment(w, each, section, when);
    if ("kind" in one) instruction(w, section, one, when, t);
    else together(w, section, one, when, t);
    between(k === list.length - 1);
  });
}

/** In a listing, the line of the plan that the code is made of. */
function comment({ a, f }: Writer, one: Instruction, { graph, instructions }: Section, { time, steps }: When): void {
  if (a.listing === undefined) return;
  if (one.kind === "loop" || one.kind === "at_once") f.comment(printTimes(one));
  else {
    const outside = instructions.includes(one);
    const over = outside || (time === "steps" && steps > 1) ? "steps and examples" : "examples";
    f.comment(`${outside ? "" : "  "}${printInstruction(one, graph, over)}`);
  }
}

function instruction(w: Writer, section: Section, one: Instruction, when: When, t: Whole | undefined): void {
  const { a, o, threads } = w;
  const { whole, width } = o;
  const rows = rowsOf(section, when);
  const byExamples = threads === 1 || loopsByExamples(section, threads);
  const byRows = when.time !== "loop" || byExamples;
  const first = w.thread === 0;
  const allRows = { from: 0, to: rows };
  const ownRows = shareOf(w, rows, rowUnit(w, section, when));
  switch (one.kind) {
    case "clear":
      clear(w, one);
      break;
    case "pass":
      alone(w, section, one, when, t);
      break;
    case "product":
      if (byRows && rows > 1) product(w, one, t, ownRows, { from: 0, to: one.n });
      else product(w, one, t, allRows, shareOf(w, one.n, panelVectors * width));
      break;
    case "outer":
      outer(w, one, rows, shareOf(w, one.rowCount, tileRows(a)));
      break;
    case "gather":
      if (byRows || first) gather(w, one, t, byRows ? ownRows : allRows);
      break;
    case "scatter":
      scatter(w, one, rows, shareOf(w, one.size, width));
      break;
    case "accumulate":
      accumulate(w, one, rows, shareOf(w, one.size, 4 * width));
      break;
    case "sum_all":
      if (first) total(w, one.value, rows, one.at);
      break;
    case "at_once":
      all(w, section, one.body, { time: "steps", steps: one.steps }, undefined, (last) => {
        if (!last) meet(w);
      });
      break;
    case "loop": {
      const [k, step] = [o.newWhole(), o.newWhole()];
      const { steps } = one;
      runCode(
        o.loop(k, 0, steps, 1, () => {
          const at = one.reverse ? whole.add(whole.mul(k.get, whole.const(-1)), whole.const(steps - 1)) : k.get;
          runCode(step.set(at));
          all(w, section, one.body, { time: "loop", steps }, step.get, () => {
            if (!byExamples) meet(w);
          });
        }),
      );
    }
  }
}

/** This thread's share of some bytes becomes 0. */
function clear(w: Writer, { offset, bytes }: { readonly offset: number; readonly bytes: number }): void {
  const { o } = w;
  const { from, to } = shareOf(w, bytes, 64);
  const vector = 4 * o.width;
  const rest = (to - from) % vector;
  const k = o.newWhole();
  runCode(o.loop(k, offset + from, offset + to - rest, vector, o.store(k.get, o.const(0), 0)));
  if (rest > 0) runCode(o.storeZeros(o.whole.const(offset + to - rest), rest / 4, 0));
}
