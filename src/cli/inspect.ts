/**
 * `unrolled inspect`: show every gate and state of a model at every step while it reads a text or, where its task is unknown and it reads
 * numbers, the rows of a table; without these its layers.
 */
import { basename } from "node:path";
import { checkWritable, writeFileAtomically } from "../formats/files.ts";
import { graphemeEnd } from "../graph/excerpt.ts";
import { InputError } from "../graph/input-error.ts";
import { checkFiniteValues } from "../nn/finite-values.ts";
import { countParameters, type Model } from "../nn/model.ts";
import { layerSummaries, summary } from "../nn/summary.ts";
import { openByTask } from "../tasks/index.ts";
import { type LabelledValue, shownValues } from "../tasks/inspect-text.ts";
import type { LanguageModel } from "../tasks/language-model.ts";
import type { ReadModelFile } from "../tasks/open-model.ts";
import { hasTask } from "../tasks/task.ts";
import { unixLineEnds } from "../text/line-ends.ts";
import { encode, type Texts } from "../text/tokenizer.ts";
import { inspectionPage } from "./inspect-page.ts";
import { type Inspected, rowsOf, type ShownStep, tokensOf } from "./inspected.ts";
import { foreignOptions, readModelAt } from "./model-input.ts";
import type { Command, Given } from "./options.ts";
import { formatCount, isTerminal, printable, styled, writeJson } from "./output.ts";
import { field, joined, readTexts } from "./texts.ts";
import { warnUnknown } from "./unknown.ts";

/** The largest number of values in a page: 40 MB, which is about 53 MB in base64. */
const maxNumbersInPage = 10_000_000;

export const inspect: Command = {
  name: "inspect",
  usage: 'inspect MODEL.safetensors [FILE] [--text "..."] [options]',
  summary: "show every gate and state while a model reads a text",
  details: [
    "Reads the text of FILE or of --text. Prints a table without --html and --json.",
    "Without a text, prints the layers. A model of numbers without a task, such as",
    "another program's, reads FILE.csv, a row a step, a column a feature.",
  ].join("\n"),
  examples: [
    'inspect model.safetensors --text "Call me Ishmael."',
    'inspect model.safetensors --text "Call me Ishmael." --value f',
    "inspect model.safetensors chapter.txt --html chapter.html",
    "inspect traffic.h5 counts.csv",
  ],
  arguments: [1, 2],
  options: {
    text: { value: "TEXT", help: "the text that the model reads" },
    value: { value: "NAME", help: "show all units of this value; can be repeated", multiple: true },
    field,
    html: { value: "FILE", help: "write a self-contained page for a browser" },
    ...foreignOptions,
  },
  async run(given) {
    const [file, path] = given.positionals as readonly [string, string?];
    const html = given.text("html");
    if (html !== undefined) checkPage(html);
    const read = await readModelAt(file, given);
    const asked = path !== undefined || given.texts("value").length > 0;
    if (!asked && ["text", "html", "field"].every((name) => given.text(name) === undefined)) {
      return showLayers(read, file, given);
    }
    if (hasTask(read.file)) {
      return openByTask(read.file, file, "`inspect`", { text: (lm) => showText(lm, file, given) });
    }
    const { model } = read.file;
    if (path !== undefined && model.inputs.length > 1) {
      const names = model.inputs.map(({ name }) => name).join(", ");
      throw new InputError(
        `${path}: the model has ${model.inputs.length} inputs (${names}), and a table is one. Leave it out.`,
      );
    }
    if (path === undefined || model.input === "tokens") return showLayers(read, file, given);
    const odd = ["text", "field"].find((name) => given.text(name) !== undefined);
    if (odd !== undefined) throw new InputError(`--${odd}: is for texts, and the model reads numbers. Leave it out.`);
    checkFiniteValues(model, file);
    // What reads tables is loaded for the models that need it.
    const { readCsv } = await import("../formats/csv.ts");
    await show(model, rowsOf(model, readCsv(path), path), file, given);
  },
};

function showLayers({ source, notes, file: { model } }: ReadModelFile, file: string, given: Given): void {
  const [, path] = given.positionals;
  const asked = ["text", "html", "field"].filter((name) => given.text(name) !== undefined);
  const [option] = [...asked, ...(given.texts("value").length > 0 ? ["value"] : [])];
  const odd = path ?? (option && `--${option}`);
  if (odd !== undefined) {
    const how =
      model.input === "tokens"
        ? "of a model of text, give its tokens: --vocabulary FILE"
        : `give a table of its ${model.input} numbers a step as FILE.csv`;
    throw new InputError(
      `${odd}: ${file} is a model without a task: nothing says what it reads. Its layers are shown without it; ${how}.`,
    );
  }
  const parameters = countParameters(model);
  if (given.flag("json")) writeJson({ source, layers: layerSummaries(model), parameters, notes });
  else process.stdout.write(printable([`${file}: ${source}`, "", summary(model), ...notes, ""].join("\n")));
}

