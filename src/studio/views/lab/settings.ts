/** The settings of a training as texts in the form, and their values. */
import { excerpt } from "../../../graph/excerpt.ts";
import { fitDefaults, rateFor } from "../../../train/fit-stream-options.ts";
import type { OptimizerName } from "../../../train/optimizer-names.ts";
import { remember, remembered } from "../../components/remembered.ts";
import type { Device, TrainingSettings } from "../../engine/training.ts";
import {
  decayOf,
  optimizerTitles,
  scheduleTitles,
  settingTitles,
  type TrainingFacts,
  tokenTitles,
} from "../../models/training-facts.ts";
import { fill, texts } from "../../texts/texts.ts";

const own = texts.lab.training.settings;

type Field = {
  readonly label: string;
  readonly hint: string;
  readonly standard: number;
  readonly whole?: true;
  readonly min?: number;
  readonly above?: number;
  readonly max: number;
};

export const deviceTitles: Readonly<Record<Device, string>> = own.device.titles;
/** The bounds catch typing errors; the engine checks the memory. */
export const fields = {
  units: { label: settingTitles.units, hint: own.hints.units, standard: 128, whole: true, min: 1, max: 8192 },
  layers: {
    label: settingTitles.layers,
    hint: own.hints.layers,
    standard: 1,
    whole: true,
    min: 1,
    max: 20,
  },
  dropout: {
    label: settingTitles.dropout,
    hint: own.hints.dropout,
    standard: 0,
    min: 0,
    max: 0.9,
  },
  batch: {
    label: settingTitles.batch,
    hint: own.hints.batch,
    standard: fitDefaults.batch,
    whole: true,
    min: 1,
    max: 4096,
  },
  steps: {
    label: settingTitles.steps,
    hint: own.hints.steps,
    standard: fitDefaults.steps,
    whole: true,
    min: 1,
    max: 4096,
  },
  learningRate: {
    label: settingTitles.learningRate,
    hint: own.hints.learningRate,
    standard: fitDefaults.learningRate,
    above: 0,
    max: 10,
  },
  clipNorm: {
    label: settingTitles.clipNorm,
    hint: own.hints.clipNorm,
    standard: fitDefaults.clipNorm,
    above: 0,
    max: 1e9,
  },
  decaySteps: {
    label: settingTitles.decaySteps,
    hint: own.hints.decaySteps,
    standard: 1000,
    whole: true,
    min: 1,
    max: 1e9,
  },
  decayRate: { label: settingTitles.decayRate, hint: own.hints.decayRate, standard: 0.5, above: 0, max: 100 },
  epochs: { label: own.epochs, hint: own.hints.epochs, standard: fitDefaults.epochs, above: 0, max: 100_000 },
  minutes: { label: own.minutes, hint: own.hints.minutes, standard: 2, above: 0, max: 10_000 },
  seed: {
    label: settingTitles.seed,
    hint: own.hints.seed,
    standard: 0,
    whole: true,
    min: 0,
    max: 2 ** 32 - 1,
  },
} as const satisfies Record<string, Field>;
export type FieldName = keyof typeof fields;

export type Form = { readonly [Name in FieldName]: string } & {
  readonly tokens: TrainingSettings["tokens"];
  readonly optimizer: OptimizerName;
  readonly schedule: keyof typeof scheduleTitles;
  readonly until: "epochs" | "minutes";
  readonly device: Device;
  /** The name of the run; "" means a name made from the settings. */
  readonly name: string;
};

export const standardForm: Form = {
  ...(Object.fromEntries(Object.entries(fields).map(([name, { standard }]) => [name, `${standard}`])) as Record<
    FieldName,
    string
  >),
  tokens: "char",
  optimizer: "adam",
  schedule: "cosine",
  until: "epochs",
  device: "faster",
  name: "",
};

/** The error of a field; undefined if there is none. */
export function problemOf(name: FieldName, text: string): string | undefined {
  const { label, whole, min, above, max }: Field = fields[name];
  const value = Number(text);
  const fits =
    text.trim() !== "" && value <= max && (min === undefined || value >= min) && (above === undefined || value > above);
  if (fits && (!whole || Number.isInteger(value))) return undefined;
  const its = own.problem;
  const given = text.trim() === "" ? its.nothing : fill(its.quoted, { given: excerpt(text.trim()) });
  const problem =
    above === undefined
      ? fill(whole ? its.whole : its.from, { label, min: min ?? 0, max, given })
      : fill(its.above, { label, above, max, given });
  const hasComma = !whole && /^\s*\d{0,9},\d{1,9}\s*$/.test(text);
  return hasComma ? `${problem} ${fill(its.write, { number: text.trim().replace(",", ".") })}` : problem;
}

