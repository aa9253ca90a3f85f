/**
 * The generation engine, with continuous batching: sequences are admitted and evicted between steps; in a step each sequence
 * reads its next token or, once it has read its prompt, generates one. It does not know who asked for a sequence, nor decide
 * in which order they are admitted.
 */

import type { InferenceOptions } from "../engines/engine.ts";
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
import { needsNoBlank, withoutBlank } from "../text/whitespace.ts";
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
  /** What the model reads first. If empty, it starts after the end of a text or, if its vocabulary has no such token, of a line. */
  readonly prompt: Prompt;
  /** For a prompt of ids: the index of the first one that was encoded from a text, which token healing may replace. By default none. */
  readonly healFrom?: number | undefined;
  /** Whether the first word, of tokens that bring a blank before them, needs none. By default what the text says; of ids false. */
  readonly afterBlank?: boolean | undefined;
  /** Number of tokens to generate; with 0 the prompt is only read. */
  readonly length: number;
  readonly seed: number;
  /** Stop strings: the text ends before any of them. */
  readonly stop?: string | readonly string[] | undefined;
  /** The states to start from, as an earlier sequence left them. By default the initial states. */
  readonly state?: SlotState | undefined;
  /** The first bytes of a character that the prompt ends within. By default they are taken from the prompt. */
  readonly rest?: Uint8Array | undefined;
  /** Whether another sequence continues from the end of this one: an incomplete character is then left to that one. */
  readonly goesOn?: boolean | undefined;
  readonly retake?: Retake | undefined;
  readonly describe: Describe<Piece>;
  /** Makes a piece for each token of the prompt too, except the first, which has no prediction. */
  readonly onPromptToken?: ((token: number, logits: Float32Array) => Piece) | undefined;
};

/**
 * How the states of a sequence come to match its shown text, if it ends with something that is not shown (a stop string, half
 * a character): before the sequence ends, it reads the shown text in place of the tokens that it generated.
 */
export type Retake = {
  /** The states after this many tokens of the prompt, fewer than all, are kept. */
  readonly keepAfter: number;
  /** From the shown text and the kept states: the tokens to read, and the states before them. */
  readonly readAgain: (
    shown: string,
    kept: SlotState | undefined,
  ) => { readonly tokens: Int32Array; readonly state: SlotState | undefined };
};

/**
 * Makes a piece from the text that a token adds, the token's id, the logits (V) that it was drawn from (the next step overwrites
 * them), and the bytes of an incomplete character before it. For the first token after token healing, `ways` are all the ways
 * to continue the prompt; the id is then the index of a way, and the logits are those of the ways.
 */
export type Describe<Piece> = (
  text: string,
  token: number,
  logits: Float32Array,
  before: Uint8Array,
  ways?: Ways,
) => Piece;

/** A sequence: a prompt that is read and a text that is generated. */
export type Sequence<Piece> = Pick<
  SequenceOptions<Piece>,
  "length" | "describe" | "onPromptToken" | "goesOn" | "retake"
> & {
  readonly toRead: Int32Array;
  readonly sampler: Sampler;
  readonly random: Random;
  readonly stopBuffer: StopSequenceBuffer<Piece>;
  /** Whether the first token is read only to predict the first token of the text: its states are then dropped. */
  readonly foretold: boolean;
  /** Token healing, if the prompt may end within a token; until the first token is generated. */
  healing: Healing | undefined;
  read: number;
  written: number;
  /** How many tokens at the end of the prompt the first generated token replaces. */
  replaced: number;
  /** The number of read tokens after which another part reads its states. */
  sharedAfter: number;
  /** The token that was generated last; the model has not read it yet. */
  latest: number;
  /** Bytes of an incomplete character. */
  rest: Uint8Array;
  /** Whether the first word needs no blank before it. */
  readonly afterBlank: boolean;
  /** Its states when it was evicted. */
  state: SlotState | undefined;
  /** Its states after the tokens of the prompt that `retake.keepAfter` counts. */
  kept: SlotState | undefined;
  /** The text that has been shown: what the stop-sequence buffer has released. */
  shown: string;
  /** The tokens that it reads in place of the generated ones, how it ended, and its states after the generated ones. */
  again: Again | undefined;
};
type Again = {
  readonly tokens: Int32Array;
  read: number;
  readonly ended: "stop" | "length";
  readonly before: SlotState;
};

/** The result of a step for one sequence: the pieces that can be shown, and whether it has ended, or failed. */
export type Outcome<Piece> = {
  readonly text: Sequence<Piece>;
  readonly pieces: readonly Piece[];
  readonly ended?: "stop" | "length" | Error | undefined;
};

/**
 * Create a sequence, which has not been admitted yet.
 * @throws InputError for an option out of its range
 */
