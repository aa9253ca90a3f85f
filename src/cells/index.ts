/**
 * The built-in cells, each by its own name and all by the names of their files; and what each is, in a line. First
 * values are those of the authors' code, or a cell's file says what differs. Where it says nothing they are Keras's,
 * and the bias of what forgets is 1: R. Jozefowicz et al., 2015.
 */
import type { Cell } from "../graph/cell.ts";
import { dense } from "./dense.ts";
import { gru } from "./gru.ts";
import { gruResetAfter } from "./gru-reset-after.ts";
import { indRnn } from "./indrnn.ts";
import { irnn } from "./irnn.ts";
import { janet } from "./janet.ts";
import { layerNormLstm } from "./layer-norm-lstm.ts";
import { lstm } from "./lstm.ts";
import { lstmCifg } from "./lstm-cifg.ts";
import { lstmFgr } from "./lstm-fgr.ts";
import { lstmNfg } from "./lstm-nfg.ts";
import { lstmNiaf } from "./lstm-niaf.ts";
import { lstmNig } from "./lstm-nig.ts";
import { lstmNoaf } from "./lstm-noaf.ts";
import { lstmNog } from "./lstm-nog.ts";
import { lstmNp } from "./lstm-np.ts";
import { mgu } from "./mgu.ts";
import { minGru } from "./min-gru.ts";
import { minLstm } from "./min-lstm.ts";
import { mLstm } from "./mlstm.ts";
import { mogrifierLstm } from "./mogrifier-lstm.ts";
import { multiplicativeLstm } from "./multiplicative-lstm.ts";
import { mut1 } from "./mut1.ts";
import { mut2 } from "./mut2.ts";
import { mut3 } from "./mut3.ts";
import { peepholeLstm } from "./peephole-lstm.ts";
import { perceptron } from "./perceptron.ts";
import { projectionLstm } from "./projection-lstm.ts";
import { qrnn } from "./qrnn.ts";
import { rgLru } from "./rg-lru.ts";
import { rru } from "./rru.ts";
import { simpleRnn } from "./simple-rnn.ts";
import { sLstm } from "./slstm.ts";
import { sru } from "./sru.ts";
import { ugRnn } from "./ugrnn.ts";

export {
  dense,
  gru,
  gruResetAfter,
  indRnn,
  irnn,
  janet,
  layerNormLstm,
  lstm,
  lstmCifg,
  lstmFgr,
  lstmNfg,
  lstmNiaf,
  lstmNig,
  lstmNoaf,
  lstmNog,
  lstmNp,
  mgu,
  minGru,
  minLstm,
  mLstm,
  mogrifierLstm,
  multiplicativeLstm,
  mut1,
  mut2,
  mut3,
  peepholeLstm,
  perceptron,
  projectionLstm,
  qrnn,
  rgLru,
  rru,
  simpleRnn,
  sLstm,
  sru,
  ugRnn,
};

const table = {
  perceptron,
  dense,
  "simple-rnn": simpleRnn,
  irnn,
  indrnn: indRnn,
  lstm,
  "peephole-lstm": peepholeLstm,
  "lstm-nig": lstmNig,
  "lstm-nfg": lstmNfg,
  "lstm-nog": lstmNog,
  "lstm-niaf": lstmNiaf,
  "lstm-noaf": lstmNoaf,
  "lstm-cifg": lstmCifg,
  "lstm-np": lstmNp,
  "lstm-fgr": lstmFgr,
  "projection-lstm": projectionLstm,
  "layer-norm-lstm": layerNormLstm,
  "multiplicative-lstm": multiplicativeLstm,
  "mogrifier-lstm": mogrifierLstm,
  janet,
  slstm: sLstm,
  mlstm: mLstm,
  gru,
  "gru-reset-after": gruResetAfter,
  mut1,
  mut2,
  mut3,
  mgu,
  ugrnn: ugRnn,
  qrnn,
  sru,
  "min-gru": minGru,
  "min-lstm": minLstm,
  "rg-lru": rgLru,
  rru,
} satisfies Record<string, Cell>;

