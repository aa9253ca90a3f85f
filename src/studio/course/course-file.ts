/**
 * Read a course: a file in JSON with stops in their order, each with an address of the studio, a text, tasks and checks.
 * The page and the command line read it. Knows nothing about how a course is shown.
 */
import { toyTasks } from "../../data/toy-tasks.ts";
import { excerpt } from "../../graph/excerpt.ts";
import { InputError } from "../../graph/input-error.ts";
import { formatValue, isPlain } from "../../graph/schema.ts";
import { didYouMean } from "../../graph/vocabulary.ts";
import { type Address, chapterNames, readAddress, viewNames } from "../address-text.ts";
import { type JsonFault, jsonFault } from "./json-fault.ts";
import { piecesOf } from "./marks.ts";

export type Course = {
  /** What the reader's answers are kept under. */
  readonly id: string;
  readonly title: string;
  readonly text?: string;
  readonly stops: readonly Stop[];
};

export type Stop = {
  /** Of its own in the course. */
  readonly title: string;
  /** `#/learn/lstm` */
  readonly address: string;
  readonly text?: string;
  readonly tasks?: readonly string[];
  readonly checks?: readonly Check[];
};

export type Answer = { readonly text: string; readonly right?: true; readonly why?: string };

/** `asks` is what the reader is asked, or asked to do; of its own in the stop. */
export type Check = { readonly asks: string } & (
  | { readonly kind: "choice"; readonly answers: readonly Answer[] }
  | { readonly kind: "number"; readonly right: number; readonly within?: number; readonly why?: string }
  | { readonly kind: "text" | "done" }
  /** All questions of the chapter are answered rightly. */
  | { readonly kind: "questions"; readonly chapter: string }
  /** A run of the toy task ends with at least this share of held-out sequences right as a whole. */
  | { readonly kind: "toy"; readonly task: string; readonly atLeast: number }
  /** A text model of characters is trained to a validation loss below so many nats a character. */
  | { readonly kind: "model"; readonly below: number }
  /** The reader is at an address that has all that this one has; `*` stands for anything. */
  | { readonly kind: "address"; readonly address: string }
);

/** The largest file, in bytes; what is longer is no course. */
export const largestCourse = 1e6;

/** What is wrong with a value: what was expected, and what to do; undefined if nothing is. `fail` tells of a part of it. */
type Rule = (value: unknown, fail: Fail) => string | undefined;
type Fail = (below: string, complaint: string) => never;
type Fields = Readonly<Record<string, { readonly rule: Rule; readonly optional?: true }>>;

const optional = (rule: Rule) => ({ rule, optional: true }) as const;
const needed = (rule: Rule) => ({ rule }) as const;

const text = (most: number): Rule => {
  return (value, fail) => {
    if (typeof value !== "string" || value.trim() === "" || value.length > most) {
      return `a text of 1 to ${most.toLocaleString("en")} characters, in quotes`;
    }
    for (const { kind, href = "" } of piecesOf(value)) {
      if (kind !== "link" || /^https:\/\/[^\s/]/.test(href)) continue;
      const problem = href.startsWith("#/") ? problemOfAddress(href) : 'an address such as "#/lab" or "https://..."';
      if (problem !== undefined) fail("", `has a link to ${formatValue(href)}; expected ${problem}`);
    }
    return undefined;
  };
};
const name: Rule = (value) =>
  typeof value === "string" && /^[\w.-]{1,80}$/.test(value)
    ? undefined
    : 'a name of 1 to 80 letters, digits, "-", "_" and ".", such as "lstm-week-1"';
const number =
  (what: string, accepts: (value: number) => boolean): Rule =>
  (value) =>
    typeof value === "number" && Number.isFinite(value) && accepts(value)
      ? undefined
      : `a number${what}, without quotes`;
const oneOf =
  (names: readonly string[]): Rule =>
  (value) =>
    names.includes(value as string)
      ? undefined
      : `one of ${names.join(", ")}.${typeof value === "string" ? didYouMean(value, names) : ""}`;
