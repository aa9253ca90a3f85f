/** What a forecaster is: its options with their defaults, and its content as plain data. Knows nothing about how it computes. */
import { type CalendarPart, calendarPartNames, type Frequency } from "../../data/calendar.ts";
import { aScaling, type FittedScaling, type ScalingKind } from "../../data/scaling.ts";
import type { Series } from "../../data/series.ts";
import { aCell, type Cell } from "../../graph/cell.ts";
import {
  alias,
  either,
  having,
  inRange,
  listOf,
  oneOf,
  type Rule,
  required,
  type Schema,
  string,
  wholeNumber,
} from "../../graph/schema.ts";
import { size } from "../../nn/layers.ts";
import type { Model } from "../../nn/model.ts";
import { aSeed } from "../../nn/random.ts";
import { risingLevels } from "../../train/densities/univariate.ts";

/** Series with their frequency: what `seriesOfTable` gives, or the like of one's own making. */
export type ForecastData = {
  readonly series: readonly (Pick<Series, "name" | "values"> & Partial<Pick<Series, "instants" | "texts">>)[];
  readonly frequency?: Frequency | undefined;
  readonly dateFormat?: string | undefined;
};
export const forecastData: Rule = {
  ...having("series, as seriesOfTable makes them", "series"),
  look: (where, value) =>
    listOf(having("a series, as seriesOfTable makes it", "name", "values"), 1).look?.(
      where,
      (value as ForecastData).series,
    ),
};

/** How a network forecasts: see `ForecasterOptions`. */
export const forms = ["direct", "segments", "recursive"] as const;
export type Form = (typeof forms)[number];
export const heads = ["point", "gaussian", "student-t", "negative-binomial", "quantiles"] as const;
export type Head = (typeof heads)[number];
export const bases = ["none", "last", "mean", "season"] as const;
export type Base = (typeof bases)[number];

/** Options of `forecaster`. */
export type ForecasterOptions = {
  /** How many steps are forecast. */
  readonly horizon: number;
  /** How many past steps a forecast is made from. Default: 2 seasons or 2 horizons, the larger, as far as the series are long enough. */
  readonly lookback?: number;
  /** The columns that are forecast. Default: all that are no covariates, do not just count the steps, and are not constant. */
  readonly targets?: readonly string[];
  /** Columns of numbers that are known for the past alone. */
  readonly past?: readonly string[];
  /** Columns of numbers or texts that are known for the future too, as a price or a holiday. */
  readonly future?: readonly string[];
  /** Parts of the calendar that a network is told, of the past and the future. Default: those of the frequency; none without dates. */
  readonly calendar?: readonly CalendarPart[];
  /** How each column is scaled, fitted on each series' training part. Default "standard". */
  readonly scaling?: ScalingKind | readonly ScalingKind[];
  /** The length of a season in steps. Default: the usual one of the frequency. */
  readonly season?: number;
  /**
   * What forecasts are relative to, after scaling: "last", the last value; "season", the value of a season before; "mean", the
   * mean of the lookback; "none". Default "season" where there is one and the series are long enough, else "last".
   */
  readonly relative?: Base;
  /**
   * "direct" (default): a recurrent layer reads the lookback, and its last state gives all steps at once. "segments": segments of the
   * lookback are the steps of one GRU, whose last state, once more with the place of each segment of the future, gives that segment;
   * each target is a series of its own. S. Lin et al., "SegRNN", 2023 (arXiv 2308.11200). "recursive": one step at a time, each from
   * draws of the one before. D. Salinas et al., "DeepAR", 2017 (arXiv 1704.04110).
   */
  readonly form?: Form;
  /** Whether each target is a series of its own, with one network for all. Default false; of segments always true. */
  readonly independent?: boolean;
  /** The name of a built-in cell, or a cell of your own. Default "gru-reset-after", Keras's GRU; segments have no other. */
  readonly cell?: string | Cell;
  /** Units of each recurrent layer. Default 32. */
  readonly units?: number;
  /** Number of recurrent layers. Default 1. */
  readonly layers?: number;
  /** Dropout rate before the output. Default 0. */
  readonly dropout?: number;
  /** Steps of a segment, a divisor of lookback and horizon. Default: the largest such that there are two segments or more in each. */
  readonly segment?: number;
  /**
   * What a network gives of each value. "point": one number. A distribution: "gaussian"; "student-t", with heavier tails;
   * "negative-binomial", of counts, which are then not scaled. "quantiles" (default): those of `levels`.
   */
  readonly head?: Head;
  /** The levels of head "quantiles", and those that are reported. Default 0.1, 0.5, 0.9. */
  readonly levels?: readonly number[];
  /** The loss of head "point". Default "mae". */
  readonly loss?: "mae" | "mse" | "huber";
  /** Networks beside each other, trained from initial values of their own; their forecasts are averaged. Default 1. */
  readonly members?: number;
  /** The last steps of each series but for `test`, to validate on. Default: the horizon, at least a tenth. */
  readonly validation?: number;
  /** The last steps of each series, which neither scaling nor training sees. Default 0. */
  readonly test?: number;
  /** Seed of the initial values. Default 0. */
  readonly seed?: number;
};

