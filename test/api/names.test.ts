/** Names as other libraries have them, as they are typed, and as Keras writes them where it takes a text. */
import { describe, expect, test } from "vitest";
import { modelCheckpoint } from "../../src/callbacks/model-checkpoint.ts";
import * as unrolled from "../../src/index.ts";
import { createServer, listen } from "../../src/server/index.ts";

const { adam, dense, embedding, fit, gru, lstm, sequential } = unrolled;
const x = [
  [1, 2, 3],
  [4, 0, 1],
];
const y = [
  [2, 3, 4],
  [0, 1, 2],
];
const words = (seed = 1) => sequential([embedding(5, 3), gru(3, { returnSequences: true }), dense(5)], { seed });
const lm = unrolled.languageModel("abcab cabca", { units: 3, embedding: 2 });
const of = (options: object): never => options as never;
const drain = async (pieces: AsyncIterable<unknown>): Promise<void> => {
  for await (const _ of pieces);
};

describe("a name that there is not is answered with the one that was meant", () => {
  const cases: readonly (readonly [string, () => unknown, string])[] = [
    [
      "batch_size",
      () => fit(words(), x, y, of({ batch_size: 1 })),
      'fit: unknown option "batch_size". Did you mean batchSize?',
    ],
    ["validation_split", () => fit(words(), x, y, of({ validation_split: 0.1 })), "Did you mean validationSplit?"],
    ["epoch", () => fit(words(), x, y, of({ epoch: 3 })), "Did you mean epochs?"],
    [
      "clipnorm, Keras's of each parameter",
      () => fit(words(), x, y, of({ clipnorm: 1 })),
      "Did you mean clipNormEach?",
    ],
    ["global_clipnorm", () => fit(words(), x, y, of({ global_clipnorm: 1 })), "Did you mean clipNorm?"],
    [
      "verbose, which is nothing here",
      () => fit(words(), x, y, of({ verbose: 1 })),
      'unknown option "verbose". The options are',
    ],
    [
      "learning_rate",
      () => adam(of({ learning_rate: 0.1 })),
      'adam: unknown option "learning_rate". Did you mean learningRate?',
    ],
    ["lr", () => adam(of({ lr: 0.1 })), "Did you mean learningRate?"],
    ["beta_1", () => adam(of({ beta_1: 0.1 })), "Did you mean beta1?"],
    ["betas, PyTorch's", () => adam(of({ betas: [0.9, 0.99] })), "Did you mean beta1?"],
    ["eps", () => adam(of({ eps: 1e-8 })), "Did you mean epsilon?"],
    ["weight-decay", () => unrolled.adamW(of({ "weight-decay": 1 })), "Did you mean weightDecay?"],
    [
      "mask_zero",
      () => embedding(5, 4, of({ mask_zero: true })),
      'embedding: unknown option "mask_zero". Did you mean maskZero?',
    ],
    [
      "return_sequences",
      () => lstm(4, of({ return_sequences: true })),
      'lstm: unknown option "return_sequences". Did you mean returnSequences?',
    ],
    [
      "of a layer that has a name",
      () => lstm(4, of({ name: "encoder", dropuot: 0.1 })),
      'encoder: unknown option "dropuot". Did you mean dropout?',
    ],
    [
      "restore_best_weights",
      () => unrolled.earlyStopping(of({ restore_best_weights: true })),
      "Did you mean restoreBestWeights?",
    ],
    [
      "max_tokens",
      () => drain(unrolled.generate(lm, of({ max_tokens: 5 }))),
      'generate: unknown option "max_tokens". Did you mean length?',
    ],
    [
      "max_new_tokens",
      () => drain(unrolled.generateMany(lm, ["a"], of({ max_new_tokens: 5 }))),
      "Did you mean length?",
    ],
    [
      "top_logprobs",
      () => drain(unrolled.generateTokens(lm, of({ top_logprobs: 5 }))),
      "Did you mean logProbabilities?",
    ],
    ["num_beams", () => unrolled.beamSearch(lm, of({ num_beams: 5 })), "Did you mean beams?"],
    [
      "num_words",
      () => new unrolled.Tokenizer(of({ num_words: 5 })),
      'Tokenizer: unknown option "num_words". Did you mean numWords?',
    ],
    ["output_mode", () => new unrolled.TextVectorization(of({ output_mode: "int" })), "Did you mean outputMode?"],
    ["vocab_size", () => unrolled.languageModel("abc", of({ vocab_size: 5 })), "Did you mean maxVocabulary?"],
    ["save_best_only", () => modelCheckpoint("file", of({ save_best_only: true })), "Did you mean saveBestOnly?"],
    [
      "onEpochEnds",
      () => fit(words(), x, y, { callbacks: [of({ onEpochEnds: () => {} })] }),
      'fit: callbacks[0]: unknown option "onEpochEnds". Did you mean onEpochEnd?',
    ],
    [
      "on_epoch_end",
      () => fit(words(), x, y, { callbacks: [of({ on_epoch_end: () => {} })] }),
      "Did you mean onEpochEnd?",
    ],
    [
      "in validationData",
      () => fit(words(), x, y, { validationData: of({ x, y, sample_weight: [1, 1] }) }),
      'fit: validationData: unknown option "sample_weight". Did you mean sampleWeight?',
    ],
    [
      "a cell's parameter",
      () => unrolled.trace(unrolled.cells.gru, [[1]], { units: 1, parameters: { W_zz: [1] } }),
      "Did you mean W_z?",
    ],
    [
      "batchsize of a trainer",
      () => unrolled.createTrainer(words(), of({ batch: 1, steps: 1, batch_size: 1 })),
      "Did you mean batch?",
    ],
    [
      "an option of the server",
      () => createServer({ lm }, of({ api_keys: ["k"] })),
      'createServer: unknown option "api_keys". Did you mean apiKeys?',
    ],
    [
      "hostname",
      async () => listen(await createServer({ lm }), of({ hostname: "localhost", port: 0 })),
      "Did you mean host?",
    ],
  ];
  test.each(cases)("%s", async (_, call, message) => {
    await expect((async () => call())()).rejects.toThrow(message);
    await expect((async () => call())()).rejects.toBeInstanceOf(unrolled.InputError);
  });
});

