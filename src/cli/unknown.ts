/** What commands say about characters that a model never saw. */
import { excerpt } from "../graph/excerpt.ts";
import { InputError } from "../graph/input-error.ts";
import { unknownCharacters } from "../tasks/generate.ts";
import type { LanguageModel } from "../tasks/language-model.ts";
import { countUnknown, hasUnknown } from "../text/tokenizer.ts";
import { runsOf, type Tokens } from "../train/token-source.ts";
import { formatCount, warn } from "./output.ts";
import { isLarge, type Source } from "./tokens.ts";

/** Share of a text from which on it is no text for the model. */
const maxUnknown = 0.01;

/**
 * A text to train or to validate on: characters that the model never saw are said, with how many there are, and refused
 * where they are too many.
 * @throws InputError for more than a hundredth of the text, unless `allowed`
 */
export function checkUnknown(
  where: string,
  model: LanguageModel,
  text: Source,
  { tokens, allowed, json }: { readonly tokens: Tokens; readonly allowed: boolean; readonly json: boolean },
): void {
  let count = 0;
  if (hasUnknown(model.tokenizer)) for (const run of runsOf(tokens)) count += countUnknown(run);
  if (count === 0) return;
  const characters = new Set<string>();
  const parts = typeof text === "string" ? [text] : isLarge(text) ? text.parts : text;
  for (const part of parts) for (const one of unknownCharacters(model, part)) characters.add(one);
  const share = count / tokens.length;
  const often = `${count === 1 ? "once" : `${formatCount(count)} times`} in ${formatCount(tokens.length)} tokens`;
  const found = `the model never saw ${listed([...characters])}, ${often}`;
  if (share > maxUnknown && !allowed) {
    const refusal = `${where}: ${found}. Train a new model on it; or give --allow-unknown, which reads each as unknown.`;
    throw new InputError(refusal);
  }
  warn(`${where}: ${found}; it reads each as unknown.`, json);
}

/** One line on standard error for what the model reads as its unknown character. `where` is what the text came from. */
export function warnUnknown(where: string, model: LanguageModel, text: string, json: boolean): void {
  const characters = unknownCharacters(model, text);
  if (characters.length === 0) return;
  const typed = characters.includes("\\") && /\\[nt]/.test(text);
  const hint = typed ? " A text is read as it is: bash writes a line's end as $'\\n'." : "";
  warn(`${where}: the model never saw ${listed(characters)}; it reads each as unknown.${hint}`, json);
}

function listed(characters: readonly string[]): string {
  // As JSON: in quotes, and without a line's end.
  const shown = JSON.stringify(characters.slice(0, 20).join(""));
  const more = characters.length > 20 ? ` and ${characters.length - 20} more characters` : "";
  return shown + more;
}

/** One line on standard error for each text that the model never writes, so that it ends nothing. */
export function warnStops(model: LanguageModel, stops: readonly string[], json: boolean): void {
  for (const stop of stops) {
    const characters = unknownCharacters(model, stop);
    if (characters.length === 0) continue;
    const never = JSON.stringify(excerpt(characters.join("")));
    warn(`--stop: the model never writes ${never}, so ${JSON.stringify(excerpt(stop))} ends no text.`, json);
  }
}
