/**
 * Two models of tunes in ABC, character by character: one of characters alone, and one that is also told by a metronome where in its bar
 * it is. Either learns, is measured, and writes. Knows nothing about files, options and bars that add up.
 */
import {
  adam,
  type Cell,
  cells,
  cosineDecay,
  createPredictor,
  createRandom,
  dense,
  dropout,
  evaluate,
  evaluateLanguageModel,
  fit,
  generateMany,
  languageModel,
  type Model,
  masking,
  recurrent,
  sequential,
  trainLanguageModel,
} from "unrolled";
import { shuffled } from "../shared/shuffled.ts";
import { countOf, createMetronome, type Metronome } from "./metronome.ts";

export type Tunes = {
  readonly training: readonly string[];
  readonly validation: readonly string[];
  /** Whose characters the model knows. */
  readonly known: readonly string[];
};
export type Settings = {
  readonly cell: Cell | undefined;
  readonly units: number;
  readonly layers: number;
  readonly dropout: number;
  readonly epochs: number;
  readonly batch: number;
  /** Characters that are learnt at once, where tunes are one stream. */
  readonly steps: number;
  readonly rate: number;
  readonly seed: number;
  readonly onEpoch: (epoch: number, loss: number, validationLoss: number) => void;
};
export type Writing = { readonly tunes: number; readonly temperature: number; readonly seed: number };
export type TuneModel = {
  /** Nats a character, each tune's end counted as one. */
  readonly lossOf: (texts: readonly string[]) => Promise<number>;
  readonly write: (how: Writing) => Promise<string[]>;
};

/** The most characters of a tune that is written. */
const longest = 1500;
const host = { threads: 1, engine: "native" } as const;

/** Of characters alone: tunes are one stream, in which states go on. */
export async function learnCharacters({ training, validation, known }: Tunes, settings: Settings): Promise<TuneModel> {
  const { cell, units, layers, dropout, epochs, batch, steps, rate, seed, onEpoch } = settings;
  const lm = languageModel(known, { units, layers, dropout, ...(cell && { cell }), seed });
  // Files of tunes are sorted by kinds: in their order a model would learn that a tune is like the one before it.
  await trainLanguageModel(lm, shuffled(training, createRandom(seed)), {
    ...{ epochs, batch, steps, clipNorm: 1, seed, ...host, optimizer: adam({ learningRate: rate }) },
    validationData: validation,
    callbacks: [{ onEpochEnd: (epoch, { loss = 0, valLoss = 0 }) => onEpoch(epoch + 1, loss, valLoss) }],
  });
  return {
    lossOf: async (texts) => (await evaluateLanguageModel(lm, texts, host)).loss,
    async write({ tunes, temperature, seed }) {
      const written = Array.from({ length: tunes }, () => "");
      for await (const { prompt, text } of generateMany(lm, written, { length: longest, temperature, seed, ...host })) {
        written[prompt] += text;
      }
      return written;
    },
  };
}

/** Steps that count for nothing are all of this number. */
const padding = -1;

