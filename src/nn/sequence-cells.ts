/**
 * The cells of layers that are no recurrent networks: pooling over time, convolution over time, normalisation of features,
 * attention over the steps of another layer; and attention within any cell.
 */
import { type Cell, cell } from "../graph/cell.ts";
import { lazyCell } from "../graph/lazy-cell.ts";
import { tokenize } from "../graph/tokens.ts";

/**
 * x (D) -> the mean of all x so far (D): after the last step, of the sequence. Masked steps change no state, so they do not count.
 */
export const meanPooling = lazyCell(`
  n' = n + 1        # steps so far
  s' = s + x        # their sum
  y  = s' / sum(n') # their mean
  n : 1
  s : input
`);

/** x (D) -> the largest of all x so far (D), feature by feature. */
export const maxPooling = lazyCell(`
  m' = max(x, m - 1e9 * sum(1 - n))   # before the first step there is nothing to exceed
  n' = max(n, 1)                      # 0 before it
  y  = m'                             # the largest so far
  n : 1
  m : input
`);

/** x (D) -> x with mean 0 and variance 1 over its features, times a gain, plus a bias (D). */
export const normalization = (epsilon: number): Cell =>
  cell(`
    d = x - mean(x)                                     # of mean 0
    y = gain * d / sqrt(mean(d * d) + ${epsilon}) + b   # of variance 1, then scaled and shifted
    gain ~ ones
  `);

/**
 * A convolution over this step and the `size - 1` before it, which are zeros before the first: x (D) -> (units). Products of what
 * is still to come are added up in states (the transposed form of such a filter): all products are with inputs, so that they
 * leave the loop over time as one. With `strides` it runs at every `strides`-th step, and the steps up to the next of these are
 * its inputs x_1, x_2, ...: step j * strides - k, which W_k multiplies, is one of these of an earlier j.
 */
export function convolution(size: number, activation: string, strides = 1): Cell {
  const states = Math.ceil((size - 1) / strides);
  const sum = `W_0 @ x${states > 0 ? " + q_1" : ""} + b`;
  // x_u is step j * strides + u: with a short kernel no later output reads the first of these.
  const inputs = ["x", ...inputsBetween(strides)];
  const lines = Array.from({ length: states }, (_, before) => {
    const m = before + 1;
    const products = inputs.map((x, u) => [m * strides - u, x] as const).filter(([k]) => k < size);
    const more = m < states ? [`q_${m + 1}`] : [];
    return `q_${m}' = ${[...products.map(([k, x]) => `W_${k} @ ${x}`), ...more].join(" + ")}`;
  });
  return cell(
    // Each state is read before its own line: it is what was said one step before.
    [`y = ${activation === "linear" ? sum : `${activation}(${sum})`}`, ...lines, "y : units"].join("\n"),
    { inputs: inputs.filter((_, u) => u === 0 || strides - u < size) },
  );
}

/** The inputs of a cell that runs at every n-th step for the steps up to the next of these: x_1 to x_{n-1}. */
export const inputsBetween = (strides: number): string[] => Array.from({ length: strides - 1 }, (_, u) => `x_${u + 1}`);

export const scores = ["dot", "additive"] as const;
/** How well a step is what is asked for, by its key and the query: their product, or scale @ tanh(key + query). */
export type Score = (typeof scores)[number];

/**
 * x (D), the query, and all steps of keys K (S,D) and values V (S,V) -> the values in the shares of the softmax of their scores (V).
 * "dot": M.-T. Luong et al., 2015 (arXiv 1508.04025), with a trained factor where `scaled`; "additive": D. Bahdanau et al., 2014
 * (arXiv 1409.0473).
 */
export const attentionOver = (score: Score, scaled = false): Cell =>
  cell(
    [
      ...(score === "additive"
        ? ["P = tanh(K + x)", "e = P @ scale", "scale ~ glorot_uniform"]
        : scaled
          ? ["e = sum(scale) * (K @ x)", "scale ~ ones", "scale : 1"]
          : ["e = K @ x"]),
      "a = softmax(e)  # the share of each step",
      "y = a @ V       # what it reads",
      "K : steps",
      "V : steps",
    ].join("\n"),
    { inputs: ["x", "K", "V"] },
  );

/** Whatever x is -> how many steps there have been (1). */
export const counting = lazyCell(`
  n' = n + 1 + 0 * sum(x)
  n : 1
`);

