/**
 * Ablation: what a model loses without a unit. It reads the same text with the unit's value set to 0 at every step; the program
 * is the model's own with one more product, so this works for any cell. Knows nothing about patterns.
 */

import type { HostOptions } from "../engines/engine.ts";
import { createBuilder, type Graph, type Node, type NodeId } from "../graph/graph.ts";
import { InputError } from "../graph/input-error.ts";
import { isIndex } from "../graph/schema.ts";
import { yieldNow } from "../graph/yielding.ts";
import { bind } from "../nn/bind.ts";
import { inputOf, type Model } from "../nn/model.ts";
import { checkReadsForward } from "../nn/model-checks.ts";
import { addModel, lossInputs } from "../nn/model-graph.ts";
import { createRandom } from "../nn/random.ts";
import { learnedStarts } from "../nn/session.ts";
import { shuffle } from "../nn/shuffle.ts";
import { meanOf } from "./following.ts";

/** A unit of a named value such as `lstm.c`: its index. */
export type Ablated = { readonly key: string; readonly unit: number };

/** Time steps of one run. */
const steps = 32;

/**
 * Measure the cross-entropy of each token given those before it, by the whole model and, side by side, without each of some
 * units alone.
 * @param model a model that gives one logit per token at every step
 * @param tokens T token ids
 * @param ablated the units, each of which is left out alone
 * @param host the host's options
 * @returns the losses (T) in nats of the whole model, then of the model without each unit; NaN for the first token, which has
 *   no prediction. While it runs, the generator yields the share of the text that has been read
 * @throws InputError for a model that does not give one logit per token at every step, and for a unit that it does not have
 */
export async function* lossesWithout(
  model: Model,
  tokens: Int32Array,
  ablated: readonly Ablated[],
  host: HostOptions = {},
): AsyncGenerator<number, readonly Float32Array[], undefined> {
  checkReadsForward(model, "ablation");
  if (!model.returnsSequences || model.inputs[0]?.count !== model.outputSize) {
    throw new InputError("ablation: needs a model that gives a logit for each token at every step");
  }
  const keys = [...new Set(ablated.map(({ key }) => key))];
  const { graph, sizes } = maskedGraph(model, keys);
  const odd = ablated.find(({ key, unit }) => !isIndex(unit, sizes[key] as number));
  if (odd !== undefined)
    throw new InputError(
      `ablation: unit ${odd.unit} of ${odd.key} is out of range: expected 0 to ${(sizes[odd.key] as number) - 1}`,
    );
  const batch = 1 + ablated.length;
  const program = await bind(model, { graph: () => graph, steps, batch, keep: ["loss"] }, host);
  try {
    program.resetStates();
    for (const [state, values] of Object.entries(learnedStarts(model))) {
      program.setState(
        state,
        Float32Array.from({ length: batch * values.length }, (_, k) => values[k % values.length] as number),
      );
    }
    for (const key of keys) {
      const size = sizes[key] as number;
      const mask = new Float32Array(batch * size).fill(1);
      ablated.forEach(
        (one, k) => one.key === key && mask.fill(0, (k + 1) * size + one.unit, (k + 1) * size + one.unit + 1),
      );
      program.setState(maskOf(key), mask);
    }
    const losses = Array.from({ length: batch }, () => new Float32Array(tokens.length).fill(Number.NaN));
    const [inputs, targets] = [new Int32Array(steps * batch), new Int32Array(steps * batch)];
    for (let from = 0; from + 1 < tokens.length; from += steps) {
      const count = Math.min(steps, tokens.length - 1 - from);
      for (let t = 0; t < count; t++) {
        inputs.fill(tokens[from + t] as number, t * batch, (t + 1) * batch);
        targets.fill(tokens[from + t + 1] as number, t * batch, (t + 1) * batch);
      }
      program.setIndex(inputOf(model), inputs);
      program.setIndex(lossInputs.target, targets);
      await program.run();
      await yieldNow();
      program.advanceStates();
      const found = program.output("loss");
      losses.forEach((own, k) => {
        for (let t = 0; t < count; t++) own[from + t + 1] = found[t * batch + k] as number;
      });
      yield (from + count) / (tokens.length - 1);
    }
    return losses;
  } finally {
    program.dispose();
  }
}

