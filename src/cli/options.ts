/** Parse and check command-line options, which are described as data, and print their help. */
import { parseArgs } from "node:util";
import { InputError } from "../graph/input-error.ts";
import { findMeant } from "../graph/schema.ts";
import { didYouMean } from "../graph/vocabulary.ts";

type Option = {
  readonly help: string;
  /** The placeholder of the value in the help; a flag has none. */
  readonly value?: string;
  readonly number?: { readonly whole?: boolean; readonly min?: number; readonly max?: number; readonly above?: number };
  readonly choices?: readonly string[];
  readonly short?: string;
  /** The value may be left out, and is "" then: what follows is one only if it looks so. */
  readonly omissible?: RegExp;
  /** The option can be given several times. */
  readonly multiple?: true;
};
export type Options = Readonly<Record<string, Option>>;

export type Command = {
  readonly name: string;
  readonly usage: string;
  /** One line in the list of commands. */
  readonly summary: string;
  /** Further text in the command's own help. */
  readonly details?: string;
  readonly examples: readonly string[];
  readonly options: Options;
  /** The smallest and largest number of arguments besides options. */
  readonly arguments: readonly [number, number];
  /** The command continues when nothing reads standard output any more. */
  readonly outlivesReader?: true;
  readonly run: (given: Given) => Promise<void>;
};

/** The arguments and options that were given; other options are absent. */
export type Given = {
  readonly positionals: readonly string[];
  readonly text: (name: string) => string | undefined;
  /** All values of an option that can be given several times, in order. */
  readonly texts: (name: string) => readonly string[];
  readonly number: (name: string) => number | undefined;
  readonly flag: (name: string) => boolean;
};

/** The range of a seed. */
export const seedRange = { whole: true, min: 0, max: 2 ** 32 - 1 } as const;

/** The options of every command. */
export const common: Options = {
  json: { help: "write lines of JSON to standard output" },
  help: { help: "print this help", short: "h" },
};

/** @param program the words before the command's name */
export function parse(command: Command, argv: readonly string[], program = "unrolled"): Given {
  const options = { ...command.options, ...common };
  const config = Object.fromEntries(
    Object.entries(options).map(([name, { value, short, multiple = false }]) => [
      name,
      { type: value === undefined ? ("boolean" as const) : ("string" as const), multiple, ...(short ? { short } : {}) },
    ]),
  );
  let parsed: ReturnType<typeof parseArgs>;
  try {
    parsed = parseArgs({ args: joinValues(argv, options), options: config, allowPositionals: true, strict: true });
  } catch (error) {
    throw new InputError(
      `${explainParsing(error as Error & { code?: string }, options)} See ${program} ${command.name} --help.`,
    );
  }
  const values = parsed.values as Record<string, string | boolean | string[] | undefined>;
  const [fewest, most] = command.arguments;
  const count = parsed.positionals.length;
  if (values.help !== true && (count < fewest || count > most)) {
    throw new InputError(`wrong number of arguments (${count}). Usage: ${program} ${command.usage}`);
  }
  const numbers = new Map<string, number>();
  for (const [name, option] of Object.entries(options)) {
    const value = values[name];
    const number = typeof value === "string" ? checkValue(name, value, option) : undefined;
    if (number !== undefined) numbers.set(name, number);
  }
  return {
    positionals: parsed.positionals,
    text: (name) => values[name] as string | undefined,
    texts: (name) => (values[name] as string[] | undefined) ?? [],
    number: (name) => numbers.get(name),
    flag: (name) => values[name] === true,
  };
}

/** The given options, completed by the options in a file, which are checked as if they had been typed. */
export function withRemembered(given: Given, remembered: Readonly<Record<string, unknown>>, options: Options): Given {
  const texts = new Map<string, string>();
  const numbers = new Map<string, number>();
  for (const [name, value] of Object.entries(remembered)) {
    const option = Object.hasOwn(options, name) ? options[name] : undefined;
    if (option?.value === undefined) continue;
    const text = String(value);
    texts.set(name, text);
    const number = checkValue(name, text, option);
    if (number !== undefined) numbers.set(name, number);
  }
  return {
    ...given,
    text: (name) => given.text(name) ?? texts.get(name),
    number: (name) => given.number(name) ?? numbers.get(name),
  };
}