const columns = listOf(string);
export const forecasterRules: Schema<ForecasterOptions> = {
  horizon: required(alias(size, "outputLength", "predictionLength", "predLen")),
  lookback: alias(size, "inputLength", "contextLength", "seqLen", "window"),
  targets: alias(listOf(string, 1), "columns", "target"),
  past: alias(columns, "pastCovariates"),
  future: alias(columns, "futureCovariates"),
  calendar: listOf(oneOf(...calendarPartNames)),
  scaling: alias(aScaling, "scaler"),
  season: alias(size, "period", "seasonality"),
  relative: oneOf(...bases),
  form: oneOf(...forms),
  independent: { expected: "true or false", accepts: (value) => typeof value === "boolean" },
  cell: { ...either(string, aCell), expected: 'the name of a cell ("gru"), or a cell, as cell() makes it' },
  units: alias(size, "hiddenSize"),
  layers: alias(wholeNumber(1, 20), "numLayers"),
  dropout: inRange(0, 1),
  segment: alias(size, "segLen"),
  head: alias(oneOf(...heads), "likelihood", "distribution"),
  levels: alias(risingLevels, "quantiles"),
  loss: oneOf("mae", "mse", "huber"),
  members: alias(wholeNumber(1, 100), "ensemble"),
  validation: wholeNumber(0),
  test: wholeNumber(0),
  seed: aSeed,
};

/** The settings of a forecaster, complete: what its file holds besides its network. */
export type ForecastSettings = {
  readonly horizon: number;
  readonly lookback: number;
  readonly targets: readonly string[];
  readonly past: readonly string[];
  readonly future: readonly string[];
  /** The texts that columns of texts among `future` may have, by column. */
  readonly categories: Readonly<Record<string, readonly string[]>>;
  readonly calendar: readonly CalendarPart[];
  readonly frequency: Frequency | undefined;
  readonly dateFormat: string | undefined;
  readonly scaling: readonly ScalingKind[];
  readonly season: number;
  readonly relative: Base;
  readonly form: Form;
  readonly independent: boolean;
  readonly segment: number;
  readonly head: Head;
  readonly levels: readonly number[];
  readonly loss: "mae" | "mse" | "huber";
  readonly members: number;
  readonly validation: number;
  readonly test: number;
  /** The names of the series that it was made from, in order: their places are their numbers. */
  readonly series: readonly string[];
  /** How many steps of each were there for training and validation, by name. */
  readonly seen: Readonly<Record<string, number>>;
  /** Their first dates, by name, as instants; without dates there are none. */
  readonly starts: Readonly<Record<string, number>>;
  /** The fitted scalings of the columns of numbers, by series and column. */
  readonly fitted: Readonly<Record<string, Readonly<Record<string, FittedScaling>>>>;
  /** The typical size of what a network reads and forecasts, after scaling and relative to the base: it sees 1. */
  readonly spread: { readonly inputs: number; readonly outputs: number };
  /** The mean of the counts, for head "negative-binomial". */
  readonly countScale: number;
};

/** A forecaster: a network and what turns series into its numbers and back. Plain data, the content of its file. */
export type Forecaster = {
  readonly model: Model;
  readonly settings: ForecastSettings;
  /**
   * Of head "point": by level and step, how far from the forecast its quantile lies, in what the network sees. Undefined before training,
   * without validation, and for other heads.
   */
  readonly margins?: Readonly<Record<string, readonly number[]>> | undefined;
};
export const aForecaster: Rule = {
  ...having("a forecaster, as forecaster() makes it", "model", "settings"),
  accepts: (value) => {
    const { model, settings } = (value ?? {}) as Partial<Forecaster>;
    return typeof model === "object" && typeof settings === "object" && settings !== null && "horizon" in settings;
  },
};
