/** What the page says of a built-in cell. */
import { texts } from "../texts/texts.ts";

/** How it differs from others, in a few words; of another cell nothing. */
export const differsOf = (name: string): string =>
  texts.components.cells[name as keyof typeof texts.components.cells] ?? "";
