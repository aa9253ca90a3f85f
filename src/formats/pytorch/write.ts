/**
 * Write a model for PyTorch: its weights as safetensors under PyTorch's names, with the gates in PyTorch's order, and the module that they
 * are for, as Python text. Knows which of our layers are one of PyTorch's; for any other the first thing that cannot be said is told
 * before anything is written.
 */
import { gru } from "../../cells/index.ts";
import type { Cell } from "../../graph/cell.ts";
import { InputError } from "../../graph/input-error.ts";
import { joined } from "../../graph/joined.ts";
import { firstEquation, plainLines, sameEquations } from "../../graph/plain-lines.ts";
import { type Arguments, checkArguments } from "../../graph/schema.ts";
import { checkFiniteValues } from "../../nn/finite-values.ts";
import type { CellSpec } from "../../nn/layers.ts";
import type { Layer, Model } from "../../nn/model.ts";
import { aModel } from "../../nn/model-checks.ts";
import { normalization } from "../../nn/sequence-cells.ts";
import { safetensorsParts, type Tensor } from "../safetensors.ts";
import type { MappedLayer, MappedOutput, PytorchMapping } from "./mapping.ts";
import { mappingKey } from "./read.ts";
import {
  type Activation,
  activations,
  linearCell,
  projectedLstm,
  projection,
  type RecurrentKind,
  recurrentCells,
  recurrentMaps,
} from "./weights.ts";

/** A model for PyTorch. */
export type PytorchFiles = {
  /** A safetensors file, whose names are those of the module's `state_dict()`; it holds the mapping too, so that it is read back whole. */
  readonly weights: Uint8Array<ArrayBuffer>;
  /** The module as Python: the class `Model`. */
  readonly module: string;
  /** What the module does without, a line each. */
  readonly notes: readonly string[];
};

/** @internal */
export const writePytorchArguments: Arguments = { model: aModel };

/**
 * A model as weights and a module for PyTorch. Read back, the weights are the same bits.
 * @throws InputError for the first layer that none of PyTorch's modules is, with its name and the reason, and for weights that are not finite
 */
export function writePytorch(model: Model): PytorchFiles {
  checkArguments("writePytorch", { model }, writePytorchArguments);
  const { weights, ...rest } = pytorchParts(model);
  return { ...rest, weights: joined(Uint8Array, weights) as Uint8Array<ArrayBuffer> };
}

