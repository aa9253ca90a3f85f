/** What would mean nothing, or something else than it says, is refused in a line instead of being passed over. */
import { describe, expect, test } from "vitest";
import * as unrolled from "../../src/index.ts";

const { adamW, asgd, cell, cells, dense, embedding, fit, fitStream, gru, lstm, recurrent, sequential } = unrolled;
const { evaluateLanguageModel, languageModel, trainLanguageModel } = unrolled;
const x = [
  [1, 2, 3],
  [4, 0, 1],
];
const y = [
  [2, 3, 4],
  [0, 1, 2],
];
const words = () => sequential([embedding(5, 3), gru(3, { returnSequences: true }), dense(5)], { seed: 1 });
const tokens = Int32Array.from({ length: 60 }, (_, k) => k % 5);
const text = "abcab cabca ".repeat(20);
const lm = (options: object = {}) => languageModel(text, { units: 3, embedding: 2, ...options });
const small = { batch: 2, steps: 4 };
const of = (value: unknown): never => value as never;

type Case = readonly [name: string, call: () => unknown, message: string];
function refused(name: string, cases: readonly Case[]): void {
  describe(name, () => {
    test.each(cases)("%s", async (_, call, message) => {
      const error: unknown = await (async () => call())().then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      expect(error).toBeInstanceOf(unrolled.InputError);
      expect((error as Error).message).toBe(message);
    });
  });
}

const layers = "it has embedding, gru, dense. For some parameters of a layer give a function of their names.";
const none = "such numbers by layer, or a function of a parameter's name, got an object";
refused("a weight decay of layers that there are not, when the trainer is made", [
  [
    "another name",
    () => unrolled.createTrainer(words(), { ...small, optimizer: adamW({ weightDecay: { lstmm: 0.9 } }) }),
    `adamW: weightDecay: the model has no layer "lstmm" with parameters; ${layers}`,
  ],
  [
    "a parameter's name",
    () => fit(words(), x, y, { optimizer: adamW({ weightDecay: { gru: 0.1, "gru.W_z": 0.9 } }) }),
    `adamW: weightDecay: the model has no layer "gru.W_z" with parameters; ${layers}`,
  ],
  [
    "of averaged steps, over a stream",
    () => fitStream(words(), tokens, { ...small, optimizer: asgd({ weightDecay: { dropout: 0.9 } }) }),
    `asgd: weightDecay: the model has no layer "dropout" with parameters; ${layers}`,
  ],
  ["no layer", () => adamW({ weightDecay: {} }), `adamW: weightDecay must be a number in [0, Infinity), ${none}`],
  [
    "no layer, averaged",
    () => asgd({ weightDecay: {} }),
    `asgd: weightDecay must be a number in [0, Infinity), ${none}`,
  ],
]);

const charactersOf = (characters: unknown) => () => evaluateLanguageModel(lm(), of({ tokens, characters }));
refused("characters that are no number of them", [
  ...[0, -3, 2.5, Number.NaN, "x", undefined].map(
    (given): Case => [
      String(given),
      charactersOf(given),
      "evaluateLanguageModel: text: characters must be a whole number of at least 1, got " +
        `${typeof given === "string" ? JSON.stringify(given) : given}`,
    ],
  ),
  [
    "tokens that are none",
    () => evaluateLanguageModel(lm(), of({ tokens: [1, 2], characters: 2 })),
    "evaluateLanguageModel: text: tokens must be an Int32Array or a TokenSource, got a list of 2",
  ],
  [
    "no more than the first token has",
    () => evaluateLanguageModel(lm(), { tokens: Int32Array.of(1, 2), characters: 1 }),
    "evaluateLanguageModel: the text has 1 character, and its first token, which is not predicted, has as many; at least 1 more is " +
      "needed. Give a longer text, or the right number.",
  ],
  [
    "a separate text of one character, and its end",
    () => evaluateLanguageModel(languageModel(["ab", "b"], { units: 2 }), ["a"]),
    "evaluateLanguageModel: the text has 1 character, and its first token, which is not predicted, has as many; at least 1 more is " +
      "needed. Give a longer text, or the right number.",
  ],
]);

