/** A text while a model reads it: all values in typed arrays, which are filled as the engine proceeds. */
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { InputError } from "../../../graph/input-error.ts";
import type { LabelledValue } from "../../../tasks/inspect-text.ts";
import { extentsOfValue, visible } from "../../components/heat.ts";
import type { LikelyText } from "../../components/token-bars.tsx";
import { useRounds } from "../../engine/engine.ts";
import type { ReadingHead } from "../../engine/reading.ts";
import type { OpenModel } from "../../models/open-model.ts";
import { rich, texts } from "../../texts/texts.ts";

const says = texts.inspect.values;

/** A value with its numbers (T,size), which are 0 for tokens that have not been read yet. */
export type ReadValue = Pick<LabelledValue, "key" | "label" | "layer" | "size" | "gate" | "state" | "description"> & {
  readonly data: Float32Array;
};

export type Reading = {
  readonly head: ReadingHead;
  /** The values of the model, and the surprise of each token as the last one. */
  readonly values: readonly ReadValue[];
  /** Bits of each token, 0 for the first. */
  readonly surprise: ReadValue;
  readonly next: Int32Array;
  readonly probabilities: Float32Array;
  /** The number of predicted next tokens for each position. */
  readonly told: number;
};

/** The progress: `done` of the tokens have been read. */
export type ReadSoFar = { readonly reading?: Reading; readonly done: number; readonly error?: string };

/** Numbers that a worker can read as well, if the page can share memory; otherwise each worker gets a copy. */
function numbers(count: number): Float32Array {
  if (!globalThis.crossOriginIsolated) return new Float32Array(count);
  return new Float32Array(new SharedArrayBuffer(4 * count));
}

function emptyReading(head: ReadingHead): Reading {
  const count = head.ids.length;
  const told = head.likeliest;
  const values = head.values.map((value) => ({ ...value, data: numbers(count * value.size) }));
  const surprise: ReadValue = {
    ...{
      key: "surprise",
      label: says.surprise,
      layer: says.output,
      size: 1,
      gate: true,
      state: false,
      data: new Float32Array(count),
    },
    description: says.surpriseMeans,
  };
  return {
    ...{ head, surprise, told, values: [...values, surprise] },
    next: new Int32Array(count * told),
    probabilities: new Float32Array(count * told),
  };
}

function allocated(head: ReadingHead): Reading {
  try {
    return emptyReading(head);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new InputError(says.noMemory);
  }
}

/**
 * Read a text from its beginning; a new text stops the previous reading. `share`: of the largest number of values, those that may
 * be kept.
 */
export function useReading(model: OpenModel, text: string | undefined, share = 1): ReadSoFar {
  const { round, tell: tellOfDeath } = useRounds();
  const [soFar, setSoFar] = useState<ReadSoFar & { readonly text?: string }>({ done: 0 });
  useEffect(() => {
    if (text === undefined) return;
    let left = false;
    const tell = (next?: ReadSoFar): boolean => {
      if (!left && next !== undefined) setSoFar({ ...next, text });
      return left;
    };
    readAll(model, text, share, tell).catch((error: Error) => {
      if (!tell({ done: 0, error: error.message })) tellOfDeath(error);
    });
    return () => {
      left = true;
    };
  }, [model, text, round]);
  return soFar.text === text ? soFar : { done: 0 };
}

/** The interval of progress updates. */
const turnMs = 200;

/** `tell` returns whether the reading should stop. */
async function readAll(
  model: OpenModel,
  text: string,
  share: number,
  tell: (soFar?: ReadSoFar) => boolean,
): Promise<void> {
  const head = await model.ask("beginReading", text, share);
  if (tell()) return;
  const reading = allocated(head);
  let done = 0;
  let toldMs = performance.now();
  tell({ reading, done });
  const keys = head.values.map(({ key }) => key);
  for await (const piece of model.run("read", head.ids, keys)) {
    if (tell()) return;
    head.values.forEach(({ size }, k) => reading.values[k]?.data.set(piece.values[k] as Float32Array, done * size));
    reading.surprise.data.set(
      piece.bits.map((bits) => (Number.isNaN(bits) ? 0 : bits)),
      done,
    );
    reading.next.set(piece.next, done * reading.told);
    reading.probabilities.set(piece.probabilities, done * reading.told);
    done += piece.bits.length;
    // Drawing takes longer than reading a piece, so the reading does not wait for it.
    if (done < head.ids.length && performance.now() - toldMs < turnMs) continue;
    tell({ reading, done });
    toldMs = performance.now();
  }
}

/** The number with the strongest colour, for each unit: see `extentsOfValue`. */
export function extentsIn(value: ReadValue, done: number, own: boolean): Float32Array {
  const { key, size, data } = value;
  if (key === "surprise") return Float32Array.of(data.reduce((a, b) => Math.max(a, b), 1e-9));
  return extentsOfValue(data.subarray(0, done * size), value, own);
}

/** The model's prediction after a token. */
export function expectedAfter({ head, next, probabilities, told }: Reading, place: number): readonly LikelyText[] {
  return Array.from({ length: told }, (_, k) => {
    const token = next[place * told + k] as number;
    return { token, text: head.vocabulary[token] as string, probability: probabilities[place * told + k] as number };
  });
}

/** The states of the model before a token, by name; undefined at the beginning. */
export function stateBefore({ head, values }: Reading, place: number): Record<string, Float32Array> | undefined {
  if (place === 0) return undefined;
  return Object.fromEntries(
    head.values.flatMap(({ key, size, state }, k) => {
      const { data } = values[k] as ReadValue;
      return state ? [[key, data.slice((place - 1) * size, place * size)]] : [];
    }),
  );
}

/** The output of the first recurrent layer: h of an LSTM. */
export function firstShown({ head, values }: Reading): ReadValue {
  const layer = head.values.find(({ state }) => state)?.layer;
  return values[
    Math.max(
      0,
      head.values.findLastIndex((value) => value.state && value.layer === layer),
    )
  ] as ReadValue;
}

export const nameOf = ({ label, size }: ReadValue, unit: number): string => (size === 1 ? label : `${label}[${unit}]`);

/** A unit's number at a token, as a line above a map; `done` tokens have been read. */
export function readout(
  { head }: Reading,
  value: ReadValue,
  { place, unit }: { readonly place: number; readonly unit: number },
  done: number,
): ComponentChildren {
  return rich(says.readout, {
    ...{ value: nameOf(value, unit), token: visible(head.texts[place] as string) },
    ...{ place: place + 1, count: head.texts.length },
    number: place < done ? shownNumber(value.data[place * value.size + unit] as number) : "…",
  });
}

/** A place of a text as links have it: that of a token, within the text. */
export const placeIn = (given: string | undefined, count: number): number =>
  Math.max(0, Math.min(count - 1, Math.floor(Number(given ?? 0)) || 0));

/** Enough digits to distinguish 32-bit floats in most cases. */
export const shownNumber = (x: number): string => String(Number(x.toPrecision(6)));
