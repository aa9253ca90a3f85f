/** A model as a table: its layers, their output shapes and numbers of parameters. */
import { createBuilder, type Parameter } from "../graph/graph.ts";
import { checkValue } from "../graph/schema.ts";
import { countParameters, type Layer, labelOf, type Model } from "./model.ts";
import { aModel, layersOfModel } from "./model-checks.ts";
import { addModel } from "./model-graph.ts";
import type { Flow } from "./recurrent.ts";

/** One layer of a summary. */
export type LayerSummary = {
  readonly name: string;
  /** The type of layer: lstm, dense, bidirectional. */
  readonly type: string;
  /** Its output shapes: ["B", "T", features], or ["B", features] for one vector per example; "T/2", rounded up, after strides of 2. */
  readonly outputShapes: readonly (readonly (string | number)[])[];
  readonly parameters: number;
  /** The names of the layers that it reads; empty if it reads only the one before it. */
  readonly reads: readonly string[];
};

/**
 * The rows of `summary` as data: one entry per layer, in order.
 * @param model a model, or its layers and input
 * @throws InputError for what is not a model
 */
export function layerSummaries(model: Pick<Model, "layers" | "input">): LayerSummary[] {
  checkValue("layerSummaries: model", model, layersOfModel);
  const g = createBuilder();
  const { flows, output, steps } = addModel(g, model, { training: false });
  const stepsIn = ({ axis: { stride = 1, time: number }, time }: Flow): string | number =>
    steps === undefined || number ? (stride === 1 ? time : `${time}/${stride}`) : Math.ceil(steps / stride);
  const { parameters } = g.graph({ output });
  return model.layers.map((layer) => {
    const { name } = layer;
    const given = flows.has(name) ? [name] : [`${name}.forward`, `${name}.backward`];
    const outputShapes = given.map((one) => {
      const flow = flows.get(one) as Flow;
      const { value } = flow;
      const shape = g.shapeOf(value);
      return ["B", ...(g.isPerSequence(value) ? [] : [stepsIn(flow)]), ...(typeof shape === "number" ? [shape] : [])];
    });
    const own = parameters.filter((parameter) => parameter.name.startsWith(`${name}.`));
    return { name, type: labelOf(layer), outputShapes, parameters: countNumbers(own), reads: readBy(layer) };
  });
}
const countNumbers = (parameters: readonly Parameter[]): number => countParameters({ parameters });

function readBy(layer: Layer): readonly string[] {
  if (layer.kind === "merge") return layer.of;
  const state = layer.kind === "cell" && typeof layer.initialState === "object" ? [layer.initialState.from].flat() : [];
  const others = layer.kind === "cell" ? Object.values(layer.inputs ?? {}) : [];
  return [...new Set([...(layer.reads === undefined ? [] : [layer.reads]), ...others, ...state])];
}

/**
 * The model as a table to print, one line per layer: its name and type, its output shape (B examples, T steps; T/2, rounded up, are
 * every second of them), its number
 * of parameters, and the layers that it reads if that is not the one before. Keras's `model.summary()`.
 * @param model a model from `sequential`
 * @returns lines of text, as wide as needed
 * @throws InputError for what is not a model
 * @example console.log(summary(sequential([embedding(65, 64), lstm(128), dense(65)])));
 */
export function summary(model: Model): string {
  checkValue("summary: model", model, aModel);
  const rows = layerSummaries(model).map(({ name, type, outputShapes, parameters, reads }) => [
    name === type ? name : `${name} (${type})`,
    outputShapes.map((shape) => `(${shape.join(", ")})`).join(" "),
    parameters.toLocaleString("en-US"),
    reads.join(", "),
  ]);
  const head = ["Layer", "Output shape", "Parameters", rows.some(([, , , reads]) => reads !== "") ? "Reads" : ""];
  const widths = head.map((_, k) => Math.max(...[head, ...rows].map((row) => (row[k] as string).length)));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, k) => (k === 2 ? cell.padStart(widths[k] as number) : cell.padEnd(widths[k] as number)))
      .join("  ")
      .trimEnd();
  const rule = "-".repeat(line(head).length);
  const total = `Total parameters: ${countParameters(model).toLocaleString("en-US")}`;
  return [line(head), rule, ...rows.map(line), rule, total].join("\n");
}
