/**
 * Examples with labels from files: a folder of WAV files, a table of WAV files and labels, or a table of series of numbers with a row
 * a step. Knows nothing about models.
 */
import { readdirSync, statSync } from "node:fs";
import { basename, dirname, join, relative, sep } from "node:path";
import { InputError } from "../graph/input-error.ts";
import { type Arguments, checkArguments, formatValue, someText } from "../graph/schema.ts";
import { readCsv } from "./csv.ts";
import { readInput } from "./files.ts";
import { mixDown, readWav } from "./wav.ts";

/** A recording, all its channels mixed to one; `label` where there is one. */
export type Recording = {
  readonly name: string;
  readonly samples: Float32Array<ArrayBuffer>;
  readonly sampleRate: number;
  readonly label?: string;
  readonly group?: string;
  /** Where its label is written, if that is a table: file, line and column. */
  readonly where?: string;
};
/** A series of numbers, a row a step, named by its file and id; `label` where there is one. */
export type NumberSeries = {
  readonly name: string;
  readonly rows: readonly (readonly number[])[];
  readonly label?: string;
  readonly group?: string;
  /** Where its label is written first: file, line and column. */
  readonly where?: string;
};
/** Examples of one kind. */
export type Labelled<Example> = Example & { readonly label: string };
/** What a path holds: recordings, or series with the names of their columns. */
export type LabelledFiles =
  | { readonly kind: "audio"; readonly examples: readonly Labelled<Recording>[] }
  | {
      readonly kind: "numbers";
      readonly columns: readonly string[];
      readonly examples: readonly Labelled<NumberSeries>[];
    };

/** @internal */
export const labelledFilesArguments: Arguments = { path: someText };

/**
 * Read examples with labels.
 *
 * - A folder of WAV files: the label is the subfolder that a file is in or, if there are no subfolders, the file's name up to the first
 *   `_`. Names that begin with a dot are left out.
 * - A CSV file with the columns `file` and `label`: WAV files, relative to the table. A column `group` says who or what each is from.
 * - A CSV file with the columns `id` and `label` and numbers in all others: a row a step, rows of one `id` are one series. `group` as
 *   above.
 *
 * Columns may be separated by commas, semicolons or tabs.
 * @param path a folder or a CSV file
 * @returns `{ kind: "audio", examples }`, or `{ kind: "numbers", columns, examples }`
 * @throws InputError, one line with file and line, for what cannot be read
 * @example const { examples } = readLabelled("recordings");
 */
export function readLabelled(path: string): LabelledFiles {
  checkArguments("readLabelled", { path }, labelledFilesArguments);
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) return { kind: "audio", examples: readFolder(path) };
  if (/\.wav$/i.test(path))
    throw new InputError(
      `${path}: is one WAV file. Give a folder of them, or a CSV file with the columns file and label.`,
    );
  const table = readTable(path);
  const missing = (name: string): InputError =>
    new InputError(
      `${path}: line 1 has no column "${name}"; it has ${table.columns.join(", ")}. Needed are file and label, or id, label and numbers.`,
    );
  if (!table.columns.includes("label")) throw missing("label");
  if (table.columns.includes("file")) {
    const examples = table.rows.map(({ cells, where }) => {
      const { file = "", label = "", group } = cells;
      if (file === "" || label === "") throw emptyCell(where, file === "" ? "file" : "label");
      const recording = listed(where, () => readRecording(join(dirname(path), file)));
      return { ...recording, label, ...(group !== undefined && { group }), where: `${where}, column "label"` };
    });
    return { kind: "audio", examples };
  }
  if (!table.columns.includes("id")) throw missing("id");
  const { columns, series } = seriesIn(path, table);
  return { kind: "numbers", columns, examples: series as Labelled<NumberSeries>[] };
}

const emptyCell = (where: string, column: string): InputError =>
  new InputError(`${where}, column "${column}": is empty. Fill it in, or leave the line out.`);

/** What `read` gives; what is wrong with a file is said with the line that names it. */
function listed<Read>(where: string, read: () => Read): Read {
  try {
    return read();
  } catch (error) {
    throw error instanceof InputError
      ? new InputError(`${where}, column "file": ${error.message}`, { cause: error })
      : error;
  }
}

/**
 * Read one WAV file, its channels mixed to one.
 * @throws InputError, one line, for a file that cannot be read or is cut, compressed, empty or not a WAV file
 */
export function readRecording(path: string): Recording {
  const wav = readWav(readInput(path), path);
  return { name: path, samples: mixDown(wav), sampleRate: wav.sampleRate };
}

/**
 * Read the series of a CSV file, as `readLabelled` does; `label` may be missing.
 * @throws InputError, one line with file and line, for what cannot be read
 */