describe("a value of another kind is refused with what it must be", () => {
  const cases: readonly (readonly [string, () => unknown, string])[] = [
    [
      "a decay in quotes",
      () => unrolled.adamW({ weightDecay: of("0.1" as never) }),
      'adamW: weightDecay must be a number in [0, Infinity), such numbers by layer, or a function of a parameter\'s name, got "0.1"',
    ],
    [
      "n-grams that are a text",
      () => new unrolled.TextVectorization({ ngrams: of("x" as never) }),
      'TextVectorization: ngrams must be a whole number of at least 1, or a list of at least 1, each a whole number of at least 1, or null, got "x"',
    ],
    [
      "tokens that are none",
      () => unrolled.languageModel("abc", { tokens: of("words" as never) }),
      'languageModel: tokens must be one of "char", "word", "bpe", got "words"',
    ],
    [
      "an optimiser that is none",
      () => fit(words(), x, y, { optimizer: of("adamm" as never) }),
      'fit: optimizer "adamm" is not known. Did you mean adam?',
    ],
    [
      "a cell that is none",
      () => unrolled.languageModel("abc", { cell: "lsmt" }),
      'languageModel: cell "lsmt" is not known. Did you mean lstm?',
    ],
    [
      "a layer that was not made",
      () => sequential([lstm as never, dense(2)], { input: 2 }),
      "sequential: layers[0] must be a layer, as lstm(4) makes it, got a function",
    ],
    [
      "no layer",
      () => sequential([undefined as never]),
      "sequential: layers[0] must be a layer, as lstm(4) makes it, got undefined",
    ],
    [
      "a layer for the list of them",
      () => sequential(lstm(4) as never),
      "sequential: layers must be a list of at least 1, each a layer, as lstm(4) makes it, got an object",
    ],
    ["no model", () => fit(lm as never, x, y), "fit: model must be a model, as sequential makes it, got an object"],
    [
      "minutes in quotes",
      () => unrolled.fitStream(words(), new Int32Array(60), { minutes: of("1" as never) }),
      'fitStream: minutes must be a number in (0, Infinity), got "1"',
    ],
    [
      "a callback that is a function",
      () => fit(words(), x, y, { callbacks: [(() => {}) as never] }),
      "fit: callbacks[0] must be a callback, as { onEpochEnd(epoch, logs) {} }, got a function",
    ],
    ["options that are null", () => fit(words(), x, y, null as never), "fit: the options must be an object, got null"],
    [
      "numbers in quotes",
      () => fit(words(), [["1", "2", "3"]] as never, [[1, 2, 3]]),
      "fit: x[0][0]: needs numbers or lists of numbers",
    ],
    [
      "64-bit whole numbers",
      () => fit(words(), [BigInt64Array.of(1n, 2n, 3n)] as never, [[1, 2, 3]]),
      "fit: x[0][0]: needs numbers or lists of numbers, got 1n",
    ],
    [
      "a number of texts",
      () => new unrolled.Tokenizer().fitOnTexts(5 as never),
      "fitOnTexts: texts must be a list of texts, got 5",
    ],
  ];
  test.each(cases)("%s", async (_, call, message) => {
    await expect((async () => call())()).rejects.toThrow(message);
    await expect((async () => call())()).rejects.toBeInstanceOf(unrolled.InputError);
  });
  test("nothing has been trained then", async () => {
    const model = words();
    const before = structuredClone(model.values);
    for (const options of [
      { batch_size: 1 },
      { optimizer: "adamm" },
      { epochs: "3" },
      { callbacks: [{ onEpochEnds() {} }] },
    ]) {
      await expect(fit(model, x, y, options as never)).rejects.toThrow(unrolled.InputError);
    }
    expect(model.values).toEqual(before);
  });
});