/** Check a value, and return it as a number if the option is a number. */
function checkValue(name: string, text: string, { number, choices }: Option): number | undefined {
  if (choices !== undefined && !choices.includes(text)) {
    throw new InputError(`--${name}: needs one of ${choices.join(", ")}, got "${text}".`);
  }
  return number === undefined ? undefined : checkNumber(name, text, number);
}

function checkNumber(name: string, text: string, { whole, min, max, above }: NonNullable<Option["number"]>): number {
  const value = text.trim() === "" ? Number.NaN : Number(text);
  const least = min === undefined ? "" : formatLimit(min);
  const wanted = [
    whole ? "a whole number" : "a number",
    min !== undefined && max !== undefined ? `from ${least} to ${formatLimit(max)}` : "",
    min !== undefined && max === undefined ? `of at least ${least}` : "",
    above === undefined ? "" : `above ${above}`,
    min === undefined && max !== undefined ? `${above === undefined ? "of" : "and"} at most ${formatLimit(max)}` : "",
  ];
  const wrong =
    !Number.isFinite(value) ||
    (whole && !Number.isSafeInteger(value)) ||
    (min !== undefined && value < min) ||
    (above !== undefined && value <= above) ||
    (max !== undefined && value > max);
  if (wrong) throw new InputError(`--${name}: needs ${wanted.filter((part) => part !== "").join(" ")}, got "${text}".`);
  return value;
}

const formatLimit = (limit: number): string => limit.toLocaleString("en-US");

/**
 * Rewrite `--seed -5` as `--seed=-5`: an argument that begins with one dash and is not an option is a value there. So is
 * `--course a.json`, where the value may be left out, and `--course` is `--course=`.
 */
function joinValues(argv: readonly string[], options: Options): string[] {
  const shorts = Object.values(options).map(({ short }) => `-${short}`);
  const joined: string[] = [];
  for (let k = 0; k < argv.length; k++) {
    const [arg, next] = [argv[k] as string, argv[k + 1]];
    if (arg === "--") return [...joined, ...argv.slice(k)];
    const takes = arg.startsWith("--") && Object.hasOwn(options, arg.slice(2)) && options[arg.slice(2)]?.value;
    const omissible = takes ? options[arg.slice(2)]?.omissible : undefined;
    if (omissible !== undefined) {
      const isGiven = next !== undefined && omissible.test(next);
      joined.push(`${arg}=${isGiven ? next : ""}`);
      if (isGiven) k++;
    } else if (takes && next !== undefined && /^-[^-]/.test(next) && !shorts.includes(next)) {
      joined.push(`${arg}=${next}`);
      k++;
    } else joined.push(arg);
  }
  return joined;
}

/** Names of options in other programs and in the library, in any style; an error message suggests ours. */
const otherNames: Readonly<Record<string, readonly string[]>> = {
  out: ["output", "output-file", "save", "save-path", "checkpoint"],
  cell: ["model", "architecture", "rnn-type"],
  units: ["hidden-size", "hidden-units", "rnn-size"],
  layers: ["num-layers", "n-layers"],
  embedding: ["embedding-dim", "embedding-size"],
  tokens: ["tokenizer", "level"],
  vocabulary: ["max-vocabulary", "vocabulary-size", "vocab-size", "max-tokens"],
  batch: ["batch-size", "lanes"],
  steps: ["sequence-length", "seq-length", "seq-len", "timesteps", "bptt"],
  epochs: ["num-epochs", "n-epochs", "max-epochs"],
  minutes: ["max-minutes", "time"],
  optimizer: ["optim", "optimiser"],
  rate: ["learning-rate", "lr"],
  clip: ["clip-norm", "grad-clip", "max-norm", "max-grad-norm", "global-clipnorm"],
  precision: ["mixed-precision", "amp"],
  seed: ["random-state", "random-seed"],
  validation: ["validation-split", "val-split", "val-frac"],
  "validation-file": ["validation-data", "val-data", "val-file"],
  keep: ["save-best-only"],
  resume: ["continue", "go-on", "init-from"],
  overwrite: ["force"],
  engine: ["backend", "device"],
  threads: ["num-threads", "workers", "jobs"],
  input: ["input-size", "input-dim"],
  length: ["max-tokens", "max-new-tokens", "max-length", "max-completion-tokens", "num-tokens"],
  prompt: ["start", "prime", "primetext", "text"],
  stop: ["stop-sequences", "stop-strings"],
  temperature: ["temp"],
  "top-p": ["nucleus"],
  "repetition-penalty": ["repeat-penalty"],
  beams: ["num-beams", "beam-width", "beam-size"],
  logprobs: ["log-probabilities", "top-logprobs"],
  dtype: ["precision", "type"],
  "api-key": ["api-keys", "key"],
  cors: ["origin", "origins"],
  host: ["hostname", "address", "bind"],
  "max-body": ["max-body-bytes"],
  "session-minutes": ["session-ms"],
  timeout: ["timeout-ms"],
  stall: ["stall-ms"],
};

