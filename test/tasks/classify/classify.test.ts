import { describe, expect, test } from "vitest";
import { readModel, writeModel } from "../../../src/formats/model-file.ts";
import { FormatError } from "../../../src/formats/safetensors.ts";
import { splitExamples } from "../../../src/tasks/classify/split.ts";
import {
  classifier,
  classify,
  classifySession,
  evaluateClassifier,
  measuresOf,
  readClassifier,
  trainClassifier,
  writeClassifier,
} from "../../../src/tasks/classify.ts";
import { openAnyModel } from "../../../src/tasks/index.ts";
import { refusal, rejection } from "../../helpers/refusal.ts";
import { slopes, smallFeatures, tones } from "./made.ts";

const small = { units: 8, dropout: 0, features: smallFeatures } as const;
const training = tones(40, 1);
const held = tones(20, 2);
const forwards = classifier(training, { ...small, bidirectional: false, seed: 1 });
const seen: number[] = [];
const result = await trainClassifier(forwards, training, {
  ...{ epochs: 12, learningRate: 0.02, validation: held, seed: 1, threads: 1 },
  onEpoch: ({ epoch, validationLoss }) => {
    expect(validationLoss).toBeGreaterThan(0);
    seen.push(epoch);
  },
});

describe("sound", () => {
  test("rising tones are told from falling ones that were not trained on", async () => {
    expect(seen).toEqual(Array.from({ length: result.epochs }, (_, k) => k + 1));
    expect(result.validation?.accuracy).toBe(1);
    const { accuracy, confusion, loss } = await evaluateClassifier(forwards, held);
    expect([accuracy, confusion]).toEqual([
      1,
      [
        [10, 0],
        [0, 10],
      ],
    ]);
    expect(loss).toBeCloseTo(result.validation?.loss as number, 5);
  });

  test("probabilities sum to 1, in the order of the labels, with the sequence's name; they do not depend on what else is asked", async () => {
    const together = await classify(forwards, held);
    const [alone] = await classify(forwards, held.slice(3, 4));
    expect(together).toHaveLength(20);
    const { name, label, probability, probabilities } = together[3] as (typeof together)[number];
    expect([name, label, Object.keys(probabilities)]).toEqual(["tone 3", "down", ["down", "up"]]);
    expect((probabilities.up as number) + (probabilities.down as number)).toBeCloseTo(1, 6);
    expect([alone?.label, alone?.probability]).toEqual([label, expect.closeTo(probability, 5)]);
  });

  test("the sound at another rate has the same class, and nearly the same probability", async () => {
    const { resample } = await import("../../../src/formats/resample.ts");
    const twice = held.slice(0, 4).map((one) => ({ samples: resample(one.samples, 8000, 16_000), sampleRate: 16_000 }));
    const [given, again] = [await classify(forwards, held.slice(0, 4)), await classify(forwards, twice)];
    again.forEach(({ label, probability }, k) => {
      expect(label).toBe(given[k]?.label);
      expect(Math.abs(probability - (given[k]?.probability as number))).toBeLessThan(0.05);
    });
  });

  test("a session that is fed pieces says after each frame what `frames` says, and at the end what the whole is", async () => {
    const [one] = held as [(typeof held)[number]];
    const [whole] = await classify(forwards, [one], { frames: true });
    const session = await classifySession(forwards);
    expect(session.sampleRate).toBe(8000);
    for (const piece of [1, 137, 5000]) {
      const said = [];
      for (let at = 0; at < one.samples.length; at += piece)
        said.push(...session.push(one.samples.subarray(at, at + piece)));
      said.push(...session.end());
      expect(said).toHaveLength(whole?.frames?.length as number);
      said.forEach(({ probabilities }, t) => {
        expect(Object.values(probabilities)).toEqual(Array.from(whole?.frames?.[t] as Float32Array));
      });
      expect(said.at(-1)?.label).toBe(whole?.label);
      expect(said.at(-1)?.probability).toBeCloseTo(whole?.probability as number, 5);
      session.reset();
    }
    expect(refusal(() => session.push([0, Number.NaN]))).toBe(
      "classifySession: sample 1 must be a finite number, got NaN",
    );
    session.dispose();
  });

  test("a session gives the values that are asked for of each frame: those of the equations, also at the end of the sound", async () => {
    const features = { ...smallFeatures, kind: "mfcc", coefficients: 5, deltas: 2 } as const;
    const own = classifier(training, { ...small, features, bidirectional: false, layers: 2, seed: 3 });
    const [one] = held as [(typeof held)[number]];
    const [session, plain] = [
      await classifySession(own, { values: ["gru_reset_after.z", "gru_reset_after.g", "gru_reset_after.h"] }),
      await classifySession(own),
    ];
    const hear = (of: typeof session) => [...of.push(one.samples), ...of.end()];
    const [said, without] = [hear(session), hear(plain)];
    expect(said.map(({ values: _, ...rest }) => rest)).toEqual(without);
    // Four of the frames waited for what follows.
    expect(said.length).toBeGreaterThan(4);
    let before: Float32Array = new Float32Array(8);
    for (const { values } of said) {
      expect(Object.keys(values ?? {})).toEqual(["gru_reset_after.z", "gru_reset_after.g", "gru_reset_after.h"]);
      const [z, g, h] = Object.values(values ?? {}) as [Float32Array, Float32Array, Float32Array];
      h.forEach((value, j) => {
        const [gate, candidate] = [z[j] as number, g[j] as number];
        expect(value).toBeCloseTo(gate * (before[j] as number) + (1 - gate) * candidate, 5);
      });
      before = h;
    }
    expect(said.at(-1)?.values?.["gru_reset_after.h"]).toEqual(session.state()["gru_reset_after.h"]);
    expect(await rejection(classifySession(own, { values: ["gru_reset_after.f"] }))).toMatch(
      /^classifySession: the model has no value "gru_reset_after\.f"\. It has gru_reset_after\.z, /,
    );
    session.dispose();
    plain.dispose();
  });

  test("its file gives the same classifier back; a damaged one is refused in a line", async () => {
    const bytes = writeClassifier({ ...forwards, options: { epochs: 12 } });
    const read = readClassifier(bytes, "tones");
    expect([read.labels, read.input, read.options]).toEqual([forwards.labels, forwards.input, { epochs: 12 }]);
    expect(await classify(read, held)).toEqual(await classify(forwards, held));
    const { model, extra } = readModel(bytes, "tones");
    const data = extra.task as Record<string, Record<string, unknown>>;
    const refused = (task: object): string =>
      refusal(
        () => openAnyModel(writeModel({ model, extra: { task: { ...data, ...task } } }), "tones").content(),
        FormatError,
      );
    expect(refused({ labels: ["a", "a"] })).toBe(
      "tones: its labels are not a list of different texts: the file is damaged. Train anew.",
    );
    expect(refused({ labels: ["a", "b", "c"] })).toBe(
      "tones: it has 3 labels, and its model gives 2 numbers. Train anew.",
    );
    expect(refused({ input: 5 })).toBe("tones: it does not say what its model reads: the file is damaged. Train anew.");
    expect(refused({ input: { ...data.input, scaling: { kind: "training", mean: [0], deviation: [1] } } })).toBe(
      "tones: its scaling does not fit what its model reads: the file is damaged. Train anew.",
    );
    expect(refused({ input: { ...data.input, features: { hopLength: -1 } } })).toMatch(
      /^tones: .*hopLength.*damaged\. Train anew\.$/,
    );
  });
});

