/** Whether cells say the same, as text. Knows nothing about what they say. */
import type { Cell } from "./cell.ts";

/** A cell's lines without comments, spaces and initial values, in an order that does not depend on theirs. */
export const plainLines = (source: string): readonly string[] =>
  source
    .split("\n")
    .map((line) => line.replace(/#.*/, "").replaceAll(/\s+/g, ""))
    .filter((line) => line !== "" && !line.includes("~"))
    .sort();
/** Whether two cells compute the same, line by line. */
export const sameEquations = (a: Pick<Cell, "source">, b: Pick<Cell, "source">): boolean =>
  plainLines(a.source).join("\n") === plainLines(b.source).join("\n");
/** The first equation, for messages. */
export const firstEquation = ({ source }: Pick<Cell, "source">): string =>
  (source.split("\n").find((line) => line.replace(/#.*/, "").trim() !== "") ?? "").replace(/#.*/, "").trim();
