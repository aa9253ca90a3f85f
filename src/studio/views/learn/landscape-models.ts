/** Models of two weights whose loss can be drawn as a landscape, with what they learn from. */
import type { Extent, SmallModel } from "../../engine/gradient-lesson.ts";
import { texts } from "../../texts/texts.ts";

const own = texts.learn.landscape;

type LandscapeModel = SmallModel & {
  readonly title: string;
  /** What the model is, as TeX. */
  readonly tex: string;
  /** How the two weights are called in texts. */
  readonly names: readonly [string, string];
  /** What of the landscape is seen, and of the examples. */
  readonly extent: Extent;
  readonly seen: Extent;
  readonly axes: readonly [string, string];
  /** Where the ball lies at first, and how far it goes for a slope of 1. */
  readonly start: readonly [number, number];
  readonly rate: number;
};

export type LandscapeName = "plant" | "pair";
export const landscapes: Readonly<Record<LandscapeName, LandscapeModel>> = {
  plant: {
    title: own.models.plant,
    equations: "y = w * x + b",
    tex: "\\hat y = w\\,x + b",
    weights: ["w", "b"],
    names: ["w", "b"],
    examples: [
      { x: 0, y: 0.3 },
      { x: 0.5, y: 0.6 },
      { x: 1, y: 1.1 },
      { x: 1.5, y: 1.3 },
      { x: 2, y: 1.8 },
    ],
    extent: { from: [-1, -1.5], to: [2.5, 2] },
    seen: { from: [-0.2, -0.5], to: [2.2, 2.5] },
    axes: [own.models.months, own.models.height],
    start: [-0.8, 0.6],
    rate: 0.1,
  },
  pair: {
    title: own.models.pair,
    equations: "y = v * tanh(w * x)",
    tex: "\\hat y = v\\,\\tanh(w\\,x)",
    weights: ["w", "v"],
    names: ["w", "v"],
    examples: [
      { x: -2, y: -1.1 },
      { x: -1, y: -0.8 },
      { x: -0.4, y: -0.5 },
      { x: 0.4, y: 0.4 },
      { x: 1, y: 0.9 },
      { x: 2, y: 1 },
    ],
    extent: { from: [-3, -3], to: [3, 3] },
    seen: { from: [-2.3, -1.5], to: [2.3, 1.5] },
    axes: ["x", "y"],
    start: [-0.5, 1.4],
    rate: 0.3,
  },
};

/** How many fields of the map there are in each direction. */
export const mapSize = 44;
export const rates = { min: 0.02, max: 0.6, step: 0.02 } as const;