/** The same, the weights in parts. @internal */
export function pytorchParts(
  model: Model,
): Omit<PytorchFiles, "weights"> & { readonly weights: readonly Uint8Array[] } {
  const { layers, values, parameters } = model;
  const shapes = new Map(parameters.map(({ name, shape }) => [name, shape]));
  const tensors: Record<string, Tensor> = {};
  const mapped: MappedLayer[] = [];
  const [made, forward]: [string[], string[]] = [[], []];
  const notes: string[] = [];
  const attributeOf = pythonNames(layers.map(({ name }) => name));

  const numbers = (parameter: string): Float32Array => values[parameter] as Float32Array;
  const shapeOf = (parameter: string): readonly number[] => shapes.get(parameter) as readonly number[];
  const write = (name: string, shape: readonly number[], parts: readonly Float32Array[]): void => {
    const [only, ...more] = parts as [Float32Array, ...Float32Array[]];
    tensors[name] = { shape, data: more.length === 0 ? only : joined(Float32Array, parts) };
  };
  /** The tensors of one direction: its blocks one after the other, and zeros for a second bias that ours has not. */
  const writeDirection = (kind: RecurrentKind, from: string, prefix: string, suffix: string): void => {
    const map = recurrentMaps[kind];
    const of = (names: readonly string[]) => names.map((name) => numbers(`${from}.${name}`));
    const [[hidden, width], [, units]] = [`${from}.${map.weight_ih[0]}`, `${from}.${map.weight_hh[0]}`].map(
      shapeOf,
    ) as [[number, number], [number, number]];
    const rows = hidden * map.weight_ih.length;
    write(`${prefix}.weight_ih${suffix}`, [rows, width], of(map.weight_ih));
    write(`${prefix}.weight_hh${suffix}`, [rows, units], of(map.weight_hh));
    write(`${prefix}.bias_ih${suffix}`, [rows], of(map.bias_ih));
    write(`${prefix}.bias_hh${suffix}`, [rows], map.bias_hh === undefined ? [new Float32Array(rows)] : of(map.bias_hh));
    if (shapes.has(`${from}.${projection}`))
      write(`${prefix}.weight_hr${suffix}`, [units, hidden], [numbers(`${from}.${projection}`)]);
  };

  const recurrentLayer = (layer: Layer & { kind: "cell" | "bidirectional" }, k: number): void => {
    const { name } = layer;
    const both = layer.kind === "bidirectional";
    const cellOf = both ? layer.forward : layer;
    checkRecurrent(name, cellOf, notes);
    if (both) {
      checkRecurrent(name, layer.backward, notes);
      if (layer.mergeMode !== "concat")
        refuse(name, `combines its directions by "${layer.mergeMode}", and PyTorch puts them side by side`);
      if (!sameEquations(layer.forward.cell, layer.backward.cell)) refuse(name, "has another cell in each direction");
    }
    const first = both ? `${name}.forward` : name;
    const { kind, nonlinearity, projected } = recurrentOf(name, cellOf, shapeOf, first);
    const prefix = attributeOf(name);
    writeDirection(kind, first, prefix, "_l0");
    if (both) writeDirection(kind, `${name}.backward`, prefix, "_l0_reverse");

    const map = recurrentMaps[kind];
    const [hidden, width] = shapeOf(`${first}.${map.weight_ih[0]}`) as [number, number];
    const options = [
      ...(nonlinearity === "relu" ? ['nonlinearity="relu"'] : []),
      "batch_first=True",
      ...(both ? ["bidirectional=True"] : []),
      ...(projected === undefined ? [] : [`proj_size=${projected}`]),
    ];
    made.push(`self.${prefix} = nn.${map.type}(${[width, hidden, ...options].join(", ")})`);
    const lastStep = isLastStep(layers[k + 1]);
    const output: MappedOutput = cellOf.returnSequences ? (lastStep ? "last" : "steps") : both ? "states" : "last";
    if (output === "states") {
      forward.push(`_, states["${prefix}"] = self.${prefix}(x, states.get("${prefix}"))`);
      forward.push(`h = states["${prefix}"]${kind === "lstm" ? "[0]" : ""}`, "x = torch.cat([h[-2], h[-1]], -1)");
    } else {
      forward.push(`x, states["${prefix}"] = self.${prefix}(x, states.get("${prefix}"))`);
      if (output === "last") forward.push("x = x[:, -1]");
    }
    mapped.push({ kind, prefix, name, output, ...(nonlinearity === "relu" && { nonlinearity }) } as MappedLayer);
  };

  const statelessLayer = (layer: Layer & { kind: "cell" }): void => {
    const { name, cell, shared } = layer;
    const prefix = attributeOf(name);
    const epsilon = epsilonOf(cell);
    const bias = cell.parameters.some((parameter) => parameter.name === "b");
    if (epsilon !== undefined) {
      if (shared !== undefined) refuse(name, "uses parameters of other layers");
      const [width] = shapeOf(`${name}.gain`) as [number];
      write(`${prefix}.weight`, [width], [numbers(`${name}.gain`)]);
      write(`${prefix}.bias`, [width], [numbers(`${name}.b`)]);
      made.push(`self.${prefix} = nn.LayerNorm(${width}, eps=${epsilon})`);
      forward.push(`x = self.${prefix}(x)`);
      mapped.push({ kind: "layer_norm", prefix, name, epsilon });
      return;
    }
    const activation = (Object.keys(activations) as Activation[]).find((one) =>
      sameEquations(linearCell(one, bias), cell),
    );
    if (activation === undefined) refuse(name, `computes what none of PyTorch's modules does: ${firstEquation(cell)}`);
    const tied = layers.find((one) => one.kind === "embedding" && shared?.W === `${one.name}.weight`)?.name;
    if (shared !== undefined && (tied === undefined || Object.keys(shared).length > 1))
      refuse(name, "uses parameters of other layers");
    const weight = tied === undefined ? `${name}.W` : `${tied}.weight`;
    const [units, width] = shapeOf(weight) as [number, number];
    write(`${prefix}.weight`, [units, width], [numbers(weight)]);
    if (bias) write(`${prefix}.bias`, [units], [numbers(`${name}.b`)]);
    made.push(`self.${prefix} = nn.Linear(${width}, ${units}${bias ? "" : ", bias=False"})`);
    if (tied !== undefined) made.push(`self.${prefix}.weight = self.${attributeOf(tied)}.weight`);
    forward.push(`x = ${activations[activation].python.replace("{}", `self.${prefix}(x)`)}`);
    mapped.push({ kind: "linear", prefix, name, activation, ...(tied !== undefined && { tied }) });
  };

  for (const [k, layer] of layers.entries()) {
    const { name, reads } = layer;
    const prefix = attributeOf(name);
    if (reads !== undefined && reads !== layers[k - 1]?.name) {
      refuse(name, `reads "${reads}", and the layers of the module that is written follow each other`);
    }
    switch (layer.kind) {
      case "input":
        if (k > 0 || layer.mask)
          refuse(name, layer.mask ? "has a mask, and modules of PyTorch pass none on" : "is a second input");
        mapped.push({ kind: "input", name, features: layer.features });
        break;
      case "embedding": {
        const { inputDim, outputDim, maskZero } = layer;
        if (maskZero) refuse(name, "masks token 0 (maskZero), and modules of PyTorch pass no masks on");
        write(`${prefix}.weight`, [inputDim, outputDim], [numbers(`${name}.weight`)]);
        made.push(`self.${prefix} = nn.Embedding(${inputDim}, ${outputDim})`);
        forward.push(`x = self.${prefix}(x)`);
        mapped.push({ kind: "embedding", prefix, name });
        break;
      }
      case "dropout":
        if (layer.locked) refuse(name, "has one mask for all steps (locked), and nn.Dropout has another at each");
        made.push(`self.${prefix} = nn.Dropout(${layer.rate})`);
        forward.push(`x = self.${prefix}(x)`);
        mapped.push({ kind: "dropout", name, rate: layer.rate });
        break;
      case "bidirectional":
        recurrentLayer(layer, k);
        break;
      case "cell":
        if (layer.inputs !== undefined) refuse(name, "reads more layers than one");
        if (layer.strides !== undefined) refuse(name, "has strides");
        if (isLastStep(layer) && lastOutput(mapped) === "last") break;
        if (layer.cell.states.length > 0) recurrentLayer(layer, k);
        else statelessLayer(layer);
        break;
      default:
        refuse(name, `is a layer of kind "${layer.kind}", which no module of PyTorch is`);
    }
  }

  checkFiniteValues(model, "writePytorch: the model");
  const mapping: PytorchMapping = { layers: mapped };
  return {
    weights: safetensorsParts({ tensors, metadata: { format: "pt", [mappingKey]: JSON.stringify(mapping) } }),
    module: pythonOf(model, made, forward),
    notes: [...new Set(notes)],
  };
}