describe("rows of numbers", () => {
  const series = slopes(40, 1);
  const both = classifier(series, { units: 6, dropout: 0.1, columns: ["height", "noise"], seed: 2 });

  test("rising series are told from falling ones, whatever the scale of the columns", async () => {
    const augment = { featureNoise: 0.05, speed: 0.1, timeMasks: 1 };
    await trainClassifier(both, series, {
      epochs: 30,
      learningRate: 0.02,
      validation: 0.25,
      augment,
      seed: 1,
      threads: 1,
    });
    expect((await evaluateClassifier(both, slopes(30, 5))).accuracy).toBeGreaterThan(0.9);
  });

  test("the same seed gives the same values, another seed others", async () => {
    const trained = async (seed: number): Promise<unknown> => {
      const own = classifier(series, { units: 3, seed: 1 });
      await trainClassifier(own, series, { epochs: 2, seed, augment: { featureNoise: 0.1 }, threads: 1 });
      return own.model.values;
    };
    expect(await trained(3)).toEqual(await trained(3));
    expect(await trained(3)).not.toEqual(await trained(4));
  });

  test("a class that counts more is said more often", async () => {
    const noise = slopes(40, 3).map(({ rows, label }) => ({ rows: rows.map(([, b]) => [b as number]), label }));
    const said = async (classWeight: Record<string, number>): Promise<number> => {
      const own = classifier(noise, { units: 3, seed: 1 });
      await trainClassifier(own, noise, { epochs: 5, learningRate: 0.02, validation: 0, classWeight, threads: 1 });
      return (await classify(own, noise)).filter(({ label }) => label === "rise").length;
    };
    expect(await said({ rise: 10 })).toBe(40);
    expect(await said({ fall: 10 })).toBe(0);
  });

  test("scaling is that of the training examples: a constant column becomes 0", () => {
    const constant = [1, 3].map((value) => ({ rows: [[value, 7]], label: `${value}` }));
    const { input } = classifier(constant, { units: 2 });
    expect(input.scaling).toEqual({ kind: "training", mean: [2, 7], deviation: [1, 1] });
  });

  test("a session reads a row at a time", async () => {
    const own = classifier(series, { units: 3, bidirectional: false, pooling: "last", seed: 1 });
    const session = await classifySession(own);
    const [one] = series as [(typeof series)[number]];
    const said = one.rows.flatMap((row) => session.push(row));
    const [whole] = await classify(own, [one]);
    expect([said.length, said.at(-1)?.probability]).toEqual([
      one.rows.length,
      expect.closeTo(whole?.probability as number, 5),
    ]);
    expect(session.sampleRate).toBe(undefined);
    expect(refusal(() => session.push([1]))).toBe("classifySession: row 0 has 1 numbers, expected 2");
    session.dispose();
  });
});

