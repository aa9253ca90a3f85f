/**
 * Find the words in scripts that do not separate words by blanks. Only training a vocabulary uses the dictionaries of
 * this machine's ICU (`Intl.Segmenter`). Encoding uses the vocabulary alone, so a model's file encodes a text in the
 * same way on every machine, whatever its dictionaries.
 */

// The scripts that ICU has dictionaries for.
const unspaced = /[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Thai}\p{sc=Lao}\p{sc=Khmer}\p{sc=Myanmar}]/u;

/** Whether a run of letters contains such a script. */
export const hasUnspaced = (run: string): boolean => unspaced.test(run);

let segmenter: Intl.Segmenter | undefined;

/** Split a run of letters into words. A blank at the start belongs to the first word. Joined, the words are the run. */
export function splitWithDictionary(run: string): readonly string[] {
  segmenter ??= new Intl.Segmenter("en", { granularity: "word" });
  const words = Array.from(segmenter.segment(run.trimStart()), ({ segment }) => segment);
  words[0] = run.slice(0, run.length - run.trimStart().length) + words[0];
  return words;
}

/**
 * Encode a run of letters. Of all ways to cut it into tokens, take the most likely one, where the k-th most frequent
 * token has a probability in proportion to 1 / k (Zipf's law). A character that is not a token becomes id 0. The costs
 * are whole numbers, so that every machine cuts in the same way.
 */
export function splitByVocabulary(run: string, ids: ReadonlyMap<string, number>): readonly number[] {
  const { longest, cuts } = tablesOf(ids);
  const known = cuts.get(run);
  if (known !== undefined) return known;
  // For each position: the lowest cost of the text before it, and the last token of that cut.
  const cost = new Float64Array(run.length + 1).fill(Infinity);
  const from = new Int32Array(run.length + 1);
  const token = new Int32Array(run.length + 1);
  cost[0] = 0;
  const reach = (start: number, end: number, id: number, own: number): void => {
    const total = (cost[start] as number) + own;
    if (total >= (cost[end] as number)) return;
    cost[end] = total;
    from[end] = start;
    token[end] = id;
  };
  const share = Math.log2(Math.log(ids.size + 2));
  const costOf = (rank: number): number => Math.round(1024 * (Math.log2(rank + 1) + share));
  for (let start = 0; start < run.length; ) {
    const character = String.fromCodePoint(run.codePointAt(start) as number);
    const most = Math.min(run.length - start, longest.get(character) ?? 0);
    for (let length = 1; length <= most; length++) {
      const id = ids.get(run.slice(start, start + length));
      if (id !== undefined) reach(start, start + length, id, costOf(id));
    }
    reach(start, start + character.length, 0, 2 * costOf(ids.size));
    start += character.length;
  }
  const cut: number[] = [];
  for (let end = run.length; end > 0; end = from[end] as number) cut.push(token[end] as number);
  cut.reverse();
  if (cuts.size >= maxCuts) cuts.clear();
  cuts.set(run, cut);
  return cut;
}

/** The same runs occur again and again, so their cuts are kept. */
const maxCuts = 10_000;

type Tables = {
  /** The length in UTF-16 units of the longest token, by first character. */
  readonly longest: ReadonlyMap<string, number>;
  readonly cuts: Map<string, readonly number[]>;
};
const tables = new WeakMap<ReadonlyMap<string, number>, Tables>();

function tablesOf(ids: ReadonlyMap<string, number>): Tables {
  let made = tables.get(ids);
  if (made === undefined) {
    const longest = new Map<string, number>();
    for (const token of ids.keys()) {
      const character = String.fromCodePoint(token.codePointAt(0) as number);
      longest.set(character, Math.max(longest.get(character) ?? 0, token.length));
    }
    made = { longest, cuts: new Map() };
    tables.set(ids, made);
  }
  return made;
}