/** Told by a metronome: each tune is an example of its own. */
export async function learnWithMetronome(
  { training, validation, known }: Tunes,
  settings: Settings,
): Promise<TuneModel> {
  const { cell = cells.lstm, units, layers, dropout: rate, epochs, batch, seed, onEpoch } = settings;
  const characters = [...new Set(known.join(""))].sort();
  const numbers = new Map(characters.map((character, k) => [character, k]));
  const end = characters.length;
  const width = end + 1 + countOf;
  const modelOf = (stateful: boolean): Model =>
    sequential(
      [
        ...(stateful ? [] : [masking({ maskValue: padding })]),
        ...Array.from({ length: layers }, () => [
          recurrent(cell, { units, returnSequences: true, stateful }),
          dropout(rate),
        ]).flat(),
        dense(end + 1),
      ],
      { input: width, seed },
    );
  /** What is read after a character, or, after none, where a tune begins. */
  const tell = (metronome: Metronome, number: number, into: Float32Array, from: number): void => {
    into[from + number] = 1;
    metronome.tell(into, from + end + 1);
  };
  const numbersOf = (text: string): number[] => [...text].map((character) => numbers.get(character) as number);
  const read = (text: string): Float32Array[] => {
    const metronome = createMetronome();
    return [end, ...numbersOf(text)].map((number) => {
      const vector = new Float32Array(width);
      if (number !== end) metronome.read(characters[number] as string);
      tell(metronome, number, vector, 0);
      return vector;
    });
  };
  const examplesOf = (texts: readonly string[]) => ({
    x: texts.map(read),
    y: texts.map((text) => [...numbersOf(text), end]),
  });

  const model = modelOf(false);
  const random = createRandom(seed);
  const perEpoch = Math.floor(training.length / batch);
  const lengths = [...training, ...validation].map((text) => text.length + 1).sort((a, b) => a - b);
  const buckets = [
    ...new Set([0.2, 0.4, 0.6, 0.8, 0.9, 1].map((share) => lengths[Math.ceil(share * lengths.length) - 1])),
  ];
  const padded = { pad: "post", buckets: buckets as number[], ...host } as const;
  /** Tunes of like length side by side, in another order each time. */
  function* batches() {
    const keys = training.map((text) => [text.length * (0.9 + 0.2 * random.uniform()), text] as const);
    const sorted = keys.sort(([a], [b]) => a - b).map(([, text]) => text);
    for (const k of shuffled([...Array(perEpoch).keys()], random))
      yield examplesOf(sorted.slice(k * batch, (k + 1) * batch));
  }
  await fit(
    model,
    { [Symbol.iterator]: batches },
    {
      ...{ epochs, seed, clipNorm: 1, ...padded, optimizer: adam({ learningRate: settings.rate }) },
      learningRate: cosineDecay({ initialLearningRate: settings.rate, decaySteps: perEpoch * epochs }),
      validationData: examplesOf(validation),
      callbacks: [{ onEpochEnd: (epoch, { loss = 0, valLoss = 0 }) => onEpoch(epoch + 1, loss, valLoss) }],
    },
  );
  return {
    async lossOf(texts) {
      const { x, y } = examplesOf(texts);
      const most = Math.max(...y.map((classes) => classes.length));
      return (await evaluate(model, x, y, { ...padded, buckets: [...new Set([...padded.buckets, most])] }))
        .loss as number;
    },
    async write({ tunes, temperature, seed }) {
      const writer = modelOf(true);
      for (const [name, values] of Object.entries(model.values)) writer.values[name]?.set(values);
      const predictor = await createPredictor(writer, { batch: tunes, steps: 1, ...host });
      const random = createRandom(seed);
      const all = Array.from({ length: tunes }, () => ({ metronome: createMetronome(), text: "", last: end }));
      const open = new Set(all.keys());
      for (let t = 0; t < longest && open.size > 0; t++) {
        const x = new Float32Array(tunes * width);
        all.forEach(({ metronome, last }, b) => {
          tell(metronome, last, x, b * width);
        });
        const logits = await predictor.predict(x);
        for (const b of open) {
          const tune = all[b] as (typeof all)[number];
          tune.last = drawn(logits.subarray(b * (end + 1), (b + 1) * (end + 1)), temperature, random.uniform());
          const character = characters[tune.last];
          if (character === undefined) open.delete(b);
          else {
            tune.text += character;
            tune.metronome.read(character);
          }
        }
      }
      predictor.dispose();
      return all.map(({ text }) => text);
    },
  };
}

/** The number at that share of all, in (0, 1), of exp(logit / temperature); the likeliest at temperature 0. */
function drawn(logits: Float32Array, temperature: number, share: number): number {
  const highest = Math.max(...logits);
  if (temperature === 0) return logits.indexOf(highest);
  const weights = Array.from(logits, (logit) => Math.exp((logit - highest) / temperature));
  let left = share * weights.reduce((a, b) => a + b);
  const at = weights.findIndex((weight) => {
    left -= weight;
    return left < 0;
  });
  return at < 0 ? weights.length - 1 : at;
}
