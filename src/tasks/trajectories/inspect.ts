/**
 * What the recurrent layer of a model of trajectories is at each step of one track: gates, states and all other lines of its
 * equations. Knows nothing about how this is shown.
 */
import type { InferenceOptions } from "../../engines/engine.ts";
import { hostOf } from "../../engines/registry.ts";
import { inspectSequence } from "../../nn/inspection.ts";
import type { Path } from "../../train/densities/paths.ts";
import { type LabelledValue, shownValues } from "../inspect-text.ts";
import { displacementsOf } from "./coordinates.ts";
import { predictWindows } from "./predict.ts";
import type { TrajectoryModel } from "./settings.ts";
import type { Window } from "./windows.ts";

/** What a model's layers are while it follows one track, column by column: a column reads the displacement to a place. */
export type InspectedTrack = {
  /** Columns for the second place that is seen and those after it; and for the places of the path but its last. */
  readonly seen: number;
  readonly ahead: number;
  /** The one path of the prediction: of form "step" that which follows the mean of each step. */
  readonly path: Path;
  /** The values (seen + ahead, size) of each line of the recurrent layers' equations; of a state, its values after the column. */
  readonly values: readonly (LabelledValue & { readonly data: Float32Array<ArrayBuffer> })[];
};

/**
 * Read the recurrent layers' values while a window's future is predicted. Form "direct" reads the places that are seen, and its last
 * state gives all futures at once. Form "step" reads on in the future: here along the path that follows the mean of each step.
 * @throws InputError as `predictWindows`
 */
export async function inspectTrack(
  tm: TrajectoryModel,
  window: Window,
  options: InferenceOptions = {},
): Promise<InspectedTrack> {
  const { model, settings } = tm;
  const host = hostOf(options);
  const [found] = await predictWindows(tm, [window], { ...host, futures: 1 });
  const { path } = found as { path: Path };
  const seen = settings.seen - 1;
  // The last place is predicted, and nothing reads the step to it.
  const ahead = settings.form === "step" ? settings.predicted - 1 : 0;
  const places = (known: Float64Array, later: Float64Array): Float64Array =>
    Float64Array.from([...known.subarray(0, settings.seen), ...later]);
  const whole = { ...window, x: places(window.x, path.x), y: places(window.y, path.y) };
  const shown = shownValues(model, [], "");
  const all = await inspectSequence(
    model,
    { x: displacementsOf([whole], settings, seen + ahead).data },
    seen + ahead,
    shown.map(({ key }) => key),
    host,
  );
  const values = shown.map((value) => ({ ...value, data: all[value.key] as Float32Array<ArrayBuffer> }));
  return { seen, ahead, path, values };
}
