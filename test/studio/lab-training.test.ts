/** The Lab's settings: in its form, in an address, in a run's table, in the engine and as a program they are the same. */
import { expect, test } from "vitest";
import { cells } from "../../src/cells/index.ts";
import { cell } from "../../src/graph/cell.ts";
import * as published from "../../src/index.ts";
import { compiledCell, explaining } from "../../src/studio/engine/explaining.ts";
import { rateOf } from "../../src/studio/engine/schedules.ts";
import {
  type TrainedModel,
  type TrainingSettings,
  type TrainingStart,
  training,
} from "../../src/studio/engine/training.ts";
import type { Watched } from "../../src/studio/engine/watching.ts";
import { freeName } from "../../src/studio/models/free-name.ts";
import { factsOf, optimizerTitles, scheduleTitles } from "../../src/studio/models/training-facts.ts";
import { programOf } from "../../src/studio/views/lab/program.ts";
import {
  type Form,
  formOfFacts,
  queryOf,
  settingsOf,
  standardForm,
  withOptimizer,
  withQuery,
} from "../../src/studio/views/lab/settings.ts";
import { readLanguageModel } from "../../src/tasks/language-model.ts";

const text = "abc abd abe\n".repeat(60);
const small: Form = {
  ...{ ...standardForm, units: "6", layers: "1", batch: "2", steps: "8", epochs: "0.4", seed: "3" },
  ...{ decaySteps: "7", decayRate: "0.25" },
};
const optimizers = Object.keys(optimizerTitles) as Form["optimizer"][];
const schedules = Object.keys(scheduleTitles) as Form["schedule"][];
/** Each optimiser and each schedule, with other settings that are not the standard ones. */
const forms: readonly Form[] = [
  ...optimizers.map((optimizer) => ({ ...withOptimizer(small, optimizer), clipNorm: "0.05" })),
  ...schedules.map((schedule) => ({ ...small, schedule, dropout: "0.2", tokens: "word" as const })),
  { ...small, layers: "2", until: "minutes", minutes: "7", learningRate: "0.5" },
];

async function all(settings: TrainingSettings, from?: TrainingStart) {
  const checkpoints: Uint8Array<ArrayBuffer>[] = [];
  const looks: Watched[] = [];
  const job = training.train(text, settings, from);
  for (;;) {
    const { done, value } = await job.next();
    if (done) return { model: value, checkpoints, looks };
    if (value.watched !== undefined) looks.push(value.watched);
    if (value.checkpoint !== undefined) checkpoints.push(value.checkpoint);
  }
}
const trained = async (settings: TrainingSettings, from?: TrainedModel): Promise<TrainedModel> =>
  (await all(settings, from && { file: from.bytes })).model;
const engineSettings = (form: Form, cell: TrainingSettings["cell"] = "gru"): TrainingSettings => ({
  ...(settingsOf(form) as Omit<TrainingSettings, "cell">),
  cell,
  ...{ sample: 0, watch: false },
});

/** Runs a program of the package with files that are here. Gives what it writes. */
async function run(program: string): Promise<Uint8Array> {
  const [, names = ""] = /^import \{ (.*) \} from "unrolled";$/m.exec(program) ?? [];
  for (const name of names.split(", ")) expect(published, name).toHaveProperty(name);
  const body = program.replace(/^import .*$/gm, "");
  const AsyncFunction = (async () => {}).constructor as new (...of: string[]) => (...given: unknown[]) => Promise<void>;
  let written: Uint8Array | undefined;
  const files = {
    readFileSync: () => text,
    writeFileSync: (_name: string, bytes: Uint8Array) => {
      written = bytes;
    },
    console: { log: () => {} },
  };
  const all = { ...published, ...files };
  await new AsyncFunction(...Object.keys(all), body)(...Object.values(all));
  return written as Uint8Array;
}

