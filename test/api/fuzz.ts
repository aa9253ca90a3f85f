/**
 * Calls of every entry with one or two things wrong in arguments that were right: a name, a kind of value, a number of
 * arguments, a shape. What must be refused is told by kinds alone, not by the rules that are tested.
 */
import { InputError } from "../../src/graph/input-error.ts";
import type { Random } from "../../src/index.ts";
import { createRandom } from "../../src/nn/random.ts";
import { NonFiniteLoss } from "../../src/train/non-finite-guard.ts";
import { type Entry, entries, isMade } from "./entries.ts";

/** Of what kind a value is, where a value of another kind is never the same thing. */
export function kindOf(value: unknown): string {
  if (typeof value === "number") return Number.isNaN(value) ? "nan" : "number";
  if (typeof value !== "object") return typeof value;
  if (value === null) return "null";
  if (value instanceof BigInt64Array) return "bigints";
  if (Array.isArray(value) || ArrayBuffer.isView(value)) return "list";
  return value instanceof Map || value instanceof Set ? "map" : value instanceof Date ? "date" : "object";
}
const junk: readonly unknown[] = [
  ...[
    -1,
    -0.5,
    0.5,
    0,
    3,
    Number.NaN,
    Infinity,
    -Infinity,
    2 ** 53,
    2 ** 40,
    "3",
    "",
    "zzz",
    "adam",
    true,
    false,
    null,
  ],
  ...[undefined, 3n, Symbol("s"), [], ["3"], [null], [3], [[3]], new Float32Array(2), new BigInt64Array(2), {}],
  ...[{ zzz: 1 }, { length: 2 }, { from: 3 }, new Map([[1, 2]]), new Set([1]), new Date(0), /x/, (): number => 3],
  Object.create(null),
  Promise.resolve(3),
];

export type Outcome = {
  readonly entry: string;
  /** What was done to the arguments, in words. */
  readonly damage: string;
  /** Whether it had to be refused. */
  readonly wrong: boolean;
  readonly result: "accepted" | "refused" | "broken";
  readonly message: string;
};
type Damaged = { readonly args: unknown[]; readonly damage: string; readonly wrong: boolean };

const pick = <T>(random: Random, list: readonly T[]): T => list[random.integer(list.length)] as T;
const isOptions = (value: unknown): value is Record<string, unknown> =>
  kindOf(value) === "object" && !isMade(value) && [Object.prototype, null].includes(Object.getPrototypeOf(value));

const alsoOf = ({ also = {} }: Entry, name: string): readonly string[] =>
  Object.hasOwn(also, name) ? (also[name] as readonly string[]) : [];

/** Kinds that an argument has in one of the calls that are right, and what is said of it besides. */
function kindsOf(entry: Entry, at: number, option?: string): ReadonlySet<string> {
  const kinds = new Set(alsoOf(entry, String(option ?? at)));
  for (const args of entry.right) {
    const value = args[at];
    if (option === undefined) kinds.add(kindOf(value));
    else if (isOptions(value) && option in value) kinds.add(kindOf(value[option]));
  }
  if (option !== undefined || at >= Math.min(...entry.right.map(({ length }) => length)) - (entry.optional ?? 0)) {
    kinds.add("undefined");
  }
  return kinds;
}
const shown = (value: unknown): string =>
  typeof value === "bigint"
    ? `${value}n`
    : typeof value === "string"
      ? JSON.stringify(value)
      : kindOf(value) === "number"
        ? String(value)
        : kindOf(value);

/** The last argument, where it is options: an object that no call takes for anything else. */
function optionsAt(entry: Entry, args: readonly unknown[]): number {
  const at = args.length - 1;
  const { rules } = entry;
  if (rules !== undefined && !("options" in rules && Object.keys(rules).length === args.length)) return -1;
  return isOptions(args[at]) ? at : -1;
}

