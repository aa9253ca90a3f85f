/**
 * Toy tasks: sequences made by a rule, which show what a cell can learn and remember. Each says what is read at every step
 * and what is to be answered there. Knows nothing about models, and has no words: those are the page's.
 */
import type { Random } from "../nn/random.ts";

/** A sequence of T steps, as indices of a task's symbols. */
export type ToySequence = {
  /** What is read (T). */
  readonly inputs: readonly number[];
  /** What is to be answered (T); -1 where no answer counts. */
  readonly targets: readonly number[];
};

export type Bounds = { readonly min: number; readonly max: number };

export type ToyTask = {
  /** The bounds of the length, and the lengths to begin with. */
  readonly length: Bounds & { readonly shortest: number; readonly longest: number };
  /** The bounds of the alphabet's size, and the size to begin with. */
  readonly alphabet: Bounds & { readonly standard: number };
  /** The symbols, a character each: those that are read and those that are answered. The first, `blank`, says nothing. */
  readonly symbols: (alphabet: number) => readonly string[];
  /** The largest number of steps of a sequence. */
  readonly steps: (length: number) => number;
  /** Draw a sequence: what is read, and what is to be answered, a space where nothing counts. */
  readonly draw: (random: Random, length: number, alphabet: number) => readonly [reads: string, answers: string];
};

/** Stands where there is nothing to read, and fills a batch's shorter sequences at their ends. */
export const blank = "·";
const go = ">";
const letters = "abcdefghijklmnopqrstuvwxyz";
const digits = "0123456789";
const brackets = ["()", "[]", "{}"];

const some = (from: string, count: number): string[] => [...from.slice(0, count)];
const anyOf = (random: Random, from: string): string => from[random.integer(from.length)] as string;
const word = (random: Random, length: number, from: string): string =>
  Array.from({ length }, () => anyOf(random, from)).join("");
const spaces = (count: number): string => " ".repeat(count);
/** First something is read, then something is written: its first symbol upon `go`, the others upon blanks. */
const thenWrite = (read: string, written: string): readonly [string, string] => [
  `${read}${go}${blank.repeat(written.length - 1)}`,
  `${spaces(read.length)}${written}`,
];
const ofLetters = (alphabet: number): string => letters.slice(0, alphabet);
const ofDigits = (alphabet: number): string => digits.slice(0, alphabet);
const sorted = (text: string): string => [...text].sort().join("");

/** How many brackets are open at most, of so many. */
const deepest = (length: number): number => Math.ceil(length / 2);

const writes = (alphabet: number): string[] => [blank, go, ...some(letters, alphabet)];
const counted = ([min, max]: readonly [number, number], standard: number) => ({
  ...{ min, max, standard },
});
const long = (shortest: number, longest: number, max = 60) => ({
  ...{ min: 1, max, shortest, longest },
});

