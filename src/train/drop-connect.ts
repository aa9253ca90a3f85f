/**
 * DropConnect on the matrices that meet states: in each run of a training step the products read a copy of the parameters
 * in which some numbers of these are 0, and those numbers get no gradient. Knows nothing about optimisers.
 */
import { type Builder, createBuilder, type NodeId } from "../graph/graph.ts";
import { cellsOf, type Model } from "../nn/model.ts";
import { aligned } from "../schedule/memory.ts";
import { type Plan, pad4, parameterRuns } from "../schedule/plan.ts";
import { schedule } from "../schedule/schedule.ts";

/** Streams of random bits from here on are its own; those of layers lie below. */
const firstStream = 2 ** 24;

/** The rate for each matrix that has one, by its name. */
export function dropConnectRates({ layers }: Pick<Model, "layers">): ReadonlyMap<string, number> {
  const rates = layers
    .flatMap(cellsOf)
    .flatMap(([name, { cell, dropConnect, shared = {} }]) =>
      cell.parameters.flatMap((one): [string, number][] =>
        one.recurrent && dropConnect > 0 ? [[shared[one.name] ?? `${name}.${one.name}`, dropConnect]] : [],
      ),
    );
  return new Map(rates);
}

/** All parameters, or their gradients, in one run of numbers: with what is dropped set to 0, and the rest as dropout does. */
export function dropWeights(g: Builder, all: NodeId, plan: Plan, rates: ReadonlyMap<string, number>): NodeId {
  if (rates.size === 0) return all;
  const parts = parameterRuns(plan).map(({ name, start, size }, k) => {
    const part = g.slice(all, start, pad4(size));
    const rate = rates.get(name);
    return rate === undefined ? part : g.mul(part, g.mask(pad4(size), rate, firstStream + k));
  });
  return g.concat(parts);
}

/** The plan with a part before it that makes the copy; its parameters are then those that the copy is made from. */
export function withDroppedWeights(plan: Plan, rates: ReadonlyMap<string, number>): Plan {
  if (rates.size === 0) return plan;
  const { floats, offset: used } = plan.parameterSlab;
  const offset = aligned(plan.bytes);
  const g = createBuilder();
  g.state("used", floats);
  g.next("used", dropWeights(g, g.input("parameters", floats), plan, rates));
  const copy = schedule(g.graph({}), {
    ...{ steps: 1, batch: 1, base: offset + 4 * floats + 16, keys: plan.keys },
    ...{ inputs: { parameters: offset }, inPlace: { used } },
  });
  const moved = Object.entries(plan.parameters).map(([name, one]) => {
    return [name, { ...one, offset: one.offset - used + offset }] as const;
  });
  return {
    ...plan,
    sections: [...copy.sections, ...plan.sections],
    bytes: copy.bytes,
    memory: [...plan.memory, { name: "parameters before what is dropped", offset, bytes: 4 * floats }, ...copy.memory],
    parameters: Object.fromEntries(moved),
    parameterSlab: { offset, floats },
  };
}
