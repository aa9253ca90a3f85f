/** The parts of the view Inspect. Each but the first is loaded when it is opened. */
import type { ComponentType } from "preact";
import type { OpenModel } from "../../models/open-model.ts";
import type { Reading } from "./reading.ts";

export type PartProps = {
  readonly model: OpenModel;
  readonly text: string;
  readonly reading: Reading;
  /** The number of tokens that have been read. */
  readonly done: number;
  /** The settings of the view in a link. */
  readonly start: Readonly<Record<string, string>>;
  /** The settings for a link to the current view. */
  readonly onView: (view: Readonly<Record<string, string>>) => void;
};

/** A part has its own settings in an address; one without `load` is in the view itself. */
type Part = { readonly load?: () => Promise<{ readonly default: ComponentType<PartProps> }> };
export type PartName = "units" | "compare" | "similar" | "map";

/** By their names in addresses. */
export const parts: Readonly<Record<PartName, Part>> = {
  units: {},
  compare: { load: () => import("./compare.tsx") },
  similar: { load: () => import("./similar.tsx") },
  map: { load: () => import("./state-map.tsx") },
};

/** What each part has in an address, besides the text, that also applies to another model. */
export const carriedSettings = ["show", "with", "prompt", "seed", "temperature", "length"];
