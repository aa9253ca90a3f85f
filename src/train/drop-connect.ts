/**
 * DropConnect on the matrices that meet states: in each run of a training step the products read a copy of the parameters
 * in which some numbers of these are 0, and those numbers get no gradient. Knows nothing about optimisers.
 */
import { type Builder, createBuilder, type Graph, type NodeId } from "../graph/graph.ts";
import { cellsOf, type Model } from "../nn/model.ts";
import type { Plan } from "../schedule/plan.ts";
import { joinPlans, type ScheduleOptions, schedule } from "../schedule/schedule.ts";

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
  const parts = Object.entries(plan.parameters).map(([name, { start, room }], k) => {
    const part = g.slice(all, start, room);
    const rate = rates.get(name);
    return rate === undefined ? part : g.mul(part, g.mask(room, rate, firstStream + k));
  });
  return g.concat(parts);
}

/** The graph's plan; where weights are dropped, behind a section that makes the copy of the parameters which it reads. */
export function scheduleDropped(graph: Graph, options: ScheduleOptions, rates: ReadonlyMap<string, number>): Plan {
  if (rates.size === 0) return schedule(graph, options);
  const plan = schedule(graph, { ...options, copies: true });
  const { numbers } = plan.slabs;
  const g = createBuilder();
  g.state("used", numbers);
  g.next("used", dropWeights(g, g.input("parameters", numbers), plan, rates));
  const { target } = options;
  const from = { inputs: { parameters: "parameters" }, inPlace: { used: "used" } } as const;
  return joinPlans(schedule(g.graph({}), { target, steps: 1, batch: 1, after: plan, ...from }), plan);
}
