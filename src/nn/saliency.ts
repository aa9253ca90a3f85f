/**
 * Saliency: how much a prediction depends on each of the tokens before it, by the gradient of the predicted token's
 * log-probability with respect to the embeddings that were read.
 */

import type { HostOptions } from "../engines/engine.ts";
import { hostRules } from "../engines/registry.ts";
import { stepwise } from "../engines/stepwise.ts";
import { grad } from "../grad/grad.ts";
import { type Axis, type Builder, createBuilder, type Node, type NodeId } from "../graph/graph.ts";
import { InputError } from "../graph/input-error.ts";
import {
  type Arguments,
  anArray,
  checkArguments,
  formatValue,
  isIndex,
  options as optionsOf,
  recordOf,
} from "../graph/schema.ts";
import { yieldNow } from "../graph/yielding.ts";
import type { Program } from "../runtime/program.ts";
import { bind } from "./bind.ts";
import { inputOf, type Model } from "./model.ts";
import { aModel, checkReadsForward } from "./model-checks.ts";
import { addModel, lossInputs } from "./model-graph.ts";
import { createSession, type Session } from "./session.ts";

/** The saliency of the prediction of the last of T tokens: one entry for each of the T - 1 tokens before it. */
export type Saliency = {
  /** Log-probability of the last token given those before it, in nats. */
  readonly logProbability: number;
  /** Its gradient with respect to the embedding (E) of each earlier token; several embeddings are concatenated. */
  readonly gradients: readonly Float32Array[];
  /** The norms (T-1) of the gradients: how much the prediction depends on each token. */
  readonly norms: Float32Array;
  /** Gradient times embedding (T-1), in nats: positive where a token made the last one more likely, negative where less. */
  readonly products: Float32Array;
};

/** Options of `saliency`; also the host's: `engine`, `threads`, `fma`, `precision`. */
export type SaliencyOptions = HostOptions & {
  /** The states before the first token, from `session.state()`. By default the initial states. */
  readonly start?: Readonly<Record<string, ArrayLike<number>>> | undefined;
};

export const saliencyArguments: Arguments = {
  model: aModel,
  tokens: anArray,
  options: optionsOf<SaliencyOptions>({ ...hostRules, start: recordOf(anArray) }),
};

/**
 * Compute how much the probability of the last token depends on each token before it. The backward pass keeps the whole
 * sequence in memory: for the end of a long sequence give only its last tokens, and the states before them as `start`; the
 * probability is then that given the whole sequence. Gradients as explanations: K. Simonyan et al., "Deep inside
 * convolutional networks", 2013; times the input: J. Li et al., "Visualizing and understanding neural models in NLP", 2016,
 * and M. Denil et al., 2014.
 * @param model a model that reads tokens and gives one logit per token
 * @param tokens T token ids, at least 2; the last is the predicted one
 * @param options `start`: the states before the first token; the host's options
 * @throws InputError for fewer than two tokens, unknown tokens, a model that does not predict the next token, and states
 *   that do not fit
 * @example const { norms } = await saliency(model, tokens.slice(0, 40)); norms[38] // how much token 39 depends on token 38
 */
export async function saliency(
  model: Model,
  tokens: ArrayLike<number>,
  options: SaliencyOptions = {},
): Promise<Saliency> {
  checkArguments("saliency", { model, tokens, options }, saliencyArguments);
  const { start, ...host } = options;
  checkReadsForward(model, "saliency");
  const count = model.inputs[0]?.count;
  if (model.input !== "tokens" || count !== model.outputSize) {
    throw new InputError("saliency: needs a model that reads tokens and gives one logit per token");
  }
  if (tokens.length < 2) {
    throw new InputError(`saliency: needs a token and at least one before it, got ${tokens.length}`);
  }
  const odd = Array.from(tokens).findIndex((token) => !isIndex(token, count));
  if (odd >= 0)
    throw new InputError(
      `saliency: token ${formatValue(tokens[odd])} at ${odd} is out of range: expected 0 to ${count - 1}`,
    );

  const steps = tokens.length - 1;
  const { program, once, read } = await bindSaliency(
    model,
    { steps, goesOn: true },
    (g, output, times) => {
      const target = g.oneHot(g.index(lossInputs.target, times), model.outputSize);
      const logProbability = g.sub(g.sum(g.mul(target, output)), g.reduce("logsumexp", output));
      return "perSequence" in times ? logProbability : g.mul(logProbability, g.input("is last", "scalar"));
    },
    host,
  );
  // A session knows how states start, and which there are.
  let session: Session | undefined;
  try {
    session = await createSession(model, { ...(await stepwise(host)), threads: 1 });
    if (start !== undefined) session.restore(start);
    program.resetStates();
    for (const [name, values] of Object.entries(session.state())) program.setState(name, values);
    const explained = tokens[steps] as number;
    program.setIndex(inputOf(model), Array.from(tokens).slice(0, steps));
    program.setIndex(lossInputs.target, once ? [explained] : Array(steps).fill(explained));
    if (!once) program.setInput("is last", [...Array(steps - 1).fill(0), 1]);
    await program.run();
    await yieldNow();

    const logProbability = program.output("last").at(-1) as number;
    return { logProbability, ...saliencyIn(model, program, read, tokens, steps) };
  } finally {
    session?.dispose();
    program.dispose();
  }
}

