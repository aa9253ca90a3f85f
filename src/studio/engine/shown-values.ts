/** What can be seen of a model's layers, as Inspect shows it: the lines of their equations. */
import type { Model } from "../../nn/model.ts";
import { shownValues } from "../../tasks/inspect-text.ts";
import type { LayerValue } from "./reading.ts";

/** The gates, states and other values of the layers that have states, or of all layers where none has. */
export const valuesOf = (model: Model): LayerValue[] =>
  shownValues(model, [], "").map(({ key, layer, name, size, gate, description }) => {
    return { key, layer, name, size, gate, description };
  });
