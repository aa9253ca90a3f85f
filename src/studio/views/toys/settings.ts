/** The settings of a run in the address, and what they are where it says nothing. */
import { cells } from "../../../cells/index.ts";
import { type ToyTask, type ToyTaskName, toyTasks } from "../../../data/toy-tasks.ts";
import { excerpt } from "../../../graph/excerpt.ts";
import type { Address } from "../../address.ts";
import { differsOf } from "../../components/cells-in-words.ts";
import { chosen } from "../../components/choice.tsx";
import type { ToySettings } from "../../engine/toys.ts";
import { fill, texts as page } from "../../texts/texts.ts";

const own = page.toys.settings;

type Query = Address["query"];

type Field = {
  readonly label: string;
  readonly hint: string;
  readonly standard: number;
  readonly whole: boolean;
  readonly min: number;
  readonly max: number;
};
/** The numbers, by their names in addresses, in the order of the form. */
export const fieldNames = [
  ...(["shortest", "longest", "alphabet", "units", "layers", "batch", "rate", "clip", "updates", "seed"] as const),
] as const;
export type FieldName = (typeof fieldNames)[number];

const whole = (label: string, hint: string, standard: number, min: number, max: number): Field => ({
  ...{ label, hint, standard, min, max, whole: true },
});
const positive = (label: string, hint: string, standard: number, max: number): Field => ({
  ...{ label, hint, standard, min: 0, max, whole: false },
});

/** The number fields of a task: bounds catch typing errors; the engine checks the memory. */
export function fieldsOf(task: ToyTaskName): Readonly<Record<FieldName, Field>> {
  const { length, alphabet }: ToyTask = toyTasks[task];
  const counts = page.toys.tasks[task];
  return {
    shortest: whole(own.shortest, counts.length, length.shortest, length.min, length.max),
    longest: whole(own.longest, counts.length, length.longest, length.min, length.max),
    alphabet: whole(own.alphabet, counts.alphabet, alphabet.standard, alphabet.min, alphabet.max),
    units: whole(own.units.label, own.units.hint, 32, 1, 512),
    layers: whole(own.layers.label, own.layers.hint, 1, 1, 4),
    batch: whole(own.batch.label, own.batch.hint, 32, 1, 512),
    rate: positive(own.rate.label, own.rate.hint, 0.01, 1),
    clip: positive(own.clip.label, own.clip.hint, 1, 1e9),
    updates: whole(own.updates.label, own.updates.hint, 1000, 1, 100_000),
    seed: whole(own.seed.label, own.seed.hint, 1, 0, 2 ** 32 - 1),
  };
}

/** What is wrong with a field's text; undefined if nothing is. */
function problemWith({ label, whole, min, max }: Field, text: string): string | undefined {
  const value = Number(text);
  const fits = text.trim() !== "" && value <= max && (whole ? value >= min && Number.isInteger(value) : value > min);
  if (fits) return undefined;
  const given = text.trim() === "" ? own.wrong.nothing : fill(own.wrong.given, { text: excerpt(text.trim()) });
  const values = { label, min, max: max.toLocaleString("en"), given };
  return fill(whole ? own.wrong.whole : own.wrong.number, values);
}

/** What an address makes: the run's settings, if nothing is wrong with it. */
export type Asked = {
  readonly task: ToyTaskName;
  /** The texts of the fields. */
  readonly texts: Readonly<Record<FieldName, string>>;
  readonly problems: Readonly<Partial<Record<FieldName | "cell" | "sizes" | "seeds", string>>>;
  readonly settings: ToySettings | undefined;
  /** The runs of the sweep, if nothing is wrong with it. */
  readonly sweep: readonly ToySettings[] | undefined;
};

export const [standardCell, standardSizes, standardSeeds] = ["lstm", "8, 16, 32", "3"];
/** Equations in a link have at most so many characters. */
export const maxEquations = 4000;
const [maxSizes, maxSeeds] = [12, 20];

