/** Which examples are kept for validation: whole groups where there are any, else a share of each class. */
import { InputError } from "../../graph/input-error.ts";
import { createRandom } from "../../nn/random.ts";
import { shuffle } from "../../nn/shuffle.ts";
import { type LabelledSequence, placeOfLabel } from "./examples.ts";

export type Split = { readonly training: readonly number[]; readonly validation: readonly number[] };

/**
 * Split examples. Where all have a group and there are at least 2 groups, whole groups are kept, as near to the share as possible;
 * else the share of each class, at least one example, drawn by the seed.
 * @throws InputError for a class of one example, and for groups that leave a class without examples to train on
 */
export function splitExamples(examples: readonly LabelledSequence[], share: number, seed: number): Split {
  const all = examples.map((_, k) => k);
  if (share === 0) return { training: all, validation: [] };
  const random = createRandom(seed);
  const drawn = Int32Array.from(all);
  shuffle(drawn, random);
  const kept = new Set<number>();
  const groups = [...new Set(examples.map(({ group }) => group))];
  if (groups.length > 1 && !groups.includes(undefined)) {
    const order = [...new Set(Array.from(drawn, (k) => (examples[k] as LabelledSequence).group))];
    for (const group of order) {
      const members = all.filter((k) => examples[k]?.group === group);
      const [before, after] = [kept.size, kept.size + members.length].map((n) => Math.abs(n - share * all.length)) as [
        number,
        number,
      ];
      if (kept.size === 0 ? members.length < all.length : after < before) for (const k of members) kept.add(k);
    }
  } else {
    for (const label of new Set(examples.map((one) => one.label))) {
      const members = Array.from(drawn).filter((k) => examples[k]?.label === label);
      const [only = 0] = members;
      if (members.length === 1) {
        const name = placeOfLabel(examples[only] as LabelledSequence, only);
        throw new InputError(
          `${name}: it is the only example with the label ${JSON.stringify(label)}; validation needs one too. Give more, leave it out, or give validation: 0.`,
        );
      }
      const count = Math.max(1, Math.min(members.length - 1, Math.round(share * members.length)));
      for (const k of members.slice(0, count)) kept.add(k);
    }
  }
  const training = all.filter((k) => !kept.has(k));
  const left = new Set(training.map((k) => examples[k]?.label));
  const missing = examples.find(({ label }) => !left.has(label));
  if (missing !== undefined) {
    throw new InputError(
      `all examples with the label ${JSON.stringify(missing.label)} are of groups that are kept for validation. Give another seed, or validation examples of your own.`,
    );
  }
  return { training, validation: [...kept].sort((a, b) => a - b) };
}
