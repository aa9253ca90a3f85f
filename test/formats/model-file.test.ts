import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { cells } from "../../src/cells/index.ts";
import { modelParts, readModel, writeModel } from "../../src/formats/model-file.ts";
import { FormatError, readSafetensors, type Tensor, writeSafetensors } from "../../src/formats/safetensors.ts";
import { type Cell, cell } from "../../src/graph/cell.ts";
import { InputError } from "../../src/graph/input-error.ts";
import {
  bidirectional,
  type CellSpec,
  concatenate,
  dense,
  dropout,
  embedding,
  gru,
  input,
  type LayerSpec,
  lstm,
  masking,
  recurrent,
  repeatVector,
} from "../../src/nn/layers.ts";
import { type Model, sequential } from "../../src/nn/model.ts";
import { createSession } from "../../src/nn/session.ts";
import {
  generate,
  type LanguageModel,
  languageModel,
  readLanguageModel,
  trainLanguageModel,
  writeLanguageModel,
} from "../../src/tasks/language-model.ts";
import { createPredictor } from "../../src/train/predict.ts";
import { createTrainer, type TrainerState } from "../../src/train/trainer.ts";
import { refusal } from "../helpers/refusal.ts";

const file = "m.safetensors";

/** A model after a few steps of training, with the state to go on from. */
async function trained(model: Model): Promise<TrainerState> {
  const trainer = await createTrainer(model, { batch: 2, steps: 3, clipNorm: 1 });
  const tokens = Int32Array.from([0, 1, 2, 3, 4, 0]);
  for (let k = 0; k < 3; k++) await trainer.update(tokens, tokens.toReversed());
  trainer.save();
  return trainer.state();
}

const all = { returnSequences: true };
const small = () =>
  sequential(
    [
      embedding(5, 3),
      dropout(0.1),
      lstm(4, all),
      gru(3, all),
      recurrent(cells["simple-rnn"] as Cell, { ...all, units: 2 }),
      dense(5),
    ],
    {
      seed: 3,
    },
  );

/** Without the places in the text that a cell was made from: a file has only its equations. */
const bySource = (model: Model) => ({
  ...model,
  layers: model.layers.map((layer) => {
    const { forward, backward } = layer as { forward?: CellSpec; backward?: CellSpec };
    if (layer.kind === "cell") return { ...layer, cell: layer.cell.source };
    return forward && backward ? { ...layer, forward: forward.cell.source, backward: backward.cell.source } : layer;
  }),
});

let original: Uint8Array;
let languageModelBytes: Uint8Array;
beforeAll(async () => {
  const model = sequential([embedding(5, 3), dropout(0.1), lstm(4, all), gru(3, all), dense(5)], { seed: 3 });
  original = writeModel({ model, training: await trained(model), extra: { note: "x" } });
  const lm = languageModel("abcabcab cab".repeat(20), { units: 3, embedding: 2, seed: 1 });
  const result = await trainLanguageModel(lm, "abcabcab cab".repeat(20), { batch: 2, steps: 4, epochs: 0.1 });
  languageModelBytes = writeLanguageModel({ ...lm, training: result.state });
});

