/** Music as events: a language model over the text of events (`events.ts`). Everything that it does is the language model's. */
import { dense, dropout as dropoutLayer, embedding, recurrent } from "../../nn/layers.ts";
import type { Model } from "../../nn/model.ts";
import { sequential } from "../../nn/model.ts";
import { decodeToken, encode, vocabularySize } from "../../text/tokenizer.ts";
import { adam } from "../../train/optimizers.ts";
import { generate } from "../generate.ts";
import { tokensToRead } from "../generation-engine.ts";
import { evaluateLanguageModel } from "../language-model/evaluate.ts";
import type { LanguageModel } from "../language-model/file.ts";
import { trainLanguageModel } from "../language-model/train.ts";
import { EventReader, eventsOf, eventTokenizer } from "./events.ts";
import type { Form } from "./form.ts";
import type { GridNote } from "./settings.ts";

const tokens = vocabularySize(eventTokenizer);
const lmOf = (model: Model): LanguageModel => ({ model, tokenizer: eventTokenizer });
const texts = (pieces: readonly (readonly GridNote[])[]): string[] => pieces.map(eventsOf);

export const eventsForm: Form = {
  unit: "event",
  range: [0, 127],
  network({ cell, units, layers, dropout, seed }) {
    const drop = dropout > 0 ? [dropoutLayer(dropout)] : [];
    const stack = Array.from({ length: layers }, () => [recurrent(cell, { units, returnSequences: true }), ...drop]);
    return sequential([embedding(tokens, Math.min(units, 64)), ...drop, ...stack.flat(), dense(tokens)], { seed });
  },
  mismatch: ({ input, outputSize, returnsSequences }) =>
    input === "tokens" && outputSize === tokens && returnsSequences
      ? undefined
      : `form "events" needs a model that reads tokens and gives ${tokens} numbers a step`,
  async train(model, pieces, validation, { epochs, batchSize, steps, learningRate, seed, signal, onEpoch, host }) {
    const text = texts(pieces);
    const held = texts(validation);
    const losses: number[] = [];
    const heldLosses: number[] = [];
    // Short music still fills a batch.
    const length = text.reduce((sum, one) => sum + one.length + 1, 0);
    const own = Math.max(1, Math.min(steps, Math.floor(length / 2) - 1));
    const batch = Math.max(1, Math.min(batchSize, Math.floor(length / (own + 1))));
    await trainLanguageModel(lmOf(model), text, {
      ...host,
      ...{ epochs, batch, steps: own, optimizer: adam({ learningRate }), seed, clipNorm: 1 },
      ...(held.length > 0 ? { validationData: held, validations: epochs, keep: "best" } : { validationSplit: 0 }),
      ...(signal !== undefined && { signal }),
      callbacks: [
        {
          onEpochEnd(epoch, { loss = Number.NaN, valLoss }) {
            losses.push(loss);
            if (valLoss !== undefined) heldLosses.push(valLoss);
            onEpoch(epoch + 1, loss, valLoss);
          },
        },
      ],
    });
    return { loss: losses, validationLoss: heldLosses };
  },
  async evaluate(model, pieces, host) {
    const { loss, tokens: count } = await evaluateLanguageModel(lmOf(model), texts(pieces), host);
    return { loss, count };
  },
  async *write(model, { length, seed, prime, hold, signal, host, ...sampling }) {
    const from = prime.reduce((last, one) => Math.max(last, one.start + one.duration), 0);
    const prompt = eventsOf(prime, from);
    // Its length and velocity hold on behind it.
    const reader = new EventReader();
    let primes = 0;
    const held = hold.map((pitch) => ({ pitch, start: 0, duration: length, velocity: 80 }));
    const notes = (): GridNote[] => {
      const written = reader.notes.slice(primes).filter(({ start }) => start < from + length);
      // A note that would sound on ends with the piece.
      const own = written.map((note) => ({
        ...note,
        start: note.start - from,
        duration: Math.min(note.duration, from + length - note.start),
      }));
      return [...held, ...own.filter(({ pitch }) => !hold.includes(pitch))];
    };
    for (const token of tokensToRead(eventTokenizer, prompt)) {
      reader.read(decodeToken(eventTokenizer, token));
      primes = reader.notes.length;
      yield { input: token, step: reader.now - from, notes };
    }
    const options = {
      ...host,
      ...sampling,
      seed,
      prompt,
      length: 64 * length,
      ...(signal !== undefined && { signal }),
    };
    for await (const piece of generate(lmOf(model), options)) {
      reader.read(piece);
      for (const token of encode(eventTokenizer, piece)) yield { input: token, step: reader.now - from, notes };
      if (reader.now >= from + length) break;
    }
  },
};
