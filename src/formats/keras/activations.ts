/** Keras's activation functions in the equation language. Knows nothing about layers. */

/** What a function makes of a value. */
export type Activation = {
  /**
   * The equation's right side, for a value of this name or, unless `twice`, for any expression; and for the name of what `helper` gives.
   */
  readonly of: (value: string, helper: string) => string;
  /** Whether the value stands in it more than once, so that it needs a name. */
  readonly twice?: true;
  /** The right side of a line before it, of what stands in it more than once. */
  readonly helper?: (value: string) => string;
};
/** A function's options, as a layer of its own has them. */
export type Settings = Readonly<Record<string, unknown>>;

const call = (name: string): Activation => ({ of: (value) => `${name}(${value})` });
const twice = (of: (value: string) => string): Activation => ({ of, twice: true });
const number = (settings: Settings, names: readonly string[], otherwise: number): number => {
  const found = names.map((name) => settings[name]).find((value) => value !== undefined && value !== null);
  const value = typeof found === "object" && found !== null && "value" in found ? found.value : found;
  return typeof value === "number" ? value : otherwise;
};
/**
 * x times the share of a normal distribution below x (Keras's and PyTorch's exact gelu). M. Abramowitz and I. Stegun, Handbook of
 * Mathematical Functions, 26.2.17: the share has an error below 7.5e-8.
 */
const gelu: Activation = {
  helper: (z) => `1 / (1 + 0.2316419 * abs(${z}))`,
  of: (z, t) =>
    `max(${z}, 0) - abs(${z}) * exp(-0.5 * ${z} * ${z}) * ${t} * (0.127414796 + ${t} * (-0.142248368 + ${t} * (0.7107068705 + ${t} * (-0.7265760135 + ${t} * 0.5307027145))))`,
  twice: true,
};
const say = (value: number): string => (value < 0 ? `(${value})` : `${value}`);