/** The value of a field, or its default if it is not valid. */
export function numberOf(form: Form, name: FieldName): number {
  return problemOf(name, form[name]) === undefined ? Number(form[name]) : fields[name].standard;
}

/** The fields that apply; the others belong to another length or schedule. */
export function fieldsOf({ until, schedule }: Form): readonly FieldName[] {
  const decay = decayOf(schedule);
  const unused: readonly FieldName[] = [
    until === "epochs" ? "minutes" : "epochs",
    ...(["decaySteps", "decayRate"] as const).filter((name) => !decay.includes(name)),
  ];
  return (Object.keys(fields) as FieldName[]).filter((name) => !unused.includes(name));
}

/** Choose another optimiser; a learning rate that is the previous optimiser's default becomes the new one's default. */
export function withOptimizer(form: Form, optimizer: OptimizerName): Form {
  const isStandard = Number(form.learningRate) === rateFor(form.optimizer);
  return { ...form, optimizer, ...(isStandard && { learningRate: `${rateFor(optimizer)}` }) };
}

/** All settings but the cell; undefined if a field is not valid. */
export function settingsOf(form: Form): Omit<TrainingSettings, "cell"> | undefined {
  if (fieldsOf(form).some((name) => problemOf(name, form[name]) !== undefined)) return undefined;
  const number = (name: FieldName): number => Number(form[name]);
  const { schedule } = form;
  return {
    ...{ units: number("units"), layers: number("layers"), dropout: number("dropout"), tokens: form.tokens },
    ...{ batch: number("batch"), steps: number("steps"), learningRate: number("learningRate"), seed: number("seed") },
    ...{ optimizer: form.optimizer, clipNorm: number("clipNorm") },
    ...(schedule !== "cosine" && {
      schedule: { name: schedule, decaySteps: numberOf(form, "decaySteps"), decayRate: numberOf(form, "decayRate") },
    }),
    until: form.until === "epochs" ? { epochs: number("epochs") } : { minutes: number("minutes") },
    ...{ sample: 240, watch: true },
    ...(form.device !== "faster" && { device: form.device }),
  };
}

/** The settings in the address of a link: all that apply. */
export function queryOf(form: Form): Readonly<Record<string, string>> {
  const { tokens, optimizer, schedule, until } = form;
  const numbers = Object.fromEntries(fieldsOf(form).map((name) => [name, form[name].trim()]));
  return { ...numbers, tokens, optimizer, schedule, until };
}

/** Apply the settings of an address; missing or invalid ones do not change. */
export function withQuery(form: Form, query: Readonly<Record<string, string>>): Form {
  const said = Object.entries(query).filter(([name, value]) => {
    if (Object.hasOwn(fields, name)) return problemOf(name as FieldName, value) === undefined;
    return Object.hasOwn(choices, name) && isChoice(name, value);
  });
  return { ...form, ...Object.fromEntries(said) };
}

const key = "unrolled.lab.settings";
export function rememberForm(form: Form): void {
  remember(key, JSON.stringify(form));
}
export function rememberedForm(): Form {
  try {
    return formFrom(JSON.parse(remembered(key) ?? "{}"));
  } catch {
    return standardForm;
  }
}
/** Take the known and valid settings; the others get their defaults. */
export function formFrom(kept: Readonly<Record<string, unknown>>): Form {
  const known = Object.entries(standardForm).map(([name, standard]) => {
    const value = kept[name];
    return [name, typeof value === "string" && isChoice(name, value) ? value : standard];
  });
  return Object.fromEntries(known) as Form;
}
const choices: Readonly<Record<string, readonly string[]>> = {
  tokens: Object.keys(tokenTitles),
  optimizer: Object.keys(optimizerTitles),
  schedule: Object.keys(scheduleTitles),
  until: ["epochs", "minutes"],
  device: Object.keys(deviceTitles),
};
const isChoice = (name: string, value: string): boolean => choices[name]?.includes(value) ?? true;

/** The settings in a run's facts; a missing one has the value that it had before the setting existed. */
export function formOfFacts(facts: TrainingFacts, form: Form): Form {
  const { schedule, tokens = form.tokens, optimizer = "adam" } = facts;
  const told: { readonly [Name in FieldName]?: unknown } = {
    ...facts,
    ...{ decaySteps: schedule?.decaySteps, decayRate: schedule?.decayRate },
  };
  const numbers = (Object.keys(fields) as FieldName[]).flatMap((name) =>
    told[name] === undefined ? [] : [[name, `${told[name]}`] as const],
  );
  return {
    ...{ ...form, clipNorm: standardForm.clipNorm, ...Object.fromEntries(numbers) },
    ...{ tokens, optimizer, schedule: schedule?.name ?? "cosine", name: "" },
  };
}
