/**
 * Where text is written: texts come and go between steps; in a step each reads its next token or, once it has read all,
 * writes one. Knows nothing about who wants them, and in which order.
 */

import type { HostOptions } from "../engines/engine.ts";
import { InputError } from "../graph/input-error.ts";
import { createRandom, type Random } from "../nn/random.ts";
import { Disposable } from "../runtime/disposable.ts";
import { createSampler, type Sampler, type SamplingOptions } from "../text/sampling.ts";
import {
  decodeNext,
  decodeRest,
  encode,
  endOfText,
  hasUnknown,
  type Tokenizer,
  vocabularySize,
} from "../text/tokenizer.ts";
import { createHealing, type Healing, restAfter, type Ways } from "./healing.ts";
import type { LanguageModel } from "./language-model/file.ts";
import { createPrefill, type Prefill } from "./prefill.ts";
import { createSlots, type SlotState, type Slots } from "./slots.ts";
import { createStopSequenceBuffer, type StopSequenceBuffer, stopStrings } from "./stop-sequences.ts";

/**
 * A prompt: a text, or token ids, which are read exactly as given. A text may end within a token; generation then may replace
 * its last tokens by longer ones that begin with them (token healing). Ids are never replaced.
 */
export type Prompt = string | ArrayLike<number>;

export type SequenceOptions<Piece> = SamplingOptions & {
  /** What the model reads first. Without any it writes as if after the end of a text, or where it knows none, of a line. */
  readonly prompt: Prompt;
  /** Of a prompt of ids: the first that was made of a text, whose end may lie within a token. Without it none was. */
  readonly healFrom?: number | undefined;
  /** Tokens to write; 0 only reads. */
  readonly length: number;
  readonly seed: number;
  /** The text ends before any of these. */
  readonly stop?: string | readonly string[] | undefined;
  /** What an earlier text left. */
  readonly state?: SlotState | undefined;
  /** Bytes of a character that the prompt ends within; without it, what the prompt itself has of one. */
  readonly rest?: Uint8Array | undefined;
  /** Whether another text goes on from its end: a character that it ends within is left to that one. */
  readonly goesOn?: boolean | undefined;
  readonly retake?: Retake | undefined;
  readonly describe: Describe<Piece>;
  /** Makes a piece of each token of the prompt but the first, which nothing foretold, too. */
  readonly onPromptToken?: ((token: number, logits: Float32Array) => Piece) | undefined;
};

/**
 * How a text that ends with something that is not shown (a stop string, half a character) comes to remember what is: before it
 * ends, it reads that in place of what it wrote.
 */
export type Retake = {
  /** Tokens of the prompt, fewer than all, after which what the model remembers is kept. */
  readonly keepAfter: number;
  /** Given what was shown, and what was kept: what to read, and what the model remembers before it. */
  readonly readAgain: (
    shown: string,
    kept: SlotState | undefined,
  ) => { readonly tokens: Int32Array; readonly state: SlotState | undefined };
};

/**
 * Makes a piece of what a token adds to the text, its id and the logits (V) it was drawn from, which the next step overwrites,
 * after bytes of a character that was not whole. Where a prompt is healed, of the way it was and the logits of all ways.
 */
export type Describe<Piece> = (
  text: string,
  token: number,
  logits: Float32Array,
  before: Uint8Array,
  ways?: Ways,
) => Piece;

/** A text that is being read and written. */
export type Sequence<Piece> = Pick<
  SequenceOptions<Piece>,
  "length" | "describe" | "onPromptToken" | "goesOn" | "retake"
> & {
  readonly toRead: Int32Array;
  readonly sampler: Sampler;
  readonly random: Random;
  readonly stopBuffer: StopSequenceBuffer<Piece>;
  /** Whether the first token to read only foretells what the text begins with: it is forgotten then. */
  readonly foretold: boolean;
  /** Until the first token is written, where the prompt may end within one. */
  healing: Healing | undefined;
  read: number;
  written: number;
  /** How many tokens of the prompt the first one that was written stands for. */
  replaced: number;
  /** After so many tokens of what it reads somebody else looks at what it remembers. */
  sharedAfter: number;
  /** The token that was written last: the model has not read it yet. */
  latest: number;
  /** Bytes of a character that is not whole yet. */
  rest: Uint8Array;
  /** What its slot remembered when it left. */
  state: SlotState | undefined;
  /** What it remembered after the tokens of the prompt that `retake` names. */
  kept: SlotState | undefined;
  /** All that came out of the gate. */
  shown: string;
  /** What it reads in place of what it wrote, how it ended, and what its slot remembered of all that it had written. */
  again: Again | undefined;
};
type Again = {
  readonly tokens: Int32Array;
  read: number;
  readonly ended: "stop" | "length";
  readonly before: SlotState;
};