describe("names are Keras's, in its style or ours, and mean the same", () => {
  const trained = async (options: object): Promise<unknown> => {
    const model = words(2);
    await fit(model, x, y, { epochs: 2, batchSize: 1, ...options });
    return model.values;
  };
  test.each([
    ["adam", adam()],
    ["sgd", unrolled.sgd()],
    ["rmsprop", unrolled.rmsprop()],
    ["adamw", unrolled.adamW()],
    ["nadam", unrolled.nadam()],
    ["asgd", unrolled.asgd()],
    ["AdamW", unrolled.adamW()],
  ])("optimizer %s", async (name, optimizer) => {
    expect(await trained({ optimizer: name })).toEqual(await trained({ optimizer }));
  });
  const xv = [[[0.1, 0.2]], [[0.3, 0.4]]];
  const yv = [
    [1, 0],
    [0, 1],
  ];
  const measured = async (loss: string, metrics: readonly string[] = []): Promise<Record<string, number>> =>
    unrolled.evaluate(sequential([lstm(3), dense(2)], { input: 2, seed: 3 }), xv, yv, { loss, metrics } as never);
  test.each([
    ["mean_squared_error", ["mse", "MSE", "meanSquaredError", "MeanSquaredError"]],
    ["mean_absolute_error", ["mae", "MAE", "meanAbsoluteError"]],
    ["categorical_crossentropy", ["categoricalCrossentropy"]],
    ["binary_crossentropy", ["binaryCrossentropy"]],
    ["huber", ["Huber"]],
  ])("loss %s", async (name, others) => {
    const { loss } = await measured(name);
    for (const other of others) expect((await measured(other)).loss, other).toBe(loss);
  });
  test("metrics; the logs have each under the name that was given, in our style", async () => {
    const all = await measured("mse", [
      "mse",
      "mae",
      "mean_absolute_error",
      "categoricalAccuracy",
      "acc",
      "accuracy",
      "huber",
    ]);
    expect(Object.keys(all)).toEqual([
      "loss",
      "mse",
      "mae",
      "meanAbsoluteError",
      "categoricalAccuracy",
      "acc",
      "accuracy",
      "huber",
    ]);
    expect(all.mse).toBeCloseTo(all.loss as number, 6);
    expect(all.meanAbsoluteError).toBe(all.mae);
    expect(all.accuracy).toBe(all.acc);
  });
  test("perplexity is e to the mean cross-entropy, in training and validation too", async () => {
    const model = words(4);
    const { loss, perplexity } = (await unrolled.evaluate(model, x, y, { metrics: ["perplexity"] })) as Record<
      string,
      number
    >;
    expect(perplexity).toBeCloseTo(Math.exp(loss as number), 4);
    const { history } = await fit(model, x, y, { metrics: ["perplexity"], validationData: { x, y } });
    expect(history.perplexity?.[0]).toBeCloseTo(Math.exp(history.loss?.[0] as number), 4);
    expect(history.valPerplexity?.[0]).toBeCloseTo(Math.exp(history.valLoss?.[0] as number), 4);
  });
});
