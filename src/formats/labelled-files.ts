/**
 * Examples with labels from files: a folder of WAV files or texts, a table of WAV files or texts and labels, a file of texts for each label,
 * or a table of series of numbers with a row a step. Knows nothing about models.
 */
import { basename, dirname, extname, join, relative, sep } from "node:path";
import { InputError } from "../graph/input-error.ts";
import {
  type Arguments,
  alias,
  checkArguments,
  formatValue,
  listOf,
  options as optionsOf,
  someText,
} from "../graph/schema.ts";
import { tableOf } from "./csv-text.ts";
import { decodeText } from "./decode-text.ts";
import { entriesIn, readInput, statOf } from "./files.ts";
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
/** A text, named by its file and line; `label` where there is one. */
export type LabelledText = {
  readonly name: string;
  readonly text: string;
  readonly label?: string;
  readonly group?: string;
  readonly where?: string;
};
/** Examples of one kind. */
export type Labelled<Example> = Example & { readonly label: string };
/** What a path holds: recordings, texts, or series with the names of their columns. */
export type LabelledFiles =
  | { readonly kind: "text"; readonly examples: readonly Labelled<LabelledText>[] }
  | { readonly kind: "audio"; readonly examples: readonly Labelled<Recording>[] }
  | {
      readonly kind: "numbers";
      readonly columns: readonly string[];
      readonly examples: readonly Labelled<NumberSeries>[];
    };

/** Options of `readLabelled`. */
export type LabelledOptions = {
  /** The column of a table that has texts. Default "text". */
  readonly text?: string | undefined;
  /** The column of a table that has labels. Default "label". */
  readonly label?: string | undefined;
};
/** @internal */
export const labelledFilesArguments: Arguments = {
  path: someText,
  options: optionsOf<LabelledOptions>({ text: alias(someText, "textColumn"), label: alias(someText, "labelColumn") }),
};
/** @internal */
export const pathsArguments: Arguments = { paths: listOf(someText, 2) };
/** @internal */
export const pathArguments: Arguments = { path: someText };

/**
 * Read examples with labels.
 *
 * - A folder of WAV files: the label is the subfolder that a file is in or, if there are no subfolders, the file's name up to the first
 *   `_`. Names that begin with a dot are left out.
 * - A CSV file with the columns `file` and `label`: WAV files, relative to the table. A column `group` says who or what each is from.
 * - A folder of text files (.txt), each a text, with labels as recordings have them.
 * - A CSV file with a column of texts, `text` unless the options name another, and `label`. `group` as above.
 * - A CSV file with the columns `id` and `label` and numbers in all others: a row a step, rows of one `id` are one series. `group` as
 *   above.
 *
 * Columns may be separated by commas, semicolons or tabs.
 * @param path a folder or a CSV file
 * @param options `text`, `label`: the columns of texts and labels
 * @returns `{ kind: "audio", examples }`, `{ kind: "text", examples }`, or `{ kind: "numbers", columns, examples }`
 * @throws InputError, one line with file and line, for what cannot be read
 * @example const { examples } = readLabelled("recordings");
 */
