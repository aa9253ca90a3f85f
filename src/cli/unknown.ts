/** Report characters of a text that the model never saw in training. */
import { excerpt } from "../graph/excerpt.ts";
import { InputError } from "../graph/input-error.ts";
import { unknownCharacters } from "../tasks/generate.ts";
import type { LanguageModel } from "../tasks/language-model.ts";
import { countUnknown, hasUnknown } from "../text/tokenizer.ts";
import { readsUnknown } from "../text/whitespace.ts";
import { runsOf, type Tokens } from "../train/token-source.ts";
import { formatCount, warn } from "./output.ts";
import { isLarge, type Source } from "./tokens.ts";

/** The largest share of unknown characters: a text with more is refused. */
const maxUnknown = 0.01;

/**
 * Check a text to train or validate on: report characters that the model never saw, with their number, and refuse the
 * text if there are too many.
 * @throws InputError if they are more than a hundredth of the text, unless `allowed`
 */
export function checkUnknown(
  where: string,
  model: LanguageModel,
  text: Source,
  { tokens, allowed, json }: { readonly tokens: Tokens; readonly allowed: boolean; readonly json: boolean },
): void {
  let count = 0;
  if (hasUnknown(model.tokenizer)) for (const run of runsOf(tokens)) count += countUnknown(run, model.tokenizer);
  const leftOut = model.tokenizer.kind === "whitespace" && model.tokenizer.unknown === undefined;
  if (count === 0 && !leftOut) return;
  const characters = new Set<string>();
  const parts = typeof text === "string" ? [text] : isLarge(text) ? text.parts : text;
  for (const part of parts) for (const one of unknownCharacters(model, part)) characters.add(one);
  if (characters.size === 0) return;
  if (leftOut) {
    warn(`${where}: the model never saw ${listed(model, [...characters])}; ${readAs(model)}.`, json);
    return;
  }
  const share = count / tokens.length;
  const often = `${count === 1 ? "once" : `${formatCount(count)} times`} in ${formatCount(tokens.length)} tokens`;
  const found = `the model never saw ${listed(model, [...characters])}, ${often}`;
  if (share > maxUnknown && !allowed) {
    const refusal = `${where}: ${found}. Train a new model on it; or give --allow-unknown, which reads each as the unknown character.`;
    throw new InputError(refusal);
  }
  warn(`${where}: ${found}; ${readAs(model)}.`, json);
}

/** Warn about characters that the model reads as its unknown character. `where` names the source of the text. */
export function warnUnknown(where: string, model: LanguageModel, text: string, json: boolean): void {
  const characters = unknownCharacters(model, text);
  if (characters.length === 0) return;
  const typed = characters.includes("\\") && /\\[nt]/.test(text);
  const hint = typed ? " Escapes are not replaced in a text; in bash, write a line end as $'\\n'." : "";
  warn(`${where}: the model never saw ${listed(model, characters)}; ${readAs(model)}.${hint}`, json);
}

/** What becomes of a character, or a word, that the model never saw. */
function readAs({ tokenizer }: LanguageModel): string {
  if (tokenizer.kind !== "whitespace") return "it reads each as the unknown character";
  return `it ${readsUnknown(tokenizer)}`;
}

function listed({ tokenizer }: LanguageModel, unknown: readonly string[]): string {
  const isWords = tokenizer.kind === "whitespace";
  // As JSON: in quotes, with line ends escaped.
  const shown = JSON.stringify(unknown.slice(0, 20).join(isWords ? " " : ""));
  const more = unknown.length > 20 ? ` and ${unknown.length - 20} more ${isWords ? "words" : "characters"}` : "";
  return shown + more;
}

/** Warn about each stop text that the model can never generate, so that it has no effect. */
export function warnStops(model: LanguageModel, stops: readonly string[], json: boolean): void {
  for (const stop of stops) {
    const characters = unknownCharacters(model, stop);
    if (characters.length === 0) continue;
    const never = JSON.stringify(excerpt(characters.join(model.tokenizer.kind === "whitespace" ? " " : "")));
    warn(`--stop: the model cannot generate ${never}, so ${JSON.stringify(excerpt(stop))} has no effect.`, json);
  }
}
