/** Command-line options as data: parsing, checking, help. Knows nothing about what commands do. */
import { parseArgs } from "node:util";
import { InputError } from "../graph/input-error.ts";

type Option = {
  readonly help: string;
  /** What stands for the value in the help; a flag has none. */
  readonly value?: string;
  readonly number?: { readonly whole?: boolean; readonly min?: number; readonly max?: number; readonly above?: number };
  readonly choices?: readonly string[];
  readonly short?: string;
};
export type Options = Readonly<Record<string, Option>>;

export type Command = {
  readonly name: string;
  readonly usage: string;
  readonly help: string;
  readonly options: Options;
  /** Fewest and most arguments besides options. */
  readonly arguments: readonly [number, number];
  readonly run: (given: Given) => Promise<void>;
};

/** What was given: absent options are absent. */
export type Given = {
  readonly positionals: readonly string[];
  readonly text: (name: string) => string | undefined;
  readonly number: (name: string) => number | undefined;
  readonly flag: (name: string) => boolean;
};

/** Options that every command has. */
const common: Options = {
  json: { help: "one JSON object a line on standard output" },
  help: { help: "this help", short: "h" },
};

export function parse(command: Command, argv: readonly string[]): Given {
  const options = { ...command.options, ...common };
  const config = Object.fromEntries(
    Object.entries(options).map(([name, { value, short }]) => [
      name,
      { type: value === undefined ? ("boolean" as const) : ("string" as const), ...(short ? { short } : {}) },
    ]),
  );
  let parsed: ReturnType<typeof parseArgs>;
  try {
    parsed = parseArgs({ args: [...argv], options: config, allowPositionals: true, strict: true });
  } catch (error) {
    throw new InputError(`${explainParsing(error as Error, options)} See unrolled ${command.name} --help.`);
  }
  const values = parsed.values as Record<string, string | boolean | undefined>;
  const [fewest, most] = command.arguments;
  const count = parsed.positionals.length;
  if (values.help !== true && (count < fewest || count > most)) {
    throw new InputError(`wrong number of arguments (${count}). Usage: unrolled ${command.usage}`);
  }
  const numbers = new Map<string, number>();
  for (const [name, { number, choices }] of Object.entries(options)) {
    const value = values[name];
    if (typeof value !== "string") continue;
    if (number !== undefined) numbers.set(name, checkNumber(name, value, number));
    if (choices !== undefined && !choices.includes(value)) {
      throw new InputError(`--${name}: needs one of ${choices.join(", ")}, got "${value}".`);
    }
  }
  return {
    positionals: parsed.positionals,
    text: (name) => values[name] as string | undefined,
    number: (name) => numbers.get(name),
    flag: (name) => values[name] === true,
  };
}

function checkNumber(name: string, text: string, { whole, min, max, above }: NonNullable<Option["number"]>): number {
  const value = text.trim() === "" ? Number.NaN : Number(text);
  const limits = [
    min === undefined ? "" : `at least ${min}`,
    above === undefined ? "" : `above ${above}`,
    max === undefined ? "" : `at most ${max}`,
  ].filter((limit) => limit !== "");
  const wanted = `${whole ? "a whole number" : "a number"}${limits.length > 0 ? ` ${limits.join(" and ")}` : ""}`;
  const wrong =
    !Number.isFinite(value) ||
    (whole && !Number.isSafeInteger(value)) ||
    (min !== undefined && value < min) ||
    (above !== undefined && value <= above) ||
    (max !== undefined && value > max);
  if (wrong) throw new InputError(`--${name}: needs ${wanted}, got "${text}".`);
  return value;
}

function explainParsing(error: Error, options: Options): string {
  const unknown = /^Unknown option '([^']*)'/.exec(error.message)?.[1];
  if (unknown === undefined) return `${error.message.split(". ")[0]}.`;
  const known = Object.keys(options).map((name) => `--${name}`);
  const near = nearest(unknown, known);
  return `unknown option ${unknown}.${near === undefined ? "" : ` Did you mean ${near}?`}`;
}

/** The known name that differs by at most two letters. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  const scored = known.map((name) => ({ name, distance: distance(word, name) }));
  scored.sort((a, b) => a.distance - b.distance);
  const [best] = scored;
  return best !== undefined && best.distance <= 2 ? best.name : undefined;
}

/** Levenshtein's: letters to insert, delete or replace. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] as number) + 1, (next[j - 1] as number) + 1));
    }
    row = next;
  }
  return row[b.length] as number;
}

export function helpOf(command: Command): string {
  const rows = Object.entries({ ...command.options, ...common }).map(([name, { value, help, short, choices }]) => {
    const left = `${short === undefined ? "" : `-${short}, `}--${name}${value === undefined ? "" : ` ${value}`}`;
    return [left, choices === undefined ? help : `${help} (${choices.join(", ")})`] as const;
  });
  const width = Math.max(...rows.map(([left]) => left.length));
  const lines = rows.map(([left, help]) => `  ${left.padEnd(width)}  ${help}`);
  return `Usage: unrolled ${command.usage}\n\n${command.help}\n\n${lines.join("\n")}`;
}