/** Where a cell looks among the steps of another layer: by what stands there, as the scores say, or by where it is. */
export const looks = [...scores, "location"] as const;
export type Look = (typeof looks)[number];

/**
 * A cell that at each step also reads, of all steps of another layer, where it looks: its x is [x, context], where the context is the
 * sum of the values V, each in its share. By content ("dot", "additive") the shares are the softmax of the scores of the keys K, and the
 * query is a matrix times its output of the step before. By "location" it goes through the steps, of which P is the number (1), at a pace
 * that it learns: in shares that it learns, from the first on and from the last back.
 */
export function attendingCell(of: Cell, look: Look): Cell {
  const taken = new Set([...of.inputs, ...of.settings, ...of.names, ...of.parameters.map(({ name }) => name)]);
  const free = (wanted: string): string => (taken.has(wanted) ? free(`${wanted}_`) : wanted);
  const [x] = of.inputs;
  const read = free("read");
  // A size line of x says how large x is, whatever else the cell reads.
  const source = renamed(of.source, (name, next) => (name === x && next !== ":" ? read : name));
  const state = of.output.endsWith("'") ? of.output.slice(0, -1) : undefined;
  const { before, after, inputs } = look === "location" ? byLocation : byContent(look);
  const own = (lines: readonly string[]): string =>
    renamed(lines.join("\n"), (name) =>
      words.has(name) ? name : name === "h" && state !== undefined ? state : free(name === "h" ? "before" : name),
    );
  return cell(
    [
      own(before),
      `${read} = [${x}, ${own(["context"])}]`,
      source,
      ...(state === undefined && look !== "location" ? [`${own(["h"])}' = ${of.output}`] : []),
      own(after),
    ].join("\n"),
    { inputs: [...of.inputs, ...inputs.map((name) => own([name]))] },
  );
}

/** Lines before and after those of a cell whose output of the step before is called h, and the inputs that they read. */
type Looking = {
  readonly before: readonly string[];
  readonly after: readonly string[];
  readonly inputs: readonly string[];
};
/** What is no name of a value in these lines. */
const words = new Set(["tanh", "softmax", "sigmoid", "exp", "sum", "max", "steps", "glorot_uniform", "constant"]);
const context = ["context = attention @ V # what is there"] as const;

const byContent = (score: Score): Looking => ({
  before: [
    "query = W_query @ h         # what to look for",
    ...(score === "dot"
      ? ["score = K @ query"]
      : ["rows = tanh(K + query)", "score = rows @ scale", "scale ~ glorot_uniform"]),
    "attention = softmax(score)     # how much of each step",
    ...context,
  ],
  after: ["K : steps", "V : steps"],
  inputs: ["K", "V"],
});
const byLocation: Looking = {
  before: [
    "one = exp(0 * b_pace)",
    "pace = exp(b_pace)                             # how far it goes at each step",
    "near = exp(b_near)                             # how narrow it looks",
    "place = P @ one                                # of each step, from the first",
    "far = place - sum(ahead + pace)",
    "onwards = softmax(-sum(near) * far * far)",
    "ahead' = onwards @ P                           # where it is that goes on from the first",
    "left = max(place) + 1 - place                  # of each step, from the last",
    "off = left - sum(behind + pace)",
    "backwards = softmax(-sum(near) * off * off)",
    "behind' = max(place) + 1 - backwards @ P       # where it is that goes back from the last",
    "side = sum(sigmoid(b_side))",
    "attention = side * onwards + (1 - side) * backwards # how much of each step",
    ...context,
  ],
  after: [
    ...["V : steps", "P : steps", "ahead : 1", "behind : 1", "b_pace : 1", "b_near : 1", "b_side : 1"],
    ...["b_pace ~ constant(-0.7)", "b_near ~ constant(1.5)"],
  ],
  inputs: ["V", "P"],
};

/** Equations with other names. `rename` is given a name and what stands behind it. */
function renamed(source: string, rename: (name: string, next: string | undefined) => string): string {
  const tokens = tokenize({ text: source, line: 0, column: 0 });
  let text = "";
  let position = 0;
  tokens.forEach(({ kind, text: name, start, end }, k) => {
    if (kind !== "name") return;
    const to = rename(name, tokens[k + 1]?.text);
    // A prime belongs to its token.
    text += source.slice(position, start) + to + source.slice(start + name.length, end);
    position = end;
  });
  return text + source.slice(position);
}