export const toyTasks = {
  copy: {
    length: long(1, 6),
    alphabet: counted([2, 26], 4),
    symbols: writes,
    steps: (length) => 2 * length,
    draw(random, length, alphabet) {
      const read = word(random, length, ofLetters(alphabet));
      return thenWrite(read, read);
    },
  },
  reverse: {
    length: long(1, 6),
    alphabet: counted([2, 26], 4),
    symbols: writes,
    steps: (length) => 2 * length,
    draw(random, length, alphabet) {
      const read = word(random, length, ofLetters(alphabet));
      return thenWrite(read, [...read].reverse().join(""));
    },
  },
  sort: {
    length: long(1, 8),
    alphabet: counted([2, 26], 4),
    symbols: writes,
    steps: (length) => 2 * length,
    draw(random, length, alphabet) {
      const read = word(random, length, ofLetters(alphabet));
      return thenWrite(read, sorted(read));
    },
  },
  repeat: {
    length: long(1, 3, 30),
    alphabet: counted([2, 26], 3),
    symbols: (alphabet) => [...writes(alphabet), "1", "2", "3"],
    steps: (length) => 1 + 4 * length,
    draw(random, length, alphabet) {
      const times = 1 + random.integer(3);
      const read = word(random, length, ofLetters(alphabet));
      return thenWrite(`${times}${read}`, read.repeat(times));
    },
  },
  add: {
    length: long(1, 6),
    alphabet: counted([2, 10], 10),
    symbols: (alphabet) => [blank, "=", ...some(digits, alphabet)],
    steps: (length) => 2 * length + 1,
    draw(random, length, alphabet) {
      let [reads, answers, carry] = ["", "", 0];
      for (let k = 0; k < length; k++) {
        const [a, b] = [random.integer(alphabet), random.integer(alphabet)];
        const sum = a + b + carry;
        reads += `${a}${b}`;
        answers += ` ${sum % alphabet}`;
        carry = Math.floor(sum / alphabet);
      }
      return [`${reads}=`, `${answers}${carry}`];
    },
  },
  parity: {
    length: long(1, 12),
    alphabet: counted([2, 2], 2),
    symbols: () => [blank, "0", "1"],
    steps: (length) => length,
    draw(random, length) {
      const reads = word(random, length, "01");
      let [answers, odd] = ["", 0];
      for (const bit of reads) {
        if (bit === "1") odd = 1 - odd;
        answers += odd;
      }
      return [reads, answers];
    },
  },
  modular: {
    length: long(1, 6),
    alphabet: counted([2, 10], 3),
    symbols: (alphabet) => [blank, "=", ...some(digits, alphabet)],
    steps: (length) => length + 1,
    draw(random, length, alphabet) {
      const read = word(random, length, ofDigits(alphabet));
      const sum = [...read].reduce((total, digit) => total + Number(digit), 0);
      return [`${read}=`, `${spaces(length)}${sum % alphabet}`];
    },
  },
  brackets: {
    length: long(1, 8),
    alphabet: counted([1, 3], 2),
    symbols: (alphabet) => [blank, go, ".", ...brackets.slice(0, alphabet).join("")],
    // Of an even number of brackets an even number is open.
    steps: (length) => length + deepest(length) - ((length - deepest(length)) % 2) + 1,
    draw(random, length, alphabet) {
      let [read, open] = ["", ""];
      while (read.length < length) {
        const opens = open === "" || (open.length < deepest(length) && random.uniform() < 0.5);
        const [opening = "", closing = ""] = opens ? (brackets[random.integer(alphabet)] as string) : ["", ""];
        read += opens ? opening : open[0];
        open = opens ? `${closing}${open}` : open.slice(1);
      }
      return thenWrite(read, `${open}.`);
    },
  },
  recall: {
    length: long(1, 4, 30),
    alphabet: counted([2, 10], 4),
    symbols: (alphabet) => [blank, "?", ...some(letters, alphabet), ...some(digits, alphabet)],
    steps: (length) => 2 * length + 2,
    draw(random, length, alphabet) {
      const known = new Map<string, string>();
      let read = "";
      for (let k = 0; k < length; k++) {
        const [key, value] = [anyOf(random, ofLetters(alphabet)), anyOf(random, ofDigits(alphabet))];
        known.set(key, value);
        read += `${key}${value}`;
      }
      const asked = [...known.keys()][random.integer(known.size)] as string;
      return [`${read}?${asked}`, `${spaces(2 * length + 1)}${known.get(asked)}`];
    },
  },
  induction: {
    length: long(2, 8),
    alphabet: counted([2, 26], 4),
    symbols: (alphabet) => [blank, "!", ...some(letters, alphabet)],
    steps: (length) => length + 2,
    draw(random, length, alphabet) {
      const read = word(random, length, ofLetters(alphabet));
      const at = random.integer(length);
      return [`${read.slice(0, at)}!${read.slice(at)}!`, `${spaces(length + 1)}${read[at]}`];
    },
  },
  first: {
    length: long(1, 12),
    alphabet: counted([2, 26], 4),
    symbols: writes,
    steps: (length) => length + 1,
    draw(random, length, alphabet) {
      const read = word(random, length, ofLetters(alphabet));
      return thenWrite(read, read[0] as string);
    },
  },
  delayed: {
    length: long(1, 10),
    alphabet: counted([2, 26], 3),
    symbols: writes,
    steps: (length) => length + 6,
    draw(random, length, alphabet) {
      const read = word(random, 3, ofLetters(alphabet));
      return thenWrite(`${read}${blank.repeat(length)}`, read);
    },
  },
  count: {
    length: long(1, 10),
    alphabet: counted([2, 2], 2),
    symbols: () => [blank, "a", "b", "."],
    steps: (length) => 2 * length,
    draw: (_, length) => [`${"a".repeat(length)}${"b".repeat(length)}`, `${spaces(length)}${"b".repeat(length - 1)}.`],
  },
  majority: {
    length: long(1, 9),
    alphabet: counted([2, 26], 2),
    symbols: writes,
    steps: (length) => length + 1,
    draw(random, length, alphabet) {
      for (;;) {
        const read = word(random, length, ofLetters(alphabet));
        const counts = [...ofLetters(alphabet)].map((letter) => read.split(letter).length - 1);
        const most = Math.max(...counts);
        // Where two are even there is no answer.
        if (counts.indexOf(most) === counts.lastIndexOf(most)) {
          return thenWrite(read, letters[counts.indexOf(most)] as string);
        }
      }
    },
  },
  largest: {
    length: long(1, 10),
    alphabet: counted([2, 10], 10),
    symbols: (alphabet) => [blank, go, ...some(digits, alphabet)],
    steps: (length) => length + 1,
    draw(random, length, alphabet) {
      const read = word(random, length, ofDigits(alphabet));
      return thenWrite(read, sorted(read).at(-1) as string);
    },
  },
} as const satisfies Record<string, ToyTask>;
export type ToyTaskName = keyof typeof toyTasks;

