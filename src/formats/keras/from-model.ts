/**
 * A model of ours as layers of Keras: data from data, for Keras 3 and for TensorFlow.js, which differ in what a `Program` says. What
 * its layers cannot say is refused, with the layer's name and the reason, before anything is written. Knows nothing about files.
 */
import type { Node } from "../../graph/graph.ts";
import { InputError } from "../../graph/input-error.ts";
import { firstEquation, sameEquations } from "../../graph/plain-lines.ts";
import { type CellSpec, mergeLabels, namesOf } from "../../nn/layers.ts";
import type { Layer, Model } from "../../nn/model.ts";
import { modelGraph } from "../../nn/model-graph.ts";
import type { Flow } from "../../nn/recurrent.ts";
import { snakeCase } from "./folders.ts";
import { recognizeLayer } from "./recognize.ts";
import { type RecurrentLayer, recurrentLayer } from "./recurrent-layers.ts";
import { simpleLayer } from "./simple-layers.ts";
import {
  finishedTree,
  type MaskedBy,
  namesBeside,
  type Program,
  type Shape,
  type Source,
  type Tree,
  type WrittenGroup,
  type WrittenLayer,
} from "./tree.ts";
import { arraysFrom, type WeightForm } from "./weights.ts";

/** A recurrent layer of ours that was translated: where its states are among its outputs. */
type Owner = {
  readonly spec: CellSpec | Extract<Layer, { kind: "bidirectional" }>;
  readonly stateAt: (state: string, half?: "forward" | "backward") => number;
};
type Value = {
  readonly source: Source;
  /** The mask that goes with the values in the program, and that our layers see. */
  readonly carried: MaskedBy | undefined;
  /** Whether a recurrent layer has ended a mask. */
  readonly ended?: boolean | undefined;
};

/**
 * Translate a model.
 * @throws InputError for the first layer that the program's layers cannot say
 */
