/** Write a model as an ONNX file: recurrent operators where a cell is one, a Scan over its equations where not. */
import { joined } from "../../graph/joined.ts";
import { type Arguments, checkArguments, oneOf, options as optionsOf } from "../../graph/schema.ts";
import { checkFiniteValues } from "../../nn/finite-values.ts";
import type { Model } from "../../nn/model.ts";
import { aModel, checkReadsForward } from "../../nn/model-checks.ts";
import { encodeOnnxParts } from "./proto.ts";
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
};
/** @internal */
export const writeOnnxArguments: Arguments = {
  model: aModel,
  options: optionsOf<WriteOnnxOptions>({ form: oneOf(...onnxForms) }),
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
 * @param options `form`
 * @throws InputError for layers that read all steps of another (attention), in the form "steps" also for those that need whole sequences,
 * with the layer's name; and for weights that are not finite, which runtimes would make finite numbers of
 * @example writeFileSync("model.onnx", writeOnnx(model))
 */
export function writeOnnx(model: Model, options: WriteOnnxOptions = {}): Uint8Array {
  checkArguments("writeOnnx", { model, options }, writeOnnxArguments);
  return joined(Uint8Array, onnxParts(model, options));
}

/** The same bytes in parts. @internal */
export function onnxParts(model: Model, { form = "sequences" }: WriteOnnxOptions = {}): readonly Uint8Array[] {
  checkSayable(model, "writeOnnx");
  if (form === "steps") checkReadsForward(model, "writeOnnx");
  checkFiniteValues(model, "writeOnnx: the model");
  return encodeOnnxParts({ ...versions, producer: "Unrolled", graph: translate(model, form) });
}
