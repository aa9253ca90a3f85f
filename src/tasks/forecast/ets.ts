/**
 * Exponential smoothing with automatic choice of the model, by augurs: ETS of what is left when MSTL has taken the seasons
 * out, and ETS alone without seasons. (augurs' ETS has no seasonal models: alone it gives a flat line for a series with a
 * season.) For Node; the library, in WebAssembly, is loaded on the first call.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { InputError } from "../../graph/input-error.ts";
import { type Arguments, checkArguments, listOf, numbers, wholeNumber } from "../../graph/schema.ts";
import { normalQuantile } from "../../train/densities/special.ts";
import { checkHistory, type NormalForecast } from "./baselines.ts";

/** @internal */
export const etsArguments: Arguments = { values: numbers, horizon: wholeNumber(1), seasons: listOf(wholeNumber(1)) };

/** The fewest values that augurs' ETS is fitted to. */
const leastValues = 10;

/**
 * Forecast by exponential smoothing (ETS, Hyndman et al. 2008), after MSTL (Bandara, Hyndman and Bergmeir 2021) where there
 * are seasons. A season that does not come twice in the series is left out.
 * @param values the series, in time order
 * @param horizon steps ahead, H
 * @param seasons their lengths in steps: [12] for months, [24, 168] for hours, [] for none
 * @returns points and deviations, and the name of the model: "MSTL-ETS" or "ETS"
 * @throws InputError for fewer than 10 values, for one that is missing, and where no model can be fitted
 */
export async function ets(
  values: ArrayLike<number>,
  horizon: number,
  seasons: readonly number[],
): Promise<NormalForecast & { readonly model: "MSTL-ETS" | "ETS" }> {
  checkArguments("ets", { values, horizon, seasons }, etsArguments);
  checkHistory("ets", values, leastValues);
  const series = Float64Array.from(values);
  const used = seasons.filter((season) => season > 1 && 2 * season < series.length);
  const fitted = used.length > 0 ? (await loadMstl()).MSTL.ets(Uint32Array.from(used)) : await plainEts();
  try {
    fitted.fit(series);
    const level = 0.95;
    const { point, intervals } = fitted.predict(horizon, level);
    const z = normalQuantile((1 + level) / 2);
    const deviations = Float64Array.from(point, (value, h) => ((intervals?.upper[h] ?? value) - value) / z);
    if (!point.every(Number.isFinite)) throw new Error("the forecast is no number");
    return { values: Float64Array.from(point), deviations, model: used.length > 0 ? "MSTL-ETS" : "ETS" };
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    throw new InputError(`ets: no model can be fitted to these ${series.length} values (${said})`, { cause: error });
  } finally {
    fitted.free();
  }
}

const plainEts = async () => new (await loadEts()).AutoETS(1, "ZZN");

/** In Node its modules find no code by `fetch`, so they get the bytes that lie beside them. */
function codeOf(name: "ets" | "mstl"): Uint8Array<ArrayBuffer> {
  const path = createRequire(import.meta.url).resolve(`@bsull/augurs/${name}`);
  return new Uint8Array(readFileSync(join(dirname(path), `${name}_bg.wasm`)));
}

/** Loaded once a process: the first call compiles 0.3 MB. */
const loaded: {
  mstl?: Promise<typeof import("@bsull/augurs/mstl")>;
  ets?: Promise<typeof import("@bsull/augurs/ets")>;
} = {};

function loadMstl() {
  loaded.mstl ??= import("@bsull/augurs/mstl").then((library) => {
    library.initSync({ module: codeOf("mstl") });
    return library;
  });
  return loaded.mstl;
}

function loadEts() {
  loaded.ets ??= import("@bsull/augurs/ets").then((library) => {
    library.initSync({ module: codeOf("ets") });
    return library;
  });
  return loaded.ets;
}
