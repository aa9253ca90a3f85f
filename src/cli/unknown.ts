/** What commands say about characters that a model never saw. */
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
  const warning = `${where}: the model never saw ${shown}${more}; it reads each as unknown.`;
  process.stderr.write(json ? `${JSON.stringify({ warning })}\n` : `${printable(warning)}\n`);
}
