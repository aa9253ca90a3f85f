/**
 * Sentences in columns, as the shared tasks of CoNLL have them (CoNLL-2003, CoNLL-U): reading, the schemes IOB1, IOB2 and IOBES, and
 * entities found, precision and recall, counted as the script conlleval does. For Node and for pages: knows nothing of files.
 */
import { InputError } from "../graph/input-error.ts";
import {
  type Arguments,
  alias,
  checkArguments,
  either,
  flag,
  formatValue,
  having,
  listOf,
  oneOf,
  options as optionsOf,
  type Schema,
  someText,
  string,
  wholeNumber,
} from "../graph/schema.ts";
import { decodeText } from "./decode-text.ts";

/** A sentence: its tokens, their labels, and where it begins, for messages. */
export type TaggedSentence = {
  readonly tokens: readonly string[];
  readonly labels: readonly string[];
  /** "train.conll: line 12". */
  readonly name?: string | undefined;
  /** The line of each token, from 1. */
  readonly lines?: readonly number[] | undefined;
};

/** Options of `parseConll`. */
export type ConllOptions = {
  /** What errors call the text: the name of its file. Default "the text". */
  readonly name?: string;
  /** The column of the tokens, from 1. Default 1, or 2 in CoNLL-U, whose lines have 10 columns. */
  readonly tokenColumn?: number;
  /** The column of the labels, from 1. Default: the last, or 4 (UPOS) in CoNLL-U. */
  readonly labelColumn?: number;
  /** Whether there are labels. Without them the labels are empty texts. Default true. */
  readonly labelled?: boolean;
};
const column = wholeNumber(1, 1000);
const conllRules: Schema<ConllOptions> = {
  name: someText,
  tokenColumn: alias(column, "wordColumn"),
  labelColumn: alias(column, "tagColumn"),
  labelled: flag,
};
export const parseConllArguments: Arguments = {
  content: either(string, having("the bytes of a file", "byteLength", "buffer")),
  options: optionsOf<ConllOptions>(conllRules),
};

/** The columns of CoNLL-U: id, form, lemma, UPOS, ... */
const columnsOfConllU = 10;

/**
 * Read sentences in columns: a line a token, an empty line after each sentence. Columns are separated by tabs or, in lines without
 * one, by blanks. Lines `-DOCSTART-` end a sentence and are passed over, and so are comments `# ...` before a sentence and, in
 * CoNLL-U, what is no word of its own (1-2, 1.1). A last sentence needs no empty line behind it.
 * @param content the text, or the bytes of a file in UTF-8
 * @param options `tokenColumn`, `labelColumn`, `labelled`, `name`
 * @throws InputError, with the line, for lines of another number of columns and for a column that is missing; where there is no sentence
 * @example parseConll("Anna B-PER\nsleeps O\n")[0].labels // ["B-PER", "O"]
 */