function explainParsing(error: Error & { code?: string }, options: Options): string {
  const quoted = /'(-[^' ]*)/.exec(error.message)?.[1] ?? "";
  if (error.code === "ERR_PARSE_ARGS_UNKNOWN_OPTION") {
    const known = Object.keys(options).map((name) => `--${name}`);
    // A name that the command has itself is meant as such.
    const others = (name: string) => (otherNames[name] ?? []).filter((other) => !Object.hasOwn(options, other));
    const names = Object.fromEntries(Object.keys(options).map((name) => [name, { aliases: others(name) }]));
    const meant = quoted.startsWith("--") ? findMeant(quoted.slice(2), names) : undefined;
    return `unknown option ${quoted}.${meant === undefined ? didYouMean(quoted, known) : ` Did you mean --${meant}?`}`;
  }
  const name = /--[\w-]+/.exec(error.message)?.[0] ?? quoted;
  const value = options[name.slice(2)]?.value;
  if (value === undefined) return `${name}: does not take a value.`;
  return `${name}: the value is missing. Give ${name} ${value}.`;
}

/** The help of one command, for 80 columns. */
export function helpOf({ usage, summary, details, options, examples }: Command, program = "unrolled"): string {
  return [
    `Usage: ${program} ${usage}`,
    "",
    `${summary[0]?.toUpperCase()}${summary.slice(1)}.${details === undefined ? "" : `\n${details}`}`,
    "",
    "Options:",
    optionRows({ ...options, ...common }),
    "",
    examples.length > 1 ? "Examples:" : "Example:",
    ...examples.map((example) => `  ${program} ${example}`),
  ].join("\n");
}

export function optionRows(options: Options): string {
  const rows = Object.entries(options).map(([name, { value, help, short, choices }]) => {
    const left = `${short === undefined ? "    " : `-${short}, `}--${name}${value === undefined ? "" : ` ${value}`}`;
    return [left, choices === undefined ? help : `${help}: ${either(choices)}`] as const;
  });
  return alignRows(rows);
}

/** Made where it is used: what it knows of languages takes longer to load than all options. */
const either = (choices: readonly string[]): string =>
  new Intl.ListFormat("en-GB", { type: "disjunction" }).format(choices);

/** Align rows in two columns, indented; what is too long for 79 columns goes on below. */
export function alignRows(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows
    .flatMap(([left, right]) =>
      wrapped(right, 79 - 4 - width).map((line, k) => `  ${(k === 0 ? left : "").padEnd(width)}  ${line}`),
    )
    .join("\n");
}

/** The lines of a text, none wider than so many columns unless a word is. */
function wrapped(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line];
}

/** @throws InputError for an option that only a training reads, where a trained model is used */
export function refuseTrainingOptions(given: Given, names: readonly string[]): void {
  const unused = names.find(
    (name) => given.text(name) !== undefined || given.flag(name) || given.texts(name).length > 0,
  );
  if (unused !== undefined) {
    throw new InputError(`--${unused}: is for training; the model of --model has its own. Leave it out.`);
  }
}