const roundTrips: readonly [string, LayerSpec[], number?][] = [
  [
    "layers that read others",
    [
      input("tokens", { name: "question" }),
      embedding(7, 4, { maskZero: true }),
      bidirectional(lstm(5, { zoneout: { c: 0.5, h: 0.05 } }), { name: "encoder" }),
      input("tokens", { name: "answer" }),
      embedding(6, 10, { name: "table" }),
      lstm(10, { ...all, initialState: { from: "encoder" }, returnState: true, dropConnect: 0.5 }),
      dropout(0.3, { locked: true }),
      dense(6, { tied: "table" }),
    ],
  ],
  [
    "cells with further inputs, in another order than they are given in",
    [
      input(3, { name: "image", sequence: false }),
      input(2, { name: "words" }),
      bidirectional(
        recurrent(cell("h' = tanh(W @ x + U @ h + V @ a + Q @ b)", { inputs: ["x", "b", "a"] }), {
          ...{ units: 4, inputs: { a: "image", b: "words" } },
        }),
      ),
    ],
  ],
  [
    "merged, repeated, masked",
    [
      masking({ maskValue: -1 }),
      bidirectional(gru(3, all), { mergeMode: "none", name: "both" }),
      gru(3, { ...all, stateful: true, reads: "both.backward" }),
      concatenate(["gru", "both.forward"]),
      gru(4, { initialState: "learned" }),
      repeatVector(5),
      gru(2, { zoneout: 0.1 }),
    ],
    2,
  ],
  ["a vector an example", [input(3, { sequence: false }), repeatVector(4), gru(2)]],
  ["a given mask", [input(3, { mask: true, name: "notes" }), gru(2)]],
];
test.each(roundTrips)("%s: the same after a round trip", (_, layers, features) => {
  const model = sequential(layers, features === undefined ? {} : { input: features });
  const bytes = writeModel({ model, extra: {} });
  const again = readModel(bytes, file).model;
  expect(bySource(again)).toEqual(bySource(model));
  expect(writeModel({ model: again, extra: {} })).toEqual(bytes);
});

/** The message of the FormatError that reading must throw. */
function messageOf(bytes: Uint8Array): string {
  const message = refusal(() => readModel(bytes, file), FormatError);
  expect(message).toMatch(/^m\.safetensors: [^\n]+$/);
  return message.slice(file.length + 2);
}

type Architecture = { version: unknown; input: unknown; layers: Record<string, unknown>[]; training: unknown };

/** The file with its architecture, and perhaps its tensors, changed. */
function altered(
  change: (architecture: Architecture) => unknown,
  bytes = original,
  changeTensors: (tensors: Record<string, Tensor>) => void = () => {},
): Uint8Array {
  const { tensors, metadata } = readSafetensors(bytes, file);
  const architecture = JSON.parse(metadata.unrolled as string) as Architecture;
  const result = change(architecture) ?? architecture;
  const copy = { ...tensors };
  changeTensors(copy);
  return writeSafetensors({ tensors: copy, metadata: { ...metadata, unrolled: JSON.stringify(result) } });
}

describe("a round trip", () => {
  test("keeps every value, layer and number of the training's state, bit for bit", async () => {
    const model = small();
    const training = await trained(model);
    const extra = { tokenizer: { kind: "char", vocabulary: ["\uFFFD", "é"] }, list: [1, 2] };
    const bytes = writeModel({ model, training, extra });
    const read = readModel(bytes, file);
    expect(bySource(read.model)).toEqual(bySource(model));
    expect(read.training).toEqual(training);
    expect(read.training?.step).toBe(3);
    expect(Object.keys(read.training?.slots ?? {})).toEqual(["m", "v"]);
    expect(read.extra).toEqual(extra);
    expect(writeModel(read)).toEqual(bytes);
  });

  test("keeps NaN and infinite values, and -0", () => {
    const model = sequential([dense(3)], { input: 1 });
    model.values["dense.W"]?.set([Number.NaN, Number.NEGATIVE_INFINITY, -0]);
    expect(readModel(writeModel({ model, extra: {} }), file).model.values).toEqual(model.values);
  });

  test("a cell of one's own loads anywhere: its equations are in the file", async () => {
    const own = cell(`
      a : units / 2
      a  = tanh(P @ x + p)          # a bottleneck
      h' = h + Q @ a * sigmoid(s)
      s ~ constant(0.5)
    `);
    const model = sequential([embedding(4, 3), recurrent(own, { ...all, units: 6, name: "mine" }), dense(4)], {
      seed: 5,
    });
    const read = readModel(writeModel({ model, extra: {} }), file).model;
    expect(bySource(read)).toEqual(bySource(model));
    const [before, after] = [await createSession(model), await createSession(read)];
    for (const token of [1, 3, 0, 2]) expect(after.next(token)).toEqual(before.next(token));
  });

  test("training goes on from the file just as without it, bit for bit", async () => {
    const options = { batch: 2, steps: 3, clipNorm: 1, seed: 7 };
    const tokens = Int32Array.from([0, 1, 2, 3, 4, 0]);
    const losses = async (trainer: Awaited<ReturnType<typeof createTrainer>>) => {
      const list: number[] = [];
      for (let k = 0; k < 5; k++) list.push(await trainer.update(tokens, tokens.toReversed()));
      return list;
    };
    const model = small();
    const trainer = await createTrainer(model, options);
    await losses(trainer);
    trainer.save();
    const read = readModel(writeModel({ model, training: trainer.state(), extra: {} }), file);
    const again = await createTrainer(read.model, options);
    again.restore(read.training as TrainerState);
    const wanted = await losses(trainer);
    expect(await losses(again)).toEqual(wanted);
    // Else the test would show nothing: without the optimiser's state it goes another way.
    const fresh = await createTrainer(readModel(writeModel({ ...read, training: undefined }), file).model, options);
    expect(await losses(fresh)).not.toEqual(wanted);
  });
});

