/** States of vectors that several layers give: as the final states of one layer, from which another one starts. */
import { cell } from "../../graph/cell.ts";
import { recurrent } from "../../nn/layers.ts";
import { behind, type Draft, type Flow, isBackwards, type Part } from "./flows.ts";

/**
 * A layer over the steps of `x` that has the given states at each of them, and so after the last.
 * @param firsts of each state what a layer gives for each example, or numbers that all of them share
 */
export function startingStates(states: readonly string[], firsts: readonly (Flow | Float32Array)[], x: Flow): Flow {
  const flows = [...new Set(firsts.filter((one): one is Flow => !(one instanceof Float32Array)))];
  const inputs = flows.map((_, k) => `s_${k}`);
  const values: Record<string, Float32Array> = {};
  const lines = firsts.flatMap((one, k) => {
    const state = states[k] as string;
    if (!(one instanceof Float32Array)) return [`${state}' = s_${flows.indexOf(one)}`];
    values[`first_${state}`] = one;
    return [`${state}' = first_${state}`, `first_${state} : ${one.length}`];
  });
  const of = cell(lines.join("\n"), { inputs: ["x", ...inputs] });
  const draft: Draft = {
    ...{ label: "start", reads: [behind(x), ...flows.map(behind)], used: new Set<Part>(), reverse: isBackwards(x) },
    make: (name, [reads, ...from]) => [
      recurrent(of, {
        ...{ name, label: "start", reads: reads as string },
        inputs: Object.fromEntries(inputs.map((one, k) => [one, from[k] as string])),
      }),
    ],
    values: (name) => Object.fromEntries(Object.entries(values).map(([key, data]) => [`${name}.${key}`, data])),
  };
  return { kind: "flow", axes: (flows[0] as Flow).axes, draft, part: "states forward" };
}