export function readSeries(path: string): {
  readonly columns: readonly string[];
  readonly series: readonly NumberSeries[];
} {
  return seriesIn(path, readTable(path));
}

/** Recordings that a person would expect to count. */
const otherSound = /\.(?:aac|aiff?|amr|flac|m4a|mp3|oga|ogg|opus|webm|wma)$/i;

function readFolder(folder: string): Labelled<Recording>[] {
  const found = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep))
    .filter((names) => !names.some((name) => name.startsWith(".")))
    .sort((a, b) => (a.join("/") < b.join("/") ? -1 : 1));
  const all = found.filter((names) => /\.wav$/i.test(names.at(-1) as string));
  const [other, ...others] = found.filter((names) => otherSound.test(names.at(-1) as string));
  if (other !== undefined) {
    const more = ["", ", nor is one other"][others.length] ?? `, nor are ${others.length} others`;
    throw new InputError(`${join(folder, ...other)}: is no WAV file${more}. Convert it to .wav, or move it elsewhere.`);
  }
  if (all.length === 0) throw new InputError(`${folder}: has no .wav file. Give a folder with recordings.`);
  const inFolders = all.some((names) => names.length > 1);
  return all.map((names) => {
    const path = join(folder, ...names);
    if (inFolders && names.length === 1) {
      throw new InputError(
        `${path}: lies beside the subfolders, whose names are the labels. Move it into one of them.`,
      );
    }
    const name = basename(path);
    if (!inFolders && !/^[^_]+_/.test(name)) {
      throw new InputError(
        `${path}: its name has no label before a "_", as in seven_01.wav. Rename it, or put files into one subfolder for each label.`,
      );
    }
    return { ...readRecording(path), label: (inFolders ? names[0] : name.slice(0, name.indexOf("_"))) as string };
  });
}

type Table = {
  readonly columns: readonly string[];
  readonly rows: readonly { readonly cells: Readonly<Record<string, string>>; readonly where: string }[];
};

function readTable(path: string): Table {
  const { columns: given, rows, lineOf } = readCsv(path, { header: true });
  const columns = given.map((name) => (/^(?:file|label|id|group)$/i.test(name) ? name.toLowerCase() : name));
  return {
    columns,
    rows: rows.map((cells, row) => ({
      cells: Object.fromEntries(columns.map((name, k) => [name, cells[k] as string])),
      where: `${path}: line ${lineOf(row)}`,
    })),
  };
}

/** Numbers are squared and summed to be scaled. */
const largest = 1e100;
const aNumber = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;

function seriesIn(path: string, { columns: all, rows }: Table): { columns: string[]; series: NumberSeries[] } {
  const columns = all.filter((name) => !["id", "label", "group"].includes(name));
  if (!all.includes("id"))
    throw new InputError(
      `${path}: line 1 has no column "id", which says which rows are one series; it has ${all.join(", ")}.`,
    );
  if (columns.length === 0) throw new InputError(`${path}: line 1 has no column of numbers beside ${all.join(", ")}.`);
  type Found = { rows: number[][]; label: string | undefined; group: string | undefined; where: string };
  const found = new Map<string, Found>();
  for (const { cells, where } of rows) {
    const { id = "", label, group } = cells;
    if (id === "" || label === "") throw emptyCell(where, id === "" ? "id" : "label");
    const series = found.get(id) ?? { rows: [], label, group, where: `${where}, column "label"` };
    found.set(id, series);
    for (const kind of ["label", "group"] as const) {
      if (series[kind] === cells[kind]) continue;
      throw new InputError(
        `${where}, column "${kind}": the series ${formatValue(id)} has the ${kind} ${formatValue(cells[kind])} here and ${formatValue(series[kind])} before. One series has one ${kind}.`,
      );
    }
    series.rows.push(
      columns.map((name) => {
        const cell = cells[name] as string;
        const value = aNumber.test(cell) ? Number(cell) : Number.NaN;
        if (Math.abs(value) <= largest) return value;
        const column = `${where}, column ${JSON.stringify(name)}`;
        if (!Number.isNaN(value))
          throw new InputError(`${column}: ${cell} is too large, expected at most ${largest}. Correct it.`);
        const advice = /^[+-]?\d+,\d+$/.test(cell)
          ? "Write it with a point."
          : cell === ""
            ? "Fill it in, or leave the line out."
            : "Correct it.";
        throw new InputError(`${column}: needs a number, got ${formatValue(cell)}. ${advice}`);
      }),
    );
  }
  const series = [...found].map(([name, { rows, label, group, where }]) => ({
    ...{ name: `${path}: ${name}`, rows },
    ...(label !== undefined && { label, where }),
    ...(group !== undefined && { group }),
  }));
  return { columns, series };
}
