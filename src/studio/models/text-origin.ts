/** Which text a model was trained on: data in what is kept of a training, words where it is shown. Holds no text. */
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

/** The text of a title; a file's, where no other has it. */
export function textTitled(title: string): TextOrigin {
  const known: readonly TextOrigin[] = [
    ...(Object.keys(titles) as (keyof typeof titles)[]).map((kind) => ({ kind })),
    ...(Object.keys(smallTasks) as SmallTaskName[]).map((task) => ({ kind: "task", task }) as const),
  ];
  return known.find((origin) => textTitle(origin) === title) ?? { kind: "file", name: title };
}

/** Of what was kept, which may be anybody's. */
export function isTextOrigin(told: unknown): told is TextOrigin {
  if (!isPlain(told)) return false;
  const { kind, task, name } = told;
  if (kind === "task") return typeof task === "string" && Object.hasOwn(smallTasks, task);
  if (kind === "file") return typeof name === "string";
  return typeof kind === "string" && Object.hasOwn(titles, kind);
}