export function askedOf({ path: [said], query }: Pick<Address, "path" | "query">): Asked {
  const task = chosen(toyTasks, said, "copy") as ToyTaskName;
  const fields = fieldsOf(task);
  const problems: Record<string, string> = {};
  const texts = Object.fromEntries(
    fieldNames.map((name) => [name, query[name] ?? `${fields[name].standard}`]),
  ) as Record<FieldName, string>;
  for (const name of fieldNames) {
    const problem = problemWith(fields[name], texts[name]);
    if (problem !== undefined) problems[name] = problem;
  }
  const number = (name: FieldName): number => Number(texts[name]);
  if (problems.shortest === undefined && problems.longest === undefined && number("shortest") > number("longest")) {
    problems.longest = fill(own.wrong.longest, { shortest: texts.shortest, longest: texts.longest });
  }
  const { equations, cell = standardCell as string } = query;
  if (equations === undefined && !Object.hasOwn(cells, cell)) {
    problems.cell = fill(own.wrong.cell, { cell: excerpt(cell) });
  }
  if (equations !== undefined && equations.trim() === "") problems.cell = own.wrong.equations;
  const fine = Object.keys(problems).length === 0;
  const settings: ToySettings | undefined = fine
    ? {
        ...{ task, shortest: number("shortest"), longest: number("longest"), alphabet: number("alphabet") },
        cell: equations === undefined ? cell : { equations },
        ...{ units: number("units"), layers: number("layers"), batch: number("batch"), learningRate: number("rate") },
        ...{ clipNorm: number("clip"), updates: number("updates"), seed: number("seed") },
      }
    : undefined;
  const { sizes: saidSizes = standardSizes as string, seeds = standardSeeds as string } = query;
  const sizes = [...new Set(saidSizes.split(/[\s,]+/).filter((text) => text !== ""))];
  const odd = sizes.find((text) => problemWith(fields.units, text) !== undefined);
  if (odd !== undefined) problems.sizes = problemWith({ ...fields.units, label: own.sizes.label }, odd) as string;
  if (sizes.length === 0 || sizes.length > maxSizes) {
    problems.sizes = fill(own.wrong.sizes, { most: maxSizes, such: standardSizes as string, count: sizes.length });
  }
  const seedsProblem = problemWith(whole(own.seeds.label, "", 3, 1, maxSeeds), seeds);
  if (seedsProblem !== undefined) problems.seeds = seedsProblem;
  const sweeps = settings !== undefined && problems.sizes === undefined && problems.seeds === undefined;
  return {
    ...{ task, texts, problems, settings },
    sweep: sweeps
      ? sizes.flatMap((units) =>
          Array.from({ length: Number(seeds) }, (_, k) => ({
            ...settings,
            units: Number(units),
            seed: (settings.seed + k) % 2 ** 32,
          })),
        )
      : undefined,
  };
}

/** The query of a run's settings: what is not standard. The rest of the query stays, but for the task's own settings of another task. */
export function queryOf(settings: ToySettings, query: Query = {}): Query {
  const fields = fieldsOf(settings.task);
  const numbers: Readonly<Record<FieldName, number>> = {
    ...{ shortest: settings.shortest, longest: settings.longest, alphabet: settings.alphabet },
    ...{ units: settings.units, layers: settings.layers, batch: settings.batch, rate: settings.learningRate },
    ...{ clip: settings.clipNorm, updates: settings.updates, seed: settings.seed },
  };
  const next: Record<string, string> = { ...query };
  for (const name of [...fieldNames, "cell", "equations"]) delete next[name];
  for (const name of fieldNames) if (numbers[name] !== fields[name].standard) next[name] = `${numbers[name]}`;
  if (typeof settings.cell !== "string") next.equations = settings.cell.equations;
  else if (settings.cell !== standardCell) next.cell = settings.cell;
  return next;
}

/** Another task has lengths and an alphabet of its own. */
export const queryForOther = (query: Query): Query =>
  Object.fromEntries(Object.entries(query).filter(([name]) => !["shortest", "longest", "alphabet"].includes(name)));

/** A cell in words. */
export const cellTitle = ({ cell }: Pick<ToySettings, "cell">): string =>
  typeof cell === "string" ? cell : own.cell.ofOwn;
export const cellOptions: readonly { readonly name: string; readonly title: string }[] = Object.keys(cells).map(
  (name) => ({ name, title: fill(own.cell.option, { name, about: differsOf(name) }) }),
);
