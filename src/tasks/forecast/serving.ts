/** How a server answers for forecasters: series are posted, their future comes back. */
import { z } from "zod";
import { type DateColumn, parseFrequency, readDates } from "../../data/calendar.ts";
import type { InferenceOptions } from "../../engines/engine.ts";
import { InputError } from "../../graph/input-error.ts";
import { checkFiniteValues } from "../../nn/finite-values.ts";
import type { TaskServing } from "../task.ts";
import { forecast, nameOf } from "./predict.ts";
import { hasFrequency } from "./prepare.ts";
import type { ForecastData, Forecaster, ForecastSettings } from "./settings.ts";

const numbers = z.array(z.number().nullable());
const body = z.object({
  values: z.record(z.string(), numbers).meta({
    description: "Numbers by column, the oldest first. null for a target of the future, whose covariates are known.",
  }),
  texts: z
    .record(z.string(), z.array(z.string()))
    .nullish()
    .meta({ description: "Texts by column, where the model reads categories." }),
  dates: z.array(z.string()).nullish().meta({
    description:
      "The date of each step, where the model reads the calendar. All written alike, in any way that tables have.",
  }),
  name: z.string().nullish().meta({ description: "The series' name, of a model of several." }),
  horizon: z.int().min(1).max(10_000).nullish().meta({
    description: "The first steps that are told, at most those that the model forecasts. Default: all of them.",
  }),
  levels: z.array(z.number()).nullish().meta({ description: "Probabilities whose quantiles are told, rising." }),
  samples: z
    .int()
    .min(1)
    .max(10_000)
    .nullish()
    .meta({ description: "Paths that a recursive model draws. Default 200." }),
  seed: z.int().nullish().meta({ description: "The seed of the draws. Default 0." }),
});
const answer = z.object({
  forecasts: z.array(
    z.object({
      series: z.string().meta({ description: "The series' name; of one without a name its column." }),
      target: z.string(),
      steps: z.array(
        z.object({
          step: z.int(),
          date: z.string().optional(),
          value: z.number(),
          quantiles: z.record(z.string(), z.number()),
        }),
      ),
    }),
  ),
});

/** The fields of a request, of which those that are null are not there. */
type Asked = { readonly [Name in keyof z.infer<typeof body>]: Exclude<z.infer<typeof body>[Name], null> };

/** The series of a request. */
function dataOf({ values, texts, dates, name = "" }: Asked, { settings }: Forecaster): ForecastData {
  const lengths = [...Object.values(values), ...Object.values(texts ?? {}), ...(dates === undefined ? [] : [dates])];
  const odd = lengths.find(({ length }) => length !== lengths[0]?.length);
  if (odd !== undefined) {
    throw new InputError(
      `values: all columns and dates need as many steps, got ${lengths[0]?.length} and ${odd.length}`,
    );
  }
  const { frequency } = settings;
  const read = dates === undefined ? undefined : datesOf(dates, settings);
  return {
    series: [
      {
        name,
        values: Object.fromEntries(
          Object.entries(values).map(([column, all]) => [column, Float64Array.from(all, (one) => one ?? Number.NaN)]),
        ),
        ...(texts !== undefined && { texts }),
        ...(read !== undefined && { instants: Float64Array.from(read.instants) }),
      },
    ],
    ...{ frequency: frequency ?? (read === undefined ? undefined : parseFrequency("day")), dateFormat: read?.format },
  };
}

/**
 * The dates of a request, in the way of writing that they have themselves. Where they fit that of the training too, the one that
 * gives the model's frequency is taken.
 * @throws InputError for dates that are none, or that are not written alike
 */
function datesOf(dates: readonly string[], { frequency, dateFormat }: ForecastSettings): DateColumn {
  const [own, trained] = [readDates(dates), readDates(dates, dateFormat)];
  const read = [trained, own].filter((one) => "instants" in one);
  const fitting = read.find(({ instants }) => frequency === undefined || hasFrequency(instants, frequency)) ?? read[0];
  if (fitting !== undefined) return fitting;
  const problems = [own, trained].filter((one) => "problem" in one);
  const { row, problem } = problems.reduce((best, one) => (one.row > best.row ? one : best));
  // What tables have options for is not in a request.
  const said = problem
    .replace(/, (?:or )?give dateFormat[^.]*/, "")
    .replace(/Say which with.*$/, "Write them as 2024-01-31.");
  throw new InputError(`dates.${row}: ${said}`);
}

/** @throws InputError for more steps than a model forecasts */
function checkHorizon(asked: number | undefined, { settings: { horizon } }: Forecaster): void {
  if (asked === undefined || asked <= horizon) return;
  throw new InputError(`horizon: this model forecasts ${horizon} steps, got ${asked}. Give at most ${horizon}.`);
}

/** What the library says of series, said of the fields of a request. */
function ofFields(error: unknown): unknown {
  const [, said = ""] = (error instanceof InputError && /^forecast: (.*)$/s.exec(error.message)) || [];
  if (said === "") return error;
  const [, own] = /^(levels|samples|seed)\b/.exec(said) ?? [];
  if (own !== undefined) return new InputError(`${own}: ${said.slice(own.length).replace(/^[: ]+/, "")}`);
  if (/has no dates/.test(said)) {
    return new InputError("dates: needs the date of each step, as the model reads the calendar");
  }
  const field = /of a frequency of/.test(said)
    ? "dates"
    : /was not there in training|has no text at/.test(said)
      ? "texts"
      : "values";
  return new InputError(`${field}: ${said}`);
}

export const serving: TaskServing<Forecaster> = {
  routes: {
    forecast: {
      ...{ path: "/v1/forecasts", summary: "The future of a series." },
      ...{ body, answer },
    },
  },
  async start(content: Forecaster, host: InferenceOptions) {
    checkFiniteValues(content.model, "the model");
    return {
      answers: {
        async forecast(given) {
          const asked = given as Asked;
          const { levels, samples, seed, horizon } = asked;
          checkHorizon(horizon, content);
          try {
            const forecasts = await forecast(content, dataOf(asked, content), {
              ...host,
              ...(levels !== undefined && { levels }),
              ...(samples !== undefined && { samples }),
              ...(seed !== undefined && { seed }),
              ...(horizon !== undefined && { horizon }),
            });
            return {
              forecasts: forecasts.map((one) => ({ ...one, series: nameOf(one) })),
            };
          } catch (error) {
            throw ofFields(error);
          }
        },
      },
      dispose() {},
    };
  },
};
