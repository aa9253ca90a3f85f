/**
 * Vocabularies that people keep beside their weights: a table of numbers by character (`char_to_idx`), of characters by number, or a list of
 * characters, in a checkpoint or in a whole module. Knows nothing about what they are of.
 */
import { isRecord, type PickleValue } from "../containers/pickle.ts";
import { entriesOf, fieldsOf, isModule, itemsIn } from "./state.ts";

/** The vocabularies among the values of what `torch.save` wrote: the token of each number. */
export function vocabulariesIn(value: PickleValue): readonly (readonly string[])[] {
  const entries = isModule(value) ? fieldsOf(value) : entriesOf(value);
  return [...(entries?.values() ?? [])].flatMap((one) => {
    const tokens = tokensOf(one);
    return tokens === undefined ? [] : [tokens];
  });
}

function tokensOf(value: PickleValue): readonly string[] | undefined {
  if (isRecord(value, "list") || isRecord(value, "tuple")) return textsIn(itemsIn(value));
  const entries = entriesOf(value);
  if (entries === undefined || entries.size < 2) return undefined;
  const byNumber = Array.from({ length: entries.size }, (_, id) => entries.get(String(id)));
  const texts = textsIn(byNumber);
  if (texts !== undefined) return texts;
  const tokens = new Array<string | undefined>(entries.size).fill(undefined);
  for (const [token, id] of entries) {
    if (
      typeof id !== "number" ||
      !Number.isInteger(id) ||
      !(0 <= id && id < tokens.length) ||
      tokens[id] !== undefined
    ) {
      return undefined;
    }
    tokens[id] = token;
  }
  return tokens as string[];
}

const textsIn = (items: readonly (PickleValue | undefined)[]): readonly string[] | undefined =>
  items.length >= 2 && items.every((one) => typeof one === "string") ? (items as string[]) : undefined;