test.each(forms.slice(0, -1).map((form) => [form.optimizer, form.schedule, form] as const))(
  "%s with %s: the Lab's file is that of the program that it shows, byte for byte",
  async (_, __, form) => {
    const settings = engineSettings(form);
    const { bytes } = await trained(settings);
    expect(Buffer.compare(bytes, await run(programOf(settings)))).toBe(0);
    expect(readLanguageModel(bytes, "it").optimizer).toBe(form.optimizer);
  },
);

test.each(forms.slice(0, -1).map((form) => [form.optimizer, form.schedule, form] as const))(
  "%s with %s, interrupted anywhere and gone on with, gives the bytes of a training that was left alone",
  async (_, __, form) => {
    const settings = engineSettings(form);
    const { model, checkpoints } = await all(settings);
    expect(checkpoints.length).toBeGreaterThan(1);
    for (const file of checkpoints) {
      expect(readLanguageModel(file, "it").optimizer).toBe(form.optimizer);
      const rest = await all(settings, { file, interrupted: true });
      expect(Buffer.compare(rest.model.bytes, model.bytes)).toBe(0);
    }
  },
);

test("a training that is watched is the same to the bit; it tells of each layer, of gates, and of updates that were clipped", async () => {
  const form = { ...small, layers: "2", epochs: "2", clipNorm: "0.3" };
  expect(settingsOf(form)?.watch).toBe(true);
  const [plain, watched] = [await all(engineSettings(form)), await all({ ...engineSettings(form), watch: true })];
  expect(Buffer.compare(watched.model.bytes, plain.model.bytes)).toBe(0);
  expect(plain.looks).toEqual([]);
  expect(watched.looks.length).toBeGreaterThanOrEqual(4);
  for (const { layers, reach, gates } of watched.looks) {
    expect(layers.map(({ layer }) => layer)).toEqual(["embedding", "gru", "gru_1", "dense"]);
    expect(reach.map(({ layer, norms }) => [layer, norms.length])).toEqual([
      ["gru", 8],
      ["gru_1", 8],
    ]);
    expect(gates.map(({ layer, name }) => `${layer}.${name}`)).toEqual(["gru.z", "gru.r", "gru_1.z", "gru_1.r"]);
  }
  const clips = watched.looks.flatMap(({ clipped }) => clipped ?? []);
  const sum = (name: "updates" | "clipped"): number => clips.reduce((total, one) => total + one[name], 0);
  // One in eight is read.
  expect(sum("updates")).toBe(Math.floor(watched.model.steps / 8));
  expect(sum("clipped")).toBeGreaterThan(0);
  expect(sum("clipped")).toBeLessThanOrEqual(sum("updates"));
});

test("a cell of one's own, with comments, backquotes and signs of templates, is in the program as it is", async () => {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: it is meant
  const equations = "h' = tanh(W @ x + u * h)  # `${h}` \\n\nu ~ constant(0.5)";
  const settings = engineSettings(small, { equations });
  expect(Buffer.compare((await trained(settings)).bytes, await run(programOf(settings)))).toBe(0);
});

test("optimisers, schedules and clipping each train another model", async () => {
  const all = await Promise.all(
    [...forms.slice(0, optimizers.length), ...schedules.map((schedule) => ({ ...small, schedule }))].map(async (form) =>
      Buffer.from((await trained(engineSettings(form))).bytes).toString("base64"),
    ),
  );
  expect(new Set(all).size).toBe(all.length);
});

test("a model that goes on keeps the optimiser whose state is in its file", async () => {
  const first = await trained(engineSettings({ ...small, optimizer: "rmsprop" }));
  const next = await trained(engineSettings({ ...small, optimizer: "adam" }), first);
  const { optimizer, training: state } = readLanguageModel(next.bytes, "it");
  expect(optimizer).toBe("rmsprop");
  expect(state?.step).toBe(2 * first.steps);
});