/** By Keras's names. `major` is the version of Keras whose function it is: 1 and 2 have another hard_sigmoid than 3. */
const table: Readonly<Record<string, (settings: Settings, major: number) => Activation>> = {
  linear: () => ({ of: (value) => value }),
  sigmoid: () => call("sigmoid"),
  tanh: () => call("tanh"),
  softplus: () => call("softplus"),
  softmax: () => call("softmax"),
  exponential: () => call("exp"),
  hard_sigmoid: (_, major) =>
    major >= 3 ? call("hard_sigmoid") : { of: (value) => `max(0, min(1, 0.2 * (${value}) + 0.5))` },
  relu: (settings) => {
    const slope = number(settings, ["negative_slope", "alpha"], 0);
    const from = number(settings, ["threshold", "theta"], 0);
    const most = number(settings, ["max_value"], Infinity);
    if (slope === 0 && from === 0) return most === Infinity ? call("relu") : clipped(0, most);
    if (from !== 0 && slope === 0 && most === Infinity) return twice((z) => `${z} * step(max(${z} - ${say(from)}, 0))`);
    if (from === 0 && most === Infinity) return twice((z) => `max(${z}, 0) + ${say(slope)} * min(${z}, 0)`);
    return twice(
      (z) =>
        `min(${z}, ${most === Infinity ? "1e38" : say(most)}) * step(max(${z} - ${say(from)}, 0)) + ${say(slope)} * min(${z} - ${say(from)}, 0)`,
    );
  },
  leaky_relu: (settings) =>
    twice((z) => `max(${z}, 0) + ${say(number(settings, ["negative_slope", "alpha"], 0.2))} * min(${z}, 0)`),
  relu6: () => clipped(0, 6),
  elu: (settings) => twice((z) => `max(${z}, 0) + ${say(number(settings, ["alpha"], 1))} * (exp(min(${z}, 0)) - 1)`),
  celu: (settings) => {
    const alpha = say(number(settings, ["alpha"], 1));
    return twice((z) => `max(${z}, 0) + ${alpha} * (exp(min(${z}, 0) / ${alpha}) - 1)`);
  },
  selu: () => twice((z) => `1.0507009873554805 * (max(${z}, 0) + 1.6732632423543772 * (exp(min(${z}, 0)) - 1))`),
  softsign: () => twice((z) => `${z} / (1 + abs(${z}))`),
  silu: () => twice((z) => `${z} * sigmoid(${z})`),
  hard_silu: () => twice((z) => `${z} * hard_sigmoid(${z})`),
  hard_tanh: () => clipped(-1, 1),
  tanh_shrink: () => twice((z) => `${z} - tanh(${z})`),
  hard_shrink: () => twice((z) => `${z} * step(max(abs(${z}) - 0.5, 0))`),
  soft_shrink: () => twice((z) => `max(${z} - 0.5, 0) + min(${z} + 0.5, 0)`),
  gelu: () => gelu,
  mish: () => twice((z) => `${z} * tanh(softplus(${z}))`),
  squareplus: () => twice((z) => `(${z} + sqrt(${z} * ${z} + 4)) / 2`),
  sparse_plus: () => twice((z) => `(max(-1, min(1, ${z})) + 1) * (max(-1, min(1, ${z})) + 1) / 4 + max(${z} - 1, 0)`),
  sparse_sigmoid: () => ({ of: (value) => `max(0, min(1, 0.5 * (${value}) + 0.5))` }),
  log_sigmoid: () => ({ of: (value) => `-softplus(-(${value}))` }),
  log_softmax: () => twice((z) => `${z} - max(${z}) - log(sum(exp(${z} - max(${z}))))`),
};
const clipped = (least: number, most: number): Activation => ({
  of: (value) => `max(${say(least)}, min(${say(most)}, ${value}))`,
});
const aliases: Readonly<Record<string, string>> = { swish: "silu", hard_swish: "hard_silu", exp: "exponential" };
/** Layers that are functions, as an activation may be one. */
const layers: Readonly<Record<string, string>> = {
  ReLU: "relu",
  LeakyReLU: "leaky_relu",
  ELU: "elu",
  ThresholdedReLU: "relu",
  Softmax: "softmax",
};
/** Defaults of these layers where the function of that name has others. */
const layerDefaults: Readonly<Record<string, Settings>> = {
  LeakyReLU: { negative_slope: 0.3 },
  ThresholdedReLU: { theta: 1 },
};

/**
 * The function that a config names, or holds as data.
 * @returns the name, where there is no such function
 */
export function activationOf(given: unknown, major: number): Activation | string {
  if (given === undefined || given === null) return (table.linear as () => Activation)();
  const {
    class_name: className,
    config,
    registered_name: registered,
  } = (typeof given === "object" ? given : { class_name: "function", config: given }) as Settings;
  const name = String(className === "function" ? (config ?? registered) : className);
  const layer = activationOfLayer(name, (config ?? {}) as Settings, major);
  if (layer !== undefined) return layer;
  const found = Object.hasOwn(aliases, name) ? (aliases[name] as string) : name;
  const settings = className !== "function" && typeof config === "object" && config !== null ? config : {};
  return Object.hasOwn(table, found) ? (table[found] as (typeof table)[string])(settings as Settings, major) : name;
}

/** All functions by their names, with their defaults, as a version of Keras has them. */
export const activationsByName = (major: number): ReadonlyMap<string, Activation> =>
  new Map(Object.entries(table).map(([name, make]) => [name, make({}, major)]));

/** The function of a layer such as LeakyReLU; undefined for a layer that is none. */
export function activationOfLayer(className: string, config: Settings, major: number): Activation | undefined {
  const name = Object.hasOwn(layers, className) ? layers[className] : undefined;
  if (name === undefined) return undefined;
  const given = Object.fromEntries(Object.entries(config).filter(([, value]) => value !== null));
  const known = "negative_slope" in given || "alpha" in given || "theta" in given;
  const settings = known ? given : { ...layerDefaults[className], ...given };
  return (table[name] as (typeof table)[string])(settings, major);
}
