/** The cells of a model's layers, and the names of their states. */

import type { CellSpec } from "./layers.ts";
import type { Layer, Model } from "./model.ts";

/** The cells of a layer, each with the prefix of its parameters' and states' names. */
export function cellsOf(layer: Layer): readonly (readonly [name: string, spec: CellSpec])[] {
  const { name } = layer;
  if (layer.kind === "cell") return [[name, layer]];
  if (layer.kind !== "bidirectional") return [];
  return [
    [`${name}.forward`, layer.forward],
    [`${name}.backward`, layer.backward],
  ];
}

/** The names (`lstm.h`) of the states of the layers that meet a condition. */
export const statesOf = ({ layers }: Pick<Model, "layers">, wanted: (spec: CellSpec) => boolean): readonly string[] =>
  layers
    .flatMap(cellsOf)
    .flatMap(([name, spec]) => (wanted(spec) ? spec.cell.states.map((state) => `${name}.${state}`) : []));