export function kerasTree(model: Model, program: Program): Tree {
  const { layers, values: numbers, parameters, steps } = model;
  const { graph, flows } = modelGraph(model, { training: false });
  const shapesOfParameters = new Map(parameters.map(({ name, shape }) => [name, shape]));
  const written: { layer: WrittenLayer; returnState?: true }[] = [];
  const notes = new Set<string>();
  const values = new Map<string, Value>();
  const owners = new Map<string, Owner>();
  /** What each recurrent layer reads. */
  const readOf = new Map<string, string>();
  /** Those of embeddings and of masking layers. */
  const masks: MaskedBy[] = [];
  let masksSaid = false;
  const free = namesBeside(layers);
  const refuse: (layer: string, reason: string) => never = (layer, reason) => {
    throw new InputError(`${program.call}: layer "${layer}" ${reason}.`);
  };
  const shapeOf = ({ value, axis }: Flow): Shape => {
    const { shape, perSequence } = graph.nodes[value] as Node;
    const count = (axis.time ?? 0) === 0 && (axis.stride ?? 1) === 1 ? (steps ?? null) : null;
    return [null, ...(perSequence ? [] : [count]), ...(typeof shape === "number" ? [shape] : [])];
  };
  const flowOf = (name: string): Flow => flows.get(name) as Flow;
  const isSequence = (name: string): boolean => !(graph.nodes[flowOf(name).value] as Node).perSequence;
  const add = (layer: Omit<WrittenLayer, "initial" | "weights"> & Partial<WrittenLayer>): void => {
    written.push({ layer: { initial: [], weights: [], ...layer } });
  };

  const inputs: Source[] = [];
  const addInput = (name: string, tokens: boolean, ours = name): void => {
    add({ name, className: "InputLayer", inputs: [], shapes: [shapeOf(flowOf(ours))], config: { tokens } });
    inputs.push({ layer: name, output: 0 });
    values.set(ours, { source: { layer: name, output: 0 }, carried: undefined });
  };
  const [first] = layers as [Layer];
  let before = model.input === "tokens" ? "tokens" : "x";
  if (first.kind !== "input") addInput(free("input_layer"), before === "tokens", before);

  /** The mask that our layer's input has. */
  const wantedMask = (layer: string, read: string): MaskedBy | undefined => {
    const { maskedBy, backwards } = flowOf(read);
    const [mask, ...more] = maskedBy;
    if (mask === undefined) return undefined;
    if (more.length > 0) refuse(layer, `reads what several masks hide, which ${program.name} joins in another way`);
    if (backwards)
      refuse(layer, `reads a masked sequence from its end, and ${program.name} hands the mask on as it was`);
    return masks.find(({ input, value }) => input === mask.input && value === mask.value);
  };
  /** Of a layer that heeds masks: the one that it is to get. */
  const heeded = (layer: string, read: string, value: Value): MaskedBy | null => {
    const wanted = wantedMask(layer, read);
    const { carried } = value;
    const same = wanted?.input === carried?.input && wanted?.value === carried?.value;
    masksSaid ||= !same;
    if (wanted === undefined && value.ended) notes.add(masksEnd);
    if (!same && carried !== undefined && wanted === undefined)
      refuse(layer, `takes no notice of the mask of what it reads, and ${program.name}'s would`);
    if (!same && !program.saysMasks)
      refuse(layer, `is masked by what a layer before it read, and ${program.name} does not hand that mask on`);
    return wanted ?? null;
  };
  /** Of a layer that takes no notice of masks in the program. */
  const unheeded = (layer: string, read: string, { carried }: Value): void => {
    if (flowOf(read).maskedBy.length > 0) refuse(layer, `passes over masked steps, and ${program.name}'s does not`);
    if (carried !== undefined && !program.saysMasks)
      refuse(layer, `reads what is masked, and ${program.name}'s cannot`);
  };

  /** A group of arrays, and copies of those that are other layers'. */
  const group = (
    form: WeightForm,
    to: string,
    path: string,
    { shared = {} }: Pick<CellSpec, "shared">,
    factor = 1,
  ): WrittenGroup => {
    const owned = (name: string): string => shared[name.slice(to.length + 1)] ?? name;
    const arrays = arraysFrom({ form, to, path }, (name) => {
      const values = numbers[owned(name)] as Float32Array;
      // All but the candidate values' are of gates.
      const scaled = factor !== 1 && !name.endsWith("_g");
      return {
        shape: shapesOfParameters.get(owned(name)) as readonly number[],
        values: scaled ? values.map((value) => factor * value) : values,
      };
    });
    return { path, arrays: arrays.map(({ name, shape, data }) => ({ name, shape, data })) };
  };
  const noteShared = (name: string, { shared }: CellSpec): void => {
    if (shared !== undefined && Object.keys(shared).length > 0)
      notes.add(`${name}: it uses weights of other layers; written are copies, which training would move apart.`);
  };

  const recurrentOf = (name: string, spec: CellSpec, to = name): RecurrentLayer => {
    const made = recurrentLayer(spec, program, (parameter) => {
      return shapesOfParameters.get(spec.shared?.[parameter] ?? `${to}.${parameter}`)?.[0] as number;
    });
    if ("problem" in made) refuse(name, made.problem);
    for (const note of made.notes) notes.add(`${name}: ${note}`);
    return made;
  };

  /** The outputs that a layer's states start from, in Keras's order of its states. */
  const startsOf = (name: string, spec: CellSpec, states: readonly string[]): readonly Source[] => {
    const { initialState } = spec;
    if (typeof initialState !== "object") return [];
    const given = namesOf(initialState.from).flatMap((from): (readonly [string, () => Source])[] => {
      const owner = owners.get(from);
      if (owner === undefined) {
        const value =
          (layers.some((one) => one.name === from && one.kind === "cell" && one.cell.states.length > 0)
            ? undefined
            : values.get(from)) ?? refuse(name, `starts from "${from}", whose states ${program.name} does not give`);
        return [[states.length === 1 ? (states[0] as string) : from, () => value.source]];
      }
      const cell = owner.spec.kind === "bidirectional" ? owner.spec.forward.cell : owner.spec.cell;
      return cell.states.map((state) => [state, () => finalState(from, owner, state)] as const);
    });
    const from = new Map(given);
    return states.map((state) => (from.get(state) ?? refuse(name, `starts from states of other names`))());
  };
  const finalState = (from: string, owner: Owner, state: string): Source => {
    const read = (half?: "forward" | "backward"): Source => stateSource(from, owner.stateAt(state, half));
    if (owner.spec.kind !== "bidirectional") return read();
    const name = free("concatenate");
    const halves = [read("forward"), read("backward")];
    const shapes = halves.map(shapeOfSource);
    const width = shapes.reduce((sum, shape) => sum + (shape.at(-1) as number), 0);
    add({ name, className: "Concatenate", inputs: halves, shapes: [[null, width]], config: { axis: -1 } });
    return { layer: name, output: 0 };
  };
  /** A state as an output, which the layer then gives. */
  const stateSource = (layer: string, output: number): Source => {
    const found = written.find((one) => one.layer.name === layer) as (typeof written)[number];
    found.returnState = true;
    return { layer, output };
  };
  const shapeOfSource = ({ layer, output }: Source): Shape =>
    (written.find((one) => one.layer.name === layer)?.layer.shapes[output] ?? []) as Shape;

  /** A layer that gives nothing but a state of another one: with all of its parameters, from the same values. */
  const stateOfAnother = (layer: Layer & { kind: "cell" }, read: string, found: RecurrentLayer): Source | undefined => {
    const { shared = {}, cell, returnSequences, initialState } = layer;
    const [[, one] = ["", ""]] = Object.entries(shared);
    const all = Object.keys(shared).length === cell.parameters.length;
    const [of = "", half] = one.split(".").slice(0, -1) as [string?, ("forward" | "backward")?];
    const owner = owners.get(of);
    if (!all || returnSequences || owner === undefined) return undefined;
    const { spec } = owner;
    const own = spec.kind === "bidirectional" ? (half === undefined ? undefined : spec[half]) : spec;
    const backwards = half === "backward" ? !(spec as { forward: CellSpec }).forward.goBackwards : own?.goBackwards;
    const from = readOf.get(of);
    const same =
      own !== undefined &&
      Object.entries(shared).every(
        ([name, to]) => to === [of, half, name].filter((part) => part !== undefined).join("."),
      ) &&
      JSON.stringify(own.initialState) === JSON.stringify(initialState) &&
      backwards === layer.goBackwards &&
      from === read &&
      sameEquations({ source: cell.source.replace(/^\s*y\s*=.*$/m, "") }, own.cell);
    if (!same) return undefined;
    return stateSource(of, owner.stateAt(found.output ?? (found.states[0] as string), half));
  };

  /** What becomes of a recurrent layer's mask. */
  const handed = ({ returnSequences }: CellSpec, mask: MaskedBy | null): Pick<Value, "carried" | "ended"> =>
    mask === null || !returnSequences
      ? { carried: undefined }
      : { carried: program.handsMasksOn ? mask : undefined, ended: !program.handsMasksOn };

  const addRecurrent = (layer: Layer & { kind: "cell" }, read: string, value: Value): void => {
    const { name } = layer;
    const found = recurrentOf(name, layer);
    const state = stateOfAnother(layer, read, found);
    if (state !== undefined) {
      values.set(name, { source: state, carried: undefined });
      return;
    }
    noteShared(name, layer);
    if (found.output !== undefined) refuse(name, `gives its cell state, and ${program.name}'s gives the hidden state`);
    const mask = heeded(name, read, value);
    if (mask !== null && layer.zeroOutputForMask && !program.heedsMasks)
      refuse(name, `gives zeros at masked steps (zeroOutputForMask), and ${program.name}'s repeats its output`);
    if (mask !== null && program.handsMasksOn && layer.goBackwards && layer.returnSequences)
      refuse(name, `reverses a masked sequence, and ${program.name}'s hands the mask on as it was`);
    const initial = startsOf(name, layer, found.states);
    add({
      ...{ name, className: found.className, inputs: [value.source], initial, mask },
      config: { ...found.config, return_state: layer.returnState, go_backwards: layer.goBackwards },
      weights: [group(found.form, name, "cell", layer, found.factor)],
      shapes: [shapeOf(flowOf(name)), ...found.states.map((): Shape => [null, found.units])],
    });
    readOf.set(name, read);
    owners.set(name, { spec: layer, stateAt: (of) => 1 + found.states.indexOf(of) });
    values.set(name, { source: { layer: name, output: 0 }, ...handed(layer, mask) });
  };

  const addBidirectional = (layer: Layer & { kind: "bidirectional" }, read: string, value: Value): void => {
    const { name, forward, backward, mergeMode } = layer;
    const halves = [recurrentOf(name, forward, `${name}.forward`), recurrentOf(name, backward, `${name}.backward`)];
    const [there, back] = halves as [(typeof halves)[number], (typeof halves)[number]];
    if (typeof forward.initialState === "object" || typeof backward.initialState === "object")
      refuse(name, "starts its directions from given states");
    if (!program.differentDirections && JSON.stringify(there) !== JSON.stringify(back))
      refuse(name, `has another layer in each direction, and ${program.name}'s has one for both`);
    if (there.units !== back.units)
      refuse(
        name,
        `has ${there.units} units one way and ${back.units} the other, and ${program.name}'s has as many both ways`,
      );
    noteShared(name, forward);
    noteShared(name, backward);
    const mask = heeded(name, read, value);
    if (mask !== null && !program.heedsMasks)
      refuse(name, `is masked, and the halves of ${program.name}'s differ in what they make of that`);
    const unmerged = mergeMode === "none";
    const outputs = unmerged ? [`${name}.forward`, `${name}.backward`] : [name];
    const inner = halves.map((found, k): WrittenLayer => {
      const way = k === 0 ? "forward" : "backward";
      const spec = k === 0 ? forward : backward;
      return {
        ...{ name: `${way}_${snakeCase(found.className)}`, className: found.className },
        ...{ inputs: [value.source], initial: [] },
        config: {
          ...found.config,
          // Keras's own rule in this layer.
          ...{ zero_output_for_mask: spec.returnSequences, return_state: forward.returnState },
          go_backwards: forward.goBackwards !== (k === 1),
        },
        weights: [group(found.form, `${name}.${way}`, `${way}_layer/cell`, spec, found.factor)],
        shapes: [],
      };
    });
    const states = halves.flatMap((found) => found.states.map((): Shape => [null, found.units]));
    add({
      ...{ name, className: "Bidirectional", inputs: [value.source], mask, inner },
      config: { merge_mode: unmerged ? null : mergeMode },
      weights: inner.flatMap(({ weights }) => weights),
      shapes: [...outputs.map((one) => shapeOf(flowOf(one))), ...states],
    });
    readOf.set(name, read);
    owners.set(name, {
      spec: layer,
      stateAt: (of, half) =>
        outputs.length +
        (half === "backward" ? there.states.length + back.states.indexOf(of) : there.states.indexOf(of)),
    });
    outputs.forEach((one, output) => {
      values.set(one, { source: { layer: name, output }, ...handed(forward, mask) });
    });
  };

  const addCell = (layer: Layer & { kind: "cell" }, read: string, value: Value): void => {
    const { name, cell, strides = 1, shared } = layer;
    const found = layer.inputs === undefined ? recognizeLayer(cell, program.functions, strides) : undefined;
    if (layer.inputs !== undefined) refuse(name, "reads more layers than one");
    if (found === undefined)
      refuse(name, `computes what none of ${program.name}'s layers does: ${firstEquation(cell)}`);
    if (strides > 1 && found.kind !== "convolution") refuse(name, "has strides");
    if (found.kind === "same") {
      // It is nothing but a name, or the end of a mask, which the layers that read it say themselves.
      values.set(name, value);
      return;
    }
    const size = (parameter: string): number =>
      (shapesOfParameters.get(shared?.[parameter] ?? `${name}.${parameter}`)?.[0] ?? layer.units) as number;
    const { className, config, form, masks, problem } = simpleLayer(found, layer, {
      program,
      size,
      axes: isSequence(name) ? 3 : 2,
    });
    if (problem !== undefined) refuse(name, problem);
    const heeds = masks === "heeded" && program.heedsMasks;
    if (!heeds && (masks !== "passed" || (found.kind === "function" && !program.heedsMasks)))
      unheeded(name, read, value);
    if (found.kind === "affine")
      notes.add(`${name}: written as a BatchNormalization, which in training would follow its batches.`);
    noteShared(name, layer);
    add({
      ...{ name, className, config, inputs: [value.source], shapes: [shapeOf(flowOf(name))] },
      ...(form !== undefined && { weights: [group(form, name, "", layer)] }),
      ...(heeds && { mask: heeded(name, read, value) }),
    });
    const passed = masks === "passed" ? value : { carried: undefined };
    values.set(name, { ...passed, source: { layer: name, output: 0 } });
  };

  const valueRead = (layer: string, read: string): Value =>
    values.get(read) ?? refuse(layer, `reads "${read}", and ${program.name}'s gives its directions together`);
  for (const layer of layers) {
    const { name } = layer;
    const read = layer.reads ?? before;
    before = name;
    if (layer.kind === "input") {
      if (layer.mask) refuse(name, "has a mask as a further input");
      addInput(name, layer.features === "tokens");
      continue;
    }
    if (layer.kind === "merge") {
      const of = layer.of.map((one) => valueRead(name, one));
      if (of.some(({ ended }) => ended)) notes.add(masksEnd);
      if (of.some(({ carried }) => carried !== undefined))
        refuse(name, `merges what is masked, which ${program.name} does in another way`);
      const className = mergeClasses[layer.mergeMode];
      const config = layer.mergeMode === "concat" ? { axis: -1 } : {};
      add({ name, className, inputs: of.map(({ source }) => source), shapes: [shapeOf(flowOf(name))], config });
      values.set(name, { source: { layer: name, output: 0 }, carried: undefined });
      continue;
    }
    const value = valueRead(name, read);
    const simple = (
      className: string,
      config: Record<string, unknown>,
      passed: Pick<Value, "carried" | "ended">,
      weights: readonly WrittenGroup[] = [],
    ): void => {
      add({ name, className, config, weights, inputs: [value.source], shapes: [shapeOf(flowOf(name))] });
      values.set(name, { ...passed, source: { layer: name, output: 0 } });
    };
    switch (layer.kind) {
      case "embedding": {
        const { inputDim, outputDim, maskZero } = layer;
        simple(
          "Embedding",
          { input_dim: inputDim, output_dim: outputDim, mask_zero: maskZero },
          { carried: maskZero ? madeMask(read, value.source, 0, false) : undefined },
          [group({ kind: "embedding" }, name, "", {})],
        );
        break;
      }
      case "masking":
        simple(
          "Masking",
          { mask_value: layer.maskValue },
          { carried: madeMask(read, value.source, Math.fround(layer.maskValue), true) },
        );
        break;
      case "dropout": {
        const locked = layer.locked && isSequence(read);
        simple(locked ? "SpatialDropout1D" : "Dropout", { rate: layer.rate }, value);
        break;
      }
      case "repeat_vector":
        simple("RepeatVector", { n: layer.n }, { carried: undefined });
        break;
      case "bidirectional":
        addBidirectional(layer, read, value);
        break;
      case "cell":
        if (layer.cell.states.length > 0 && !isPooling(layer)) addRecurrent(layer, read, value);
        else addCell(layer, read, value);
    }
  }
  function madeMask(read: string, of: Source, value: number, vectors: boolean): MaskedBy {
    const { name = read } = graph.nodes[flowOf(read).value] as Node & { readonly name?: string };
    const mask = { input: name, value, of, vectors };
    masks.push(mask);
    return mask;
  }
  function isPooling({ cell, inputs: more, strides }: CellSpec): boolean {
    const found = more === undefined ? recognizeLayer(cell, program.functions, strides ?? 1) : undefined;
    return found !== undefined;
  }

  const { name: lastName } = layers.at(-1) as Layer;
  const last = values.get(lastName) as Value;
  if (inputs.some(({ layer }) => layer === last.source.layer)) refuse(lastName, "gives what it reads");
  const [masked, unmasked] = [true, false].map((is) =>
    written.find(({ layer }) => layer.mask !== undefined && (layer.mask !== null) === is),
  );
  if (program.leaksMasks && masked !== undefined && unmasked !== undefined)
    refuse(unmasked.layer.name, `has no mask, and ${program.name} gives it that of "${masked.layer.name}"`);
  return finishedTree({
    written,
    inputs,
    output: last.source,
    graph: first.kind === "input" || masksSaid,
    notes: [...notes],
  });
}

const masksEnd = "Masks end at recurrent layers, as in Keras since 3.16; earlier versions hand them on.";
const capital = (label: string): string => label.charAt(0).toUpperCase() + label.slice(1);
const mergeClasses = Object.fromEntries(
  Object.entries(mergeLabels).map(([mode, label]) => [mode, capital(label)]),
) as Record<keyof typeof mergeLabels, string>;