/** What a step made of a text: pieces that are decided, and whether it has ended, by itself or by a fault. */
export type Outcome<Piece> = {
  readonly text: Sequence<Piece>;
  readonly pieces: readonly Piece[];
  readonly ended?: "stop" | "length" | Error | undefined;
};

/**
 * A text before its first step.
 * @throws InputError for an option out of its range
 */
export function createSequence<Piece extends { readonly text: string }>(
  { model, tokenizer }: LanguageModel,
  {
    prompt,
    healFrom,
    length,
    seed,
    stop,
    state,
    rest,
    goesOn,
    retake,
    describe,
    onPromptToken: heard,
    ...sampling
  }: SequenceOptions<Piece>,
): Sequence<Piece> {
  const sampler = createSampler(sampling, model.outputSize);
  const isText = typeof prompt === "string";
  const given = isText ? encode(tokenizer, prompt) : checkedTokens(tokenizer, prompt);
  for (const token of given) sampler.read(token);
  const heals = length > 0 && (isText || healFrom !== undefined);
  const healing = heals ? createHealing(tokenizer, given, isText ? 0 : healFrom) : undefined;
  const foretold = healing?.from === 0 && state === undefined;
  const before = foretold || (given.length === 0 && length > 0) ? tokensToRead(tokenizer, "") : [];
  const [random, gate] = [createRandom(seed), createStopSequenceBuffer<Piece>(stopStrings(stop))];
  const toRead = new Int32Array(before.length + given.length);
  toRead.set(before);
  toRead.set(given, before.length);
  const begun = {
    read: 0,
    written: 0,
    replaced: 0,
    sharedAfter: 0,
    latest: 0,
    rest: rest ?? restAfter(tokenizer, given),
  };
  const shown = { retake, kept: undefined, shown: "", again: undefined };
  return {
    length,
    describe,
    onPromptToken: heard,
    goesOn,
    toRead,
    sampler,
    random,
    stopBuffer: gate,
    foretold,
    healing,
    state,
    ...begun,
    ...shown,
  };
}

function checkedTokens(tokenizer: Tokenizer, ids: ArrayLike<number>): Int32Array {
  const size = vocabularySize(tokenizer);
  const odd = Array.from(ids).findIndex((id) => !(Number.isInteger(id) && id >= 0 && id < size));
  if (odd < 0) return Int32Array.from(ids);
  throw new InputError(`prompt: token ${odd} is ${ids[odd]}; the model's ids go from 0 to ${size - 1}`);
}

/** What tokens a model reads first: the prompt's, or the end of a text, or where it knows none, of a line. */
export function tokensToRead(tokenizer: Tokenizer, prompt: string): Int32Array {
  const end = endOfText(tokenizer);
  if (prompt === "" && end !== undefined) return Int32Array.of(end);
  return encode(tokenizer, prompt === "" ? "\n" : prompt);
}

/**
 * A generation engine with programs for these numbers of texts, the smallest first. Each step takes the smallest that has a slot for
 * every text: one of many slots takes as long for a single text as for all. A text is the same in each.
 * @param longPrompts whether there are prompts worth a program that reads many tokens at once
 * @throws InputError for a model that goes backwards, and for more slots than fit into memory
 */
export async function createGenerationEngine<Piece extends { readonly text: string }>(
  { model, tokenizer }: LanguageModel,
  sizes: readonly [number, ...number[]],
  options: HostOptions = {},
  longPrompts = true,
): Promise<GenerationEngine<Piece>> {
  const programs: Slots[] = [];
  try {
    for (const size of sizes) programs.push(await createSlots(model, size, options));
    const prefill = longPrompts ? await createPrefill(model, options) : undefined;
    return new GenerationEngine(tokenizer, programs as [Slots, ...Slots[]], prefill);
  } catch (error) {
    for (const slots of programs) slots.dispose();
    throw error;
  }
}

