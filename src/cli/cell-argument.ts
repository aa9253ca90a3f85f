/** Read a cell from the command line: the name of a built-in cell, or a file of equations. */
import { existsSync } from "node:fs";
import { basename, extname } from "node:path";
import { cells } from "../cells/index.ts";
import { decodeText } from "../formats/decode-text.ts";
import { readInput } from "../formats/files.ts";
import { type Cell, cell, EquationError } from "../graph/cell.ts";
import { InputError } from "../graph/input-error.ts";
import { didYouMean } from "../graph/vocabulary.ts";
import { isLayerName } from "../nn/layers.ts";

/** A name is returned as it is, because the model's layers are named after it. */
export function readCell(argument: string): string | Cell {
  if (Object.hasOwn(cells, argument)) return argument;
  if (!existsSync(argument)) {
    const hint = didYouMean(argument, Object.keys(cells));
    throw new InputError(
      `cell "${argument}": there is no built-in cell and no file with this name.${hint || " unrolled cells lists the built-in cells."}`,
    );
  }
  const text = decodeText(readInput(argument), argument);
  return inFile(argument, () => cell(text));
}

/** The layers of a cell out of a file are called after the file. */
export function labelOf(cell: string | Cell, argument: string): { readonly label?: string } {
  if (typeof cell === "string") return {};
  const label = basename(argument, extname(argument)).replace(/[^\p{L}\p{N}_]+/gu, "_");
  return isLayerName(label) ? { label } : {};
}

/** What `make` gives; a mistake in the equations, or in their sizes, is said with the name of their file. */
export function inFile<T>(argument: string, make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (error instanceof EquationError && !Object.hasOwn(cells, argument)) {
      const said = error.message.replace("Leave units out, or give", "Give --units");
      error.message = `${argument}: ${said}`;
    }
    throw error;
  }
}