export function parseConll(content: string | Uint8Array, options: ConllOptions = {}): TaggedSentence[] {
  checkArguments("parseConll", { content, options }, parseConllArguments);
  const { name = "the text", labelled = true } = options;
  const text = typeof content === "string" ? content.replace(/^\uFEFF/, "") : decodeText(content, name);
  const sentences: TaggedSentence[] = [];
  let open: { tokens: string[]; labels: string[]; lines: number[] } | undefined;
  /** The number of columns, and the line that says so. */
  let first: { readonly count: number; readonly line: number } | undefined;
  const close = (): void => {
    if (open !== undefined) sentences.push({ ...open, name: `${name}: line ${open.lines[0]}` });
    open = undefined;
  };
  text.split(/\r\n?|\n/).forEach((whole, k) => {
    const line = k + 1;
    const fields = (whole.includes("\t") ? whole.replace(/[\t ]+$/, "").split("\t") : whole.trim().split(/\s+/)).map(
      (one) => one.trim(),
    );
    if (whole.trim() === "") return close();
    if (fields[0] === "-DOCSTART-") return close();
    // A "#" may be a token: then its line has the columns of all others.
    if (open === undefined && /^#( |$)/.test(whole) && fields.length !== first?.count) return;
    first ??= { count: fields.length, line };
    if (fields.length !== first.count) {
      throw new InputError(
        `${name}: line ${line} has ${counted(fields.length)}, line ${first.line} has ${first.count}. Correct the line.`,
      );
    }
    const isConllU = fields.length === columnsOfConllU;
    if (isConllU && /^\d+[-.]\d+$/.test(fields[0] as string)) return;
    const { tokenColumn = isConllU ? 2 : 1, labelColumn = isConllU ? 4 : fields.length } = options;
    const cell = (column: number, what: string): string => {
      const value = fields[column - 1];
      if (value !== undefined && value !== "") return value;
      throw new InputError(
        value === undefined
          ? `${name}: line ${line} has ${counted(fields.length)}, and the ${what} is in column ${column}. Add it, or name another column.`
          : `${name}: line ${line}: the ${what}, column ${column}, is empty. Fill it in.`,
      );
    };
    if (labelled && labelColumn === tokenColumn) {
      throw new InputError(
        `${name}: line ${line} has ${counted(fields.length)}, and the label is missing: the token is in column ${tokenColumn}. Add a column with labels, or name another one.`,
      );
    }
    open ??= { tokens: [], labels: [], lines: [] };
    open.tokens.push(cell(tokenColumn, "token"));
    open.labels.push(labelled ? cell(labelColumn, "label") : "");
    open.lines.push(line);
  });
  close();
  if (sentences.length > 0) return sentences;
  throw new InputError(`${name}: has no sentences. Give a line for each token, and an empty line after each sentence.`);
}
const counted = (columns: number): string => `${columns} column${columns === 1 ? "" : "s"}`;

/** How labels mark entities: `B-` only between two of one type (IOB1), at each beginning (IOB2), or also `E-` at ends and `S-` alone (IOBES). */
export type EntityScheme = "IOB1" | "IOB2" | "IOBES";

/** An entity: its type, and the tokens from `start` up to, without, `end`. */
export type Entity = { readonly type: string; readonly start: number; readonly end: number };

const labelList = listOf(string);
export const entitiesArguments: Arguments = { labels: labelList };

/** A label's prefix, as B, I, E, S or O, and its type. BILOU's L and U are E and S. */
function partsOf(label: string): { readonly prefix: string; readonly type: string } {
  const [, letter = "O", type = ""] = /^([BIESLU])-(.+)$/.exec(label) ?? [];
  return { prefix: letter === "L" ? "E" : letter === "U" ? "S" : letter, type };
}
/**
 * Whether labels mark entities: each is O or like B-PER, and one of them is not O.
 * @example markEntities(["NN", "O"]) // false
 */
export function markEntities(labels: readonly string[]): boolean {
  checkArguments("markEntities", { labels }, entitiesArguments);
  return labels.some((one) => one !== "O") && labels.every((one) => /^(?:O|[BIESLU]-.+)$/.test(one));
}

/**
 * The entities that labels mark, in any of the schemes, read as conlleval reads them: an `I-` without a beginning begins one, and
 * another type ends the one before.
 * @example entitiesOf(["B-PER", "I-PER", "O"]) // [{ type: "PER", start: 0, end: 2 }]
 */
export function entitiesOf(labels: readonly string[]): Entity[] {
  checkArguments("entitiesOf", { labels }, entitiesArguments);
  const found: Entity[] = [];
  let start = -1;
  let before = partsOf("O");
  for (let t = 0; t <= labels.length; t++) {
    const now = partsOf(labels[t] ?? "O");
    const breaks =
      now.prefix === "O" || "BS".includes(now.prefix) || "ES".includes(before.prefix) || now.type !== before.type;
    if (start >= 0 && breaks) {
      found.push({ type: before.type, start, end: t });
      start = -1;
    }
    if (now.prefix !== "O" && start < 0) start = t;
    before = now;
  }
  return found;
}

export const convertLabelsArguments: Arguments = { labels: labelList, scheme: oneOf("IOB1", "IOB2", "IOBES") };
/**
 * The same entities in a scheme's labels.
 * @example convertLabels(["I-PER", "I-PER", "O"], "IOBES") // ["B-PER", "E-PER", "O"]
 */
export function convertLabels(labels: readonly string[], scheme: EntityScheme): string[] {
  checkArguments("convertLabels", { labels, scheme }, convertLabelsArguments);
  const made = labels.map(() => "O");
  const entities = entitiesOf(labels);
  entities.forEach(({ type, start, end }, k) => {
    const last = entities[k - 1];
    const touches = last?.end === start && last.type === type;
    for (let t = start; t < end; t++) {
      const begins = t === start && (scheme !== "IOB1" || touches);
      const ends = scheme === "IOBES" && t === end - 1;
      made[t] = `${begins ? (ends ? "S" : "B") : ends ? "E" : "I"}-${type}`;
    }
  });
  return made;
}

/**
 * The first label that the scheme does not allow where it stands; -1 if there is none. IOB1 and IOB2 have O, B and I: IOB1's `B-`
 * stands only behind an entity of its type, IOB2's `I-` only behind `B-` or `I-` of its type. IOBES has E and S besides.
 */
export function misplacedLabel(labels: readonly string[], scheme: EntityScheme): number {
  checkArguments("misplacedLabel", { labels, scheme }, convertLabelsArguments);
  const right = convertLabels(labels, scheme);
  const same = (a: string, b: string): boolean =>
    partsOf(a).prefix === partsOf(b).prefix && partsOf(a).type === partsOf(b).type;
  return labels.findIndex(
    (label, t) => !same(label, right[t] as string) || (label !== "O" && partsOf(label).type === ""),
  );
}

/** How well entities of one type, or of all, were found; 0 where nothing is divided by nothing. */
export type EntityMeasures = {
  /** Entities that there are, that were said, and that were said with both ends and the type right. */
  readonly entities: number;
  readonly found: number;
  readonly correct: number;
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
};
/** The measures of one type of entity. */
export type TypeMeasures = EntityMeasures & { readonly type: string };

export const measureEntitiesArguments: Arguments = { labels: listOf(labelList), predicted: listOf(labelList) };
/**
 * Precision, recall and F1 of entities, as conlleval computes them: an entity counts as found if its type and both its ends are right.
 * E. Tjong Kim Sang and F. De Meulder, "Introduction to the CoNLL-2003 shared task", 2003.
 * @param labels the right labels of each sentence, in any scheme
 * @param predicted those that were said
 * @returns the measures over all types, and in `types` those of each, sorted by name
 * @throws InputError for lists of other lengths
 * @example measureEntities([["B-PER", "O"]], [["B-PER", "O"]]).f1 // 1
 */
export function measureEntities(
  labels: readonly (readonly string[])[],
  predicted: readonly (readonly string[])[],
): EntityMeasures & { readonly types: readonly TypeMeasures[] } {
  checkArguments("measureEntities", { labels, predicted }, measureEntitiesArguments);
  const odd = labels.findIndex((one, n) => one.length !== predicted[n]?.length);
  if (odd >= 0 || labels.length !== predicted.length) {
    const [a, b] = odd < 0 ? [labels, predicted] : [labels[odd], predicted[odd]];
    throw new InputError(
      `measureEntities: ${odd < 0 ? "there are" : `sentence ${odd} has`} ${formatValue(a?.length)} labels, and ${formatValue(b?.length)} predicted`,
    );
  }
  type Counts = { entities: number; found: number; correct: number };
  const counts = new Map<string, Counts>();
  const of = (type: string): Counts => {
    const known = counts.get(type) ?? { entities: 0, found: 0, correct: 0 };
    counts.set(type, known);
    return known;
  };
  const keyOf = ({ type, start, end }: Entity): string => `${start} ${end} ${type}`;
  labels.forEach((one, n) => {
    const right = entitiesOf(one);
    const said = entitiesOf(predicted[n] as readonly string[]);
    const keys = new Set(right.map(keyOf));
    for (const { type } of right) of(type).entities++;
    for (const entity of said) {
      of(entity.type).found++;
      if (keys.has(keyOf(entity))) of(entity.type).correct++;
    }
  });
  const types = [...counts]
    .map(([type, own]) => ({ type, ...measured(own) }))
    .sort((a, b) => (a.type < b.type ? -1 : 1));
  const total = (key: keyof Counts): number => types.reduce((sum, one) => sum + one[key], 0);
  return { ...measured({ entities: total("entities"), found: total("found"), correct: total("correct") }), types };
}
function measured(counts: Pick<EntityMeasures, "entities" | "found" | "correct">): EntityMeasures {
  const share = (part: number, whole: number): number => (whole === 0 ? 0 : part / whole);
  const [precision, recall] = [share(counts.correct, counts.found), share(counts.correct, counts.entities)];
  return { ...counts, precision, recall, f1: share(2 * precision * recall, precision + recall) };
}