export function readLabelled(path: string, options: LabelledOptions = {}): LabelledFiles {
  checkArguments("readLabelled", { path, options }, labelledFilesArguments);
  if (statOf(path)?.isDirectory()) return readFolder(path);
  if (/\.wav$/i.test(path))
    throw new InputError(
      `${path}: is one WAV file. Give a folder of them, or a CSV file with the columns file and label.`,
    );
  const table = readTable(path, options);
  // The columns that options name have the usual names in the table.
  const named = (column: string): string =>
    column === "text" || column === "label" ? (options[column] ?? column) : column;
  const missing = (name: string): InputError =>
    new InputError(
      `${path}: line 1 has no column "${name}"; it has ${table.columns.map(named).join(", ")}. Needed are text and label, file and label, or id, label and numbers.`,
    );
  if (options.text !== undefined && !table.columns.includes("text")) throw missing(options.text);
  if (!table.columns.includes("label")) throw missing(options.label ?? "label");
  if (table.columns.includes("text")) {
    const examples = textsIn(table).map((one) => {
      if (one.label === undefined || one.label === "") throw emptyCell(one.where, "label");
      return { ...one, label: one.label, where: `${one.where}, column "label"` };
    });
    return { kind: "text", examples };
  }
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

/** The texts of a table, whose labels may be missing. */
const textsIn = ({ rows }: Table): (LabelledText & { readonly where: string })[] =>
  rows.map(({ cells, where }) => {
    const { text = "", label, group } = cells;
    if (text.trim() === "") throw emptyCell(where, "text");
    return { name: where, text, where, ...(label !== undefined && { label }), ...(group !== undefined && { group }) };
  });

/**
 * Read the texts of a table without their labels: a CSV file with a column of texts.
 * @throws InputError, one line with file and line, for what cannot be read
 */
export function readTextColumn(
  path: string,
  options: LabelledOptions = {},
): readonly { readonly name: string; readonly text: string }[] {
  checkArguments("readTextColumn", { path, options }, labelledFilesArguments);
  const table = readTable(path, options);
  if (table.columns.includes("text")) return textsIn(table).map(({ name, text }) => ({ name, text }));
  throw new InputError(
    `${path}: line 1 has no column ${formatValue(options.text ?? "text")}; it has ${table.columns.join(", ")}. Name the column with texts.`,
  );
}

/**
 * Read the texts of a file, one a line; empty lines are passed over.
 * @throws InputError for a file that cannot be read, is no UTF-8 or has no text
 */
export function readTextLines(path: string): readonly { readonly name: string; readonly text: string }[] {
  checkArguments("readTextLines", { path }, pathArguments);
  const name = path === "/dev/stdin" ? "standard input" : path;
  const lines = decodeText(readInput(path), name).split(/\r\n?|\n/);
  const texts = lines.flatMap((text, k) => (text.trim() === "" ? [] : [{ name: `${name}: line ${k + 1}`, text }]));
  if (texts.length > 0) return texts;
  throw new InputError(`${name}: has no text. Give one a line.`);
}

/**
 * Read files of which each has the texts of one label, one a line. A label is a file's ending where the names are alike but for it
 * (rt-polarity.pos, rt-polarity.neg), else its name without ending.
 * @throws InputError, with the file, for what cannot be read, and for two files of one label
 */
export function readTextFiles(paths: readonly string[]): LabelledFiles & { readonly kind: "text" } {
  checkArguments("readTextFiles", { paths }, pathsArguments);
  const stemOf = (path: string): string => basename(path, extname(path));
  const alike = new Set(paths.map(stemOf)).size === 1;
  const labels = paths.map((path) => (alike ? extname(path).slice(1) : stemOf(path)));
  const odd = labels.findIndex((label, k) => label === "" || labels.indexOf(label) < k);
  if (odd >= 0) {
    throw new InputError(
      `${paths[odd]}: its name gives ${labels[odd] === "" ? "no label" : `the label ${formatValue(labels[odd])}, which another file has`}. Give each file a name of its own, such as good.txt.`,
    );
  }
  const examples = paths.flatMap((path, k) =>
    readTextLines(path).map((one) => ({ ...one, label: labels[k] as string, where: one.name })),
  );
  return { kind: "text", examples };
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

function readFolder(folder: string): LabelledFiles {
  const found = entriesIn(folder)
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep))
    .filter((names) => !names.some((name) => name.startsWith(".")))
    .sort((a, b) => (a.join("/") < b.join("/") ? -1 : 1));
  const ending = (pattern: RegExp) => found.filter((names) => pattern.test(names.at(-1) as string));
  const sound = ending(/\.wav$/i);
  const texts = ending(/\.txt$/i);
  const isText = sound.length === 0 && texts.length > 0;
  const all = isText ? texts : sound;
  const [other, ...others] = found.filter((names) => otherSound.test(names.at(-1) as string));
  if (other !== undefined) {
    const more = ["", ", nor is one other"][others.length] ?? `, nor are ${others.length} others`;
    throw new InputError(`${join(folder, ...other)}: is no WAV file${more}. Convert it to .wav, or move it elsewhere.`);
  }
  if (all.length === 0) {
    throw new InputError(`${folder}: has no .wav or .txt file. Give a folder with recordings or texts.`);
  }
  const inFolders = all.some((names) => names.length > 1);
  const labelled = all.map((names) => {
    const path = join(folder, ...names);
    if (inFolders && names.length === 1) {
      throw new InputError(
        `${path}: lies beside the subfolders, whose names are the labels. Move it into one of them.`,
      );
    }
    const name = basename(path);
    if (!inFolders && !/^[^_]+_/.test(name)) {
      throw new InputError(
        `${path}: its name has no label before a "_", as in seven_01${isText ? ".txt" : ".wav"}. Rename it, or put files into one subfolder for each label.`,
      );
    }
    return { path, label: (inFolders ? names[0] : name.slice(0, name.indexOf("_"))) as string };
  });
  if (!isText) {
    return { kind: "audio", examples: labelled.map(({ path, label }) => ({ ...readRecording(path), label })) };
  }
  const examples = labelled.map(({ path, label }) => ({ name: path, text: decodeText(readInput(path), path), label }));
  return { kind: "text", examples };
}

type Table = {
  readonly columns: readonly string[];
  readonly rows: readonly { readonly cells: Readonly<Record<string, string>>; readonly where: string }[];
};

function readTable(path: string, { text = "text", label = "label" }: LabelledOptions = {}): Table {
  const {
    columns: given,
    rows,
    lineOf,
  } = tableOf(readInput(path), { name: path, header: true }, { canSayDelimiter: false });
  const known = /^(?:file|label|id|group|text)$/i;
  const columns = given.map((name) => {
    if (name === text) return "text";
    if (name === label) return "label";
    const lower = known.test(name) ? name.toLowerCase() : name;
    // Another column is what is called so.
    const taken = (lower === "text" && text !== "text") || (lower === "label" && label !== "label");
    return taken ? `${name} (another)` : lower;
  });
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
