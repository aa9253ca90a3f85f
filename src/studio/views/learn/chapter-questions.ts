/** The questions at the end of each chapter, and what is a right answer to them. */
import { readNumber } from "../../components/typed-number.ts";
import { texts } from "../../texts/texts.ts";

const own = texts.learn.questions.asked;

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
    { ...own.perceptron.sum, right: 0.5, within: 0.005 },
    { ...own.perceptron.wrongly, right: 1 },
  ],
  learning: [
    { ...own.learning.slope, right: 0 },
    { ...own.learning.way, right: 1, within: 0.005 },
  ],
  feedback: [
    { ...own.feedback.state, right: 0.1, within: 0.005 },
    { ...own.feedback.copies, right: 0 },
  ],
  memory: [
    { ...own.memory.shape, right: 1 },
    { ...own.memory.numbers, right: 16, within: 0 },
  ],
  forgetting: [
    { ...own.forgetting.halves, right: 1, within: 0.005 },
    { ...own.forgetting.survives, right: 1 },
  ],
  lstm: [
    { ...own.lstm.state, right: 0.7, within: 0.005 },
    { ...own.lstm.output, right: 0 },
  ],
  variants: [
    { ...own.variants.gru, right: 0.9, within: 0.005 },
    { ...own.variants.parameters, right: 750, within: 0 },
  ],
  text: [
    { ...own.text.bits, right: 3, within: 0.005 },
    { ...own.text.temperature, right: 1 },
  ],
};

/** Whether an answer is right; undefined if it is no answer. */
export function isRight(question: Question, answer: string): boolean | undefined {
  if ("options" in question) return /^\d$/.test(answer) ? Number(answer) === question.right : undefined;
  const value = readNumber(answer);
  return value === undefined ? undefined : Math.abs(value - question.right) <= question.within + 1e-9;
}