/** @throws InputError that names a layer and why it is not written */
function refuse(layer: string, reason: string): never {
  throw new InputError(`writePytorch: layer "${layer}" ${reason}.`);
}

/** Options that change what a recurrent layer computes, and that PyTorch's have not. */
function checkRecurrent(name: string, layer: CellSpec, notes: string[]): void {
  const { initialState, goBackwards, zoneout, shared, inputs, strides } = layer;
  if (goBackwards) refuse(name, "runs from the last step to the first (goBackwards) alone");
  if (initialState !== "zeros") refuse(name, "starts from other states than zeros");
  if (shared !== undefined) refuse(name, "uses parameters of other layers");
  if (inputs !== undefined) refuse(name, "reads more layers than one");
  if (strides !== undefined) refuse(name, "has strides");
  const rates = typeof zoneout === "number" ? [zoneout] : Object.values(zoneout);
  if (rates.some((rate) => rate > 0)) refuse(name, "has zoneout, which mixes states outside of training, too");
  for (const option of ["dropout", "recurrentDropout", "dropConnect"] as const) {
    if (layer[option] > 0) notes.push(`${name}: ${option} is left out: it acts in training alone.`);
  }
}

/** Which of PyTorch's recurrent modules a layer is. */
function recurrentOf(
  name: string,
  { cell }: CellSpec,
  shapeOf: (parameter: string) => readonly number[],
  from: string,
): { kind: RecurrentKind; nonlinearity?: "tanh" | "relu"; projected?: number } {
  const { lstm, gru: resetAfter, rnn } = recurrentCells;
  if (sameEquations(cell, lstm)) return { kind: "lstm" };
  if (sameEquations(cell, resetAfter)) return { kind: "gru" };
  if (sameEquations(cell, rnn.tanh)) return { kind: "rnn", nonlinearity: "tanh" };
  if (sameEquations(cell, rnn.relu)) return { kind: "rnn", nonlinearity: "relu" };
  if (cell.parameters.some((parameter) => parameter.name === projection)) {
    const [units, hidden] = shapeOf(`${from}.${projection}`) as [number, number];
    if (sameEquations(cell, projectedLstm(hidden)) && units < hidden) return { kind: "lstm", projected: units };
  }
  return refuse(
    name,
    sameEquations(cell, gru)
      ? "resets its state before the product with U_g, and nn.GRU does after it"
      : `has a cell that none of PyTorch's modules has: ${firstEquation(cell)}`,
  );
}