/** How sequences are drawn: their lengths are even in this range. */
export type ToySizes = { readonly shortest: number; readonly longest: number; readonly alphabet: number };

/** Draw one sequence of a task. The same generator gives the same sequence. */
export function drawToy(name: ToyTaskName, random: Random, { shortest, longest, alphabet }: ToySizes): ToySequence {
  const task: ToyTask = toyTasks[name];
  const symbols = task.symbols(alphabet);
  const [reads, answers] = task.draw(random, shortest + random.integer(longest - shortest + 1), alphabet);
  const indexOf = (symbol: string): number => symbols.indexOf(symbol);
  return { inputs: [...reads].map(indexOf), targets: [...answers].map(indexOf) };
}

/** Sequences side by side, examples first (N,T), flat; shorter ones are filled with `blank` at their ends. */
export type ToyBatch = {
  readonly count: number;
  readonly steps: number;
  readonly inputs: Int32Array;
  /** 0 where no answer counts. */
  readonly targets: Int32Array;
  /** 1 where an answer counts, 0 elsewhere. */
  readonly counts: Float32Array;
};

export function toyBatch(name: ToyTaskName, random: Random, sizes: ToySizes, count: number): ToyBatch {
  const steps = (toyTasks[name] as ToyTask).steps(sizes.longest);
  const inputs = new Int32Array(count * steps);
  const targets = new Int32Array(count * steps);
  const counts = new Float32Array(count * steps);
  for (let n = 0; n < count; n++) {
    const sequence = drawToy(name, random, sizes);
    inputs.set(sequence.inputs, n * steps);
    sequence.targets.forEach((target, t) => {
      if (target < 0) return;
      targets[n * steps + t] = target;
      counts[n * steps + t] = 1;
    });
  }
  return { count, steps, inputs, targets, counts };
}