export function createSequence<Piece extends { readonly text: string }>(
  { model, tokenizer }: LanguageModel,
  {
    prompt,
    healFrom,
    afterBlank = typeof prompt === "string" && needsNoBlank(tokenizer, prompt),
    length,
    seed,
    stop,
    state,
    rest,
    goesOn,
    retake,
    describe,
    onPromptToken,
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
    afterBlank,
  };
  const shown = { retake, kept: undefined, shown: "", again: undefined };
  return {
    length,
    describe,
    onPromptToken,
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
  throw new InputError(`prompt: token ${ids[odd]} at ${odd} is out of range: expected 0 to ${size - 1}`);
}

/**
 * The tokens that a model reads first: the prompt's; for an empty prompt the end of a text or, without such a token, of a line; where
 * all of these are none, the unknown character.
 */
export function tokensToRead(tokenizer: Tokenizer, prompt: string): Int32Array {
  const end = endOfText(tokenizer);
  if (prompt === "" && end !== undefined) return Int32Array.of(end);
  const tokens = encode(tokenizer, prompt === "" ? "\n" : prompt);
  // Of words between blanks a line's end may be none.
  return tokens.length === 0 ? new Int32Array(1) : tokens;
}

/**
 * Create a generation engine with one program for each of these numbers of slots, the smallest first. Each step runs the
 * smallest program that has a slot for every sequence, since a step takes equally long however many slots are used. A
 * sequence has the same bits in each program.
 * @param longPrompts whether to make a prefill program, which reads many tokens of a prompt at once
 * @throws InputError for a model that goes backwards, unless it reads a window; and for more slots than fit into memory
 */
export async function createGenerationEngine<Piece extends { readonly text: string }>(
  lm: LanguageModel,
  sizes: readonly [number, ...number[]],
  options: InferenceOptions = {},
  longPrompts = true,
): Promise<GenerationEngine<Piece>> {
  const programs: Slots[] = [];
  try {
    for (const size of sizes) programs.push(await createSlots(lm, size, options));
    // What reads a window has no states that a prompt could be read into.
    const prefill = longPrompts && lm.window === undefined ? await createPrefill(lm.model, options) : undefined;
    return new GenerationEngine(lm.tokenizer, programs as [Slots, ...Slots[]], prefill);
  } catch (error) {
    for (const slots of programs) slots.dispose();
    throw error;
  }
}

/** Runs sequences; made by `createGenerationEngine`. It owns its programs until `dispose()`. */
export class GenerationEngine<Piece extends { readonly text: string }> extends Disposable {
  private readonly tokenizer: Tokenizer;
  private readonly programs: readonly [Slots, ...Slots[]];
  private readonly prefill: Prefill | undefined;
  private slots: Slots;
  /** The admitted sequences: that of slot k is at index k. */
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

  /** The largest number of sequences at once. */
  get size(): number {
    return (this.programs.at(-1) as Slots).count;
  }
  /** The number of admitted sequences. */
  get count(): number {
    return this.texts.length;
  }

  /** Give a sequence a slot: a new one, or one that was evicted and continues. */
  admit(text: Sequence<Piece>): void {
    if (this.count === this.size) throw new Error(`internal: all ${this.size} slots are taken`);
    this.texts.push(text);
    if (this.count > this.slots.count) this.change();
    this.slots.restore(this.count - 1, text.state);
  }

  /** Free the slot of a sequence, which keeps a copy of its states: it may be admitted again. */
  evict(text: Sequence<Piece>): void {
    const slot = this.texts.indexOf(text);
    if (slot < 0) return;
    text.state = this.slots.state(slot);
    const last = this.texts.pop() as Sequence<Piece>;
    if (last === text) return;
    this.texts[slot] = last;
    this.slots.restore(slot, this.slots.state(this.texts.length));
  }

  /** Move all sequences to the smallest program that fits them. */
  private change(): void {
    const fitting = this.programs.find(({ count }) => count >= this.count) as Slots;
    if (fitting === this.slots) return;
    for (let slot = 0; slot < Math.min(this.count, this.slots.count); slot++) {
      fitting.restore(slot, this.slots.state(slot));
    }
    this.slots = fitting;
  }

  /** The states of a sequence, of which `state` is a copy, by layer and name (`lstm.h`): views (H). */
  named(state?: SlotState): Record<string, Float32Array> {
    return this.slots.named(state);
  }

  /**
   * Read many tokens of a prompt at once, if only one sequence has a prompt left to read. With several, each step reads one
   * token of each, and the weights are loaded from memory once for all of them.
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

  /** Make one step: one token of each sequence, after some tokens of a long prompt. Sequences that end are evicted. */
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

/** How many tokens a sequence can read before the next one whose logits or states are needed. */
function unseenTokens<Piece>({
  toRead,
  read,
  foretold,
  healing,
  retake,
  onPromptToken,
  again,
  sharedAfter,
}: Sequence<Piece>): number {
  const before = Number(foretold);
  if (onPromptToken !== undefined || again !== undefined || read < before) return 0;
  const asked = [toRead.length, sharedAfter];
  if (healing !== undefined) asked.push(healing.from + before);
  if (retake !== undefined) asked.push(retake.keepAfter + before);
  // From there on the logits or states are needed after every token.
  if (healing !== undefined && read >= healing.from + before) return 0;
  return Math.min(...asked.filter((place) => place > read)) - 1 - read;
}

/** The token that a sequence reads next: of the shown text that it reads again, else of its prompt, else the last one generated. */
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
    const piece = isBefore ? undefined : text.onPromptToken?.(toRead[read] as number, logits);
    return { text, pieces: piece === undefined ? [] : [piece] };
  } catch (error) {
    // An error in one sequence does not affect the others.
    return { text, pieces: [], ended: error as Error };
  }
}

/** Generate the next token of a sequence. */
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
  const { text: added, rest } = ways?.decode(way) ?? decodeNext(tokenizer, token, text.rest);
  const whole = text.afterBlank && text.written === 1 ? withoutBlank(added) : added;
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