/** The epsilon of a layer normalisation; undefined for any other cell. */
function epsilonOf(of: Cell): number | undefined {
  const epsilon = Number(/\+\s*([\d.e+-]+)\s*\)/i.exec(of.source)?.[1]);
  return epsilon > 0 && sameEquations(of, normalization(epsilon)) ? epsilon : undefined;
}

/** Whether a layer gives what the one before it gave last. */
const isLastStep = (layer: Layer | undefined): boolean =>
  layer?.kind === "cell" && !layer.returnSequences && plainLines(layer.cell.source).join("\n") === "h'=x";
const lastOutput = (mapped: readonly MappedLayer[]): unknown =>
  (mapped.at(-1) as { output?: unknown } | undefined)?.output;

/** Words of Python, and what every module has: no part of a module can be called so. */
const reserved = new Set(
  (
    "False None True and as assert async await break class continue def del elif else except finally for from global if import in is " +
    "lambda nonlocal not or pass raise return try while with yield T_destination add_module apply bfloat16 buffers call_super_init " +
    "children compile cpu cuda double dump_patches eval extra_repr float forward get_buffer get_extra_state get_parameter get_submodule " +
    "half ipu load_state_dict modules mtia named_buffers named_children named_modules named_parameters parameters " +
    "register_backward_hook register_buffer register_forward_hook register_forward_pre_hook register_full_backward_hook " +
    "register_full_backward_pre_hook register_load_state_dict_post_hook register_load_state_dict_pre_hook register_module " +
    "register_parameter register_state_dict_post_hook register_state_dict_pre_hook requires_grad_ set_extra_state set_submodule " +
    "share_memory state_dict to to_empty train training type xpu zero_grad"
  ).split(" "),
);
/** For each layer's name one that an attribute of a module can have. */
function pythonNames(names: readonly string[]): (name: string) => string {
  const taken = new Set<string>();
  const made = new Map<string, string>();
  for (const name of names) {
    const ascii = name.replaceAll(/[^A-Za-z0-9_]/g, "_").replace(/^_/, "layer_");
    let wanted = reserved.has(ascii) ? `${ascii}_` : ascii;
    while (taken.has(wanted)) wanted += "_";
    taken.add(wanted);
    made.set(name, wanted);
  }
  return (name) => made.get(name) as string;
}

/** The module as Python. */
function pythonOf(
  { input, inputs, returnsSequences }: Model,
  made: readonly string[],
  forward: readonly string[],
): string {
  const [first] = inputs;
  const steps = first?.sequence === false ? "batch" : "batch, steps";
  const given = input === "tokens" ? `tokens (${steps})` : `(${steps}, ${input})`;
  const lines = (all: readonly string[]) => all.map((line) => `        ${line}\n`).join("");
  return `"""A model of Unrolled as a module of PyTorch.

    model = Model()
    model.load_state_dict(safetensors.torch.load_file("model.safetensors"))
"""
import torch
from torch import nn


class Model(nn.Module):
    def __init__(self):
        super().__init__()
${lines(made)}
    def forward(self, x, states=None):
        """x: ${given}; states: those that an earlier call gave, to go on from. Gives ${returnsSequences ? "the outputs at all steps" : "one output a sequence"}, and the states."""
        states = dict(states or {})
${lines(forward)}        return x, states
`;
}
