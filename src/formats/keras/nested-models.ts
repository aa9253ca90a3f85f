/**
 * Models within a model as one model: the layers of each, named after it, with a call for each of their calls in each of its calls. Knows
 * nothing about our layers.
 */
import { excerpt } from "../../graph/excerpt.ts";
import {
  type Argument,
  ConfigError,
  isTrainable,
  type KerasCall,
  type KerasLayer,
  type KerasModel,
  type Reference,
  readConfig,
} from "./config.ts";
import { foldersOf } from "./folders.ts";

/** The most calls of layers, those within models counted for each call of their model. */
const mostCalls = 2000;

/** A model that a layer is. */
type Inner = { readonly layer: KerasLayer; readonly model: KerasModel };

/**
 * A model's config, and in place of models within it their layers.
 * @param given what `config.json`, `to_json()` or the attribute `model_config` holds
 * @throws ConfigError with the reason, for what is no config
 */
export const readWholeConfig = (given: unknown): KerasModel => flattened(readConfig(given));

/** The model of a layer that is one. */
function modelIn({ operation, className, config }: KerasLayer): KerasModel | undefined {
  if (operation || (className !== "Sequential" && className !== "Functional")) return undefined;
  return readWholeConfig({ class_name: className, config });
}

/** @throws ConfigError where a model is called with another number of inputs than it has, or there are too many calls */
function flattened(model: KerasModel): KerasModel {
  const folders = foldersOf(model.layers.filter(({ operation }) => !operation));
  const inners = new Map<string, Inner>();
  for (const layer of model.layers) {
    const inner = modelIn(layer);
    if (inner !== undefined) inners.set(layer.name, { layer, model: inner });
  }
  /** What a reference is in the flat model. */
  const resolve = (reference: Reference): Reference => {
    const [of, call, output] = reference;
    const inner = inners.get(of);
    if (inner === undefined) return reference;
    const own = inner.model.outputs[output];
    if (own === undefined || inner.layer.calls[call] === undefined) {
      throw new ConfigError(
        `output ${output} of the model ${excerpt(JSON.stringify(of), 60)} is read, which there is not`,
      );
    }
    return within(inner, call, own);
  };
  /** What a reference within a model is in the flat one, in one of the model's calls. */
  const within = ({ layer, model: inner }: Inner, index: number, [of, call, output]: Reference): Reference => {
    const input = inner.inputs.findIndex(([name]) => name === of);
    if (input >= 0) return resolve((layer.calls[index] as KerasCall).inputs[input] as Reference);
    const calls = inner.layers.find(({ name }) => name === of)?.calls.length ?? 0;
    return [nameWithin(layer, of), index * calls + call, output];
  };
  const layers = model.layers.flatMap((layer): KerasLayer[] => {
    const folder = [folders.get(layer.name) ?? ""];
    const own = { ...layer, folder };
    const inner = inners.get(layer.name);
    if (inner === undefined) return [{ ...own, calls: layer.calls.map((call) => mapped(call, resolve)) }];
    const count = inner.model.inputs.length;
    const odd = layer.calls.find(({ inputs }) => inputs.length !== count);
    if (odd !== undefined) {
      throw new ConfigError(
        `the model ${excerpt(JSON.stringify(layer.name), 60)} is called with ${odd.inputs.length} values, and it has ${count} inputs`,
      );
    }
    return inner.model.layers.flatMap((one): KerasLayer[] => {
      if (one.className === "InputLayer") return [];
      const calls = layer.calls.flatMap((_, index) =>
        one.calls.map((call) => mapped(call, (reference) => within(inner, index, reference))),
      );
      return [
        {
          ...{ ...one, name: nameWithin(layer, one.name), calls, folder: [...folder, ...(one.folder ?? [])] },
          group: layer.name,
          trainable: [isTrainable(layer.config), ...(one.trainable ?? [isTrainable(one.config)])],
        },
      ];
    });
  });
  const calls = layers.reduce((sum, layer) => sum + layer.calls.length, 0);
  if (calls > mostCalls) {
    throw new ConfigError(`its layers are called ${calls} times, and at most ${mostCalls} are read`);
  }
  return { ...model, layers, inputs: model.inputs.map(resolve), outputs: model.outputs.map(resolve) };
}

const nameWithin = ({ name }: KerasLayer, own: string): string => `${name}/${own}`;

function mapped(call: KerasCall, resolve: (reference: Reference) => Reference): KerasCall {
  const argument = (one: Argument): Argument => ("of" in one ? { of: resolve(one.of) } : one);
  return {
    ...{ ...call, inputs: call.inputs.map(resolve), initial: call.initial.map(resolve) },
    ...{ arguments: call.arguments.map(argument), mask: call.mask && resolve(call.mask) },
  };
}
