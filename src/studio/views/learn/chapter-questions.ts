/** The questions at the end of each chapter, and what is a right answer to them. */
import { readNumber } from "../../components/typed-number.ts";

export type Question = {
  readonly asks: string;
  /** Why the right answer is right, in one sentence. */
  readonly why: string;
} & (
  | {
      readonly options: readonly string[];
      /** Which of them is right. */
      readonly right: number;
    }
  | {
      /** The right number, and how far an answer may be from it. */
      readonly right: number;
      readonly within: number;
    }
);

export type ChapterName =
  | "perceptron"
  | "learning"
  | "feedback"
  | "memory"
  | "forgetting"
  | "lstm"
  | "variants"
  | "text";

export const questions: Readonly<Record<ChapterName, readonly Question[]>> = {
  perceptron: [
    {
      asks: "A perceptron has the weights 2 and −1 and the bias −0.5. Both inputs are 1. What is the sum?",
      right: 0.5,
      within: 0.005,
      why: "2 · 1 − 1 · 1 − 0.5 = 0.5, which is above zero, so it says 1.",
    },
    {
      asks: "It says 1 where 0 would be right. What does the rule do?",
      options: [
        "It adds a little of the inputs to the weights.",
        "It takes a little of the inputs away from the weights.",
        "Nothing: it learns only from right answers.",
      ],
      right: 1,
      why: "The sum was too large, and with less of these inputs in the weights it becomes smaller.",
    },
  ],
  learning: [
    {
      asks: "Where the ball lies, the slope of the loss in w is −2. Which way does w move at the next step?",
      options: ["It becomes larger.", "It becomes smaller.", "It stays, since −2 is below zero."],
      right: 0,
      why: "A slope of −2 says that the loss falls as w grows, and the step goes against the slope: downhill.",
    },
    {
      asks: "On its way back a derivative of 4 passes two neurons, each of which multiplies it by 0.5. What arrives?",
      right: 1,
      within: 0.005,
      why: "The factors multiply: 4 · 0.5 · 0.5 = 1.",
    },
  ],
  feedback: [
    {
      asks: "The state is 0.4, u is 0.5, w and b do not matter as nothing comes in. About what is the state after two more steps?",
      right: 0.1,
      within: 0.005,
      why: "Each step multiplies it by u: 0.4 · 0.5 · 0.5 = 0.1, and tanh bends so small a number hardly at all.",
    },
    {
      asks: "Unrolled over 100 steps the picture has 100 copies of the neuron. How many numbers are there to learn?",
      options: ["3: w, u and b", "100: one for each copy", "300: w, u and b of each copy"],
      right: 0,
      why: "All copies share the same three numbers; each copy only says how it would change them.",
    },
  ],
  memory: [
    {
      asks: "A review is read word by word. At its end one number says how good the film is. Which shape is that?",
      options: ["Sequence to sequence", "Sequence to vector", "Vector to sequence", "Encoder and decoder"],
      right: 1,
      why: "Many inputs, and one output that counts: the last.",
    },
    {
      asks: "A cell of 16 units has read 1,000 numbers. How many numbers hold all that it knows of them?",
      right: 16,
      within: 0,
      why: "Its state has one number for each unit, however much was read, so it has to choose what to keep.",
    },
  ],
  forgetting: [
    {
      asks: "Every step on the way back multiplies the message by 0.5. What is left of 1024 after ten steps?",
      right: 1,
      within: 0.005,
      why: "Halved ten times, 1024 is 1: less than a thousandth arrives.",
    },
    {
      asks: "Why can a message in an LSTM survive many steps?",
      options: [
        "Its matrices are larger than those of a simple RNN.",
        "Along the cell state it is multiplied by the forget gate alone, and that can stand near 1.",
        "It is shortened wherever it is longer than a limit.",
      ],
      right: 1,
      why: "A factor near 1 leaves the message as it is, over any number of steps; no matrix and no tanh stands on that path.",
    },
  ],
  lstm: [
    {
      asks: "The cell state is 0.8. The forget gate stands at 0.5, the input gate at 1, and the candidate is 0.3. What is the new cell state?",
      right: 0.7,
      within: 0.005,
      why: "0.5 · 0.8 + 1 · 0.3 = 0.7: half of the old, and all of the candidate.",
    },
    {
      asks: "The output gate stands at 0. What is so?",
      options: ["h is 0, and c is kept.", "c is 0, and h is kept.", "Both are 0."],
      right: 0,
      why: "The output gate only says how much of c is shown; what stays in c is the forget gate’s affair.",
    },
  ],
  variants: [
    {
      asks: "In a GRU the update gate stands at 0.9. The old state is 1, the candidate is 0. What is the new state?",
      right: 0.9,
      within: 0.005,
      why: "0.9 · 1 + (1 − 0.9) · 0 = 0.9: nine tenths of the old state, one tenth of the candidate.",
    },
    {
      asks: "An LSTM has 1,000 parameters. How many has a GRU with as many units and inputs?",
      right: 750,
      within: 0,
      why: "It has three lines with matrices where the LSTM has four, and all of the same size: three quarters.",
    },
  ],
  text: [
    {
      asks: "The model gave the character that came a probability of one in eight. How many bits did it cost?",
      right: 3,
      within: 0.005,
      why: "One in eight is as surprising as three coins that fall as called: a half of a half of a half.",
    },
    {
      asks: "What does a temperature near 0 do to what the model writes?",
      options: [
        "It draws all characters equally often.",
        "It always takes the character that is likeliest.",
        "It makes the model learn more slowly.",
      ],
      right: 1,
      why: "Divided by a tiny number, the logits lie so far apart that the likeliest one gets nearly all of the probability.",
    },
  ],
};

/** Whether an answer is right; undefined if it is no answer. */
export function isRight(question: Question, answer: string): boolean | undefined {
  if ("options" in question) return /^\d$/.test(answer) ? Number(answer) === question.right : undefined;
  const value = readNumber(answer);
  return value === undefined ? undefined : Math.abs(value - question.right) <= question.within + 1e-9;
}
