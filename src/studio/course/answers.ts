/** The reader's answers to a course: in this browser's storage under the course's id or, where that is refused, in the page. */
import { isPlain } from "../../graph/schema.ts";
import { createShared, type Shared } from "../shared.ts";
import type { Answers } from "./verdict.ts";

export type Kept = {
  /** The title of the present stop. */
  readonly at?: string;
  readonly answers: Answers;
  /** Whether the browser has stored it. */
  readonly stored: boolean;
};

export type AnswerStore = Pick<Shared<Kept>, "get" | "use"> & {
  readonly give: (key: string, answer: string) => void;
  readonly goTo: (title: string) => void;
  /** Delete all answers. @returns what brings them back */
  readonly forget: () => () => void;
  /** End the wait for what other tabs of the course store. */
  readonly end: () => void;
};

/** What is stored; undefined if nothing is, and where storage is refused. */
function read(name: string): Omit<Kept, "stored"> | undefined {
  try {
    const found: unknown = JSON.parse(localStorage.getItem(name) ?? "null");
    if (!isPlain(found)) return undefined;
    const answers = isPlain(found.answers) ? Object.entries(found.answers) : [];
    return {
      ...(typeof found.at === "string" && { at: found.at }),
      answers: Object.fromEntries(answers.filter((entry): entry is [string, string] => typeof entry[1] === "string")),
    };
  } catch {
    return undefined;
  }
}

export function openAnswers(id: string): AnswerStore {
  const name = `unrolled.course.${id}`;
  const shared = createShared<Kept>({ answers: {}, ...read(name), stored: true });
  const keep = (change: (before: Answers) => Answers, at?: string): void => {
    const present = shared.get();
    // Another tab may have stored more.
    const { answers } = present.stored ? (read(name) ?? present) : present;
    const place = at ?? present.at;
    const next = { ...(place !== undefined && { at: place }), answers: change(answers) };
    let stored = true;
    try {
      localStorage.setItem(name, JSON.stringify(next));
    } catch {
      stored = false;
    }
    shared.set({ ...next, stored });
  };
  const hear = ({ key }: StorageEvent): void => {
    const { at, stored } = shared.get();
    if (key !== null && key !== name) return;
    shared.set({ answers: read(name)?.answers ?? {}, ...(at !== undefined && { at }), stored });
  };
  addEventListener("storage", hear);
  // Whether this browser stores anything is known before the first answer.
  keep((answers) => answers);
  return {
    ...{ get: shared.get, use: shared.use },
    give: (key, answer) => keep((answers) => ({ ...answers, [key]: answer })),
    goTo: (title) => keep((answers) => answers, title),
    forget() {
      const before = shared.get().answers;
      keep(() => ({}));
      return () => keep((since) => ({ ...before, ...since }));
    },
    end: () => removeEventListener("storage", hear),
  };
}