const list =
  (what: string, [least, most]: readonly [number, number], each: Rule): Rule =>
  (value, fail) => {
    if (!Array.isArray(value) || value.length < least || value.length > most) {
      return `a list of ${least} to ${most} ${what}, in [ ]`;
    }
    for (const [k, one] of value.entries()) apply(`[${k}]`, one, each, fail);
    return undefined;
  };
const object =
  (fields: Fields): Rule =>
  (value, fail) => {
    if (!isPlain(value)) return `an object with ${Object.keys(fields).join(", ")}, in { }`;
    checkFields(value, fields, fail);
    return undefined;
  };

function apply(path: string, value: unknown, rule: Rule, fail: Fail): void {
  const problem = rule(value, (below, complaint) => fail(path + below, complaint));
  if (problem !== undefined) fail(path, `is ${formatValue(value)}; expected ${problem}`);
}

function checkFields(value: Readonly<Record<string, unknown>>, fields: Fields, fail: Fail): void {
  const names = Object.keys(fields);
  const unknown = Object.keys(value).find((key) => !Object.hasOwn(fields, key));
  if (unknown !== undefined) {
    const hint = didYouMean(unknown, names) || ` It may have ${names.join(", ")}.`;
    fail("", `has ${formatValue(unknown)}, which is not known here.${hint}`);
  }
  for (const [key, { rule, optional = false }] of Object.entries(fields)) {
    if (Object.hasOwn(value, key)) apply(`.${key}`, value[key], rule, fail);
    else if (!optional) fail("", `has no "${key}"; expected ${rule(undefined, fail)}`);
  }
}

/** What was expected of an address; undefined if a view has it. */
function problemOfAddress(value: unknown): string | undefined {
  if (typeof value !== "string" || !/^#\/[^\s\p{Cc}]{1,2000}$/u.test(value)) {
    return 'an address of the studio as its page shows it, from "#/" on, such as "#/learn/lstm"';
  }
  const [view = ""] = value.slice(2).split(/[/?]/);
  const { path } = readAddress(value);
  if (!(viewNames as readonly string[]).includes(view)) {
    return `one of the views ${viewNames.join(", ")} behind "#/".${didYouMean(view, viewNames)}`;
  }
  const names = view === "learn" ? chapterNames : view === "toys" ? Object.keys(toyTasks) : undefined;
  const [part] = path;
  if (names === undefined || part === undefined || part === "*" || names.includes(part as never)) return undefined;
  return `one of ${names.join(", ")} behind "#/${view}/".${didYouMean(part, names)}`;
}
const address: Rule = problemOfAddress;

/** @throws by `fail` for two of the same */
function refuseTwice(what: string, texts: readonly string[], fail: Fail, path: (k: number) => string): void {
  const again = texts.findIndex((one, k) => texts.indexOf(one) !== k);
  if (again >= 0) {
    fail(
      path(again),
      `is ${formatValue(texts[again])}, like another ${what}; expected one of its own. Change one of them`,
    );
  }
}

const answers: Rule = (value, fail) => {
  const problem = list(
    "answers",
    [2, 12],
    object({ text: needed(text(500)), right: optional(isTrue), why: optional(text(1000)) }),
  )(value, fail);
  if (problem !== undefined) return problem;
  const all = value as readonly Answer[];
  refuseTwice(
    "answer",
    all.map(({ text }) => text),
    fail,
    (k) => `[${k}].text`,
  );
  const right = all.filter((one) => one.right).length;
  if (right !== 1) fail("", `has ${right} answers with "right": true; expected exactly one`);
  return undefined;
};
const isTrue: Rule = (value) => (value === true ? undefined : "true; leave it out where an answer is wrong");

/** What a check of each kind has besides `kind` and `asks`. */
const kinds: Readonly<Record<Check["kind"], Fields>> = {
  choice: { answers: needed(answers) },
  number: {
    right: needed(number("", () => true)),
    within: optional(number(" of at least 0", (value) => value >= 0)),
    why: optional(text(1000)),
  },
  text: {},
  done: {},
  questions: { chapter: needed(oneOf(chapterNames)) },
  toy: {
    task: needed(oneOf(Object.keys(toyTasks))),
    atLeast: needed(number(" above 0, at most 1", (value) => value > 0 && value <= 1)),
  },
  model: { below: needed(number(" above 0", (value) => value > 0)) },
  address: { address: needed(address) },
};