/** Another spelling of a name, as people write it. */
function misspell(random: Random, name: string): string {
  const at = random.integer(name.length);
  const ways = [
    name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
    name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`),
    name.toUpperCase(),
    name.slice(0, at) + name.slice(at + 1),
    name.slice(0, at) + name[at] + name.slice(at),
    `${name}s`,
    `n_${name}`,
    pick(random, [
      "verbose",
      "lr",
      "eps",
      "max_tokens",
      "batch_size",
      "constructor",
      "toString",
      "__proto__",
      "zzz",
      "0",
    ]),
  ];
  return pick(random, ways);
}

/** Which thing it changes: `argument 1: settings: [0`, of `argument 1: settings: [0] -0.5`. */
const placeOf = (what: string): string => what.slice(0, Math.max(0, what.lastIndexOf("] "), what.lastIndexOf(": ")));

function damageOnce(random: Random, entry: Entry, { args, damage, wrong }: Damaged): Damaged {
  const made = (change: (copy: unknown[]) => void, what: string, isWrong: boolean): Damaged => {
    const copy = [...args];
    change(copy);
    // The second damage may undo the first: then nobody says that it is wrong.
    const mends = placeOf(damage) !== "" && placeOf(damage) === placeOf(what);
    return {
      args: copy,
      damage: damage === "" ? what : `${damage}; ${what}`,
      wrong: !mends && (isWrong || (wrong && damage === "")),
    };
  };
  const at = optionsAt(entry, args);
  const options = at < 0 ? {} : (args[at] as Record<string, unknown>);
  const names = Object.keys(options);
  const known = new Set(entry.right.flatMap((one) => (isOptions(one.at(-1)) ? Object.keys(one.at(-1) as object) : [])));
  switch (random.integer(6)) {
    case 0: {
      // A name that there is not.
      if (at < 0) break;
      const old = names.length > 0 && random.integer(2) === 0 ? pick(random, names) : undefined;
      const name = misspell(random, old ?? pick(random, [...known, "one"]));
      const rule = entry.rules?.options?.options;
      if (known.has(name) || (rule !== undefined && Object.hasOwn(rule, name))) break;
      const { [old ?? ""]: value = 1, ...rest } = options;
      const changed = old === undefined ? options : rest;
      return made(
        (copy) => {
          copy[at] = Object.defineProperty({ ...changed }, name, { value, enumerable: true });
        },
        `option ${name}`,
        rule !== undefined || (name === "zzz" && !entry.byName),
      );
    }
    case 1: {
      // A value of another kind.
      if (at < 0 || names.length === 0) break;
      const name = pick(random, names);
      const value = pick(random, junk);
      const kinds = kindsOf(entry, at, name);
      // Right, and without end.
      if ((value === 2 ** 53 || value === 2 ** 40) && ["epochs", "length"].includes(name)) break;
      const isWrong = !kinds.has("any") && !kinds.has(kindOf(value));
      return made(
        (copy) => {
          copy[at] = { ...options, [name]: value };
        },
        `${name}: ${shown(value)}`,
        isWrong,
      );
    }
    case 2: {
      const k = random.integer(Math.max(1, args.length));
      const value = pick(random, junk);
      return made(
        (copy) => {
          copy[k] = value;
        },
        `argument ${k}: ${shown(value)}`,
        !kindsOf(entry, k).has(kindOf(value)),
      );
    }
    case 3: {
      const count = random.integer(args.length + 1);
      const least = Math.min(...entry.right.map(({ length }) => length)) - (entry.optional ?? 0);
      return made((copy) => copy.splice(count), `${count} arguments`, count < least);
    }
    case 4: {
      // Something within a list, or a list of another length.
      const k = random.integer(Math.max(1, args.length));
      const change = changeWithin(random, args[k]);
      if (change === undefined) break;
      return made(
        (copy) => {
          copy[k] = change.value;
        },
        `argument ${k}: ${change.what}`,
        change.wrong && !(entry.bigints && change.what.includes("64-bit")),
      );
    }
    default: {
      if (at < 0 || names.length === 0) break;
      const name = pick(random, names);
      const change = changeWithin(random, options[name]);
      if (change === undefined) break;
      return made(
        (copy) => {
          copy[at] = { ...options, [name]: change.value };
        },
        `${name}: ${change.what}`,
        change.wrong && !alsoOf(entry, name).includes("any") && !(entry.bigints && change.what.includes("64-bit")),
      );
    }
  }
  return { args, damage, wrong };
}

/** A list with one thing in it, or its length, changed. Numbers that are none are wrong wherever numbers are. */
function changeWithin(
  random: Random,
  value: unknown,
): { readonly value: unknown; readonly what: string; readonly wrong: boolean } | undefined {
  if (isOptions(value)) {
    // What may be anything is changed by its name.
    const names = Object.keys(value).filter((name) => name !== "mask");
    if (names.length === 0) return undefined;
    const name = pick(random, names);
    const inner = changeWithin(random, value[name]);
    return inner && { ...inner, value: { ...value, [name]: inner.value }, what: `${name}: ${inner.what}` };
  }
  if (ArrayBuffer.isView(value) && kindOf(value) === "list") {
    const list = Array.from(value as unknown as ArrayLike<number>);
    if (random.integer(2) === 0)
      return {
        value: BigInt64Array.from(list, (one) => BigInt(Math.trunc(one) || 0)),
        what: "64-bit whole numbers",
        wrong: true,
      };
    return { value: list.slice(1), what: "a list, one shorter", wrong: false };
  }
  if (!Array.isArray(value) || value.length === 0 || isMade(value)) return undefined;
  const k = random.integer(value.length);
  const copy = [...value];
  const old = copy[k];
  if (typeof old !== "number" && random.integer(2) === 0) {
    const inner = changeWithin(random, old);
    if (inner !== undefined) {
      copy[k] = inner.value;
      return { value: copy, what: `[${k}] ${inner.what}`, wrong: inner.wrong };
    }
  }
  switch (random.integer(4)) {
    case 0:
      delete copy[k];
      return { value: copy, what: `hole at ${k}`, wrong: true };
    case 1:
      copy.splice(k, 1);
      return { value: copy, what: "one fewer", wrong: false };
    case 2:
      copy.push(old);
      return { value: copy, what: "one more", wrong: false };
    default: {
      const one = pick(random, junk);
      copy[k] = one;
      const [from, to] = [kindOf(old), kindOf(one)];
      // A list of words may be one of texts, and the like: numbers stand for nothing else.
      return { value: copy, what: `[${k}] ${shown(one)}`, wrong: from === "number" && to !== "number" && to !== "nan" };
    }
  }
}

/** A call to its end; of what gives one thing after another, its first three. */
async function run(entry: Entry, args: readonly unknown[]): Promise<void> {
  const given: unknown = await (entry.call as (...args: readonly unknown[]) => unknown)(...args);
  if (typeof given === "object" && given !== null && (Symbol.asyncIterator in given || Symbol.iterator in given)) {
    if (Array.isArray(given) || ArrayBuffer.isView(given)) return;
    let count = 0;
    for await (const _ of given as AsyncIterable<unknown>) if (++count === 3) break;
  }
}

/** What a message has to have: a place, and what would be right. */
const helpful =
  /must|need|unknown option|is not known|give|make|leave|there (is|are)|is none|is out of range|has|holds|use|take|say|choose|first|cannot|end|reads|made f|begins with|they are|only, got|go from|are named/i;

const copyOf = (entry: Entry): readonly (readonly [Float32Array, Float32Array])[] =>
  Object.values(entry.trains?.values ?? {}).map((values) => [values, values.slice()]);

/** Every right call of every entry, as it is: what the damage begins with. */
export async function runRight(): Promise<readonly Outcome[]> {
  const found: Outcome[] = [];
  for (const entry of entries) {
    for (const args of entry.right) {
      const before = copyOf(entry);
      const outcome = await settle(entry, { args: [...args], damage: "", wrong: false });
      for (const [values, copy] of before) values.set(copy);
      found.push(outcome);
    }
  }
  return found;
}

async function settle(entry: Entry, { args, damage, wrong }: Damaged): Promise<Outcome> {
  const about = { entry: entry.name, damage, wrong };
  try {
    await run(entry, args);
    return { ...about, result: "accepted", message: "" };
  } catch (error) {
    const { message } = error as Error;
    const isOurs = error instanceof InputError || error instanceof NonFiniteLoss;
    const fine = isOurs && helpful.test(message) && /[\w\])"]:? /.test(message) && !message.startsWith("internal");
    return {
      ...about,
      result: fine ? "refused" : "broken",
      message: isOurs ? message : String((error as Error)?.stack ?? error),
    };
  }
}

/** So many calls from a seed; `tell` gets each. */
export async function fuzz(calls: number, seed: number, tell: (outcome: Outcome) => void): Promise<void> {
  const random = createRandom(seed);
  for (let k = 0; k < calls; k++) {
    const entry = pick(random, entries);
    let damaged: Damaged = { args: [...pick(random, entry.right)], damage: "", wrong: false };
    const times = random.integer(5) === 0 ? 2 : 1;
    for (let time = 0; time < times; time++) damaged = damageOnce(random, entry, damaged);
    while (damaged.damage === "") damaged = damageOnce(random, entry, damaged);
    const before = copyOf(entry);
    const outcome = await settle(entry, damaged);
    const trained = before.some(([values, copy]) => values.some((value, j) => !Object.is(value, copy[j])));
    for (const [values, copy] of before) values.set(copy);
    tell(
      trained && outcome.result === "refused"
        ? { ...outcome, result: "broken", message: `trained, then: ${outcome.message}` }
        : outcome,
    );
  }
}
