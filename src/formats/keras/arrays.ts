/** Where the arrays of each layer are in Keras's HDF5 files. */
import { excerpt } from "../../graph/excerpt.ts";
import type { Hdf5File } from "../containers/hdf5.ts";
import { FormatError } from "../safetensors.ts";
import { ConfigError, isTrainable, type KerasModel } from "./config.ts";
import type { Translated } from "./translate.ts";
import { arraysOf, arraysOfKeras1, type KerasArray, type WeightGroup } from "./weights.ts";

/** The arrays of a layer's parts, by the layer's name. */
export type Arrays = (layer: string, groups: readonly WeightGroup[]) => readonly (readonly KerasArray[])[];

/** Where the folders of layers are in a `.weights.h5`, and in a model within one. */
export const newRoots = ["/layers", "/_layer_checkpoint_dependencies"];

/** Arrays by folders that have the names of classes, numbered where there are more of one class. */
export function newArrays(file: Hdf5File, model: KerasModel, { weights }: Translated, name: string): Arrays {
  const root = newRoots.find((one) => file.kind(one) === "group");
  if (root === undefined && weights.size > 0) throw new FormatError(`${name}: its weights have no group "layers".`);
  const folders = new Map(model.layers.map((layer) => [layer.name, layer.folder?.join(`${root}/`) ?? ""]));
  return (layer, groups) =>
    groups.map(({ form, path }) => {
      const folder = [root, folders.get(layer), path, "vars"].filter((part) => part !== "").join("/");
      return arraysOf(form).map((what, k) => ({ ...file.numbers(`${folder}/${k}`), name: `${layer}: ${what}` }));
    });
}
/** A list of texts, which Keras writes over several attributes where it is long. */
export function listed(file: Hdf5File, path: string, name: string): readonly string[] | undefined {
  const whole = file.attribute(path, name);
  if (whole !== undefined) return whole;
  const parts: string[] = [];
  for (let k = 0; ; k++) {
    const part = file.attribute(path, `${name}${k}`);
    if (part === undefined) return k === 0 ? undefined : parts;
    parts.push(...part);
  }
}

/**
 * Arrays in the order that the group of each layer, or of the model that it is within, lists them in: what is trained comes first.
 * @param major the version of Keras that wrote them
 */
export function oldArrays(
  file: Hdf5File,
  model: KerasModel,
  { weights }: Translated,
  { name, major }: { readonly name: string; readonly major: number },
): Arrays {
  const root = file.kind("/model_weights") === "group" ? "/model_weights" : "/";
  const at = (path: string): string => (root === "/" ? `/${path}` : `${root}/${path}`);
  const groupOf = new Map(model.layers.map((layer) => [layer.name, layer.group ?? layer.name]));
  const membersOf = (group: string): readonly Member[] =>
    model.layers.flatMap((layer) =>
      groupOf.get(layer.name) !== group
        ? []
        : (weights.get(layer.name) ?? []).map((part) => ({
            part,
            frozen: isFrozen([...(layer.trainable ?? [isTrainable(layer.config)]), ...(part.trainable ?? [])], major),
          })),
    );
  const layers = listed(file, root, "layer_names");
  if (layers === undefined) throw new FormatError(`${name}: its weights have no attribute "layer_names".`);
  const missing = [...weights.keys()].map((layer) => groupOf.get(layer) as string).find((one) => !layers.includes(one));
  if (missing !== undefined) {
    throw new FormatError(
      `${name}: it has no weights of the layer ${excerpt(JSON.stringify(missing), 60)}; it has those of ${excerpt(layers.join(", "), 80)}.`,
    );
  }
  const wrong = (layer: string, count: number, wanted: string): never => {
    throw new ConfigError(`the layer ${excerpt(JSON.stringify(layer), 60)} has ${count} arrays, expected ${wanted}`);
  };
  const numbers = (layer: string, group: string, one: string): KerasArray => ({
    ...file.numbers(at(`${group}/${one}`)),
    name: `${layer}: ${one.split("/").at(-1)}`,
  });
  return (layer, groups) => {
    const group = groupOf.get(layer) as string;
    const names = listed(file, at(group), "weight_names") ?? [];
    const members = membersOf(group);
    const inOrder =
      members.every(({ frozen }) => frozen === members[0]?.frozen) &&
      (members.length === 1 || members.every(({ part }) => part.form.kind !== "batch"));
    if (group !== layer || !inOrder) {
      const places = placesOf(members);
      if (places.size !== names.length) wrong(group, names.length, `${places.size}`);
      return groups.map(({ form, to }) =>
        arraysOf(form).map((what) => numbers(layer, group, names[places.get(`${to} ${what}`) as number] as string)),
      );
    }
    const counts = [arraysOfForms(groups, (form) => arraysOf(form).length), arraysOfForms(groups, arraysOfKeras1)];
    const each = counts.find((list) => list.reduce((a, b) => a + b, 0) === names.length);
    if (each === undefined) {
      const sums = counts.map((list) => list.reduce((a, b) => a + b, 0));
      return wrong(layer, names.length, [...new Set(sums)].join(" or "));
    }
    let from = 0;
    return each.map((count) => {
      const own = names.slice(from, from + count);
      from += count;
      return own.map((one) => numbers(layer, group, one));
    });
  };
}
const arraysOfForms = (groups: readonly WeightGroup[], count: (form: WeightGroup["form"]) => number): number[] =>
  groups.map(({ form }) => count(form));

/** A part of a layer, and whether it is not trained. */
type Member = { readonly part: WeightGroup; readonly frozen: boolean };
/** The place of each array of parts whose arrays are in one list: what is trained comes first. */
function placesOf(members: readonly Member[]): ReadonlyMap<string, number> {
  const trained: string[] = [];
  const others: string[] = [];
  for (const { part, frozen } of members) {
    for (const what of arraysOf(part.form)) {
      (frozen || what.startsWith("moving_") ? others : trained).push(`${part.to} ${what}`);
    }
  }
  return new Map([...trained, ...others].map((key, k) => [key, k]));
}
/**
 * Whether arrays are not trained, by what they are within, the outermost first. Keras 3 asks the outermost, whose list it is, and the
 * arrays, which are what was set last; Keras 1 and 2 ask all between, too.
 */
const isFrozen = (trainable: readonly boolean[], major: number): boolean =>
  major >= 3 ? !trainable[0] || !trainable.at(-1) : trainable.includes(false);
