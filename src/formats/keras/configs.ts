/** Every option of Keras's layers as a file has it, in Keras's order, with the values that our layers do not say. Knows nothing about models. */
import type { Config } from "./config.ts";
import type { WrittenLayer } from "./tree.ts";

/** How a program writes what layers have in common. */
export type Dialect = {
  readonly dtype: unknown;
  readonly initializer: (className: string, config: Config) => unknown;
  /** Options under the program's names; an option that it lacks is left out. */
  readonly renamed: (className: string, config: Config) => Config;
};

const none = (what: string, ...of: readonly string[]): Config =>
  Object.fromEntries(of.map((name) => [`${name}_${what}`, null]));

type Defaults = (initial: (name: "glorot" | "orthogonal" | "zeros" | "ones" | "uniform") => unknown) => Config;
const kernelAndBias: Defaults = (initial) => ({
  kernel_initializer: initial("glorot"),
  bias_initializer: initial("zeros"),
  ...none("regularizer", "kernel", "bias"),
});
const recurrent =
  (gated: boolean, own: Config, last: Config): Defaults =>
  (initial) => ({
    ...{ return_sequences: false, return_state: false, go_backwards: false, stateful: false, unroll: false },
    ...{ zero_output_for_mask: false, units: 1, activation: "tanh", ...(gated && { recurrent_activation: "sigmoid" }) },
    use_bias: true,
    kernel_initializer: initial("glorot"),
    recurrent_initializer: initial("orthogonal"),
    bias_initializer: initial("zeros"),
    ...own,
    ...none("regularizer", "kernel", "recurrent", "bias", "activity"),
    ...none("constraint", "kernel", "recurrent", "bias"),
    ...{ dropout: 0, recurrent_dropout: 0, ...last },
  });
const normalization =
  (first: Config, more: readonly string[], last: Config): Defaults =>
  (initial) => ({
    ...{ ...first, beta_initializer: initial("zeros"), gamma_initializer: initial("ones") },
    ...Object.fromEntries(
      more.map((name) => [`${name}_initializer`, initial(/variance/.test(name) ? "ones" : "zeros")]),
    ),
    ...none("regularizer", "beta", "gamma"),
    ...none("constraint", "beta", "gamma"),
    ...last,
  });
const plain =
  (config: Config): Defaults =>
  () =>
    config;

const pooling = plain({ data_format: "channels_last", keepdims: false });
const defaults: Readonly<Record<string, Defaults>> = {
  LSTM: recurrent(true, { unit_forget_bias: true }, { seed: null }),
  GRU: recurrent(true, {}, { reset_after: true, seed: null }),
  SimpleRNN: recurrent(false, {}, {}),
  Embedding: (initial) => ({
    ...{ input_dim: 1, output_dim: 1, embeddings_initializer: initial("uniform") },
    ...{ ...none("regularizer", "embeddings", "activity"), embeddings_constraint: null, mask_zero: false },
    quantization_config: null,
  }),
  Dense: (initial) => ({
    ...{ units: 1, activation: "linear", use_bias: true, ...kernelAndBias(initial) },
    ...{ ...none("constraint", "kernel", "bias"), quantization_config: null },
  }),
  Conv1D: (initial) => ({
    ...{ filters: 1, kernel_size: [1], strides: [1], padding: "valid", data_format: "channels_last" },
    ...{ dilation_rate: [1], groups: 1, activation: "linear", use_bias: true, ...kernelAndBias(initial) },
    ...{ activity_regularizer: null, ...none("constraint", "kernel", "bias") },
  }),
  LayerNormalization: normalization({ axis: -1, epsilon: 0, center: true, scale: true, rms_scaling: false }, [], {}),
  BatchNormalization: normalization(
    { axis: -1, momentum: 0.99, epsilon: 0, center: true, scale: true },
    ["moving_mean", "moving_variance"],
    { synchronized: false, renorm: false, renorm_clipping: null, renorm_momentum: 0.99 },
  ),
  Dropout: plain({ rate: 0, seed: null, noise_shape: null }),
  SpatialDropout1D: plain({ rate: 0, seed: null }),
  ReLU: plain({ max_value: null, negative_slope: 0, threshold: 0 }),
  GlobalAveragePooling1D: pooling,
  GlobalMaxPooling1D: pooling,
};
const initializers = {
  glorot: ["GlorotUniform", { seed: null, input_axes: null, output_axes: null }],
  orthogonal: ["Orthogonal", { seed: null, gain: 1 }],
  zeros: ["Zeros", {}],
  ones: ["Ones", {}],
  uniform: ["RandomUniform", { seed: null, minval: -0.05, maxval: 0.05 }],
} as const satisfies Readonly<Record<string, readonly [string, Config]>>;

/** All options of a layer: those that it says, and the others by default. */
export function wholeConfig(
  { name, className, config }: WrittenLayer,
  { dtype, initializer, renamed }: Dialect,
): Config {
  const own =
    defaults[className]?.((which) => {
      const [kind, options] = initializers[which];
      return initializer(kind, options);
    }) ?? {};
  // Keras's own class takes no such option.
  const trainable = className === "SpatialDropout1D" ? {} : { trainable: true };
  const bias = config.use_bias === false && className === "LSTM" ? { unit_forget_bias: false } : {};
  return { name, ...trainable, dtype, ...renamed(className, { ...own, ...config, ...bias }) };
}