test("schedules are Keras's: the rate after so many updates", () => {
  const at = (name: Parameters<typeof rateOf>[0]["name"], step: number): number =>
    rateOf({ name, decaySteps: 100, decayRate: 0.5 }, 0.1)(step);
  expect([at("constant", 0), at("constant", 1e6)]).toEqual([0.1, 0.1]);
  expect([at("exponentialDecay", 0), at("exponentialDecay", 200)]).toEqual([0.1, 0.025]);
  expect(at("inverseTimeDecay", 200)).toBe(0.05);
  expect(at("cosineDecay", 50)).toBeCloseTo(0.05, 12);
  expect(at("polynomialDecay", 50)).toBeCloseTo((0.1 + 0.0001) / 2, 12);
});

test("settings come back from an address and from a run's table; wrong ones in an address say nothing", () => {
  for (const form of forms) {
    expect(withQuery(standardForm, queryOf(form))).toMatchObject(queryOf(form));
    expect(settingsOf(withQuery({ ...small, seed: "8" }, queryOf(form)))).toEqual(settingsOf(form));
    const facts = factsOf(engineSettings(form), { kind: "book" });
    expect(queryOf({ ...formOfFacts(facts, standardForm), until: form.until, [form.until]: form[form.until] })).toEqual(
      queryOf(form),
    );
  }
  const wrong = {
    units: "0",
    learningRate: "fast",
    tokens: "letters",
    optimizer: "adma",
    schedule: "",
    name: "x",
    x: "1",
  };
  expect(withQuery(small, wrong)).toEqual(small);
  // A run of before there was a choice had Adam, the cosine and the standard clipping.
  expect(formOfFacts({ units: 9 }, { ...small, optimizer: "sgd", schedule: "constant", clipNorm: "1" })).toMatchObject({
    ...{ units: "9", optimizer: "adam", schedule: "cosine", clipNorm: "5" },
  });
});

test("another optimiser takes its own standard rate along, and leaves a chosen one alone", () => {
  expect(withOptimizer(standardForm, "sgd").learningRate).toBe("8");
  expect(withOptimizer(withOptimizer(standardForm, "sgd"), "adamw").learningRate).toBe("0.008");
  expect(withOptimizer({ ...standardForm, learningRate: "0.1" }, "sgd").learningRate).toBe("0.1");
});

test("fields that say nothing need not be right; those that do are asked for", () => {
  expect(settingsOf({ ...standardForm, decaySteps: "" })).toBeDefined();
  expect(settingsOf({ ...standardForm, schedule: "cosineDecay", decaySteps: "" })).toBeUndefined();
  expect(settingsOf({ ...standardForm, schedule: "cosineDecay", decayRate: "" })).toBeDefined();
  expect(settingsOf({ ...standardForm, schedule: "exponentialDecay", decayRate: "" })).toBeUndefined();
  expect(settingsOf({ ...standardForm, clipNorm: "0" })).toBeUndefined();
});

test("a name that there is gets the next number", () => {
  expect(freeName("lstm 128, Moby-Dick", [])).toBe("lstm 128, Moby-Dick");
  expect(freeName("a", ["a"])).toBe("a 2");
  expect(freeName("a", ["a", "a 2", "a 3"])).toBe("a 4");
  expect(freeName("a 2", ["a", "a 2"])).toBe("a 3");
  // A number that is a part of the name is none of ours.
  expect(freeName("lstm 128", ["lstm 128"])).toBe("lstm 128 2");
});

test("every built-in cell fits a model of the standard settings", async () => {
  const sizes = { units: 128, input: 64, layers: 2, batch: 16, steps: 32 };
  for (const [name, { source }] of Object.entries(cells))
    expect((await explaining.compile(source, sizes).next()).value, name).toBe("fits");
});

test("parameters that no gradient reaches are named: those behind a step, and no others", () => {
  const sizes = { units: 4, input: 3, batch: 2, steps: 3 };
  const of = (equations: string) => compiledCell(cell(equations), sizes).untrained;
  expect(of((cells.perceptron as { source: string }).source)).toEqual(["W", "b"]);
  expect(of("g = step(V @ x)\nh' = tanh(W @ x + U @ h + g * b)")).toEqual(["V"]);
  for (const [name, { source }] of Object.entries(cells)) {
    if (name !== "perceptron") expect(of(source), name).toEqual([]);
  }
});
