/** The names of a layer's folders in Keras's HDF5 files. Knows nothing about weights. */

/** Keras's names of folders: `LayerNormalization` is layer_normalization. */
export const snakeCase = (name: string): string =>
  name
    .replace(/\W+/g, "")
    .replace(/(.)([A-Z][a-z]+)/g, "$1_$2")
    .replace(/([a-z])([A-Z])/g, "$1_$2")
    .toLowerCase();

/** The folder of each layer: its class, numbered where there are more of one class. */
export function foldersOf(
  layers: readonly { readonly name: string; readonly className: string }[],
): ReadonlyMap<string, string> {
  const counts = new Map<string, number>();
  return new Map(
    layers.map(({ name, className }) => {
      const folder = snakeCase(className);
      const count = counts.get(folder) ?? 0;
      counts.set(folder, count + 1);
      return [name, count === 0 ? folder : `${folder}_${count}`];
    }),
  );
}
