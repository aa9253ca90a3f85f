/** Write a model as an ONNX file: recurrent operators where a cell is one, a Scan over its equations where not. */
import { joined } from "../../graph/joined.ts";
import { type Arguments, checkArguments, flag, oneOf, options as optionsOf } from "../../graph/schema.ts";
import { checkFiniteValues } from "../../nn/finite-values.ts";
import type { Model } from "../../nn/model.ts";
import { aModel, checkReadsForward } from "../../nn/model-checks.ts";
import { quantizeWeights, roundWeights } from "../../schedule/eight-bits.ts";
import { decodeTensor, encodeHalf } from "../safetensors.ts";
import { encodeOnnxParts, type OnnxGraph, type OnnxNode } from "./proto.ts";
import { type OnnxWeightType, onnxWeightTypes, withSmallWeights } from "./small-weights.ts";
import { checkSayable, translate } from "./translate.ts";

/** As of opset 17 and IR version 8, which runtimes since 2022 read. */
const versions = { opset: 17, irVersion: 8 } as const;

/** The forms that `writeOnnx` writes. */
export const onnxForms = ["sequences", "steps"] as const;
/** Options of `writeOnnx`. */
export type WriteOnnxOptions = {
  /**
   * "sequences": whole sequences of any length, and any number of them. "steps": one step of each of any number of streams, whose
   * states go in and come out. Default "sequences".
   */
  readonly form?: (typeof onnxForms)[number];
  /**
   * The element type of the weights, which are rounded as in our own file: "f32" (default); "f16", half the bytes; "int8", a quarter, with a
   * scale for each row of a matrix. Runtimes compute in 32 bits with the rounded weights: nodes in the file make those of them.
   */
  readonly dtype?: OnnxWeightType;
  /**
   * Whether an LSTM, a GRU or a simple recurrent layer is written by its equations, as other cells are: for runtimes whose own are missing
   * or wrong. In the form "steps" these are operators like MatMul and Sigmoid alone. Default false.
   */
  readonly plain?: boolean;
};
/** @internal */
export const writeOnnxArguments: Arguments = {
  model: aModel,
  options: optionsOf<WriteOnnxOptions>({ form: oneOf(...onnxForms), dtype: oneOf(...onnxWeightTypes), plain: flag }),
};

/**
 * Write a model as the bytes of an ONNX file (opset 17), for inference: an LSTM, a GRU, a simple recurrent layer, and those with peepholes
 * or coupled gates become ONNX's operators, if none of their steps is masked; every other cell becomes a Scan over its equations.
 *
 * | form | inputs, by the model's names | outputs |
 * | --- | --- | --- |
 * | "sequences" | tokens int64 (B,T), vectors float (B,T,D), masks float (B,T) | `output` (B,T,V), or (B,V) of a model with one output a sequence |
 * | "steps" | tokens (B), vectors (B,D), each state (B,H) by its name, `lstm.h` | `output` (B,V), each state's next value: `next.lstm.h` |
 *
 * In the form "steps" the first step is given the states of `createSession(model).state()`: zeros, or learned values.
 * @param model any model whose layers need not know the number of steps; the file gets the values it has now
 * @param options `form`, `dtype`, `plain`
 * @throws InputError for layers that read all steps of another (attention), in the form "steps" also for those that need whole sequences,
 * with the layer's name; for weights that are not finite, which runtimes would make finite numbers of, and, with `dtype` "f16", for those
 * beyond 65,504
 * @example writeFileSync("model.onnx", writeOnnx(model))
 */
export function writeOnnx(model: Model, options: WriteOnnxOptions = {}): Uint8Array {
  checkArguments("writeOnnx", { model, options }, writeOnnxArguments);
  return joined(Uint8Array, onnxParts(model, options).parts);
}

/** The same bytes in parts, and what to know of runtimes that run them. @internal */
export function onnxParts(
  model: Model,
  options: WriteOnnxOptions = {},
): { readonly parts: readonly Uint8Array[]; readonly notes: readonly string[] } {
  const { form = "sequences", dtype = "f32", plain = false } = options;
  checkSayable(model, "writeOnnx");
  if (form === "steps") checkReadsForward(model, "writeOnnx");
  checkFiniteValues(model, "writeOnnx: the model");
  const graph = withSmallWeights(
    translate(rounded(model, dtype), form, { scalesOf: dtype === "int8" ? scalesOf(model) : undefined, plain }),
    dtype,
  );
  return { parts: encodeOnnxParts({ ...versions, producer: "Unrolled", graph }), notes: notesOn(graph) };
}

/** What ONNX Runtime Web 1.30 does with operators on the providers that compute on other devices. */
function notesOn({ nodes }: OnnxGraph): string[] {
  const has = (op: string, test: (node: OnnxNode) => boolean = () => true): boolean =>
    nodes.some((node) => node.op === op && test(node));
  const slow = has("Scan") && "a Scan is over 1,000 times slower than on wasm on webgpu";
  const resetsAfter = ({ attributes: { linear_before_reset: flag } }: OnnxNode): boolean =>
    flag !== undefined && "int" in flag && flag.int === 1;
  const reset = has("GRU", resetsAfter) && "a GRU that resets after the product gives wrong numbers on webnn";
  const peepholes =
    has("LSTM", ({ inputs }) => (inputs[7] ?? "") !== "") && "an LSTM with peepholes gives wrong numbers on webnn";
  const found = [slow, reset, peepholes].filter((one) => one !== false);
  return found.length === 0
    ? []
    : [`In ONNX Runtime Web ${found.join(", ")}: in a page, use the provider "wasm", or convert with --steps --plain.`];
}

/** A model whose weights are numbers of a type. */
function rounded(model: Model, dtype: OnnxWeightType): Model {
  if (dtype === "f32") return model;
  const round = ({ name, shape }: Model["parameters"][number]): Float32Array => {
    const data = model.values[name] as Float32Array;
    if (dtype === "int8") return Float32Array.from(roundWeights(data, shape));
    const codes = encodeHalf(data, (at) => `writeOnnx: ${name}, number ${at},`);
    return decodeTensor(new Uint8Array(codes.buffer), "F16", [data.length]).data as Float32Array;
  };
  return { ...model, values: Object.fromEntries(model.parameters.map((one) => [one.name, round(one)])) };
}
/** The scales of the rows of a model's matrices. */
function scalesOf({ parameters, values }: Model): (name: string) => Float32Array | undefined {
  const shapes = new Map(parameters.map(({ name, shape }) => [name, shape]));
  return (name) => {
    const [rows = 0, columns] = shapes.get(name) ?? [];
    if (columns === undefined) return undefined;
    const data = values[name] as Float32Array;
    return Float32Array.from({ length: rows }, (_, row) => quantizeWeights(data, row * columns, columns));
  };
}
