/** How the chapter on learning trains XOR, and what it shows of the plane. */
import type { Extent } from "../../engine/gradient-lesson.ts";
import { highest, lowest } from "./points.ts";

export const xorUpdates = 1000;
export const xorStart = { units: 2, seed: 1, rate: 1 } as const;
export const plane: Extent = { from: [lowest, lowest], to: [highest, highest] };
/** How many fields a view of the plane has in each direction. */
export const viewSize = 24;
