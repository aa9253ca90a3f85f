/**
 * The recurrent layers of a shape by themselves, each upon the one before: forward for training, and backward from given gradients of
 * the last one's outputs to those of weights, biases and inputs. Any cell will do.
 */
import type { HostOptions } from "../engines/engine.ts";
import { grad } from "../grad/grad.ts";
import { createBuilder, type NodeId } from "../graph/graph.ts";
import { instantiate } from "../graph/instantiate.ts";
import type { Random } from "../nn/random.ts";
import { compile, type Program } from "../runtime/program.ts";
import { cellOf, type Shape } from "./shapes.ts";

/**
 * Its inputs are `x` (T,B,D) and `d y` (T,B,H); its outputs `y` and `d x`; the parameters of layer k begin with `k.`.
 * States start from zeros.
 */
export function compileLayers(
  { kind, embedding: features, units, layers, batch, steps }: Shape,
  host: HostOptions,
): Promise<Program> {
  const g = createBuilder();
  const x = g.input("x", features);
  let y: NodeId = x;
  for (let k = 0; k < layers; k++) {
    y = instantiate(g, cellOf[kind], { layer: `${k}`, units, inputs: { x: y } }).output;
  }
  const graph = grad(g.graph({ y }), "y", { x });
  return compile(graph, { steps, batch, keep: ["y", "d x"] }, host, { owner: "layers" });
}

/** Random inputs and parameters, and a function that runs all of it once as after an update: with parameters that have changed. */
export function runnerOf(program: Program, { units }: Shape, random: Random): () => Promise<void> {
  const draw = (length: number, most: number): Float32Array =>
    Float32Array.from({ length }, () => most * (2 * random.uniform() - 1));
  const { inputs, parameters } = program.plan;
  for (const [name, { rows, size }] of Object.entries(inputs)) program.setInput(name, draw(rows * size, 1));
  for (const [name, { size }] of Object.entries(parameters))
    program.setParameter(name, draw(size, 1 / Math.sqrt(units)));
  // To set one is enough: all weights are packed again.
  const [least] = Object.keys(parameters).sort((a, b) => sizeOf(a) - sizeOf(b)) as [string];
  const same = program.parameter(least);
  return () => {
    program.setParameter(least, same);
    return program.run();
  };
  function sizeOf(name: string): number {
    return parameters[name]?.size as number;
  }
}