describe("refuses, in one line,", () => {
  test("another program's file and another version", () => {
    const tensors = { a: { shape: [1], data: Float32Array.of(1) } };
    expect(messageOf(writeSafetensors({ tensors, metadata: {} }))).toMatch(/not an Unrolled model/);
    expect(messageOf(writeSafetensors({ tensors, metadata: { unrolled: "{" } }))).toMatch(/is not JSON/);
    expect(messageOf(altered((a) => ({ ...a, version: 8 })))).toBe(
      "its version is 8, this program reads 1 to 7. Update unrolled.",
    );
    expect(messageOf(altered(() => []))).toBe("its version is missing, this program reads 1 to 7. Update unrolled.");
  });

  test("layers that are missing, unknown, named twice or badly", () => {
    expect(messageOf(altered((a) => ({ ...a, layers: [] })))).toMatch(/no layers/);
    expect(messageOf(altered((a) => ({ ...a, layers: {} })))).toMatch(/no layers/);
    expect(messageOf(altered(({ layers }) => void Object.assign(layers[1]!, { kind: "attention" })))).toMatch(
      /not one that this program/,
    );
    expect(messageOf(altered(({ layers }) => void Object.assign(layers[3]!, { name: "lstm" })))).toMatch(
      /two of its layers are named/,
    );
    expect(messageOf(altered(({ layers }) => void Object.assign(layers[3]!, { name: "a.b" })))).toMatch(
      /is not a name/,
    );
    expect(messageOf(altered(({ layers }) => void Object.assign(layers[3]!, { name: 7 })))).toMatch(/is not a name/);
    expect(messageOf(altered(({ layers }) => void Object.assign(layers[1]!, { rate: 1 })))).toMatch(
      /dropout: rate must be a number in \[0, 1\), got 1/,
    );
  });

  test("layers that do not fit each other or the values", () => {
    expect(messageOf(altered((a) => void a.layers.splice(2, 1)))).toMatch(
      /^gru\.W_z has shape \(3, 4\), its layer needs/,
    );
    expect(messageOf(altered((a) => void a.layers.reverse()))).toMatch(/does not fit its first layer/);
    expect(messageOf(altered((a) => void Object.assign(a, { input: 3 })))).toMatch(/its input 3 does not fit/);
    expect(messageOf(altered((a) => void a.layers.splice(1, 1, a.layers[0]!)))).toMatch(/two of its layers/);
    expect(
      messageOf(
        altered(
          () => {},
          original,
          (tensors) => void delete tensors["lstm.U_f"],
        ),
      ),
    ).toMatch(/the values of lstm\.U_f are missing/);
  });

  test("equations with a mistake, of no use, or that leave out the input", () => {
    const withEquations = (source: unknown) =>
      altered(({ layers }) => void Object.assign(layers[2]!, { cell: source }));
    expect(messageOf(withEquations("h' = "))).toMatch(/line 1, column/);
    expect(messageOf(withEquations(""))).toMatch(/./);
    expect(messageOf(withEquations(7))).toMatch(/not one that this program/);
    expect(messageOf(withEquations(`h' = ${"(".repeat(100_000)}`))).toMatch(/./);
    expect(messageOf(withEquations("h' = tanh(U @ h + b)"))).toMatch(/does not read x/);
  });

  test("a state of training that is damaged, or that lacks values", () => {
    for (const training of [null, 5, {}, { step: 1 }, { step: -1, slots: [] }, { step: 2 ** 52, slots: [] }]) {
      expect(messageOf(altered((a) => ({ ...a, training })))).toBe("its state of training is damaged. Train anew.");
    }
    expect(messageOf(altered((a) => ({ ...a, training: { step: 1, slots: ["m", "m"] } })))).toMatch(/damaged/);
    expect(messageOf(altered((a) => ({ ...a, training: { step: 1, slots: ["q"] } })))).toMatch(
      /the values of optimizer\.q\.embedding\.weight are missing/,
    );
  });

  test("sizes beyond all memory, without taking any", () => {
    for (const size of [2 ** 20, 2 ** 31, 2 ** 40, Number.MAX_SAFE_INTEGER, 1e300]) {
      const before = process.memoryUsage().arrayBuffers;
      for (const change of [
        ({ layers }: Architecture) => void Object.assign(layers[2]!, { units: size }),
        ({ layers }: Architecture) => void Object.assign(layers[0]!, { inputDim: size }),
        ({ layers }: Architecture) => void Object.assign(layers[0]!, { outputDim: size }),
        (a: Architecture) => ({ ...a, input: size, layers: a.layers.slice(1) }),
        ({ layers }: Architecture) =>
          void Object.assign(layers[2]!, { cell: `h' = W @ x + U @ h\nh : ${size}\nk : ${size}` }),
      ]) {
        expect(messageOf(altered(change))).toMatch(/./);
      }
      expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(50e6);
    }
  });

  test("metadata nested without end, and layers without end", () => {
    const { tensors, metadata } = readSafetensors(original, file);
    const deep = "[".repeat(200_000) + "]".repeat(200_000);
    const layer = (k: number) => `{"kind":"dropout","rate":0,"name":"d${k}"}`;
    const many = Array.from({ length: 100_000 }, (_, k) => layer(k)).join();
    for (const unrolled of [
      deep,
      `{"version":${deep}}`,
      `{"version":1,"input":"tokens","layers":${deep}}`,
      `{"version":1,"input":${deep},"layers":[${layer(1)}]}`,
      `{"version":1,"input":3,"layers":[{"kind":"dropout","rate":0,"name":${deep}}]}`,
      `{"version":1,"input":3,"layers":[${many}]}`,
    ]) {
      messageOf(writeSafetensors({ tensors: { ...tensors }, metadata: { ...metadata, unrolled } }));
    }
  });

  test("a model without a tokenizer, or with another's, where text is to be read", () => {
    expect(() => readLanguageModel(original, file)).toThrow("m.safetensors: it is a model without a task");
    const { tensors, metadata } = readSafetensors(languageModelBytes, file);
    const withTokenizer = (tokenizer: unknown) =>
      writeSafetensors({
        tensors: { ...tensors },
        metadata: { ...metadata, task: JSON.stringify({ kind: "text", tokenizer }) },
      });
    const message = (tokenizer: unknown) =>
      refusal(() => readLanguageModel(withTokenizer(tokenizer), file), FormatError);
    expect(message({ kind: "char", vocabulary: ["\uFFFD"] })).toMatch(/no token to generate/);
    expect(message({ kind: "char", vocabulary: ["\uFFFD", "a"] })).toMatch(/has 2 tokens, its layers another number/);
    expect(message({ kind: "char", vocabulary: [..."abcde"] })).toMatch(/token 0 needs to be U\+FFFD/);
    expect(message(5)).toMatch(/needs an object/);
  });
});

