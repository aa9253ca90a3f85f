/**
 * The text that a model was trained on: data in the stored facts, words where it is shown. It does not contain the
 * text.
 */
import { isPlain } from "../../graph/schema.ts";
import english from "../texts/en.json" with { type: "json" };
import { texts } from "../texts/texts.ts";
import { type SmallTaskName, smallTasks } from "./small-tasks.ts";

/** `chapter`: the first of Moby-Dick. `own`: the reader's, in Learn; `pasted`: the reader's, in the Lab. */
export type TextOrigin =
  | { readonly kind: keyof typeof titles }
  | { readonly kind: "task"; readonly task: SmallTaskName }
  | { readonly kind: "file"; readonly name: string };

const titles = texts.models.origins;

function titleIn({ origins, smallTasks }: typeof texts.models, origin: TextOrigin): string {
  if (origin.kind === "task") return smallTasks[origin.task].title;
  return origin.kind === "file" ? origin.name : origins[origin.kind];
}

export const textTitle = (origin: TextOrigin): string => titleIn(texts.models, origin);

/** The origin with this English title, which older versions stored; a file, if no other origin has it. */
export function textTitled(title: string): TextOrigin {
  const known: readonly TextOrigin[] = [
    ...(Object.keys(titles) as (keyof typeof titles)[]).map((kind) => ({ kind })),
    ...(Object.keys(smallTasks) as SmallTaskName[]).map((task) => ({ kind: "task", task }) as const),
  ];
  return known.find((origin) => titleIn(english.models, origin) === title) ?? { kind: "file", name: title };
}

/** Check a stored origin, which is not trusted. */
export function isTextOrigin(told: unknown): told is TextOrigin {
  if (!isPlain(told)) return false;
  const { kind, task, name } = told;
  if (kind === "task") return typeof task === "string" && Object.hasOwn(smallTasks, task);
  if (kind === "file") return typeof name === "string";
  return typeof kind === "string" && Object.hasOwn(titles, kind);
}
