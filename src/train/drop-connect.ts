/**
 * DropConnect on recurrent matrices: in each training step the products read a copy of the parameters in which some
 * numbers of these matrices are 0; those numbers get no gradient.
 */
import { type Builder, createBuilder, type Graph, type NodeId } from "../graph/graph.ts";
import type { Model } from "../nn/model.ts";
import { cellsOf } from "../nn/model-states.ts";
import { joinPlans } from "../schedule/join-plans.ts";
import type { Plan } from "../schedule/plan.ts";
import { type ScheduleOptions, schedule } from "../schedule/schedule.ts";

/** The streams of random bits from here on belong to DropConnect; those of layers are below. */
const firstStream = 2 ** 24;

/** The rates by the names of the matrices that have one. */
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

/** All parameters, or all gradients, as one vector, with dropout applied to the matrices that have a rate. */
export function dropWeights(g: Builder, all: NodeId, plan: Plan, rates: ReadonlyMap<string, number>): NodeId {
  if (rates.size === 0) return all;
  const parts = Object.entries(plan.parameters).map(([name, { start, room }], k) => {
    const part = g.slice(all, start, room);
    const rate = rates.get(name);
    return rate === undefined ? part : g.mul(part, g.mask(room, rate, firstStream + k));
  });
  return g.concat(parts);
}

/** The plan of a graph. With rates, it first makes the copy of the parameters that the graph then reads. */
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
