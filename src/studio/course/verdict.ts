/** What an answer to a check is worth, and which of the reader's doings fulfil one. */
import { type Address, readAddress } from "../address-text.ts";
import { readNumber } from "../components/typed-number.ts";
import type { Fact } from "../facts.ts";
import { type Check, type Course, hasAll, type Stop } from "./course-file.ts";

/** Answers as texts, by `keyOf`. */
export type Answers = Readonly<Record<string, string>>;

/** An answer belongs to the words that were asked: stops and checks may change places. */
export const keyOf = (stop: Stop, check: Check): string => JSON.stringify([stop.title, check.asks]);

export type Verdict = {
  /** Whether the check is done with; one that is judged, if the answer is right. */
  readonly done: boolean;
  /** Of a check that is judged, and an answer that can be. */
  readonly right?: boolean;
  readonly why?: string;
};

/** Of a choice the text of the chosen answer, of a number what was typed, of a text the text; of others any text once done. */
export function verdictOf(check: Check, answer: string | undefined): Verdict {
  if (answer === undefined) return { done: false };
  if (check.kind === "choice") {
    const chosen = check.answers.find(({ text }) => text === answer);
    if (chosen === undefined) return { done: false };
    const right = chosen.right === true;
    return { done: right, right, ...(chosen.why !== undefined && { why: chosen.why }) };
  }
  if (check.kind === "number") {
    const value = readNumber(answer);
    if (value === undefined) return { done: false };
    const { within = 0, why } = check;
    // What decimal fractions lose in binary: 0.3 is not 0.1 + 0.2.
    const right = Math.abs(value - check.right) <= within + 1e-9 * Math.max(1, Math.abs(check.right));
    return { done: right, right, ...(why !== undefined && { why }) };
  }
  return { done: answer.trim() !== "" };
}

/** The answer by which a fact fulfils a check; undefined if it does not. */
export function answerBy(check: Check, fact: Fact): string | undefined {
  if (check.kind === "questions" && fact.kind === "questions") {
    return fact.chapter === check.chapter && fact.right === fact.of ? `${fact.right}/${fact.of}` : undefined;
  }
  if (check.kind === "toy" && fact.kind === "toy") {
    return fact.task === check.task && fact.whole >= check.atLeast ? fact.whole.toFixed(4) : undefined;
  }
  if (check.kind === "model" && fact.kind === "model") {
    return fact.tokens === "char" && fact.nats < check.below ? fact.nats.toFixed(4) : undefined;
  }
  return undefined;
}

/** The answer by which an address fulfils a check; undefined if it does not. */
export const answerAt = (check: Check, address: Address, hash: string): string | undefined =>
  check.kind === "address" && hasAll(address, check.address) ? hash : undefined;

export type Progress = { readonly done: number; readonly all: number };

export function progressOf(stops: readonly Stop[], answers: Answers): Progress {
  const verdicts = stops.flatMap((stop) =>
    (stop.checks ?? []).map((check) => verdictOf(check, answers[keyOf(stop, check)])),
  );
  return { done: verdicts.filter(({ done }) => done).length, all: verdicts.length };
}

/**
 * The stop of an address: the present one, if the reader is still at its place, else the next one whose place it is; the present one
 * if it is no stop's.
 */
export function stopAt({ stops }: Course, address: Address, present: number): number {
  const depth = stops.map(({ address: start }) => {
    const { view, path } = readAddress(start);
    const isHere = view === address.view && path.every((part, k) => part === address.path[k]);
    // A chapter is a place of its own; elsewhere what follows in the path is the reader's: a model, a task.
    const isOwn = view === "learn" && path.length !== address.path.length;
    return isHere && !isOwn ? path.length : -1;
  });
  const deepest = Math.max(...depth);
  if (deepest < 0 || depth[present] === deepest) return present;
  const next = depth.findIndex((one, k) => one === deepest && k > present);
  return next >= 0 ? next : depth.indexOf(deepest);
}
