/** How the chapter on text trains: its texts and settings. */
import type { TrainingSettings } from "../../engine/training.ts";
import { mobyDick } from "../../models/book.ts";
import { textTitle } from "../../models/text-origin.ts";

export const units = 128;

export type TextName = "book" | "chapter" | "own";
const titleOf = (kind: TextName): string => textTitle({ kind });
export const textTitles: { readonly [Name in TextName]: string } = {
  ...{ book: titleOf("book"), chapter: titleOf("chapter"), own: titleOf("own") },
};

/** What stands in the field for one's own text: the nursery rhyme, whose verses say the same again and again. */
export const rhyme = (() => {
  const lines = [
    "the malt that lay in",
    "the rat that ate",
    "the cat that killed",
    "the dog that worried",
    "the cow with the crumpled horn that tossed",
    "the maiden all forlorn that milked",
    "the man all tattered and torn that kissed",
    "the priest all shaven and shorn that married",
  ];
  const verse = (k: number): string =>
    ["This is", ...lines.slice(0, k).reverse(), "the house that Jack built."].join("\n").replace("\n", " ");
  return lines.map((_, k) => verse(k + 1)).join("\n\n");
})();

export const textOf: { readonly [Name in TextName]: (own: string) => Promise<string> } = {
  book: () => mobyDick(),
  chapter: async () => (await mobyDick()).split("CHAPTER 2")[0] as string,
  own: async (own) => own,
};

/** Short texts make small batches, so that there are some. */
export function settingsFor(text: string, minutes: number): TrainingSettings {
  return {
    ...{ cell: "lstm", units, layers: 1, tokens: "char", dropout: 0, seed: 0 },
    ...{ batch: text.length < 50_000 ? 4 : 16, steps: 32, learningRate: 0.005 },
    ...{ until: { minutes }, sample: 180, validations: 10 },
  };
}