describe("a layer's cell", () => {
  test("with inputs or settings of its own is no layer: a line says so", () => {
    const two = cell("h' = tanh(W @ a + V @ b)", { inputs: ["a", "b"] });
    expect(() => recurrent(two, { units: 3 })).toThrow(
      "recurrent: the cell of a layer has x as its first input, and no settings; this one has inputs a, b.",
    );
    const setting = cell("h' = rate * tanh(W @ x)", { settings: ["rate"] });
    expect(() => recurrent(setting, { units: 3, name: "mine" })).toThrow(/^mine: .* this one has settings rate\./);
    expect(() => recurrent(cell("y = W @ u", { inputs: ["u"] }), { units: 3 })).toThrow(InputError);
  });
});

/** A model that was read must also run, or say in one line why it does not. */
async function useIt(lm: LanguageModel): Promise<void> {
  try {
    for await (const _ of generate(lm, { prompt: "a", length: 2 }));
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
  }
}

describe("fuzzing", () => {
  /** Only a FormatError of one line may come out. */
  async function survives(bytes: Uint8Array): Promise<void> {
    let read: LanguageModel | undefined;
    try {
      read = readLanguageModel(bytes, file);
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      expect(error.message).toMatch(/^m\.safetensors: [^\n]+$/);
    }
    if (read !== undefined) await useIt(read);
  }

  test("property: bytes changed, cut off and added", async () => {
    const edit = fc.record({ at: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), byte: fc.nat(255) });
    // Half of the edits in the header: the rest is numbers.
    const header = 8 + Number(new DataView(languageModelBytes.buffer).getBigUint64(0, true));
    await fc.assert(
      fc.asyncProperty(
        fc.array(edit, { minLength: 1, maxLength: 4 }),
        fc.boolean(),
        fc.option(fc.nat(languageModelBytes.length)),
        async (edits, inHeader, length) => {
          const bytes = languageModelBytes.slice(0, length ?? languageModelBytes.length);
          const range = inHeader ? header : bytes.length;
          for (const { at, byte } of edits) bytes[Math.floor(at * range)] = byte;
          await survives(bytes);
        },
      ),
      { numRuns: 400 },
    );
  });

  const replacement = fc.oneof(
    fc.jsonValue({ maxDepth: 2 }),
    fc.constantFrom(0, -1, 1.5, 1, 2, 7, 2 ** 31, 2 ** 40, 1e300, "tokens", "cell", "embedding", "dropout", "", null),
    fc.constantFrom("h' = W @ x", "y = softmax(W @ x)", "y = sum(x)", "h' = h + h", "__proto__", "constructor"),
    fc.constantFrom<unknown>(
      "zeros",
      "learned",
      { from: "encoder" },
      { from: ["table"] },
      { h: 0.5 },
      [],
      true,
      "none",
    ),
  );
  const changesOf = fc.array(fc.tuple(fc.nat(), replacement), { minLength: 1, maxLength: 3 });
  /** The metadata with some values replaced; nothing where half a surrogate pair, which cannot be written, is among them. */
  function replaced(texts: Record<string, string>, changes: readonly (readonly [number, unknown])[]) {
    const parsed = Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, JSON.parse(text)]));
    for (const [choice, value] of changes) {
      const places = placesIn(parsed);
      const [holder, key] = places[choice % places.length] as [Record<string, unknown>, string];
      holder[key] = structuredClone(value);
    }
    const after = Object.entries(parsed).map(([name, value]) => [name, JSON.stringify(value)] as const);
    const lone = /\\ud[89a-f]/i;
    return after.some(([, text]) => lone.test(text)) ? undefined : Object.fromEntries(after);
  }

  test("property: values of the metadata replaced, deep inside too", async () => {
    await fc.assert(
      fc.asyncProperty(changesOf, async (changes) => {
        const { tensors, metadata } = readSafetensors(languageModelBytes, file);
        const { unrolled, task } = metadata as { unrolled: string; task: string };
        const changed = replaced({ unrolled, task }, changes);
        fc.pre(changed !== undefined);
        await survives(writeSafetensors({ tensors: { ...tensors }, metadata: { ...metadata, ...changed } }));
      }),
      { numRuns: 400 },
    );
  });

  test("property: the same for layers that read others", async () => {
    const models = roundTrips.map(([, layers, features]) =>
      sequential(layers, features === undefined ? {} : { input: features }),
    );
    const files = models.map((model) => readSafetensors(writeModel({ model, extra: {} }), file));
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...files), changesOf, async ({ tensors, metadata }, changes) => {
        const changed = replaced({ unrolled: metadata.unrolled as string }, changes);
        fc.pre(changed !== undefined);
        const bytes = writeSafetensors({ tensors: { ...tensors }, metadata: { ...metadata, ...changed } });
        try {
          const { model } = readModel(bytes, file);
          const steps = Math.min(model.steps ?? 3, 50);
          const inputs = model.inputs.map(({ name, features, sequence }) => {
            const rows = sequence ? steps : 1;
            return [name, new Float32Array(rows * (typeof features === "number" ? features : 1))] as const;
          });
          await (await createPredictor(model, { batch: 1, steps })).predict(Object.fromEntries(inputs));
        } catch (error) {
          if (!(error instanceof FormatError || error instanceof InputError)) throw error;
          expect(error.message).toMatch(/^[^\n]+$/);
        }
      }),
      { numRuns: 400 },
    );
  });

  test("property: equations with characters changed", async () => {
    const pieces = "= @ + * ( ) ' # \n ~ : x h c W_f U_f b_f units sigmoid sum softmax 0 1e9 . , é \0".split(" ");
    const edit = fc.record({ at: fc.nat(400), remove: fc.nat(3), piece: fc.constantFrom(...pieces) });
    await fc.assert(
      fc.asyncProperty(fc.array(edit, { minLength: 1, maxLength: 3 }), async (edits) => {
        const bytes = altered(({ layers }) => {
          const layer = layers.find(({ kind }) => kind === "cell") as Record<string, unknown>;
          let source = layer.cell as string;
          for (const { at, remove, piece } of edits) {
            source = source.slice(0, at) + piece + source.slice(at + remove);
          }
          layer.cell = source;
        }, languageModelBytes);
        await survives(bytes);
      }),
      { numRuns: 400 },
    );
  });

  test("property: shapes and types of the tensors changed", async () => {
    const names = Object.keys(readSafetensors(languageModelBytes, file).tensors);
    const shape = fc.array(fc.nat(8), { maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...names),
        shape,
        fc.constantFrom(Float32Array, Int32Array, Float64Array),
        async (name, shape, Type) => {
          const count = shape.reduce((a, b) => a * b, 1);
          await survives(
            altered(
              () => {},
              languageModelBytes,
              (tensors) => {
                tensors[name] = { shape, data: new Type(count) };
              },
            ),
          );
        },
      ),
      { numRuns: 100 },
    );
  });
});

/** Every object or list in a value with each of its keys. */
function placesIn(value: unknown): [Record<string, unknown>, string][] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => [
    [value as Record<string, unknown>, key] as [Record<string, unknown>, string],
    ...placesIn(inner),
  ]);
}

test("the parts of a file are its bytes, of which weights in f32 are no copies", () => {
  const model = sequential([embedding(5, 3), lstm(2), dense(5)]);
  const parts = modelParts({ model, extra: {} });
  expect(Buffer.compare(Buffer.concat(parts), writeModel({ model, extra: {} }))).toBe(0);
  const buffers = (all: readonly ArrayBufferView[]) => new Set(all.map(({ buffer }) => buffer));
  expect(buffers(parts.slice(1))).toEqual(buffers(Object.values(model.values)));
});
