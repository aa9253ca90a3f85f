/**
 * The text that a model was trained on: data in the stored facts, words where it is shown. It does not contain the
 * text.
 */
import { isPlain } from "../../graph/schema.ts";
import { type SmallTaskName, smallTasks } from "./small-tasks.ts";

/** `chapter`: the first of Moby-Dick. `own`: the reader's, in Learn; `pasted`: the reader's, in the Lab. */
export type TextOrigin =
  | { readonly kind: keyof typeof titles }
  | { readonly kind: "task"; readonly task: SmallTaskName }
  | { readonly kind: "file"; readonly name: string };

const titles = {
  ...{ book: "Moby-Dick", chapter: "Its first chapter", own: "A text of yours", pasted: "pasted text" },
} as const;

export function textTitle(origin: TextOrigin): string {
  if (origin.kind === "task") return smallTasks[origin.task].title;
  return origin.kind === "file" ? origin.name : titles[origin.kind];
}

/** The origin with this title; a file, if no other origin has it. */
export function textTitled(title: string): TextOrigin {
  const known: readonly TextOrigin[] = [
    ...(Object.keys(titles) as (keyof typeof titles)[]).map((kind) => ({ kind })),
    ...(Object.keys(smallTasks) as SmallTaskName[]).map((task) => ({ kind: "task", task }) as const),
  ];
  return known.find((origin) => textTitle(origin) === title) ?? { kind: "file", name: title };
}

/** Check a stored origin, which is not trusted. */
export function isTextOrigin(told: unknown): told is TextOrigin {
  if (!isPlain(told)) return false;
  const { kind, task, name } = told;
  if (kind === "task") return typeof task === "string" && Object.hasOwn(smallTasks, task);
  if (kind === "file") return typeof name === "string";
  return typeof kind === "string" && Object.hasOwn(titles, kind);
}