/** Owns the programs until it is disposed of; texts are its guests. */
export class GenerationEngine<Piece extends { readonly text: string }> extends Disposable {
  private readonly tokenizer: Tokenizer;
  private readonly programs: readonly [Slots, ...Slots[]];
  private readonly prefill: Prefill | undefined;
  private slots: Slots;
  /** The texts in the first slots. */
  private readonly texts: Sequence<Piece>[] = [];

  constructor(tokenizer: Tokenizer, programs: readonly [Slots, ...Slots[]], prefill?: Prefill) {
    super();
    this.prefill = prefill;
    this.tokenizer = tokenizer;
    this.programs = programs;
    this.slots = programs[0];
  }

  dispose(): void {
    for (const slots of this.programs) slots.dispose();
    this.prefill?.dispose();
  }

  /** Most texts at once. */
  get size(): number {
    return (this.programs.at(-1) as Slots).count;
  }
  /** Texts that are here. */
  get count(): number {
    return this.texts.length;
  }

  /** A text takes a slot, from its beginning or from where it left. */
  admit(text: Sequence<Piece>): void {
    if (this.count === this.size) throw new Error(`internal: all ${this.size} slots are taken`);
    this.texts.push(text);
    if (this.count > this.slots.count) this.change();
    this.slots.restore(this.count - 1, text.state);
  }

  /** A text that is here leaves its slot and keeps what it remembers: it may join again. */
  evict(text: Sequence<Piece>): void {
    const slot = this.texts.indexOf(text);
    if (slot < 0) return;
    text.state = this.slots.state(slot);
    const last = this.texts.pop() as Sequence<Piece>;
    if (last === text) return;
    this.texts[slot] = last;
    this.slots.restore(slot, this.slots.state(this.texts.length));
  }

  /** All go to the program that fits them. */
  private change(): void {
    const fitting = this.programs.find(({ count }) => count >= this.count) as Slots;
    if (fitting === this.slots) return;
    for (let slot = 0; slot < Math.min(this.count, this.slots.count); slot++) {
      fitting.restore(slot, this.slots.state(slot));
    }
    this.slots = fitting;
  }

  /** What a text remembers, of which `state` is a copy: by layer and name (`lstm.h`), its values (H). */
  named(state?: SlotState): Record<string, Float32Array> {
    return this.slots.named(state);
  }

  /**
   * A text reads many tokens at once, where it is the only one with a prompt before it: of several, each step reads one of each,
   * with weights that come from memory once for all.
   */
  private readAhead(): void {
    const { prefill } = this;
    const [text, ...others] = this.texts.filter(({ read, toRead }) => read < toRead.length);
    if (prefill === undefined || text === undefined || others.length > 0) return;
    if (unseenTokens(text) < prefill.steps) return;
    const slot = this.texts.indexOf(text);
    const next = text.toRead.subarray(text.read, text.read + prefill.steps);
    this.slots.restore(slot, prefill.read(this.slots.state(slot), next));
    text.read += prefill.steps;
  }

  /** One token of each text, and some of a long prompt before it. Those that end have left. */
  step(): readonly Outcome<Piece>[] {
    const only = this.texts.filter(({ length, read, toRead }) => length === 0 && read === toRead.length);
    const outcomes = only.map((text): Outcome<Piece> => ({ text, pieces: [], ended: "length" }));
    for (const text of only) this.evict(text);
    if (this.count === 0) return outcomes;
    this.change();
    this.readAhead();
    const { slots } = this;
    slots.tokens.fill(0);
    this.texts.forEach((text, slot) => {
      slots.tokens[slot] = nextToken(text);
    });
    slots.step();
    this.texts.forEach((text, slot) => outcomes.push(outcomeOf(this.tokenizer, text, slots, slot)));
    for (const { text, ended } of outcomes) if (ended !== undefined) this.evict(text);
    return outcomes;
  }
}

