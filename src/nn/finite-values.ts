/** Models that give no numbers any more: said with the value that is none. Knows nothing about how one became so. */
import { InputError } from "../graph/input-error.ts";
import type { Model } from "./model.ts";

/** A fault of the model's, whatever is asked of it. */
export class BrokenModel extends InputError {}

const why = "The model's weights have diverged: train anew at a lower rate.";

/**
 * @param where what the message begins with: the model's file or name
 * @throws BrokenModel for a value that is infinite or NaN, with its parameter and its place there
 */
export function checkFiniteValues({ parameters, values }: Model, where: string): void {
  for (const { name, shape } of parameters) {
    const all = values[name] as Float32Array;
    const at = all.findIndex((value) => !Number.isFinite(value));
    if (at < 0) continue;
    const [, columns] = shape;
    const place = columns === undefined ? [at] : [Math.floor(at / columns), at % columns];
    throw new BrokenModel(`${where}: ${name}[${place.join(", ")}] is ${all[at]}, not a finite number. ${why}`);
  }
}

/** What the model gave is no number, though its values may be. */
export const brokenModel = (problem: string): BrokenModel => new BrokenModel(`${problem}. ${why}`);