const train = (options: object) => () => trainLanguageModel(lm(), text, { ...small, epochs: 1, ...options });
const stream = (options: object) => () => fitStream(words(), tokens, { ...small, ...options });
const two = "2 are needed to predict one";
refused("what cannot be validated on", [
  [
    "no text",
    train({ validationData: "" }),
    `trainLanguageModel: validationData has no tokens, and ${two}. Give a longer text.`,
  ],
  [
    "a text of one token",
    train({ validationData: "a" }),
    `trainLanguageModel: validationData has 1 token, and ${two}. Give a longer text.`,
  ],
  [
    "no tokens",
    train({ validationData: new Int32Array(0) }),
    `trainLanguageModel: validationData has no tokens, and ${two}. Give a longer text.`,
  ],
  [
    "no tokens of a stream",
    stream({ validationData: new Int32Array(0) }),
    `fitStream: validationData has no tokens, and ${two}. Give a longer text.`,
  ],
  [
    "one token of many",
    train({ validationTokens: 1 }),
    "trainLanguageModel: validationTokens must be a whole number of at least 2, got 1",
  ],
  [
    "none of many",
    stream({ validationTokens: 0 }),
    "fitStream: validationTokens must be a whole number of at least 2, got 0",
  ],
  [
    "a share too small",
    train({ validationSplit: 0.0005 }),
    `trainLanguageModel: validationSplit 0.0005 of 240 tokens keeps 0 to validate on, and ${two}. Give a larger share, or 0 ` +
      "for none.",
  ],
  [
    "a share of a stream that is one token",
    stream({ validationSplit: 0.02 }),
    `fitStream: validationSplit 0.02 of 60 tokens keeps 1 to validate on, and ${two}. Give a larger share, or 0 for none.`,
  ],
  [
    "the best by a share too small",
    () => fitStream(words(), tokens.subarray(0, 30), { ...small, keep: "best" }),
    `fitStream: validationSplit 0.05 of 30 tokens keeps 1 to validate on, and ${two}. Give a larger share, or 0 for none.`,
  ],
]);
test("the share that is kept where nothing is said may be too small: then nothing is validated", async () => {
  const { validationLoss } = await trainLanguageModel(lm(), text.slice(0, 30), { ...small, epochs: 1 });
  expect(validationLoss).toBeNull();
});

refused("two lengths of one training, and a clock that shows none", [
  [
    "a clock that gives nothing",
    stream({ minutes: 0.001, clock: () => of(undefined) }),
    "fitStream: what clock gives must be a number in [0, Infinity), got undefined",
  ],
  [
    "of a text",
    train({ epochs: 1, minutes: 0.01 }),
    "trainLanguageModel: minutes and epochs exclude each other. Give one of the two.",
  ],
  [
    "of a stream",
    stream({ epochs: 1, minutes: 0.01 }),
    "fitStream: minutes and epochs exclude each other. Give one of the two.",
  ],
]);

describe("a schedule that gives no rate", () => {
  const rate = "must be a number in [0, Infinity), got";
  for (const given of [undefined, null, Number.NaN, "x", -1]) {
    const got = typeof given === "string" ? JSON.stringify(given) : String(given);
    const late = (step: number): never => of(step < 1 ? 0.1 : given);
    const cases: readonly Case[] = [
      [
        "fit",
        () => fit(words(), x, y, { learningRate: () => of(given) }),
        `fit: the learning rate of step 0 ${rate} ${got}`,
      ],
      [
        "fit, at a later step",
        () => fit(words(), x, y, { learningRate: late, epochs: 3 }),
        `fit: the learning rate of step 1 ${rate} ${got}`,
      ],
      [
        "fit, by epochs",
        () => fit(words(), x, y, { callbacks: [unrolled.learningRateScheduler(() => of(given))] }),
        `fit: the learning rate of step 0 ${rate} ${got}`,
      ],
      ["fitStream", stream({ learningRate: late }), `fitStream: the learning rate of step 1 ${rate} ${got}`],
      [
        "fitStream, by epochs",
        stream({ callbacks: [unrolled.learningRateScheduler(() => of(given))] }),
        `fitStream: the learning rate of step 0 ${rate} ${got}`,
      ],
      [
        "trainLanguageModel",
        train({ learningRate: () => given }),
        `trainLanguageModel: the learning rate of step 0 ${rate} ${got}`,
      ],
    ];
    refused(got, cases);
  }
  test("none is asked for behind the last step", async () => {
    const learningRate = (step: number): number => [0.1, 0.2][step] as number;
    const { history } = await fit(words(), x, y, { epochs: 2, learningRate });
    expect(history.learningRate).toEqual([0.2, 0.2]);
    const logs: unknown[] = [];
    const steps = { batch: 2, steps: 24, validationSplit: 0 };
    const callbacks = [{ onEpochEnd: (_: number, log: unknown) => void logs.push(log) }];
    await fitStream(words(), tokens, { ...steps, epochs: 2, learningRate, callbacks });
    expect(logs).toMatchObject([{ learningRate: 0.2 }, { learningRate: 0.2 }]);
  });
});