/** Tokens that a text may read before the next one after which somebody asks for its logits, or what it remembers. */
function unseenTokens<Piece>({
  toRead,
  read,
  foretold,
  healing,
  retake,
  onPromptToken: heard,
  again,
  sharedAfter,
}: Sequence<Piece>): number {
  const before = Number(foretold);
  if (heard !== undefined || again !== undefined || read < before) return 0;
  const asked = [toRead.length, sharedAfter];
  if (healing !== undefined) asked.push(healing.from + before);
  if (retake !== undefined) asked.push(retake.keepAfter + before);
  // What is asked for after every token from there on.
  if (healing !== undefined && read >= healing.from + before) return 0;
  return Math.min(...asked.filter((place) => place > read)) - 1 - read;
}

/** What a text reads: again what was shown of it, else its prompt, else what it wrote last. */
function nextToken<Piece>(text: Sequence<Piece>): number {
  if (text.again !== undefined) return text.again.tokens[text.again.read++] as number;
  return text.read < text.toRead.length ? (text.toRead[text.read++] as number) : text.latest;
}

function outcomeOf<Piece extends { readonly text: string }>(
  tokenizer: Tokenizer,
  text: Sequence<Piece>,
  slots: Slots,
  slot: number,
): Outcome<Piece> {
  try {
    const { toRead, read, foretold, healing, again, retake } = text;
    if (again !== undefined)
      return { text, pieces: [], ...(again.read === again.tokens.length && { ended: again.ended }) };
    if (read === toRead.length) {
      return text.length === 0 ? { text, pieces: [] } : { text, ...write(tokenizer, text, slots, slot) };
    }
    const logits = slots.logits[slot] as Float32Array;
    const isBefore = foretold && read === 1;
    if (isBefore) slots.restore(slot);
    const place = read - Number(foretold);
    if (place === retake?.keepAfter) text.kept = slots.state(slot);
    if (healing !== undefined && place >= healing.from) healing.foresee(place, logits, () => slots.state(slot));
    const heard = isBefore ? undefined : text.onPromptToken?.(toRead[read] as number, logits);
    return { text, pieces: heard === undefined ? [] : [heard] };
  } catch (error) {
    // What is wrong with one text is no matter of the others.
    return { text, pieces: [], ended: error as Error };
  }
}

/** A text's next token. */
function write<Piece extends { readonly text: string }>(
  tokenizer: Tokenizer,
  text: Sequence<Piece>,
  slots: Slots,
  slot: number,
): Omit<Outcome<Piece>, "text"> {
  const after = slots.logits[slot] as Float32Array;
  const ways = text.healing?.ways(after);
  text.healing = undefined;
  const logits = ways?.scores ?? after;
  const unknown = logits[0] as number;
  if (hasUnknown(tokenizer)) logits[0] = -Infinity; // The unknown character is never written.
  const { sampler, random } = text;
  const way = ways === undefined ? sampler.draw(logits, random) : sampler.drawAmong(logits, ways.tokens, random);
  logits[0] = unknown;
  const token = ways === undefined ? way : (ways.tokens[way] as number);
  text.latest = token;
  text.written++;
  text.replaced = ways?.replaces(way) ?? text.replaced;
  const state = ways?.state(way);
  if (state !== undefined) slots.restore(slot, state);
  const isEnd = token === endOfText(tokenizer);
  const last = isEnd || text.written >= text.length;
  const { text: whole, rest } = ways?.decode(way) ?? decodeNext(tokenizer, token, text.rest);
  const before = text.rest;
  const ends = last && (isEnd || text.goesOn !== true);
  const shown = ends ? whole + decodeRest(rest) : whole;
  text.rest = isEnd ? new Uint8Array() : rest;
  const { pieces, stopped } = text.stopBuffer.pass(text.describe(shown, way, logits, before, ways), last);
  const ended = stopped || isEnd ? "stop" : last ? "length" : undefined;
  if (text.retake === undefined) return { pieces, ended };
  for (const { text: piece } of pieces) text.shown += piece;
  if (ended === undefined || !(stopped || text.rest.length > 0)) return { pieces, ended };
  const { tokens, state: from } = text.retake.readAgain(text.shown, text.kept);
  text.again = { tokens, read: 0, ended, before: slots.state(slot) };
  slots.restore(slot, from);
  return tokens.length === 0 ? { pieces, ended } : { pieces };
}
