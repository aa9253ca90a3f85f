/** Models that compute one step of streams, whose states go in and come out: as recurrent models, which own their states. */
import type { ReadGraph, ReadValue } from "./decode.ts";
import { type Flow, features, type Reading, refused, type Value } from "./flows.ts";
import { termFlow, termOf } from "./loops.ts";
import { hintOf, type State, stateTerm } from "./terms.ts";

/** A state, which is an input and, after the step, an output. */
export type Stream = { readonly input: ReadValue; readonly output: string; readonly state: State };
/** Operators that have states of their own. */
const recurrent = ["LSTM", "GRU", "RNN", "Scan", "Loop"];

/**
 * The states of a graph: an input `NAME` and an output `next.NAME`, as this library writes them; or, of a graph without loops, what comes out
 * in the order and with the sizes of all inputs but the first, and depends on that and on the first.
 */
export function streamsOf({ nodes, inputs, outputs, tensors }: ReadGraph): readonly Stream[] {
  const given = inputs.filter((one) => !tensors.has(one.name));
  const named = given.flatMap((input) => {
    const output = outputs.find((one) => one.name === `next.${input.name}`);
    return output === undefined ? [] : [{ input, output: output.name }];
  });
  const [x, ...more] = given;
  const [, ...results] = outputs;
  const alike = (one: ReadValue, k: number): boolean => {
    const [a, b] = [one.dims, results[k]?.dims];
    const sizes = a?.length === 2 && b?.length === 2 && typeof a[1] === "number" && a[1] === b[1] && one.type === 1;
    if (!sizes) return false;
    const needs = neededBy(nodes, (results[k] as ReadValue).name);
    return needs.has(one.name) && needs.has(x?.name ?? "");
  };
  const unnamed =
    named.length === 0 &&
    more.length === results.length &&
    more.every(alike) &&
    !nodes.some(({ op }) => recurrent.includes(op))
      ? more.map((input, k) => ({ input, output: (results[k] as ReadValue).name }))
      : [];
  return [...named, ...unnamed].flatMap(({ input, output }) => {
    const width = input.dims?.at(-1);
    if (typeof width !== "number" || width < 1) return [];
    return [
      {
        input,
        output,
        state: {
          hint: hintOf(input.name) ?? { layer: "", name: plainName(input.name) },
          width,
          initial: undefined,
          reverse: false,
        },
      },
    ];
  });
}

/** All values that one depends on. */
function neededBy(nodes: ReadGraph["nodes"], name: string): ReadonlySet<string> {
  const from = new Map(nodes.flatMap((node) => node.outputs.map((output) => [output, node] as const)));
  const seen = new Set<string>();
  const open = [name];
  for (let one = open.pop(); one !== undefined; one = open.pop()) {
    if (seen.has(one)) continue;
    seen.add(one);
    open.push(...(from.get(one)?.inputs ?? []));
  }
  return seen;
}
const plainName = (name: string): string => {
  const plain = name.replaceAll(/\W/g, "_");
  return /^[A-Za-z_]/.test(plain) ? plain : `s_${plain}`;
};
export const streamState = ({ input, state }: Stream): Flow =>
  termFlow({ op: "state", name: input.name }, stateTerm(state), [{}, features(state.width)]);

/** The states of streams have the values that come out; those of operators are these operators' own. */
export function closeStreams(streams: readonly Stream[], values: Map<string, Value>, { notes, fed }: Reading): void {
  for (const { output, state } of streams) {
    const value = values.get(output);
    const own = fed.get(state);
    if (own !== undefined) {
      const isOwn =
        value?.kind === "flow" && value.draft === own.draft && value.state === own.state && value.part === own.part;
      if (!isOwn)
        throw refused(`its output "${output}" is not the state that comes out of the layer which its input goes into.`);
      continue;
    }
    const next = termOf(value, output);
    if (next.width !== state.width && next.kind !== "number")
      throw refused(`its output "${output}" has another size than the state that goes in.`);
    state.next = next;
  }
  // What goes back in is no layer of its own.
  const nexts = new Set(streams.map(({ state }) => state.next));
  for (const [key, value] of values) {
    const term = value.kind === "flow" && value.draft.lazy === false ? value.draft.term?.() : undefined;
    if (value.kind === "flow" && term !== undefined && nexts.has(term))
      values.set(key, termFlow({ op: "state", name: key }, term, value.axes));
  }
  if (streams.length > 0)
    notes.add(
      "It computes one step, its states are inputs and outputs: here they are the model's own, and sequences start from zeros.",
    );
}
