/** Two plans as one. */
import type { Plan } from "./plan.ts";

/** The tables of a plan that are by name. */
const tables = ["inputs", "indices", "settings", "totals", "states", "parameters", "slots", "outputs"] as const;

/**
 * Join two plans that share a memory (see `after` of `ScheduleOptions`) and run one after the other. Only one of them has
 * parameters.
 */
export function joinPlans(first: Plan, second: Plan): Plan {
  const joined = tables.map((key) => [key, { ...first[key], ...second[key] }] as const);
  return {
    ...(Object.fromEntries(joined) as Pick<Plan, (typeof tables)[number]>),
    target: first.target,
    sections: [...first.sections, ...second.sections],
    bytes: Math.max(first.bytes, second.bytes),
    memory: [...first.memory, ...second.memory].sort((a, b) => a.offset - b.offset),
    keys: first.keys,
    slabs: first.slabs.numbers > 0 ? first.slabs : second.slabs,
    changesParameters: first.changesParameters || second.changesParameters,
  };
}
