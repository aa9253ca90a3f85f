/** The settings of a training as they stand in the form, as text, and what they say. */
import { fitDefaults } from "../../../train/fit-stream.ts";
import type { TrainingSettings } from "../../engine/training.ts";

type Field = {
  readonly label: string;
  readonly hint: string;
  readonly standard: number;
  readonly whole?: true;
  readonly min?: number;
  readonly above?: number;
  readonly max: number;
};

/** Bounds are for slips of the pen; what memory holds is for the engine to say. */
export const fields = {
  units: { label: "Units", hint: "features of a state", standard: 128, whole: true, min: 1, max: 8192 },
  layers: { label: "Layers", hint: "recurrent, one on the other", standard: 1, whole: true, min: 1, max: 20 },
  dropout: { label: "Dropout", hint: "share of values between layers left out", standard: 0, min: 0, max: 0.9 },
  batch: {
    label: "Batch",
    hint: "places read side by side",
    standard: fitDefaults.batch,
    whole: true,
    min: 1,
    max: 4096,
  },
  steps: {
    label: "Steps",
    hint: "that the gradient reaches back",
    standard: fitDefaults.steps,
    whole: true,
    min: 1,
    max: 4096,
  },
  learningRate: {
    label: "Learning rate",
    hint: "of Adam, at the start",
    standard: fitDefaults.learningRate,
    above: 0,
    max: 10,
  },
  epochs: { label: "Epochs", hint: "passes over the text", standard: fitDefaults.epochs, above: 0, max: 100_000 },
  minutes: { label: "Minutes", hint: "of training", standard: 2, above: 0, max: 10_000 },
  seed: { label: "Seed", hint: "of all that is chance", standard: 0, whole: true, min: 0, max: 2 ** 32 - 1 },
} as const satisfies Record<string, Field>;
export type FieldName = keyof typeof fields;

export type Form = { readonly [Name in FieldName]: string } & {
  readonly tokens: TrainingSettings["tokens"];
  readonly until: "epochs" | "minutes";
  /** What the run is to be called; "" for a name made from the settings. */
  readonly name: string;
};

export const standardForm: Form = {
  ...(Object.fromEntries(Object.entries(fields).map(([name, { standard }]) => [name, `${standard}`])) as Record<
    FieldName,
    string
  >),
  tokens: "char",
  until: "epochs",
  name: "",
};

/** What is wrong with what stands in a field; undefined for nothing. */
export function problemOf(name: FieldName, text: string): string | undefined {
  const { label, whole, min, above, max }: Field = fields[name];
  const value = Number(text);
  const fits =
    text.trim() !== "" && value <= max && (min === undefined || value >= min) && (above === undefined || value > above);
  if (fits && (!whole || Number.isInteger(value))) return undefined;
  const kind = whole ? "a whole number" : "a number";
  const range =
    above === undefined
      ? `from ${min} to ${max.toLocaleString("en-US")}`
      : `above ${above}, at most ${max.toLocaleString("en-US")}`;
  const hint = !whole && /^\s*\d*,\d+\s*$/.test(text) ? ` Write ${text.trim().replace(",", ".")}.` : "";
  return `${label}: ${kind} ${range}, not ${text.trim() === "" ? "nothing" : `"${text.trim()}"`}.${hint}`;
}

/** What a field says, its standard value where it says nothing right. */
export function numberOf(form: Form, name: FieldName): number {
  return problemOf(name, form[name]) === undefined ? Number(form[name]) : fields[name].standard;
}

/** All settings but the cell; undefined where a field is wrong. */
export function settingsOf(form: Form): Omit<TrainingSettings, "cell"> | undefined {
  const unused = form.until === "epochs" ? "minutes" : "epochs";
  const names = (Object.keys(fields) as FieldName[]).filter((name) => name !== unused);
  if (names.some((name) => problemOf(name, form[name]) !== undefined)) return undefined;
  const number = (name: FieldName): number => Number(form[name]);
  return {
    ...{ units: number("units"), layers: number("layers"), dropout: number("dropout"), tokens: form.tokens },
    ...{ batch: number("batch"), steps: number("steps"), learningRate: number("learningRate"), seed: number("seed") },
    until: form.until === "epochs" ? { epochs: number("epochs") } : { minutes: number("minutes") },
    sample: 240,
  };
}

const key = "unrolled.lab.settings";
export function rememberForm(form: Form): void {
  localStorage.setItem(key, JSON.stringify(form));
}
export function rememberedForm(): Form {
  try {
    const kept = JSON.parse(localStorage.getItem(key) ?? "{}") as Record<string, unknown>;
    const known = Object.entries(standardForm).map(([name, standard]) => {
      const value = kept[name];
      return [name, typeof value === "string" && isChoice(name, value) ? value : standard];
    });
    return Object.fromEntries(known) as Form;
  } catch {
    return standardForm;
  }
}
const choices: Readonly<Record<string, readonly string[]>> = {
  tokens: ["char", "word", "bpe"],
  until: ["epochs", "minutes"],
};
const isChoice = (name: string, value: string): boolean => choices[name]?.includes(value) ?? true;