const check: Rule = (value, fail) => {
  if (!isPlain(value)) return 'an object with "kind" and "asks", in { }';
  const kind = oneOf(Object.keys(kinds));
  if (!Object.hasOwn(value, "kind")) fail("", `has no "kind"; expected ${kind(undefined, fail)}`);
  apply(".kind", value.kind, kind, fail);
  const fields = kinds[value.kind as Check["kind"]];
  checkFields(value, { kind: needed(kind), asks: needed(text(1000)), ...fields }, fail);
  return undefined;
};

const stop: Rule = (value, fail) => {
  const problem = object({
    title: needed(text(200)),
    address: needed(address),
    text: optional(text(5000)),
    tasks: optional(list("tasks", [0, 20], text(1000))),
    checks: optional(list("checks", [0, 20], check)),
  })(value, fail);
  if (problem !== undefined) return problem;
  const { checks = [], address: start } = value as Stop;
  refuseTwice(
    "check of this stop",
    checks.map(({ asks }) => asks),
    fail,
    (k) => `.checks[${k}].asks`,
  );
  const begun = checks.findIndex((one) => one.kind === "address" && hasAll(readAddress(start), one.address));
  if (begun >= 0) {
    fail(
      `.checks[${begun}].address`,
      "is where the stop begins, so it would be fulfilled at once; expected something that the reader has to set",
    );
  }
  return undefined;
};

const course: Rule = (value, fail) => {
  const problem = object({
    format: needed((value) => (value === 1 ? undefined : "1, the only one that this version knows")),
    id: needed(name),
    title: needed(text(200)),
    text: optional(text(5000)),
    stops: needed(list("stops", [1, 100], stop)),
  })(value, fail);
  if (problem !== undefined) return problem;
  refuseTwice(
    "stop",
    (value as Course).stops.map(({ title }) => title),
    fail,
    (k) => `.stops[${k}].title`,
  );
  return undefined;
};

/** Whether an address has all that another one says: its view, the parts of its path, its settings; `*` is anything. */
export function hasAll({ view, path, query }: Address, asked: string): boolean {
  const wanted = readAddress(asked);
  const isLike = (found: string | undefined, one: string): boolean =>
    one === "*" ? found !== undefined && found !== "" : found === one;
  return (
    view === wanted.view &&
    wanted.path.every((part, k) => isLike(path[k], part)) &&
    Object.entries(wanted.query).every(([key, value]) =>
      isLike(Object.hasOwn(query, key) ? query[key] : undefined, value),
    )
  );
}

/**
 * @param file its name, for messages
 * @throws InputError, one line: where in the file, what was found, what was expected, what to do
 */
export function readCourse(json: string, file: string): Course {
  const text = json.replace(/^\uFEFF/, "");
  const fault = jsonFault(text);
  if (fault !== undefined) throw new InputError(`${file}: ${notJson(text, fault)}`);
  const value: unknown = JSON.parse(text);
  if (!isPlain(value) || !Object.hasOwn(value, "stops")) {
    const found = isPlain(value) ? 'an object without "stops"' : formatValue(value);
    throw new InputError(
      `${file}: is ${found}; expected a course, an object with format, id, title and stops. "unrolled studio --course-file" writes one to begin with.`,
    );
  }
  apply("", value, course, (path, complaint) => {
    const at = path.replace(/^\./, "");
    throw new InputError(`${file}: ${at === "" ? "the course" : at} ${complaint}${/[.?]$/.test(complaint) ? "" : "."}`);
  });
  return value as unknown as Course;
}

function notJson(text: string, { line, column, expected }: JsonFault): string {
  const rest = (text.split("\n")[line - 1] ?? "").slice(column - 1).trim();
  const found = rest === "" ? "the end of the line" : `“${excerpt(rest, 20)}”`;
  return `is not JSON at line ${line}, column ${column}: found ${found}; expected ${expected}. Look there and just before it.`;
}