/** How much a weighted sum of a model's outputs depends on each token: one entry a token in each list. */
export type OutputSaliency = Omit<Saliency, "logProbability">;
/**
 * Compute how much a weighted sum of a model's outputs depends on each token of a sequence, for a model that reads tokens, in any
 * direction. With the derivative of a log-probability by the outputs as weights it is the saliency of that: e(label) - probabilities
 * for a class by its logits.
 * @param tokens T token ids
 * @param weights what each number of the output counts, flat: (V), or (T',V) for the T' outputs that T tokens have
 * @internal
 */
export async function outputSaliency(
  model: Model,
  tokens: ArrayLike<number>,
  weights: Float32Array,
  host: HostOptions,
): Promise<OutputSaliency> {
  const { program, read } = await bindSaliency(
    model,
    { steps: tokens.length, goesOn: false },
    (g, output, times) => g.sum(g.mul(g.input("weights", model.outputSize, times), output)),
    host,
  );
  try {
    program.resetStates();
    program.setIndex(inputOf(model), Array.from(tokens));
    program.setInput("weights", weights);
    await program.run();
    return saliencyIn(model, program, read, tokens, tokens.length);
  } finally {
    program.dispose();
  }
}

type Read = readonly (readonly [name: string, id: NodeId, node: Node<"gather">])[];
type Times = Axis | { readonly perSequence: true };
/** The program of what is explained, made of the model's output, and of its gradients with respect to the embeddings that are read. */
async function bindSaliency(
  model: Model,
  { steps, goesOn }: { readonly steps: number; readonly goesOn: boolean },
  explained: (g: Builder, output: NodeId, times: Times) => NodeId,
  host: HostOptions,
): Promise<{ readonly program: Program; readonly once: boolean; readonly read: Read }> {
  const g = createBuilder();
  const { output, flow } = addModel(g, model, { training: false, goesOn, steps });
  const once = g.node(output).perSequence === true;
  const forward = g.graph({ last: explained(g, output, once ? { perSequence: true } : flow.axis) });
  const read = forward.nodes.flatMap((node, id) => (node.op === "gather" ? [[`read ${id}`, id, node] as const] : []));
  const graph = grad(forward, "last", Object.fromEntries(read.map(([name, id]) => [name, id])));
  const keep = ["last", ...read.map(([name]) => `d ${name}`)];
  return { program: await bind(model, { graph: () => graph, steps, batch: 1, keep }, host), once, read };
}

/** What a program of `bindSaliency` has found, for each of its steps. */
function saliencyIn(
  model: Model,
  program: Program,
  read: Read,
  tokens: ArrayLike<number>,
  steps: number,
): OutputSaliency {
  const parts = read.map(([name, , { parameter }]) => {
    const flat = program.output(`d ${name}`);
    return { flat, size: flat.length / steps, weights: model.values[parameter] as Float32Array };
  });
  const each = Array.from({ length: steps }, (_, t) => {
    const own = parts.map(({ flat, size }) => flat.subarray(t * size, (t + 1) * size));
    const embedded = parts.map(({ size, weights }) => weights.subarray((tokens[t] as number) * size).subarray(0, size));
    const product = own.reduce((sum, part, k) => sum + dot(part, embedded[k] as Float32Array), 0);
    return { gradient: Float32Array.from(own.flatMap((part) => Array.from(part))), product };
  });
  return {
    gradients: each.map(({ gradient }) => gradient),
    norms: Float32Array.from(each, ({ gradient }) => Math.sqrt(dot(gradient, gradient))),
    products: Float32Array.from(each, ({ product }) => product),
  };
}

const dot = (a: Float32Array, b: Float32Array): number => a.reduce((sum, x, k) => sum + x * (b[k] as number), 0);