const characters =
  "maxVocabulary limits words or byte pairs, and the tokens are characters. Leave it out, or give another kind.";
refused("a vocabulary that is not limited", [
  ["characters", () => languageModel(text, { maxVocabulary: 2 }), `languageModel: ${characters}`],
  ["characters by name", () => lm({ tokens: "char", maxVocabulary: 300 }), `languageModel: ${characters}`],
  [
    "fewer byte pairs than bytes",
    () => languageModel(text, { tokens: "bpe", maxVocabulary: 10 }),
    "languageModel: maxVocabulary must be a whole number from 256 to 16777216, got 10",
  ],
  [
    "that of a tokenizer",
    () => languageModel(lm().tokenizer, { maxVocabulary: 2 }),
    "languageModel: maxVocabulary is for a text; a tokenizer says what a token is. Leave it out.",
  ],
  [
    "the kind of a tokenizer",
    () => languageModel(lm().tokenizer, { tokens: "word" }),
    "languageModel: tokens is for a text; a tokenizer says what a token is. Leave it out.",
  ],
]);

refused("equations and what is made of them", [
  ["a number", () => cell(of(5)), 'cell: source must be equations, a text like "h\' = tanh(W @ x + U @ h)", got 5'],
  [
    "a list",
    () => cell(of(["y = x"])),
    'cell: source must be equations, a text like "h\' = tanh(W @ x + U @ h)", got a list of 1',
  ],
  [
    "nothing",
    () => cell(of(undefined)),
    'cell: source must be equations, a text like "h\' = tanh(W @ x + U @ h)", got undefined',
  ],
]);
describe("an EquationError is an InputError, whose lines stay", () => {
  test.each<[string, () => unknown, RegExp]>([
    ["a mistake", () => cell("y = W @@ x"), /^line 1, column 8: .*\n {2}y = W @@ x\n {9}\^$/],
    ["no units", () => sequential([recurrent(cells.lstm)], { input: 2 }), /units/],
    [
      "a table of another size",
      () => sequential([embedding(5, 4), lstm(4), dense(3, { tied: "embedding" })]),
      /embedding.weight/,
    ],
    [
      "a parameter of no layer",
      () => sequential([recurrent(cells.lstm, { units: 2, shared: { W_f: "zz.w" } })], { input: 2 }),
      /zz/,
    ],
  ])("%s", (_, call, message) => {
    let error: unknown;
    try {
      call();
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(unrolled.EquationError);
    expect(error).toBeInstanceOf(unrolled.InputError);
    expect((error as Error).name).toBe("EquationError");
    expect((error as Error).message).toMatch(message);
  });
});

refused("an optimiser by its name, where a page would have to load them all", [
  [
    "createTrainer",
    () => unrolled.createTrainer(words(), { ...small, optimizer: of("adam") }),
    'createTrainer: optimizer must be an optimiser, as in optimizer: adam(), got "adam"',
  ],
]);

refused("tokens and texts, with the entry's name", [
  [
    "a token that the model does not know, before anything is learned",
    () =>
      fitStream(
        words(),
        Int32Array.from(tokens, (token, k) => (k === 57 ? 99 : token)),
        small,
      ),
    "fitStream: validation token 99 at 0 is out of range: expected 0 to 4",
  ],
  [
    "in a text's place",
    () =>
      trainLanguageModel(
        lm(),
        Int32Array.from({ length: 240 }, (_, k) => k),
        small,
      ),
    "trainLanguageModel: token 5 at 5 is out of range: expected 0 to 4",
  ],
  [
    "too short a text",
    () => trainLanguageModel(lm(), "abc", small),
    "trainLanguageModel: the text has 3 tokens to train on, and a batch of 2 x 4 steps needs 10. Give a longer text, a " +
      "smaller batch or fewer steps.",
  ],
  [
    "too short a text for what is planned",
    () => languageModel("abc", { training: small }),
    "languageModel: the text has 3 tokens to train on, and a batch of 2 x 4 steps needs 10. Give a longer text, a smaller " +
      "batch or fewer steps.",
  ],
  ["no text", () => languageModel(""), "languageModel: the text has no character to learn. Give a longer text."],
]);

test("epochs that came before all: nothing is trained, as in Keras, and the history is empty", async () => {
  const model = words();
  const before = structuredClone(model.values);
  expect(await fit(model, x, y, { epochs: 3, initialEpoch: 5 })).toEqual({ epoch: [], history: {} });
  expect(model.values).toEqual(before);
});
