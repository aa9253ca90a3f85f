/**
 * Make a model of named tensors and a mapping. Every tensor is accounted for: what is missing, left over or of another shape than its
 * layer needs is listed at once. Knows nothing about files.
 */
import { type Cell, cell } from "../../graph/cell.ts";
import { excerpt } from "../../graph/excerpt.ts";
import { InputError } from "../../graph/input-error.ts";
import {
  bidirectional,
  type CellSpec,
  dropout,
  embedding,
  input,
  isLayerName,
  type LayerSpec,
  layerNormalization,
  recurrent,
} from "../../nn/layers.ts";
import { type Model, modelOf, nameLayers } from "../../nn/model.ts";
import { lastStep } from "../foreign-cells.ts";
import { FormatError } from "../safetensors.ts";
import { batchNorm } from "./batch-norm.ts";
import type { MappedLayer, PytorchMapping, TensorPart } from "./mapping.ts";
import { listed, type TensorTable } from "./state.ts";
import { asFloats, floatsOf, type NamedTensor } from "./tensors.ts";
import {
  batchNormCell,
  linearCell,
  projectedLstm,
  projection,
  type RecurrentKind,
  recurrentCells,
  recurrentMaps,
} from "./weights.ts";

/** PyTorch's own. */
const defaultEpsilon = 1e-5;
/** The values that are given to parameters, in all: so many times the file, and so many bytes more. */
const [mostTimes, mostMore] = [3, 16 * 2 ** 20];
const floats: readonly string[] = ["F32", "F64", "F16", "BF16"];

/** The values of one parameter, and the tensor that they are from. */
type Value = { readonly data: Float32Array; readonly shape: readonly number[]; readonly from: string };
type Kind<K extends MappedLayer["kind"]> = Extract<MappedLayer, { readonly kind: K }>;
type Recurrent = Extract<MappedLayer, { readonly kind: RecurrentKind }> & { readonly nonlinearity?: "tanh" | "relu" };

/**
 * A model of tensors.
 * @param name the file's name, for messages
 * @param fileBytes the size of the file, which bounds what the model may take
 * @throws FormatError of one line that lists every tensor that is missing, left over, of another shape or not to be read; InputError for
 * a mapping whose layers do not fit together
 */
