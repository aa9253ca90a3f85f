/**
 * Small tasks as texts, one problem in each line, which show within a minute what a cell can learn. The same seed gives
 * the same text.
 */
import { createRandom, type Random } from "../../nn/random.ts";
import { texts } from "../texts/texts.ts";

const own = texts.models.smallTasks;

export type SmallTask = {
  readonly title: string;
  /** A description of the task in one sentence. */
  readonly about: string;
  /** One line of the text. */
  readonly line: (random: Random) => string;
};

const letters = "abcdefghijklmnopqrstuvwxyz";
const anyOf = (random: Random, characters: string): string => characters[random.integer(characters.length)] as string;
const word = (random: Random, length: number): string => Array.from({ length }, () => anyOf(random, letters)).join("");

export const smallTasks = {
  pattern: {
    ...own.pattern,
    line: () => "abc abd abe abf abg",
  },
  counting: {
    ...own.counting,
    line(random) {
      const first = random.integer(93);
      const row = (from: number): string => Array.from({ length: 6 }, (_, k) => from + k).join(" ");
      return `${row(first)} > ${row(first + 1)}`;
    },
  },
  sums: {
    ...own.sums,
    line(random) {
      const [a, b] = [random.integer(50), random.integer(50)];
      return `${a}+${b}=${a + b}`;
    },
  },
  brackets: {
    ...own.brackets,
    line(random) {
      let text = "";
      let open = "";
      while (text.length + open.length < 20) {
        if (open === "" || (open.length < 6 && random.uniform() < 0.55)) {
          const kind = random.integer(3);
          text += "([{"[kind];
          open = ")]}"[kind] + open;
        } else {
          text += open[0];
          open = open.slice(1);
        }
      }
      return text + open;
    },
  },
  copying: {
    ...own.copying,
    line(random) {
      const told = word(random, 8);
      return `${told} ${told}`;
    },
  },
} satisfies Record<string, SmallTask>;
export type SmallTaskName = keyof typeof smallTasks;

/** Long enough that no line but those of few kinds is met often. */
const length = 60_000;

export function smallTaskText(name: SmallTaskName, seed: number): string {
  const task: SmallTask = smallTasks[name];
  const random = createRandom(seed);
  let text = "";
  while (text.length < length) text += `${task.line(random)}\n`;
  return text;
}
