/** What commands say about characters that a model never saw. */
import { excerpt } from "../graph/excerpt.ts";
import { unknownCharacters } from "../tasks/generate.ts";
import type { LanguageModel } from "../tasks/language-model.ts";
import { printable } from "./output.ts";

/** One line on standard error for what the model reads as its unknown character. `where` is what the text came from. */
export function warnUnknown(where: string, model: LanguageModel, text: string, json: boolean): void {
  const characters = unknownCharacters(model, text);
  if (characters.length === 0) return;
  // As JSON: in quotes, and without a line's end.
  const shown = JSON.stringify(characters.slice(0, 20).join(""));
  const more = characters.length > 20 ? ` and ${characters.length - 20} more characters` : "";
  const typed = characters.includes("\\") && /\\[nt]/.test(text);
  const hint = typed ? " A text is read as it is: bash writes a line's end as $'\\n'." : "";
  warn(`${where}: the model never saw ${shown}${more}; it reads each as unknown.${hint}`, json);
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

function warn(warning: string, json: boolean): void {
  process.stderr.write(json ? `${JSON.stringify({ warning })}\n` : `${printable(warning)}\n`);
}
