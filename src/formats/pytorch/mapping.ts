/**
 * A mapping: which layers a model has and which tensors are theirs, for files of tensors alone, which do not say it. Plain data that a
 * caller gives as JSON, that `chain.ts` makes where names and shapes decide, and that is written beside exported weights.
 */
import { InputError } from "../../graph/input-error.ts";
import {
  checkOptions,
  either,
  formatValue,
  inRange,
  isPlain,
  listOf,
  oneOf,
  type Rule,
  recordOf,
  required,
  type Schema,
  someText,
  string,
  wholeNumber,
} from "../../graph/schema.ts";
import { layerName } from "../../nn/layers.ts";
import { type Activation, activations, type RecurrentKind } from "./weights.ts";

/** Layers in order, each reading the one before it or the one that it names. */
export type PytorchMapping = {
  readonly layers: readonly MappedLayer[];
  /** Beginnings of the names of tensors that the model does without. */
  readonly ignore?: readonly string[];
};

type Named = {
  /** The layer's name in the model. By default made of the prefix. */
  readonly name?: string;
  /** The name of the layer that it reads. By default the layer before it. */
  readonly reads?: string;
};
type WithTensors = Named & {
  /** What stands before PyTorch's names: with "encoder.rnn" there is `encoder.rnn.weight_ih_l0`. By default nothing. */
  readonly prefix?: string;
  /** Names of tensors that are called otherwise, by PyTorch's own: `{ weight: "W_out" }`. */
  readonly tensors?: Readonly<Record<string, string>>;
};
/** What of a recurrent layer's output the next layer reads: every step, the last one (`output[-1]`), or the final states (`h_n`). */
export type MappedOutput = "steps" | "last" | "states";

/** One layer of a mapping. */
export type MappedLayer =
  | (Named & {
      readonly kind: "input";
      /** "tokens", or the number of features. */
      readonly features: "tokens" | number;
      /** A name for the time of its steps, where it differs from that of the first input. */
      readonly time?: string;
    })
  | (WithTensors & { readonly kind: "embedding" })
  | (WithTensors & {
      readonly kind: RecurrentKind;
      /** Default "steps". The two others differ in the way back of a layer of two directions. */
      readonly output?: MappedOutput;
      /** Of "rnn". Default "tanh". */
      readonly nonlinearity?: "tanh" | "relu";
      /** Between its layers, in training. Default 0. */
      readonly dropout?: number;
      /** The layer whose final states it starts from; of as many layers, in one direction. By default zeros. */
      readonly initialState?: string;
    })
  | (WithTensors & {
      readonly kind: "linear";
      /** Default "linear": none. */
      readonly activation?: Activation;
      /** The name of an earlier embedding with the same weight, which both then share; the file may have it once. */
      readonly tied?: string;
    })
  | (WithTensors & {
      readonly kind: "layer_norm";
      /** PyTorch's `eps`. Default 0.00001. */
      readonly epsilon?: number;
    })
  | (WithTensors & {
      readonly kind: "batch_norm";
      /** PyTorch's `eps`. Default 0.00001. */
      readonly epsilon?: number;
      /** Default "linear": none. */
      readonly activation?: Activation;
    })
  | (Named & { readonly kind: "dropout"; readonly rate: number })
  | (Named & {
      readonly kind: "cell";
      /** A cell of your own: its equations, in the language of `cell`. */
      readonly equations: string;
      /** The size of its state. */
      readonly units?: number;
      /** "steps" or "last". Default "steps". */
      readonly output?: "steps" | "last";
      /** For each parameter of the cell a tensor, or some of its rows and columns, from the first up to before the second. */
      readonly parameters: Readonly<Record<string, TensorPart>>;
    });
/** A tensor by name, or a part of it. */
export type TensorPart =
  | string
  | {
      readonly tensor: string;
      readonly rows?: readonly [from: number, to: number];
      readonly columns?: readonly [from: number, to: number];
    };

const size = wholeNumber(1);
const names: Schema<Named> = { name: layerName, reads: string };
const withTensors: Schema<WithTensors> = { prefix: string, tensors: recordOf(string), ...names };
const range: Rule = {
  expected: "two whole numbers, [from, to], the first below the second",
  accepts: (value) =>
    Array.isArray(value) &&
    value.length === 2 &&
    value.every(Number.isSafeInteger) &&
    0 <= value[0] &&
    value[0] < value[1],
};
const recurrentRules = {
  ...withTensors,
  output: oneOf("steps", "last", "states"),
  dropout: inRange(0, 1),
  initialState: string,
};
/** The options of each kind of layer. */
const rules: Readonly<Record<MappedLayer["kind"], Schema>> = {
  input: { features: required(either(oneOf("tokens"), size)), time: layerName, ...names },
  embedding: withTensors,
  lstm: recurrentRules,
  gru: recurrentRules,
  rnn: { ...recurrentRules, nonlinearity: oneOf("tanh", "relu") },
  linear: { ...withTensors, activation: oneOf(...Object.keys(activations)), tied: string },
  layer_norm: { ...withTensors, epsilon: inRange(0, Infinity, "()") },
  batch_norm: { ...withTensors, epsilon: inRange(0, Infinity, "()"), activation: oneOf(...Object.keys(activations)) },
  dropout: { rate: required(inRange(0, 1)), ...names },
  cell: {
    equations: required(someText),
    units: size,
    output: oneOf("steps", "last"),
    parameters: required(
      recordOf({
        expected: "the name of a tensor, or { tensor, rows, columns }",
        accepts: (value) => typeof value === "string" || isPlain(value),
        look(where, value) {
          if (typeof value !== "string")
            checkOptions(where, value, { tensor: required(string), rows: range, columns: range });
        },
      }),
    ),
    ...names,
  },
};

const aMappedLayer: Rule = {
  expected: `a layer, { kind, ... } with a kind of ${Object.keys(rules).join(", ")}`,
  accepts: (value) => isPlain(value) && typeof value.kind === "string" && Object.hasOwn(rules, value.kind),
  look(where, value) {
    const { kind, ...options } = value as MappedLayer;
    checkOptions(`${where} (${kind})`, options, rules[kind]);
  },
};

/**
 * Check a mapping.
 * @param where what to call it in messages
 * @throws InputError for what is not a mapping, with the place
 */
export function checkMapping(where: string, mapping: unknown): asserts mapping is PytorchMapping {
  if (!isPlain(mapping))
    throw new InputError(`${where} must be an object { layers, ignore }, got ${formatValue(mapping)}`);
  checkOptions<PytorchMapping>(where, mapping, { layers: required(listOf(aMappedLayer, 1)), ignore: listOf(string) });
}
