/**
 * How PyTorch lays out the weights of its layers, as data: the gates in the order of their blocks of rows, and our names for them. Read
 * both ways, from a file and into one. Knows nothing about files.
 */
import { gruResetAfter, irnn, lstm, simpleRnn } from "../../cells/index.ts";
import { type Cell, cell } from "../../graph/cell.ts";
import { affine, affineSizes } from "../foreign-cells.ts";

/** The recurrent layers of PyTorch. */
export const recurrentKinds = ["lstm", "gru", "rnn"] as const;
/** One of PyTorch's recurrent layers. */
export type RecurrentKind = (typeof recurrentKinds)[number];

/** Our parameters for the blocks of one tensor, in the order of the blocks. */
export type RecurrentMap = {
  /** PyTorch's class. */
  readonly type: "LSTM" | "GRU" | "RNN";
  readonly weight_ih: readonly string[];
  readonly weight_hh: readonly string[];
  readonly bias_ih: readonly string[];
  /** Absent where both biases stand in one sum, which ours has one bias for. */
  readonly bias_hh?: readonly string[];
};
/** The maps. GRU: the second bias of its candidate is within the product with the reset gate, so it is not part of a sum. */
export const recurrentMaps: Readonly<Record<RecurrentKind, RecurrentMap>> = {
  lstm: {
    type: "LSTM",
    weight_ih: ["W_i", "W_f", "W_g", "W_o"],
    weight_hh: ["U_i", "U_f", "U_g", "U_o"],
    bias_ih: ["b_i", "b_f", "b_g", "b_o"],
  },
  gru: {
    type: "GRU",
    weight_ih: ["W_r", "W_z", "W_g"],
    weight_hh: ["U_r", "U_z", "U_g"],
    bias_ih: ["b_r", "b_z", "b_g"],
    bias_hh: ["d_r", "d_z", "d_g"],
  },
  rnn: { type: "RNN", weight_ih: ["W"], weight_hh: ["U"], bias_ih: ["b"] },
};
/** The parameter for `weight_hr`, the projection of an LSTM. */
export const projection = "P";

/**
 * PyTorch's LSTM with `proj_size`: its output, which the next step reads, is a projection of the cells' (the `units` are the features
 * that come out). H. Sak, A. Senior and F. Beaufays, 2014 (arXiv 1402.1128), without peepholes.
 */
export const projectedLstm = (cellsCount: number): Cell =>
  cell(`
    f  = sigmoid(W_f @ x + U_f @ h + b_f)   # forget gate: what to keep of the old cell state
    i  = sigmoid(W_i @ x + U_i @ h + b_i)   # input gate: how much of the candidate to store
    g  = tanh(W_g @ x + U_g @ h + b_g)      # candidate values
    o  = sigmoid(W_o @ x + U_o @ h + b_o)   # output gate: what to show
    c' = f * c + i * g                      # the new cell state
    h' = ${projection} @ (o * tanh(c'))                 # its projection: the new hidden state, and the output
    c  : ${cellsCount}                      # cells
    b_f ~ ones                              # starts by remembering
  `);

/** Our cells for PyTorch's layers, of which an RNN is one of two. */
export const recurrentCells = { lstm, gru: gruResetAfter, rnn: { tanh: simpleRnn, relu: irnn } } as const;

/** Functions that may follow a linear layer, by our names: PyTorch's modules and the expressions for them. */
export const activations = {
  linear: { module: "Identity", python: "{}" },
  relu: { module: "ReLU", python: "torch.relu({})" },
  tanh: { module: "Tanh", python: "torch.tanh({})" },
  sigmoid: { module: "Sigmoid", python: "torch.sigmoid({})" },
  hard_sigmoid: { module: "Hardsigmoid", python: "nn.functional.hardsigmoid({})" },
  softplus: { module: "Softplus", python: "nn.functional.softplus({})" },
  softmax: { module: "Softmax", python: "torch.softmax({}, -1)" },
  log_softmax: { module: "LogSoftmax", python: "torch.log_softmax({}, -1)" },
  exp: { module: undefined, python: "torch.exp({})" },
} as const;
/** The name of such a function. */
export type Activation = keyof typeof activations;

/** The equations of a linear layer, W @ x + b, with a function behind it. */
export const linearCell = (activation: Activation, bias: boolean): Cell =>
  cell(applied(activation, bias ? "W @ x + b" : "W @ x"));
/** The equations of a batch normalisation at inference, a factor and a shift for each feature, with a function behind it. */
export const batchNormCell = (activation: Activation): Cell =>
  activation === "linear" ? affine : cell(`${applied(activation, "gain * x + b")}\n${affineSizes}`);

function applied(activation: Activation, sum: string): string {
  if (activation === "log_softmax") {
    return `s = ${sum}\n d = s - max(s)   # so that no power is too large\n y = d - log(sum(exp(d)))`;
  }
  return `y = ${activation === "linear" ? sum : `${activation}(${sum})`}`;
}
