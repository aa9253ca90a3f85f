/** Passes as functions that all threads call, and the calls: several passes together run row by row. */
import { bodyOf, type Pass, type Section } from "../../schedule/plan.ts";
import { printInstruction } from "../../schedule/print.ts";
import { divisionOf, passCode, passName, type When } from "../vector/pass.ts";
import { rowsAtOnce } from "../vector/row-passes.ts";
import type { Label } from "./assembler.ts";
import { shareOf } from "./share.ts";
import { runCode, type Whole } from "./vector-ops.ts";
import type { Writer } from "./writer.ts";

/** How many rows of a section there are at a time. */
export const rowsOf = ({ batch }: Section, { time, steps }: When): number => (time === "steps" ? batch * steps : batch);

/** Rows are shared out in multiples of this. */
export const rowUnit = ({ threads }: Writer, section: Section, { time }: When): number =>
  time === "loop" && section.batch % (4 * threads) !== 0 ? 1 : 4;

/** The pass as a function of the time step, and of the rows, or features, from and to which it runs. */
function passFunction({ plan, a, passes }: Writer, section: Section, pass: Pass, when: When): Label {
  const { keys, settings } = plan;
  const key = `${plan.sections.indexOf(section)} ${section.instructions.flatMap(bodyOf).indexOf(pass)}`;
  return passes.of(
    key,
    3,
    (o, values, f) => {
      const [t, from, to] = values as [Whole, Whole, Whole];
      if (a.listing !== undefined) f.comment(printInstruction(pass, section.graph, ""));
      runCode(passCode(o, pass, { section, ...when, keys, settings }, { t, from, to }));
    },
    () => passName(pass, section.graph),
  );
}

function callPass({ f, o }: Writer, label: Label, t: Whole | undefined, from: Whole, to: Whole): void {
  f.call(
    label,
    [t ?? o.whole.const(0), from, to].map((value) => value()),
  );
}

/** One pass alone, whatever is shared out: its rows, its features, or nothing. */
export function alone(w: Writer, section: Section, pass: Pass, when: When, t: Whole | undefined): void {
  const { whole } = w.o;
  const division = divisionOf(pass, rowsOf(section, when));
  if (division === "rows") {
    together(w, section, [pass], when, t);
    return;
  }
  const label = passFunction(w, section, pass, when);
  if (division === "features") {
    const { from, to } = shareOf(w, pass.size, 64);
    if (from < to) callPass(w, label, t, whole.const(from), whole.const(to));
  } else if (w.thread === 0) callPass(w, label, t, whole.const(0), whole.const(1));
}

/** Passes that run together row by row. */
export function together(w: Writer, section: Section, passes: readonly Pass[], when: When, t: Whole | undefined): void {
  const { o, plan } = w;
  const { whole } = o;
  const labels = passes.map((pass) => passFunction(w, section, pass, when));
  const { from, to } = shareOf(w, rowsOf(section, when), rowUnit(w, section, when));
  const atOnce = rowsAtOnce(plan.target, section.graph, passes);
  const call = (from: Whole, to: Whole): void => {
    for (const label of labels) callPass(w, label, t, from, to);
  };
  if (labels.length === 1 || to - from <= atOnce) {
    call(whole.const(from), whole.const(to));
    return;
  }
  const row = o.newWhole();
  const rest = to - ((to - from) % atOnce);
  runCode(o.loop(row, from, rest, atOnce, () => call(row.get, whole.add(row.get, whole.const(atOnce)))));
  if (rest < to) call(whole.const(rest), whole.const(to));
}