test("measures of a confusion matrix that is known", () => {
  const rows = [
    [0.9, 0.1, 0],
    [0.8, 0.2, 0],
    [0.3, 0.7, 0],
    [0.1, 0.9, 0],
  ];
  const { accuracy, loss, f1, classes, confusion } = measuresOf(["a", "b", "c"], rows, [0, 0, 0, 1]);
  expect([accuracy, confusion]).toEqual([
    0.75,
    [
      [2, 1, 0],
      [0, 1, 0],
      [0, 0, 0],
    ],
  ]);
  expect(loss).toBeCloseTo(-(Math.log(0.9) + Math.log(0.8) + Math.log(0.3) + Math.log(0.9)) / 4, 12);
  expect(classes).toEqual([
    { label: "a", examples: 3, precision: 1, recall: 2 / 3, f1: 0.8 },
    { label: "b", examples: 1, precision: 0.5, recall: 1, f1: 2 / 3 },
    { label: "c", examples: 0, precision: 0, recall: 0, f1: 0 },
  ]);
  expect(f1).toBeCloseTo((0.8 + 2 / 3) / 2, 12);
});

describe("examples held out", () => {
  const examples = Array.from({ length: 40 }, (_, k) => ({ rows: [[k]], label: `${k % 4}`, group: `g${k % 5}` }));

  test("are a share of each class without groups", () => {
    const { training, validation } = splitExamples(
      examples.map(({ rows, label }) => ({ rows, label })),
      0.2,
      1,
    );
    expect([...training, ...validation].sort((a, b) => a - b)).toEqual(examples.map((_, k) => k));
    for (const label of [0, 1, 2, 3]) expect(validation.filter((k) => k % 4 === label)).toHaveLength(2);
  });

  test("are whole groups where there are some", () => {
    const { training, validation } = splitExamples(examples, 0.4, 1);
    const groups = (list: readonly number[]): Set<number> => new Set(list.map((k) => k % 5));
    expect([groups(training).size, groups(validation).size]).toEqual([3, 2]);
  });

  test("leave a class to train on, or it is said", () => {
    const one = [
      ...examples.slice(0, 8).map(({ rows, label }) => ({ rows, label })),
      { rows: [[1]], label: "rare", name: "rare.wav" },
    ];
    expect(refusal(() => splitExamples(one, 0.2, 1))).toBe(
      'rare.wav: it is the only example with the label "rare"; validation needs one too. Give more, leave it out, or give validation: 0.',
    );
    const groups = examples.map((two) => ({ ...two, group: two.label }));
    expect(refusal(() => splitExamples(groups, 0.25, 1))).toMatch(
      /^all examples with the label "\d" are of groups that are kept for validation\./,
    );
  });
});