async function showText(lm: LanguageModel, file: string, given: Given): Promise<void> {
  checkFiniteValues(lm.model, file);
  const { text, where } = textOf(given);
  const ids = encode(lm.tokenizer, text);
  await show(lm.model, tokensOf(lm, ids, file), file, given, () =>
    warnUnknown(where, lm, joined(text), given.flag("json")),
  );
}

/** @param before what is told before anything is shown, and after all that is given was checked */
async function show(model: Model, read: Inspected, file: string, given: Given, before?: () => void): Promise<void> {
  const html = given.text("html");
  const shown = shownValues(model, given.texts("value"), "--value");
  if (html !== undefined) checkSize(read.count, shown);
  before?.();
  const outputs = [
    ...(given.flag("json") ? [jsonLines] : []),
    ...(html !== undefined ? [page(html, { file, count: read.count, shown })] : []),
  ];
  if (outputs.length === 0) {
    const scaled = await withScales(read, shown);
    outputs.push(given.texts("value").length > 0 ? heatRows(scaled) : table(scaled));
  }
  let begun = false;
  for await (const step of read.steps(shown)) {
    if (!begun) for (const output of outputs) output.begin?.();
    begun = true;
    for (const output of outputs) output.add(step);
  }
  for (const output of outputs) output.end?.();
}

/** An output that is made while the model reads. */
type Output = {
  /** Called before the first step, after the check that the model's values are finite. */
  readonly begin?: () => void;
  readonly add: (step: ShownStep) => void;
  readonly end?: () => void;
};

function textOf(given: Given): { readonly text: Texts; readonly where: string } {
  const [, path] = given.positionals;
  const text = given.text("text");
  if (path !== undefined && text !== undefined) {
    throw new InputError(`--text: a text was given in ${path} as well. Give one of the two.`);
  }
  if (path !== undefined) return { text: readTexts(path, "to read", given.text("field")), where: path };
  if (text === undefined) throw new InputError('no text was given. Give a FILE, or --text "...".');
  if (text === "") throw new InputError("--text: the text is empty. Give at least one character.");
  if (/\p{Surrogate}/u.test(text)) throw new InputError("--text: is not valid Unicode text.");
  return { text: unixLineEnds(text), where: "--text" };
}

function checkPage(path: string): void {
  if (!/\.html?$/i.test(path)) throw new InputError(`--html: needs a name that ends in .html, got "${path}".`);
  checkWritable(path);
}

function checkSize(steps: number, shown: readonly LabelledValue[]): void {
  const each = shown.reduce((sum, { size }) => sum + size, 0);
  if (steps * each <= maxNumbersInPage) return;
  throw new InputError(
    `--html: ${formatCount(steps)} steps with ${formatCount(each)} numbers each are too many: a page holds ` +
      `${formatCount(maxNumbersInPage)} numbers. Give fewer, or select values with --value.`,
  );
}

const jsonLines: Output = { add: ({ json }) => writeJson(json) };

function page(
  path: string,
  { file, count, shown }: { readonly file: string; readonly count: number; readonly shown: readonly LabelledValue[] },
): Output {
  const kept = shown.map((value) => ({ ...value, data: new Float32Array(count * value.size) }));
  const steps: { token: string; loss: number | undefined; next: ShownStep["next"] }[] = [];
  return {
    add({ text, values, loss, next }) {
      for (const { key, size, data } of kept) data.set(values[key] as Float32Array, steps.length * size);
      steps.push({ token: text, loss, next });
    },
    end() {
      const bytes = new TextEncoder().encode(inspectionPage({ title: basename(file), steps, values: kept }));
      writeFileAtomically(path, bytes);
      process.stderr.write(printable(`Saved ${path}: ${formatCount(count)} steps. Open it in a browser.\n`));
    },
  };
}

/** A value with the numbers of its lowest and highest bars. */
type Scaled = LabelledValue & { readonly least: number; readonly largest: number };

