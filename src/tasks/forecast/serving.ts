/** How a server answers for forecasters: series are posted, their future comes back. */
import { z } from "zod";
import { parseFrequency, readDates } from "../../data/calendar.ts";
import type { InferenceOptions } from "../../engines/engine.ts";
import { InputError } from "../../graph/input-error.ts";
import { checkFiniteValues } from "../../nn/finite-values.ts";
import type { TaskServing } from "../task.ts";
import { forecast } from "./predict.ts";
import type { ForecastData, Forecaster } from "./settings.ts";

const numbers = z.array(z.number().nullable());
const body = z.object({
  values: z.record(z.string(), numbers).meta({
    description: "Numbers by column, the oldest first. null for a target of the future, whose covariates are known.",
  }),
  texts: z
    .record(z.string(), z.array(z.string()))
    .optional()
    .meta({ description: "Texts by column, where the model reads categories." }),
  dates: z
    .array(z.string())
    .optional()
    .meta({ description: "The date of each step, where the model reads the calendar." }),
  name: z.string().optional().meta({ description: "The series' name, of a model of several." }),
  levels: z.array(z.number()).optional().meta({ description: "Probabilities whose quantiles are told." }),
  samples: z.int().min(1).max(10_000).optional().meta({ description: "Paths that a recursive model draws." }),
  seed: z.int().optional(),
});
const answer = z.object({
  forecasts: z.array(
    z.object({
      series: z.string(),
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

/** The series of a request. */
function dataOf({ values, texts, dates, name = "" }: z.infer<typeof body>, { settings }: Forecaster): ForecastData {
  const lengths = [...Object.values(values), ...Object.values(texts ?? {}), ...(dates === undefined ? [] : [dates])];
  const odd = lengths.find(({ length }) => length !== lengths[0]?.length);
  if (odd !== undefined) {
    throw new InputError(
      `values: all columns and dates need as many steps, got ${lengths[0]?.length} and ${odd.length}`,
    );
  }
  const { frequency, dateFormat } = settings;
  const read = dates === undefined ? undefined : readDates(dates, dateFormat);
  if (read !== undefined && "problem" in read) throw new InputError(`dates[${read.row}]: ${read.problem}`);
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
    ...{ frequency: frequency ?? (read === undefined ? undefined : parseFrequency("day")), dateFormat },
  };
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
          const asked = given as z.infer<typeof body>;
          const { levels, samples, seed } = asked;
          const forecasts = await forecast(content, dataOf(asked, content), {
            ...host,
            ...(levels !== undefined && { levels }),
            ...(samples !== undefined && { samples }),
            ...(seed !== undefined && { seed }),
          });
          return { forecasts };
        },
      },
      dispose() {},
    };
  },
};
