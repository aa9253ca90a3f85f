/** Files of a recipe, read and written as the command line does. Knows nothing about what is in them. */
import { decodeText, readInput } from "../../src/formats/files.ts";
import { unixLineEnds } from "../../src/text/line-ends.ts";

export { checkWritable, readInput, writeFileAtomically } from "../../src/formats/files.ts";

/**
 * A file of text in UTF-8, whose lines end with "\n" whoever wrote it.
 * @throws InputError for a file that cannot be read, is too large or is no text
 */
export const readText = (file: string): string => unixLineEnds(decodeText(readInput(file), file));
