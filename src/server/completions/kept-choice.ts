/**
 * Store the generated text of a choice compactly until it is sent: the text, and only numbers for each token. Its
 * pieces are made again, one at a time, when the answer is written.
 */
import { type Tokenizer, tokenName } from "../../text/tokenizer.ts";
import type { Piece } from "./piece.ts";

/** The number of tokens in a block, which is allocated at once. */
const blockLength = 1024;
/** The bytes of a token without its text, and of each alternative that is returned with it. */
const [ofToken, ofAlternative] = [17, 12];

/** The bytes of a number of tokens without their text; without `alternatives`, no log-probabilities are stored. */
export const bytesOfTokens = (count: number, alternatives: number | undefined): number =>
  alternatives === undefined
    ? 0
    : (ofToken + ofAlternative * alternatives) * Math.ceil(count / blockLength) * blockLength;

type Block = {
  /** The end of each token's text. */
  readonly ends: Int32Array;
  readonly tokens: Int32Array;
  /** Whether a token is named by its text: it is the text that was sent, where the model reads something else. */
  readonly sent: Uint8Array;
  readonly nats: Float64Array;
  readonly otherTokens: Int32Array;
  readonly otherNats: Float64Array;
};

function createBlock(alternatives: number): Block {
  return {
    ...{ ends: new Int32Array(blockLength), tokens: new Int32Array(blockLength), nats: new Float64Array(blockLength) },
    ...{ sent: new Uint8Array(blockLength), otherTokens: new Int32Array(blockLength * alternatives) },
    ...{ otherNats: new Float64Array(blockLength * alternatives) },
  };
}

export class KeptChoice {
  private readonly tokenizer: Tokenizer;
  private readonly alternatives: number | undefined;
  private readonly blocks: Block[] = [];
  private count = 0;
  private readonly names = new Map<number, string>();
  /** Pieces with names of their own: the first piece after a prompt that ends within a token. */
  private readonly odd = new Map<number, Piece>();
  private readonly parts: string[] = [];
  private unjoined: string[] = [];
  private textLength = 0;

  /** @param alternatives the number of alternatives for each token; without it, there are no log-probabilities */
  constructor(tokenizer: Tokenizer, alternatives: number | undefined) {
    this.tokenizer = tokenizer;
    this.alternatives = alternatives;
  }

  /** Whether there are log-probabilities, and the number of pieces. */
  get tells(): boolean {
    return this.alternatives !== undefined;
  }
  get length(): number {
    return this.count;
  }

  push(piece: Piece): void {
    this.addText(piece.text);
    const { alternatives: most } = this;
    if (most === undefined) return;
    const at = this.count % blockLength;
    if (at === 0) this.blocks.push(createBlock(most));
    const { ends, tokens, sent, nats, otherTokens, otherNats } = this.blocks.at(-1) as Block;
    const { token = -1, name, text, logProbability = null, alternatives = [], replaces } = piece;
    ends[at] = this.textLength;
    tokens[at] = token;
    sent[at] = Number(name === text && token >= 0 && name !== this.nameOf(token));
    nats[at] = logProbability ?? Number.NaN;
    let isOdd = replaces !== undefined;
    for (let k = 0; k < most; k++) {
      const other = alternatives[k];
      otherTokens[at * most + k] = other?.token ?? -1;
      otherNats[at * most + k] = other?.logProbability ?? Number.NaN;
      isOdd ||= other?.replaces !== undefined;
    }
    if (isOdd) this.odd.set(this.count, piece);
    this.count++;
  }

  private addText(text: string): void {
    this.textLength += text.length;
    this.unjoined.push(text);
    if (this.unjoined.length < 256) return;
    this.parts.push(this.unjoined.join(""));
    this.unjoined = [];
  }

  private nameOf(token: number): string {
    const name = this.names.get(token) ?? tokenName(this.tokenizer, token);
    this.names.set(token, name);
    return name;
  }

  /** The whole text; and a piece by its index. */
  read(): { readonly text: string; readonly pieceAt: (place: number) => Piece } {
    const text = this.parts.join("") + this.unjoined.join("");
    const most = this.alternatives ?? 0;
    const nameOf = (token: number): string => this.nameOf(token);
    const blockOf = (place: number) => this.blocks[Math.floor(place / blockLength)] as Block;
    return {
      text,
      pieceAt: (place) => {
        const found = this.odd.get(place);
        if (found !== undefined) return found;
        const at = place % blockLength;
        const { ends, tokens, sent, nats, otherTokens, otherNats } = blockOf(place);
        const alternatives: { text: string; name: string; token: number; logProbability: number }[] = [];
        for (let k = at * most; k < (at + 1) * most; k++) {
          const other = otherTokens[k] as number;
          if (other < 0) break;
          alternatives.push({ text: "", name: nameOf(other), token: other, logProbability: otherNats[k] as number });
        }
        const begin = place === 0 ? 0 : (blockOf(place - 1).ends[(place - 1) % blockLength] as number);
        const [token, own] = [tokens[at] as number, nats[at] as number];
        const logProbability = Number.isNaN(own) ? null : own;
        const shown = text.slice(begin, ends[at]);
        return { text: shown, token, name: sent[at] === 1 ? shown : nameOf(token), logProbability, alternatives };
      },
    };
  }
}