/** Gates are scaled from 0 to 1; other values symmetrically around 0, by their range at the beginning. */
async function withScales(read: Inspected, shown: readonly LabelledValue[]): Promise<readonly Scaled[]> {
  const extents = shown.map(() => 0);
  for await (const { values } of read.steps(shown, scaledSteps)) {
    shown.forEach(({ key }, k) => {
      for (const value of values[key] as Float32Array) extents[k] = Math.max(extents[k] as number, Math.abs(value));
    });
  }
  return shown.map((value, k) => {
    const largest = value.gate ? 1 : Number((extents[k] || 1).toPrecision(2));
    return { ...value, least: value.gate ? 0 : -largest, largest };
  });
}
const scaledSteps = 1000;

const bars = "▁▂▃▄▅▆▇█";
function bar(value: number, { least, largest }: Scaled): string {
  const share = (value - least) / (largest - least);
  return bars[Math.max(0, Math.min(bars.length - 1, Math.floor(share * bars.length)))] as string;
}

const columns = (): number => process.stdout.columns ?? 80;

/** Describe each value in one line. */
function legend(shown: readonly Scaled[]): void {
  const width = Math.max(...shown.map(({ label }) => label.length));
  for (const { label, size, least, largest, description } of shown) {
    const facts = `${formatCount(size)} ${size === 1 ? "number" : "units"}, ▁ ${least} to █ ${largest}`;
    const what = description === undefined ? facts : `${description} (${facts})`;
    process.stdout.write(`${styled(label.padEnd(width), "bold", process.stdout)}  ${printable(what)}\n`);
  }
  process.stdout.write("\n");
}

/** A token in quotes, with control characters and line ends made visible. */
const quoted = (token: string): string => {
  const text = printable(JSON.stringify(token));
  const isLong = [...text].length > tokenWidth;
  return (isLong ? `${text.slice(0, graphemeEnd(text, tokenWidth - 2))}…"` : text).padEnd(tokenWidth);
};
const tokenWidth = 10;

/** A line for each token and value: mean, minimum and maximum, and as many units as fit. */
function table(shown: readonly Scaled[]): Output {
  const nameWidth = Math.max("value".length, ...shown.map(({ label }) => label.length));
  const number = (value: number): string => value.toFixed(3).padStart(7);
  const room = Math.max(16, columns() - tokenWidth - nameWidth - 28);
  const perBar = (size: number): number => Math.ceil(size / room);
  const most = Math.max(...shown.map(({ size }) => perBar(size)));
  return {
    begin() {
      legend(shown);
      const heading = `${"token".padEnd(tokenWidth)}  ${"value".padEnd(nameWidth)}     mean     min     max`;
      const units = most > 1 ? `units, ${most} a character` : "units";
      process.stdout.write(`${styled(`${heading}  ${units}`, "dim", process.stdout)}\n`);
    },
    add({ text, values }) {
      shown.forEach((value, k) => {
        const { key, label, size } = value;
        const data = values[key] as Float32Array;
        const [least, largest] = [data.reduce((a, b) => Math.min(a, b)), data.reduce((a, b) => Math.max(a, b))];
        const strip = Array.from({ length: Math.ceil(size / perBar(size)) }, (_, bin) =>
          bar(mean(data.subarray(bin * perBar(size), (bin + 1) * perBar(size))), value),
        ).join("");
        const name = styled(label.padEnd(nameWidth), "bold", process.stdout);
        const numbers = [mean(data), least, largest].map(number).join(" ");
        process.stdout.write(`${k === 0 ? quoted(text) : " ".repeat(tokenWidth)}  ${name}  ${numbers}  ${strip}\n`);
      });
    },
  };
}
const mean = (values: Float32Array): number => values.reduce((a, b) => a + b, 0) / values.length;

/** All units of some values, one character for each unit; in a terminal, on as many lines as needed. */
function heatRows(shown: readonly Scaled[]): Output {
  const nameWidth = shown.length === 1 ? 0 : Math.max(...shown.map(({ label }) => label.length)) + 2;
  const indent = tokenWidth + 2 + nameWidth;
  const width = isTerminal(process.stdout) ? Math.max(16, columns() - indent) : Number.POSITIVE_INFINITY;
  return {
    begin: () => legend(shown),
    add({ text, values }) {
      shown.forEach((value, k) => {
        const { key, label } = value;
        const characters = Array.from(values[key] as Float32Array, (number) => bar(number, value));
        const name = shown.length === 1 ? "" : styled(label.padEnd(nameWidth), "bold", process.stdout);
        process.stdout.write(`${k === 0 ? quoted(text) : " ".repeat(tokenWidth)}  ${name}`);
        for (let from = 0; from < characters.length; from += width) {
          const line = characters.slice(from, from + width).join("");
          process.stdout.write(`${from === 0 ? "" : " ".repeat(indent)}${line}\n`);
        }
      });
    },
  };
}