describe("one line for", () => {
  const sound = held[0] as (typeof held)[number];
  const rows = { rows: [[1, 2]], label: "up" };
  test.each<[string, () => unknown, string]>([
    [
      "a single class",
      () => classifier(tones(4).filter(({ label }) => label === "up")),
      'classifier: all 2 examples have the label "up". Give examples of at least 2 classes.',
    ],
    [
      "sound and numbers together",
      () => classifier([sound, { ...rows, name: "b" }, { ...sound, label: "x" }]),
      "b: it is rows of numbers, and the model reads sound",
    ],
    [
      "options of the other kind",
      () => classifier([rows, { ...rows, label: "x" }], { features: {} }),
      "classifier: features is for sound; these examples are rows of numbers",
    ],
    [
      "rows of unequal length",
      () => classifier([rows, { rows: [[1, 2], [3]], label: "x" }]),
      "example 1: row 1 has 1 numbers, expected 2",
    ],
    [
      "what is no number",
      () => classifier([rows, { rows: [[1, Number.NaN]], label: "x" }]),
      "example 1: row 0, column 1: needs a finite number, got NaN",
    ],
    [
      "no samples",
      () => classifier([sound, { ...sound, samples: [], name: "b.wav", label: "x" }]),
      "b.wav: it has no samples. Leave it out.",
    ],
    [
      "no label",
      () => classifier([{ rows: [[1]] } as never, rows]),
      "classifier: examples[0]: label must be a non-empty string, got undefined",
    ],
    [
      "another field",
      () => classifier([{ ...rows, sample: 1 } as never]),
      'classifier: examples[0]: unknown option "sample".',
    ],
    [
      "labels that are not those of the examples",
      () => classifier(training, { labels: ["up", "left"] }),
      'classifier: tone 1 has the label "down", which labels does not have',
    ],
  ])("%s", (_, call, message) => {
    expect(refusal(call)).toContain(message);
  });

  test("a label that training never saw, frames of a bidirectional model, sound for a model of numbers", async () => {
    expect(await rejection(evaluateClassifier(forwards, [{ ...sound, label: "sideways", name: "s.wav" }]))).toBe(
      's.wav: the label "sideways" was never seen in training; the model knows down, up. Leave it out, or train anew.',
    );
    const both = classifier(training, small);
    const message = "the model is bidirectional: it reads whole sequences. Train one with bidirectional: false.";
    expect(await rejection(classify(both, held, { frames: true }))).toBe(`classify: frames: ${message}`);
    expect(await rejection(classifySession(both))).toBe(`classifySession: ${message}`);
    const each = classifier(training, { ...small, bidirectional: false, scaling: "sequence" });
    expect(await rejection(classifySession(each))).toContain("the model scales each sequence by itself");
    const numbers = classifier(slopes(4), { units: 2 });
    expect(await rejection(classify(numbers, [sound]))).toBe(
      "tone 0: it is sound, and the model reads 2 numbers a step",
    );
  });
});
