/** Operations on arrays in a functional model of Keras 3, such as `a * 0.5` and `h[:, -1]`, as cells of ours. */

import type { Cell } from "../../graph/cell.ts";
import { excerpt } from "../../graph/excerpt.ts";
import { type CellSpec, recurrent } from "../../nn/layers.ts";
import { maxPooling, meanPooling } from "../../nn/sequence-cells.ts";
import { lastStep, sumPooling } from "../foreign-cells.ts";
import { firstFrom, poolingFrom } from "../late-steps.ts";
import { type Activation, activationOf } from "./activations.ts";
import { activationCell } from "./cells.ts";
import type { Argument, Config, KerasCall, KerasLayer } from "./config.ts";
import { snakeCase } from "./folders.ts";
import { unmasked } from "./masks.ts";
import { checkAlike, combined, namesOf } from "./merges.ts";
import { oneVector, refuse, stepsOf, type Translation, type Value } from "./translation.ts";

const infix =
  (sign: string) =>
  (a: string, b: string): string =>
    `${a} ${sign} ${b}`;
const prefix =
  (name: string) =>
  (a: string, b: string): string =>
    `${name}(${a}, ${b})`;
/** Of two values, of which one may be a number. */
const pairs: ReadonlyMap<string, (a: string, b: string) => string> = new Map([
  ["Add", infix("+")],
  ["Subtract", infix("-")],
  ["Multiply", infix("*")],
  ["Divide", infix("/")],
  ["TrueDivide", infix("/")],
  ["Maximum", prefix("max")],
  ["Minimum", prefix("min")],
]);
/** Functions of one value that are no activations of Keras. */
const functions: ReadonlyMap<string, (x: string) => string> = new Map([
  ["Negative", (x) => `-${x}`],
  ["Absolute", (x) => `abs(${x})`],
  ["Abs", (x) => `abs(${x})`],
  ["Square", (x) => `${x} * ${x}`],
  ["Sqrt", (x) => `sqrt(${x})`],
  ["Log", (x) => `log(${x})`],
  ["Exp", (x) => `exp(${x})`],
]);
/** What is made of all steps. */
const reductions = new Map<string, { readonly of: Cell; readonly kind: "mean" | "max" | "sum" }>([
  ["Mean", { of: meanPooling, kind: "mean" }],
  ["Max", { of: maxPooling, kind: "max" }],
  ["Sum", { of: sumPooling, kind: "sum" }],
]);

/** What an operation makes of its arguments. Masks go with layers, not with operations. */
export function addOperation(
  translation: Translation,
  layer: KerasLayer,
  call: KerasCall,
  find: (argument: Argument) => Value | undefined,
): Value {
  const { className, config } = layer;
  const given = call.inputs.map((of) => find({ of }) as Value);
  const [x] = given;
  if (x === undefined) return refuse(layer, "it reads no layer");
  if (given.some(({ tokens }) => tokens)) return refuse(layer, "it computes with tokens");
  checkAlike(layer, given);
  const label = snakeCase(className);
  const pair = pairs.get(className);
  if (pair !== undefined) {
    const values = [...new Set(given)];
    const names = namesOf(values);
    const operands = call.arguments.map((one) => {
      const value = find(one);
      if (value !== undefined) return names[values.indexOf(value)] as string;
      const number = "constant" in one ? one.constant : undefined;
      if (typeof number !== "number" || !Number.isFinite(number)) {
        return refuse(layer, `it computes with ${excerpt(JSON.stringify(number) ?? "nothing")}, which is no number`);
      }
      return number < 0 ? `(${number})` : `${number}`;
    });
    if (operands.length !== 2) return refuse(layer, `it has ${operands.length} operands`);
    const [a, b] = operands as [string, string];
    return combined(
      translation,
      translation.free(layer.name),
      { source: `y = ${pair(a, b)}`, label, masks: false },
      values,
    );
  }
  const reduction = reductions.get(className);
  if (reduction !== undefined) {
    const axes = [config.axis].flat();
    if (!x.sequence || axes.length !== 1 || axes[0] !== 1 || config.keepdims === true) {
      return refuse(layer, "it does not make one vector of all steps (axis=1)");
    }
    const of = x.late === undefined ? reduction.of : poolingFrom(x.late, reduction.kind);
    return one(translation, layer, recurrent(of, { label, reads: unmasked(translation, x) }), oneVector);
  }
  if (className === "GetItem") return addItem(translation, layer, x, call);
  const of = functions.get(className);
  const activation: Activation | string = of === undefined ? named(className, config) : { of };
  if (typeof activation === "string") {
    return refuse(
      layer,
      "it is an operation on arrays that our equations do not have. Use a layer of Keras's in its place",
    );
  }
  const spec = recurrent(activationCell(activation), { label, reads: unmasked(translation, x) });
  return one(translation, layer, spec, { sequence: x.sequence, ...stepsOf(x) });
}

/** An activation by the name of its operation, with the options that it has there. */
function named(className: string, config: Config): Activation | string {
  const name = snakeCase(className);
  const axes = [config.axis ?? -1].flat();
  if (/softmax$/.test(name) && (axes.length !== 1 || axes[0] !== -1)) return name;
  if (name === "gelu" && config.approximate === true) {
    return {
      of: (z) => `0.5 * ${z} * (1 + tanh(0.7978845608028654 * (${z} + 0.044715 * ${z} * ${z} * ${z})))`,
      twice: true,
    };
  }
  return activationOf({ class_name: name, config }, 3);
}

/** The last step, or the first. */
function addItem(translation: Translation, layer: KerasLayer, x: Value, { constants }: KerasCall): Value {
  const [batch, step, features, ...more] = constants;
  const whole = (given: unknown): boolean =>
    JSON.stringify(given) === '{"class_name":"__slice__","config":{}}' ||
    (isSlice(given) && Object.values(given.config).every((end) => end === null));
  const fine = whole(batch) && (features === undefined || whole(features)) && more.length === 0 && x.sequence;
  if (!fine || (step !== -1 && step !== 0)) {
    return refuse(layer, "it takes a part of an array; ours take the last step or the first, [:, -1] and [:, 0]");
  }
  const reads = unmasked(translation, x);
  // The first step is the last one from the end, unless others stand before it.
  const first = step === 0 && x.late === undefined;
  const of = step === 0 && x.late !== undefined ? firstFrom(x.late) : lastStep;
  const spec = recurrent(of, { label: step === 0 ? "first_step" : "last_step", reads, goBackwards: first });
  return one(translation, layer, spec, oneVector);
}
const isSlice = (given: unknown): given is { readonly config: Config } =>
  typeof given === "object" &&
  given !== null &&
  (given as Config).class_name === "__slice__" &&
  typeof (given as Config).config === "object" &&
  (given as Config).config !== null;

function one({ free, emit }: Translation, layer: KerasLayer, spec: CellSpec, of: Omit<Value, "flow" | "mask">): Value {
  const name = free(layer.name);
  emit(spec, name);
  return { ...of, flow: () => name, mask: undefined };
}
