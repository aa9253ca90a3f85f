/** `If`, whose condition must be known: the branch that runs is read in its place. */
import { formatValue } from "../../graph/schema.ts";
import { isKnown, listOf } from "./constants.ts";
import type { ReadNode } from "./decode.ts";
import { type Flow, type Operands, type Reading, refused, there, type Value } from "./flows.ts";
import { sourcesOf } from "./loops.ts";
import type { ReadBody } from "./scan.ts";

export function chosen(node: ReadNode, given: Operands, reading: Reading, read: ReadBody): readonly Value[] {
  const [condition] = given;
  const [value] = (isKnown(condition) && condition.kind === "fill" ? [condition.value] : listOf(condition)) ?? [];
  if (typeof value !== "number") throw refused(unknown(condition, reading));
  const branch = node.attributes.get(value === 0 ? "else_branch" : "then_branch")?.graph;
  if (branch === undefined || branch.outputs.length !== node.outputs.length)
    throw refused("the branch that runs is not there.");
  return read(branch, new Map()).map(there);
}
function unknown(condition: Value | undefined, { inputs }: Reading): string {
  const names =
    condition?.kind === "flow" ? inputsOf(condition, inputs).map((name) => `the input ${formatValue(name)}`) : [];
  const on = names.length > 0 ? names.join(" and ") : "sizes that are not in the file";
  return (
    `which of its branches runs depends on ${on}, and layers have no branches. ` +
    "Export the model for one of them, or put a constant there."
  );
}
/** The names of the inputs that a value depends on. */
function inputsOf(flow: Flow, inputs: Reading["inputs"]): readonly string[] {
  const open = [flow];
  const seen = new Set<Flow["draft"]>();
  const names: string[] = [];
  for (let one = open.pop(); one !== undefined; one = open.pop()) {
    const { draft } = one;
    if (seen.has(draft)) continue;
    seen.add(draft);
    const input = inputs.get(draft);
    if (input !== undefined) names.push(input.value.name);
    open.push(...sourcesOf(draft));
  }
  return names.toReversed();
}
