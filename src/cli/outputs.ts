/** The files that a command writes, checked before it works for minutes. Knows nothing about what is in them. */
import { realpathSync, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { checkWritable, statOf } from "../formats/files.ts";
import { InputError } from "../graph/input-error.ts";
import type { Given } from "./options.ts";

/**
 * Check the files that a command will write. Other names of one file, as by links, are that file.
 * @param files what will be written
 * @param inputs what is read, such as tables and the model: never replaced, also with --overwrite
 * @param given the options, of which `overwrite` lets other files be replaced
 * @throws InputError for a file that cannot be written, that is read, that is given twice, or that exists
 */
export function checkOutputs(files: readonly string[], inputs: readonly string[], given: Given): void {
  const read = new Set(inputs.map(placeOf));
  const taken = new Set<string>();
  for (const file of files) {
    checkWritable(file);
    const place = placeOf(file);
    if (read.has(place)) throw new InputError(`${file}: is the file that is read. Give another name.`);
    const stat = statOf(file);
    // Devices and pipes lose nothing.
    if (stat !== undefined && !stat.isFile()) continue;
    if (taken.has(place)) throw new InputError(`${file}: would be written twice. Give each file its own name.`);
    taken.add(place);
    if (stat !== undefined && !given.flag("overwrite")) {
      throw new InputError(`${file}: exists already. Give another name, or --overwrite to replace it.`);
    }
  }
}

/** The same for all names of one file. */
function placeOf(file: string): string {
  try {
    const stat = statSync(file, { throwIfNoEntry: false, bigint: true });
    if (stat !== undefined) return `${stat.dev}:${stat.ino}`;
    return join(realpathSync(dirname(file)), basename(file));
  } catch {
    return resolve(file);
  }
}
