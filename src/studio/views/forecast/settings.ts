/** The settings of a forecaster in the address, and what they are where it says nothing. */
import { excerpt } from "../../../graph/excerpt.ts";
import { type Base, bases, type Form, forms, type Head, heads } from "../../../tasks/forecast/settings.ts";
import type { Address } from "../../address.ts";
import type { ForecastTraining, TableFacts } from "../../engine/forecasting.ts";

type Query = Address["query"];

/** The numbers, by their names in addresses. */
export const numbers = {
  horizon: { label: "Horizon, steps", min: 1, max: 1000 },
  test: { label: "Test, steps", min: 1, max: 100_000 },
  season: { label: "Season, steps", min: 1, max: 100_000 },
  units: { label: "Units", min: 1, max: 512 },
  epochs: { label: "Epochs", min: 1, max: 10_000 },
  seed: { label: "Seed", min: 0, max: 2 ** 32 - 1 },
} as const;
export type NumberName = keyof typeof numbers;
/** The names of all settings in addresses. */
export const settingNames = ["column", "form", "head", "relative", ...Object.keys(numbers)] as const;

export const formTitles: Readonly<Record<Form, string>> = {
  direct: "direct: all steps at once",
  segments: "segments: a step is a segment (SegRNN)",
  recursive: "recursive: one step after the other (DeepAR)",
};
export const headTitles: Readonly<Record<Head, string>> = {
  quantiles: "quantiles",
  point: "point",
  gaussian: "Gaussian",
  "student-t": "Student-t",
  "negative-binomial": "negative binomial, of counts",
};
export const baseTitles: Readonly<Record<Base, string>> = {
  none: "nothing",
  last: "the last value",
  mean: "the mean of the lookback",
  season: "the value a season before",
};

/** What an address and a table make, and what is wrong with it, a line each. */
export type Asked = {
  readonly training: ForecastTraining;
  /** What stands where nothing is said. */
  readonly usual: Readonly<Record<NumberName, string>>;
  readonly problems: readonly string[];
};

export function askedOf(query: Query, facts: TableFacts): Asked {
  const problems: string[] = [];
  const number = (name: NumberName): number | undefined => {
    const said = query[name];
    if (said === undefined) return undefined;
    const { label, min, max } = numbers[name];
    const value = Number(said);
    if (said.trim() !== "" && Number.isInteger(value) && value >= min && value <= max) return value;
    problems.push(`${label}: a whole number from ${min} to ${max.toLocaleString("en")}, not “${excerpt(said)}”.`);
    return undefined;
  };
  const one = <Name extends string>(
    label: string,
    names: readonly Name[],
    said: string | undefined,
  ): Name | undefined => {
    const found = names.find((name) => name === said);
    if (said !== undefined && found === undefined) problems.push(`${label}: there is no “${excerpt(said)}”.`);
    return found;
  };
  const tenth = Math.max(1, Math.floor(facts.steps / 10));
  const usualHorizon = Math.min(facts.season > 1 ? facts.season : 12, tenth);
  const horizon = number("horizon") ?? usualHorizon;
  const column = one("Column", facts.columns, query.column) ?? facts.columns[0] ?? "";
  const [form, head, relative] = [
    one("Form", forms, query.form),
    one("Head", heads, query.head),
    one("Relative to", bases, query.relative),
  ];
  const [season, epochs] = [number("season"), number("epochs")];
  return {
    training: {
      ...{ column, horizon, test: number("test") ?? horizon, units: number("units") ?? 32, seed: number("seed") ?? 0 },
      ...(form !== undefined && { form }),
      ...(head !== undefined && { head }),
      ...(relative !== undefined && { relative }),
      ...(season !== undefined && { season }),
      ...(epochs !== undefined && { epochs }),
    },
    usual: {
      ...{ horizon: String(usualHorizon), test: String(horizon), season: String(facts.season) },
      ...{ units: "32", epochs: "as needed", seed: "0" },
    },
    problems,
  };
}
