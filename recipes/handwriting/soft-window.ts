/**
 * The soft window of A. Graves, "Generating sequences with recurrent neural networks", 2013 (arXiv 1308.0850), section 5.1, as a
 * cell: a layer that writes looks at a text through K Gaussian windows that only move forward. The text is a state that stays as
 * it is, a matrix with a column for each of its places; so are the numbers of the places. All states start from inputs of the
 * model that are one per example.
 */
import { type Cell, cell, input, type LayerSpec } from "unrolled";

export type SoftWindowSizes = {
  /** U, the places of a text. */
  readonly places: number;
  /** V, the numbers for each place: as many as there are letters. */
  readonly letters: number;
  /** K, the windows. */
  readonly windows: number;
};

/** Equations 46 to 51, with a simple recurrent layer in place of an LSTM. x (D) -> the hidden state and the window (H + V). */
export const softWindow = ({ places, letters, windows }: SoftWindowSizes): Cell =>
  cell(`
  h'     = tanh(W @ [x, h, w] + b)             # reads its input, and what it saw through the window
  kappa' = kappa + exp(W_kappa @ h' + b_kappa) # where the windows are: they only move forward
  beta   = exp(W_beta @ h' + b_beta)           # how narrow they are
  alpha  = exp(W_alpha @ h' + b_alpha)         # how much they count
  far    = outer(one, kappa') - outer(u, 0 * kappa' + 1)
  E      = exp(-outer(one, beta) * far * far)
  phi    = E @ alpha                           # how much each place of the text is seen
  w'     = C @ phi                             # what is seen
  C'     = C + 0 * outer(w', phi)              # the text, which stays
  u'     = u                                   # 0, 1, 2, ...: the places
  one'   = one                                 # a 1 for each place
  y      = [h', w']
  kappa : ${windows}
  u : ${places}
  one : ${places}
  w : ${letters}
  b_kappa ~ constant(-1)
`);

/** The inputs that the states of a layer with this cell start from, and their names, for its `initialState`. */
export function windowInputs(
  units: number,
  { places, letters, windows }: SoftWindowSizes,
): { readonly layers: readonly LayerSpec[]; readonly from: readonly string[] } {
  const sizes = { h: units, kappa: windows, w: letters, C: letters * places, u: places, one: places };
  const layers = Object.entries(sizes).map(([name, size]) => input(size, { name, sequence: false }));
  return { layers, from: Object.keys(sizes) };
}

/** What these inputs are for texts of letters 0 to V - 1; a text that is shorter than U has nothing in its last places. */
export function startsOf(
  texts: readonly (readonly number[])[],
  units: number,
  { places, letters, windows }: SoftWindowSizes,
): Readonly<Record<string, number[][]>> {
  const rows = (of: (text: readonly number[]) => number[]): number[][] => texts.map(of);
  const same = (size: number, of: (k: number) => number): number[][] =>
    rows(() => Array.from({ length: size }, (_, k) => of(k)));
  return {
    ...{ h: same(units, () => 0), kappa: same(windows, () => 0), w: same(letters, () => 0) },
    C: rows((text) =>
      Array.from({ length: letters * places }, (_, k) => (text[k % places] === Math.floor(k / places) ? 1 : 0)),
    ),
    ...{ u: same(places, (k) => k), one: same(places, () => 1) },
  };
}
