/**
 * A training step in parts: the section that computes gradients is cut where some of them are complete and much work is left, so that
 * they can leave for other machines meanwhile. Knows nothing about machines.
 */
import { bodyOf, type Instruction, type Part, type Plan } from "./plan.ts";

/** Fewer bytes of gradients are not worth a part: before a time loop, and before a product. */
const worthBytes = { loop: 2 ** 16, outer: 2 ** 20 };

/**
 * The same plan, whose sections also run one by one. What it computes is the same to the bit.
 * @param main the section that computes gradients; those after it read them
 */
export function inParts(plan: Plan, main: number): Plan {
  const section = plan.sections[main];
  const { gradients, numbers } = plan.slabs;
  if (section === undefined || gradients === undefined) throw new Error("internal: a plan without gradients in parts");
  // What is cleared is cleared before anything runs.
  const clears = section.instructions.filter(({ kind }) => kind === "clear");
  const rest = section.instructions.filter(({ kind }) => kind !== "clear");
  const writers = new Map<string, number>();
  rest.forEach((one, k) => {
    for (const address of gradientsWritten(one)) {
      const at = (address - gradients) / 4;
      if (at < 0 || at >= numbers) continue;
      const found = Object.entries(plan.parameters).find(([, { start, room }]) => at >= start && at < start + room);
      if (found !== undefined) writers.set(found[0], k);
    }
  });
  /** The runs of numbers whose last writer is one of these instructions. */
  const completedBy = (from: number, to: number): Part["completes"] => {
    const runs: { start: number; count: number }[] = [];
    for (const [name, { start, room }] of Object.entries(plan.parameters).sort(([, a], [, b]) => a.start - b.start)) {
      const writer = writers.get(name) ?? 0;
      if (writer < from || writer >= to) continue;
      const last = runs.at(-1);
      if (last !== undefined && last.start + last.count === start) last.count += room;
      else runs.push({ start, count: room });
    }
    return runs;
  };
  const cuts = [0];
  rest.forEach((next, k) => {
    const least = next.kind === "loop" ? worthBytes.loop : next.kind === "outer" ? worthBytes.outer : Infinity;
    const bytes = completedBy(cuts.at(-1) as number, k).reduce((sum, { count }) => sum + 4 * count, 0);
    if (k > 0 && bytes >= least) cuts.push(k);
  });
  const pieces = cuts.map((from, piece) => {
    const to = cuts[piece + 1] ?? rest.length;
    const instructions = [...(piece === 0 ? clears : []), ...rest.slice(from, to)];
    return {
      section: { ...section, instructions },
      part: { completes: completedBy(from, to), ofBatch: true },
    };
  });
  const ofParameters: Part = { completes: [], ofBatch: false };
  return {
    ...plan,
    sections: [
      ...plan.sections.slice(0, main),
      ...pieces.map((piece) => piece.section),
      ...plan.sections.slice(main + 1),
    ],
    parts: [
      ...plan.sections.slice(0, main).map(() => ofParameters),
      ...pieces.map(({ part }) => part),
      ...plan.sections.slice(main + 1).map(() => ofParameters),
    ],
  };
}

/** The addresses at which gradients that an instruction writes begin. */
const gradientsWritten = (instruction: Instruction): readonly number[] =>
  bodyOf(instruction).flatMap((one) => {
    if (one.kind === "outer") return one.blocks.map(({ gradient }) => gradient);
    return one.kind === "accumulate" || one.kind === "scatter" ? [one.gradient] : [];
  });