export function modelFromTensors(
  table: TensorTable,
  mapping: PytorchMapping,
  name: string,
  fileBytes: number,
): { readonly model: Model; readonly notes: readonly string[] } {
  const problems: string[] = [];
  const notes: string[] = [];
  const values = new Map<string, Value>();
  const used = new Set<string>();
  const embeddings = new Map<string, NamedTensor>();
  const nameOfTensor = new Map<NamedTensor, string>();
  let left = mostTimes * fileBytes + mostMore;

  const nameOf = (
    layer: { readonly prefix?: string; readonly tensors?: Readonly<Record<string, string>> },
    own: string,
  ) => layer.tensors?.[own] ?? (layer.prefix === undefined || layer.prefix === "" ? own : `${layer.prefix}.${own}`);
  /** A tensor of this shape, where undefined is any size; what is wrong with it is told at the end. */
  const find = (tensor: string, shape: readonly (number | undefined)[]): NamedTensor | undefined => {
    used.add(tensor);
    const found = table.tensors.get(tensor);
    if (found === undefined) problems.push(`${tensor} is missing`);
    else if ("problem" in found) problems.push(`${tensor} ${found.problem}`);
    else if (!floats.includes(found.dtype))
      problems.push(`${tensor} has numbers of type ${found.dtype}, expected floats`);
    else if (
      found.shape.length !== shape.length ||
      shape.some((size, axis) => size !== undefined && size !== found.shape[axis]) ||
      found.shape.includes(0)
    ) {
      const wanted = shape.map((size) => size ?? "any").join(", ");
      problems.push(`${tensor} has shape (${found.shape.join(", ")}), expected (${wanted})`);
    } else {
      nameOfTensor.set(found, tensor);
      return found;
    }
    return undefined;
  };
  /** What gives a tensor's numbers. */
  const numbers = (tensor: NamedTensor): ReturnType<typeof floatsOf> => {
    left -= 4 * sizeOf(tensor.shape);
    if (left < 0) {
      throw new FormatError(
        `${name}: its tensors share their numbers so much that the model would take far more than the file: it is not read.`,
      );
    }
    if (tensor.dtype === "F64") {
      notes.push("Weights in f64 are rounded to f32.");
      const large = beyondF32(tensor);
      if (large !== undefined) problems.push(`${nameOfTensor.get(tensor)} holds ${large}, which is too large for f32`);
    }
    return floatsOf(tensor);
  };
  const all = (tensor: NamedTensor): Float32Array => numbers(tensor)(0, sizeOf(tensor.shape));
  const give = (parameter: string, from: string, tensor: NamedTensor | undefined): void => {
    if (tensor !== undefined) values.set(parameter, { data: all(tensor), shape: tensor.shape, from });
  };
  const zeros = (parameter: string, size: number): void => {
    values.set(parameter, { data: new Float32Array(size), shape: [size], from: parameter });
  };

  const taken = new Set<string>();
  /** A name for a layer: the given one, or one made of the prefix, with a number where that is taken. */
  const layerName = (layer: { readonly name?: string; readonly prefix?: string; readonly kind: string }): string => {
    const made = (layer.prefix ?? "").replaceAll(/[^\p{L}\p{N}_]/gu, "_").replace(/^(?=\p{N})/u, "layer_");
    const wanted = layer.name ?? (isLayerName(made) ? made : layer.kind);
    let unique = wanted;
    for (let k = 1; layer.name === undefined && taken.has(unique); k++) unique = `${wanted}_${k}`;
    taken.add(unique);
    return unique;
  };
  const from = ({ reads }: { readonly reads?: string }): { reads?: string } => (reads === undefined ? {} : { reads });

  /** The parameters of one direction of one layer, whose tensors' names end in `suffix`; its cell, or nothing where a tensor is amiss. */
  const direction = (layer: Recurrent, suffix: string, under: string): { of: Cell; units: number } | undefined => {
    const { kind } = layer;
    const map = recurrentMaps[kind];
    const blocks = map.weight_ih.length;
    const called = (own: string): string => nameOf(layer, own + suffix);
    const has = (own: string): boolean => table.tensors.has(called(own));
    const ih = find(called("weight_ih"), [undefined, undefined]);
    const hr = kind === "lstm" && has("weight_hr") ? find(called("weight_hr"), [undefined, undefined]) : undefined;
    const rows = ih?.shape[0] ?? 0;
    const hidden = rows / blocks;
    if (!Number.isInteger(hidden)) {
      problems.push(`${called("weight_ih")} has ${rows} rows, expected ${blocks} times the hidden size`);
      for (const own of ["weight_hh", "bias_ih", "bias_hh"]) used.add(called(own));
      return undefined;
    }
    const units = hr?.shape[0] ?? hidden;
    const fits = <T>(size: T): T | undefined => (ih === undefined ? undefined : size);
    const hh = find(called("weight_hh"), [fits(rows), fits(units)]);
    if (hr !== undefined && hr.shape[1] !== hidden) {
      problems.push(`${called("weight_hr")} has shape (${hr.shape.join(", ")}), expected (${units}, ${hidden})`);
    }
    const biased = has("bias_ih") || has("bias_hh");
    const [bi, bh] = biased
      ? [find(called("bias_ih"), [fits(rows)]), find(called("bias_hh"), [fits(rows)])]
      : [undefined, undefined];
    if (ih === undefined || hh === undefined || (biased && (bi === undefined || bh === undefined))) return undefined;
    /** Give each block of rows of a tensor, of which `part` gives so many numbers from one on, to its parameter. */
    const blocksOf = (
      to: readonly string[],
      part: (from: number, count: number) => Float32Array,
      shape: readonly number[],
      tensor: string,
    ): void => {
      const each = sizeOf(shape);
      for (const [k, parameter] of to.entries()) {
        values.set(`${under}.${parameter}`, { data: part(k * each, each), shape, from: called(tensor) });
      }
    };
    blocksOf(map.weight_ih, numbers(ih), [hidden, ih.shape[1] as number], "weight_ih");
    blocksOf(map.weight_hh, numbers(hh), [hidden, units], "weight_hh");
    const [first, second] = [bi, bh].map((bias) => (bias === undefined ? new Float32Array(rows) : all(bias))) as [
      Float32Array,
      Float32Array,
    ];
    const from = (bias: Float32Array) => (start: number, count: number) => bias.slice(start, start + count);
    if (map.bias_hh === undefined) blocksOf(map.bias_ih, from(sum(first, second)), [hidden], "bias_ih");
    else {
      blocksOf(map.bias_ih, from(first), [hidden], "bias_ih");
      blocksOf(map.bias_hh, from(second), [hidden], "bias_hh");
    }
    give(`${under}.${projection}`, called("weight_hr"), hr);
    const of = kind === "rnn" ? recurrentCells.rnn[layer.nonlinearity ?? "tanh"] : recurrentCells[kind];
    return { of: hr === undefined ? of : projectedLstm(hidden), units };
  };

  /** How many layers a recurrent mapped layer has, by its name, for those that start from its states. */
  const stacks = new Map<string, { readonly layers: number; readonly both: boolean }>();
  const recurrentLayers = (layer: Recurrent): LayerSpec[] => {
    const { output = "steps", dropout: rate = 0, initialState } = layer;
    const name = layerName(layer);
    const has = (own: string): boolean => table.tensors.has(nameOf(layer, own));
    const single = has("weight_ih") && !has("weight_ih_l0");
    let count = 1;
    while (!single && has(`weight_ih_l${count}`)) count++;
    const both = has("weight_ih_l0_reverse");
    stacks.set(name, { layers: count, both });
    const start = initialState === undefined ? undefined : stacks.get(initialState);
    if (initialState !== undefined && (start === undefined || start.layers !== count || start.both || both)) {
      throw new InputError(
        `mapping: ${name}: initialState needs an earlier layer of one direction that is as deep, got "${initialState}"`,
      );
    }
    const called = (base: string, k: number): string => (count === 1 ? base : `${base}_l${k}`);
    const specs: LayerSpec[] = [];
    for (let k = 0; k < count; k++) {
      const own = called(name, k);
      const suffix = single ? "" : `_l${k}`;
      const last = k === count - 1;
      // The output of one direction at the last step is its final state.
      const returnSequences = !last || output === "steps" || (output === "last" && both);
      const options = {
        ...{ label: layer.kind === "rnn" ? "simple_rnn" : layer.kind, returnSequences },
        ...(initialState !== undefined && { initialState: { from: called(initialState, k) } }),
      };
      const there = direction(layer, suffix, both ? `${own}.forward` : own);
      const back = both ? direction(layer, `${suffix}_reverse`, `${own}.backward`) : undefined;
      if (there === undefined || (both && back === undefined)) continue;
      const one = ({ of, units }: { of: Cell; units: number }): CellSpec => recurrent(of, { units, ...options });
      const named = { name: own, ...(k === 0 ? from(layer) : {}) };
      specs.push(
        back === undefined ? { ...one(there), ...named } : bidirectional(one(there), { backward: one(back), ...named }),
      );
      if (!last && rate > 0) specs.push(dropout(rate, { name: layerName({ kind: "dropout" }) }));
    }
    if (output === "last" && both) {
      specs.push(recurrent(lastStep, { label: "last_step", name: layerName({ kind: "last_step" }) }));
    }
    return specs;
  };

  const part = (given: TensorPart, parameter: string): void => {
    const { tensor, rows, columns } = typeof given === "string" ? { tensor: given } : given;
    const axes = table.tensors.get(tensor);
    const found = find(
      tensor,
      axes && "shape" in axes && axes.shape.length === 1 ? [undefined] : [undefined, undefined],
    );
    if (found === undefined) return;
    const [height = 1, width = 1] = found.shape;
    const [top, bottom] = rows ?? [0, height];
    const [start, end] = columns ?? [0, width];
    if (bottom > height || end > width || (columns !== undefined && found.shape.length === 1)) {
      problems.push(
        `${tensor} has shape (${found.shape.join(", ")}), and rows ${top} to ${bottom}, columns ${start} to ${end} are asked for`,
      );
      return;
    }
    const data = all(found);
    const cut = new Float32Array((bottom - top) * (end - start));
    for (let row = top; row < bottom; row++) {
      cut.set(data.subarray(row * width + start, row * width + end), (row - top) * (end - start));
    }
    const shape = found.shape.length === 1 ? [bottom - top] : [bottom - top, end - start];
    values.set(parameter, { data: cut, shape, from: tensor });
  };

  const layers: { readonly [K in MappedLayer["kind"]]: (layer: Kind<K> & MappedLayer) => LayerSpec[] } = {
    input: ({ features, time, ...layer }) => [
      input(features, { name: layerName({ ...layer, kind: "input" }), ...(time !== undefined && { time }) }),
    ],
    embedding: (layer) => {
      const name = layerName(layer);
      const called = nameOf(layer, "weight");
      const weight = find(called, [undefined, undefined]);
      if (weight === undefined) return [];
      give(`${name}.weight`, called, weight);
      embeddings.set(name, weight);
      const [count, width] = weight.shape as [number, number];
      return [embedding(count, width, { name, ...from(layer) })];
    },
    lstm: (layer) => recurrentLayers(layer as Recurrent),
    gru: (layer) => recurrentLayers(layer as Recurrent),
    rnn: (layer) => recurrentLayers(layer as Recurrent),
    linear: (layer) => {
      const name = layerName(layer);
      const { activation = "linear" } = layer;
      const [called, biasName] = [nameOf(layer, "weight"), nameOf(layer, "bias")];
      const sharedTable = layer.tied === undefined ? undefined : embeddings.get(layer.tied);
      if (layer.tied !== undefined && sharedTable === undefined) {
        problems.push(`${name} is tied to "${layer.tied}", and no embedding before it is called so`);
      }
      // PyTorch's state dictionary has a tied weight under both names, other files may have it once.
      const once = sharedTable !== undefined && !table.tensors.has(called) && layer.tensors?.weight === undefined;
      const weight = once ? sharedTable : find(called, [undefined, undefined]);
      if (weight === undefined) {
        used.add(biasName);
        return [];
      }
      const [units] = weight.shape as [number, number];
      const shared =
        layer.tied ?? [...embeddings].find(([, { place }]) => place !== undefined && place === weight.place)?.[0];
      if (sharedTable !== undefined && !sameNumbers(sharedTable, weight)) {
        problems.push(`${called} is not equal to the weight of the embedding "${layer.tied}" that it is tied to`);
      }
      if (shared === undefined) give(`${name}.W`, called, weight);
      const biased = table.tensors.has(biasName);
      if (biased) give(`${name}.b`, biasName, find(biasName, [units]));
      return [
        recurrent(linearCell(activation, biased), {
          ...{ units, label: "dense", name, ...from(layer) },
          ...(shared !== undefined && { shared: { W: `${shared}.weight` } }),
        }),
      ];
    },
    layer_norm: (layer) => {
      const name = layerName(layer);
      const [called, biasName] = [nameOf(layer, "weight"), nameOf(layer, "bias")];
      const weight = find(called, [undefined]);
      const width = weight?.shape[0];
      give(`${name}.gain`, called, weight);
      if (table.tensors.has(biasName)) give(`${name}.b`, biasName, find(biasName, [width]));
      else zeros(`${name}.b`, width ?? 0);
      return [layerNormalization({ epsilon: layer.epsilon ?? defaultEpsilon, name, ...from(layer) })];
    },
    batch_norm: (layer) => {
      const name = layerName(layer);
      const own = (tensor: string): string => nameOf(layer, tensor);
      const mean = find(own("running_mean"), [undefined]);
      const width = mean?.shape[0];
      const variance = find(own("running_var"), [width]);
      const [weight, bias] = [own("weight"), own("bias")].map((tensor) =>
        table.tensors.has(tensor) ? find(tensor, [width]) : undefined,
      );
      used.add(own("num_batches_tracked"));
      if (mean !== undefined && variance !== undefined) {
        const [gamma, beta] = [weight, bias].map((tensor) => (tensor === undefined ? undefined : all(tensor)));
        const { gain, b } = batchNorm([all(mean), all(variance), gamma, beta], layer.epsilon ?? defaultEpsilon);
        values.set(`${name}.gain`, { data: gain, shape: mean.shape, from: own("running_var") });
        values.set(`${name}.b`, { data: b, shape: mean.shape, from: own("running_mean") });
      }
      notes.push(
        `${name}: as it is at inference, a factor and a shift for each feature; training here leaves out what it does with batches.`,
      );
      return [
        recurrent(batchNormCell(layer.activation ?? "linear"), { label: "batch_normalization", name, ...from(layer) }),
      ];
    },
    dropout: (layer) => [dropout(layer.rate, { name: layerName(layer), ...from(layer) })],
    cell: (layer) => {
      const name = layerName(layer);
      const { equations, units, output = "steps", parameters } = layer;
      const of = cell(equations);
      const needed = of.parameters.map((parameter) => parameter.name);
      for (const parameter of Object.keys(parameters)) {
        if (!needed.includes(parameter))
          throw new InputError(`mapping: ${name}: its equations have no parameter ${parameter}`);
      }
      for (const parameter of needed) {
        const given = parameters[parameter];
        if (given === undefined) problems.push(`no tensor is given for ${parameter} of "${name}"`);
        else part(given, `${name}.${parameter}`);
      }
      const options = { label: "recurrent", returnSequences: output === "steps", name, ...from(layer) };
      return [recurrent(of, { ...options, ...(units !== undefined && { units }) })];
    },
  };

  const specs = mapping.layers.flatMap((layer, k) => {
    const before = problems.length;
    const made = (layers[layer.kind] as (layer: MappedLayer) => LayerSpec[])(layer);
    // Without a prefix the names of tensors do not tell whose they are.
    if (!("prefix" in layer)) {
      for (let at = before; at < problems.length; at++) problems[at] = `layers[${k}] (${layer.kind}): ${problems[at]}`;
    }
    return made;
  });
  const ignored = mapping.ignore ?? [];
  const over = [...table.tensors.keys()].filter(
    (tensor) => !used.has(tensor) && !ignored.some((start) => tensor.startsWith(start)),
  );
  const readable = over.filter((tensor) => {
    const found = table.tensors.get(tensor);
    if (found === undefined || !("problem" in found)) return true;
    problems.push(`left over: ${excerpt(tensor, 60)}, which ${found.problem}`);
    return false;
  });
  if (readable.length > 0) problems.push(`left over: ${listed(readable)}`);
  refuse(problems, name);
  const [first] = specs as [LayerSpec];
  const own = first.kind === "embedding" ? "tokens" : first.kind === "input" ? first.features : undefined;
  const model = modelOf(nameLayers(specs), own ?? inputOf(first, values), ({ name: parameter, shape }) => {
    const value = values.get(parameter);
    if (value?.shape.join() === shape.join()) return value.data;
    problems.push(
      value === undefined
        ? `there are no values for ${parameter}`
        : `${value.from} gives ${parameter} the shape (${value.shape.join(", ")}), and what its layer reads needs (${shape.join(", ")})`,
    );
    return new Float32Array(0);
  });
  refuse(problems, name);
  return { model, notes: [...new Set(notes)] };
}

