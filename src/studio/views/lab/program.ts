/** Write a training of the Lab as a program that uses the library and trains the same model, to the bit. */
import type { Schedule } from "../../engine/schedules.ts";
import type { TrainingSettings } from "../../engine/training.ts";
import { decayOf } from "../../models/training-facts.ts";

/** The library's names of optimisers. */
const optimizers: Readonly<Record<NonNullable<TrainingSettings["optimizer"]>, string>> = {
  ...{ adam: "adam", adamw: "adamW", nadam: "nadam", rmsprop: "rmsprop", sgd: "sgd", asgd: "asgd" },
};

/** A schedule as a call of the library's function. */
function rateOf({ name, ...decay }: Schedule, learningRate: number): string {
  if (name === "constant") return `constantRate(${learningRate})`;
  const own = decayOf(name).map((each) => `, ${each}: ${decay[each]}`);
  return `${name}({ initialLearningRate: ${learningRate}${own.join("")} })`;
}

/** TypeScript that reads `text.txt` and writes `model.safetensors`. */
export function programOf({ cell, ...settings }: TrainingSettings): string {
  const { units, layers, tokens, dropout, batch, steps, learningRate, seed, until } = settings;
  const { optimizer = "adam", schedule, clipNorm } = settings;
  const own = typeof cell !== "string";
  const rate = schedule === undefined ? undefined : rateOf(schedule, learningRate);
  const names = [
    optimizers[optimizer],
    ...(own ? ["cell"] : []),
    ...(rate === undefined ? [] : [rate.slice(0, rate.indexOf("("))]),
    ...["languageModel", "trainLanguageModel", "writeLanguageModel"],
  ];
  const length = "epochs" in until ? `epochs: ${until.epochs}` : `minutes: ${until.minutes}`;
  return [
    'import { readFileSync, writeFileSync } from "node:fs";',
    `import { ${names.sort().join(", ")} } from "unrolled";`,
    "",
    'const text = readFileSync("text.txt", "utf8");',
    ...(own ? [`const own = cell(${template(cell.equations)});`] : []),
    "const lm = languageModel(text, {",
    `  cell: ${own ? "own" : JSON.stringify(cell)},`,
    ...(own ? [`  label: "own_cell",`] : []),
    `  units: ${units},`,
    `  layers: ${layers},`,
    `  tokens: ${JSON.stringify(tokens)},`,
    `  dropout: ${dropout},`,
    `  seed: ${seed},`,
    "});",
    "const { state, validationLoss } = await trainLanguageModel(lm, text, {",
    `  batch: ${batch},`,
    `  steps: ${steps},`,
    `  ${length},`,
    `  optimizer: ${optimizers[optimizer]}({ learningRate: ${learningRate} }),`,
    ...(rate === undefined ? [] : [`  learningRate: ${rate},`]),
    ...(clipNorm === undefined ? [] : [`  clipNorm: ${clipNorm},`]),
    `  seed: ${seed},`,
    "});",
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the program's
    "console.log(`validation loss: ${validationLoss}`);",
    `writeFileSync("model.safetensors", writeLanguageModel({ ...lm, training: state, optimizer: ${JSON.stringify(optimizer)} }));`,
    "",
  ].join("\n");
}

/** A text as a template literal, with its lines unchanged. */
const template = (text: string): string => `\`\n${text.replace(/[\\`]|\$\{/g, "\\$&")}\n\``;