/** What a model loses without a unit, in bits per token: over all tokens, and over those predicted while a signal was on, or off. */
export type Effect = { readonly all: number; readonly on: number; readonly off: number };

/**
 * Compute what is lost without each unit, from the losses of `lossesWithout` for tokens (T) and a signal (T) at these tokens. A
 * signal is on where it is above its mean. A token is predicted at the token before it, so the signal there counts.
 */
export function effectsOf([whole, ...without]: readonly Float32Array[], signal: Float32Array): readonly Effect[] {
  const mean = meanOf(signal);
  return without.map((losses) => {
    const [sums, counts] = [
      [0, 0],
      [0, 0],
    ] as [number[], number[]];
    for (let t = 1; t < losses.length; t++) {
      const on = (signal[t - 1] as number) > mean ? 1 : 0;
      (sums[on] as number) += ((losses[t] as number) - (whole?.[t] as number)) / Math.LN2;
      (counts[on] as number)++;
    }
    const [off, on] = [0, 1].map((k) => (sums[k] as number) / (counts[k] || 1)) as [number, number];
    return { all: ((sums[0] as number) + (sums[1] as number)) / (losses.length - 1 || 1), on, off };
  });
}

/** Other units of a value to compare a unit with: `count` of them, or all if there are fewer; always the same ones. */
export function otherUnits(size: number, unit: number, count: number): readonly number[] {
  const others = Array.from({ length: size }, (_, j) => j).filter((j) => j !== unit);
  return shuffle(others, createRandom(2)).slice(0, count);
}

const maskOf = (key: string): string => `kept of ${key}`;

/** The graph of one time step of the model with a loss, in which some values are multiplied by constant states, the masks. */
function maskedGraph(model: Model, keys: readonly string[]) {
  const g = createBuilder();
  const { output, values } = addModel(g, model, { training: false, goesOn: true });
  const target = g.oneHot(g.index(lossInputs.target), model.outputSize);
  const loss = g.sub(g.reduce("logsumexp", output), g.sum(g.mul(output, target)));
  let graph = g.graph({ loss });
  const sizes: Record<string, number> = {};
  // From the last place to the first, so that inserted nodes do not move the places still to be done.
  const places = keys.map((key) => {
    const id = values[`${key}'`] ?? values[key];
    const shape = id === undefined ? undefined : graph.nodes[id]?.shape;
    if (id === undefined || typeof shape !== "number") throw new InputError(`ablation: the model has no units ${key}`);
    sizes[key] = shape;
    return { key, id, shape };
  });
  for (const place of places.sort((a, b) => b.id - a.id))
    graph = masked(graph, place.id, maskOf(place.key), place.shape);
  return { graph, sizes };
}

/** A graph in which a value, wherever it is read, is multiplied by a state that never changes. */
function masked(graph: Graph, id: NodeId, mask: string, size: number): Graph {
  const moved = (other: NodeId): NodeId => (other < id ? other : other + 2);
  const nodes = graph.nodes.map((node): Node => ({ ...node, inputs: node.inputs.map(moved) }));
  const state: Node = { op: "state", inputs: [], shape: size, name: mask };
  const product: Node = { op: "mul", inputs: [id, id + 1], shape: size };
  return {
    nodes: [...nodes.slice(0, id + 1), state, product, ...nodes.slice(id + 1)],
    states: [
      ...graph.states.map((each) => ({
        ...each,
        next: moved(each.next),
        ...(each.initial === undefined ? {} : { initial: moved(each.initial) }),
      })),
      { name: mask, size, next: id + 1, reverse: false },
    ],
    parameters: graph.parameters,
    outputs: Object.fromEntries(Object.entries(graph.outputs).map(([key, of]) => [key, moved(of)])),
    forwardCount: graph.forwardCount + 2,
  };
}