/** The built-in cells by the names of their files, as `unrolled cells` lists them: `cells["peephole-lstm"]`. */
export const cells: typeof table & Readonly<Record<string, Cell>> = table;

/** Where a cell comes from, and what it changes in the plainer one that it is made from. */
export type About = {
  /** Of its paper; a linear layer has none. */
  readonly year?: number;
  readonly differs: string;
};

const lines: { readonly [K in keyof typeof table]: About } = {
  perceptron: { year: 1958, differs: "fires or not; no state, no gradient" },
  dense: { differs: "a linear layer, without state" },
  "simple-rnn": { year: 1990, differs: "reads its own output of the step before" },
  irnn: { year: 2015, differs: "simple RNN with relu; the recurrent matrix starts as the identity" },
  indrnn: { year: 2018, differs: "simple RNN with relu; each unit reads its own old state alone" },
  lstm: { year: 1997, differs: "gates decide what a cell state keeps, stores and shows" },
  "peephole-lstm": { year: 2000, differs: "LSTM whose gates read the cell state too" },
  "lstm-nig": { year: 2015, differs: "peephole LSTM without input gate" },
  "lstm-nfg": { year: 2015, differs: "peephole LSTM without forget gate" },
  "lstm-nog": { year: 2015, differs: "peephole LSTM without output gate" },
  "lstm-niaf": { year: 2015, differs: "peephole LSTM without tanh at the input" },
  "lstm-noaf": { year: 2015, differs: "peephole LSTM without tanh at the output" },
  "lstm-cifg": { year: 2015, differs: "peephole LSTM that forgets as much as it stores" },
  "lstm-np": { year: 2015, differs: "peephole LSTM without peepholes: the LSTM in other letters" },
  "lstm-fgr": { year: 2015, differs: "peephole LSTM whose gates read all gates of the step before" },
  "projection-lstm": { year: 2014, differs: "peephole LSTM that hands on half as many features as it has cells" },
  "layer-norm-lstm": { year: 2016, differs: "LSTM whose sums are brought to mean 0 and variance 1" },
  "multiplicative-lstm": { year: 2016, differs: "LSTM whose gates read the product of input and old state" },
  "mogrifier-lstm": { year: 2020, differs: "LSTM after five rounds in which input and old state gate each other" },
  janet: { year: 2018, differs: "LSTM with a forget gate alone; the cell state is the output" },
  slstm: { year: 2024, differs: "LSTM with an exponential input gate, and a normaliser" },
  mlstm: { year: 2024, differs: "sLSTM whose cell state is a matrix of values stored under keys" },
  gru: { year: 2014, differs: "two gates on one state, one before the product with it" },
  "gru-reset-after": { year: 2014, differs: "GRU whose reset gate acts after the product; cuDNN's and Keras's" },
  mut1: { year: 2015, differs: "GRU whose update gate reads the input alone" },
  mut2: { year: 2015, differs: "GRU whose reset gate adds the input without a matrix" },
  mut3: { year: 2015, differs: "GRU whose update gate reads tanh of the old state" },
  mgu: { year: 2016, differs: "GRU with one gate for both of its own" },
  ugrnn: { year: 2017, differs: "simple RNN with an update gate; GRU without reset gate" },
  qrnn: { year: 2017, differs: "LSTM whose gates read the last two inputs in place of the state" },
  sru: { year: 2018, differs: "gates read their own unit's old state alone; a highway to the input" },
  "min-gru": { year: 2024, differs: "GRU whose gate and candidate read the input alone" },
  "min-lstm": { year: 2024, differs: "LSTM whose gates read the input alone, and add up to 1" },
  "rg-lru": { year: 2024, differs: "each unit decays as the input says; nothing else is recurrent" },
  rru: { year: 2021, differs: "no gates: a hidden layer of relu adds to what is left of the state" },
};
/** Year and difference of each built-in cell, under the same names. */
export const about: Readonly<Record<string, About>> = lines;