/** @throws FormatError with every problem, if there is one */
function refuse(problems: readonly string[], name: string): void {
  if (problems.length === 0) return;
  const most = 12;
  const more = problems.length > most ? `; and ${problems.length - most} more` : "";
  throw new FormatError(`${name}: ${problems.slice(0, most).join("; ")}${more}.`);
}

/** The features that the first layer reads: the columns of the matrix that multiplies x. */
function inputOf(first: LayerSpec, values: ReadonlyMap<string, Value>): number {
  const under = first.kind === "bidirectional" ? `${first.name}.forward` : first.name;
  const of = first.kind === "bidirectional" ? first.forward.cell : first.kind === "cell" ? first.cell : undefined;
  for (const { name } of of?.parameters ?? []) {
    const value = values.get(`${under}.${name}`);
    if (value !== undefined && new RegExp(`(?<![\\w])${name} @ x(?![\\w])`).test(of?.source ?? ""))
      return value.shape.at(-1) as number;
    if (value !== undefined && name === "gain") return value.shape[0] as number;
  }
  throw new InputError(
    `mapping: the first layer does not say how many features it reads. Begin with a layer of kind "input".`,
  );
}

const sizeOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

/** Both biases of a gate. A bias of 0 leaves the other as it is, -0 too. */
const sum = (a: Float32Array, b: Float32Array): Float32Array =>
  a.map((value, k) => (b[k] === 0 ? value : value === 0 ? (b[k] as number) : value + (b[k] as number)));

/** The first finite number that is infinite in f32. */
function beyondF32(tensor: NamedTensor): number | undefined {
  return (tensor.read().data as Float64Array).find(
    (value) => Number.isFinite(value) && !Number.isFinite(Math.fround(value)),
  );
}

const sameNumbers = (a: NamedTensor | undefined, b: NamedTensor): boolean => {
  if (a === undefined || a.shape.join() !== b.shape.join()) return false;
  const [one, other] = [asFloats(a.read()), asFloats(b.read())];
  return one.every((value, k) => Object.is(value, other[k]));
};
