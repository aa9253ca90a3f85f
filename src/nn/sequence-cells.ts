/**
 * The cells of layers that are no recurrent networks: pooling over time, convolution over time, normalisation of features,
 * attention over the steps of another layer; and attention within any cell.
 */
import { type Cell, cell } from "../graph/cell.ts";
import { tokenize } from "../graph/tokens.ts";

/**
 * x (D) -> the mean of all x so far (D): after the last step, of the sequence. Masked steps change no state, so they do not count.
 */
export const meanPooling = cell(`
  n' = n + 1        # steps so far
  s' = s + x        # their sum
  y  = s' / sum(n') # their mean
  n : 1
  s : input
`);

/** x (D) -> the largest of all x so far (D), feature by feature. */
export const maxPooling = cell(`
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

/**
 * A cell that at each step also reads, of all steps of K and V, what its state asks for: its x is [x, context], where the context is
 * the values V in the shares of the softmax of the scores of the keys K, and the query is a matrix times its output of the step before.
 */
export function attendingCell(of: Cell, score: Score): Cell {
  const taken = new Set([...of.inputs, ...of.settings, ...of.names, ...of.parameters.map(({ name }) => name)]);
  const free = (wanted: string): string => (taken.has(wanted) ? free(`${wanted}_`) : wanted);
  const [query, shares, context, read, keys, values] = ["query", "attention", "context", "read", "K", "V"].map(free);
  const [scored, rows, scale, W, before] = ["score", "rows", "scale", "W_query", "before"].map(free);
  const [x] = of.inputs;
  const tokens = tokenize({ text: of.source, line: 0, column: 0 });
  let source = "";
  let position = 0;
  tokens.forEach(({ kind, text, start, end }, k) => {
    // A size line of x says how large x is, whatever else the cell reads.
    if (kind !== "name" || text !== x || tokens[k + 1]?.text === ":") return;
    source += `${of.source.slice(position, start)}${read}`;
    position = end;
  });
  source += of.source.slice(position);
  const state = of.output.endsWith("'") ? of.output.slice(0, -1) : before;
  return cell(
    [
      `${query} = ${W} @ ${state}         # what to look for`,
      ...(score === "dot"
        ? [`${scored} = ${keys} @ ${query}`]
        : [`${rows} = tanh(${keys} + ${query})`, `${scored} = ${rows} @ ${scale}`, `${scale} ~ glorot_uniform`]),
      `${shares} = softmax(${scored})     # how much of each step`,
      `${context} = ${shares} @ ${values} # what is there`,
      `${read} = [${x}, ${context}]`,
      source,
      ...(state === before ? [`${before}' = ${of.output}`] : []),
      `${keys} : steps`,
      `${values} : steps`,
    ].join("\n"),
    { inputs: [...of.inputs, keys as string, values as string] },
  );
}
