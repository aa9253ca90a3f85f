/** Layers that do the same at each step, or pool them all, as Keras's classes with their options. Knows nothing about models. */
import type { CellSpec } from "../../nn/layers.ts";
import type { RecognizedLayer } from "./recognize.ts";
import type { Program } from "./tree.ts";
import { type WeightForm, writtenEpsilon } from "./weights.ts";

type SimpleLayer = {
  readonly className: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly form?: WeightForm;
  /** What it makes of a mask: hands it on; does as it says; takes no notice, and hands none on. */
  readonly masks: "passed" | "heeded" | "none";
  /** Why it cannot be said after all. */
  readonly problem?: string | undefined;
};

/** @param at `size` of a parameter: its rows; `axes` of what the layer gives: 3 of a sequence */
export function simpleLayer(
  found: Exclude<RecognizedLayer, { kind: "same" }>,
  layer: CellSpec,
  at: { readonly program: Program; readonly size: (parameter: string) => number; readonly axes: 2 | 3 },
): SimpleLayer {
  const { program, size, axes } = at;
  switch (found.kind) {
    case "dense": {
      const { activation, bias } = found;
      const config = { units: size("W"), activation, use_bias: bias };
      return { className: "Dense", config, form: { kind: "dense", bias }, masks: "passed" };
    }
    case "activation":
      return { className: "Activation", config: { activation: found.activation }, masks: "passed" };
    case "function": {
      const { className, config } = found;
      const known = program.functionLayers.includes(className);
      const problem = known ? undefined : `has an option that ${program.name}'s ${className} has not`;
      return { className, config, masks: "passed", problem };
    }
    case "normalization": {
      const { epsilon, scale, center } = found;
      const config = { axis: [axes - 1], epsilon, center, scale };
      return {
        className: "LayerNormalization",
        config,
        form: { kind: "normalization", scale, center },
        masks: "passed",
      };
    }
    case "affine": {
      const given = { epsilon: writtenEpsilon, center: true, scale: true };
      const form = { kind: "batch", ...given } as const;
      return { className: "BatchNormalization", config: { axis: -1, ...given }, form, masks: "passed" };
    }
    case "convolution": {
      const { size: steps, activation } = found;
      const { strides = 1 } = layer;
      const one = steps === 1 && strides === 1;
      const padding = one ? "valid" : "causal";
      const stepwise = layer.cell.states.length === 0;
      const problem =
        !stepwise && !layer.returnSequences
          ? "gives its last output alone"
          : axes === 2
            ? "convolves one vector, not a sequence"
            : !one && !program.causal
              ? `is a causal convolution, which ${program.name} does not compute`
              : stepwise
                ? undefined
                : oddOption(layer);
      return {
        className: "Conv1D",
        config: { filters: size("W_0"), kernel_size: [steps], strides: [strides], padding, activation },
        form: { kind: "convolution", size: steps, bias: true },
        masks: "none",
        problem,
      };
    }
    case "mean":
    case "max": {
      const { returnSequences } = layer;
      return {
        className: found.kind === "mean" ? "GlobalAveragePooling1D" : "GlobalMaxPooling1D",
        config: { keepdims: false },
        masks: found.kind === "mean" ? "heeded" : "none",
        problem: returnSequences ? "pools up to each step, not over the whole sequence" : oddOption(layer),
      };
    }
  }
}

/** Options of recurrent layers that those of Keras which are none have not. */
function oddOption({ initialState, goBackwards, stateful, zeroOutputForMask, zoneout }: CellSpec): string | undefined {
  const odd = initialState !== "zeros" || goBackwards || stateful || zeroOutputForMask || zoneout !== 0;
  return odd ? "has an option that only recurrent layers have" : undefined;
}
