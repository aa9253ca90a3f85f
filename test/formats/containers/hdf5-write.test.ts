/** HDF5 files that are written: what is read from them again. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { readHdf5 } from "../../../src/formats/containers/hdf5.ts";
import { type Hdf5Object, writeHdf5 } from "../../../src/formats/containers/hdf5-write.ts";

const name = fc
  .string({ unit: "grapheme", minLength: 1, maxLength: 6 })
  .filter((text) => /^[^/.\0]+$/.test(text) && !/\p{Surrogate}/u.test(text));
const path = fc.array(name, { minLength: 1, maxLength: 4 }).map((parts) => `/${parts.join("/")}`);
const numbers = fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 3 }).chain((shape) => {
  const count = shape.reduce((a, b) => a * b, 1);
  return fc
    .array(fc.integer({ min: 0, max: 2 ** 32 - 1 }), { minLength: count, maxLength: count })
    .map((bits) => ({ shape, data: new Float32Array(Uint32Array.from(bits).buffer) }));
});
const attributes = fc.dictionary(
  name,
  fc.string({ unit: "grapheme", maxLength: 8 }).filter((text) => !/\0/.test(text) && !/\p{Surrogate}/u.test(text)),
  { maxKeys: 2 },
);

/** Objects of which none lies below an array, and none is there twice. */
const objects = fc
  .array(
    fc.tuple(
      path,
      fc.oneof(
        numbers,
        attributes.map((one) => ({ attributes: one })),
      ),
    ),
    { maxLength: 8 },
  )
  .map((all) => {
    const kept: Hdf5Object[] = [];
    for (const [where, what] of all) {
      const array = "data" in what;
      const clash = kept.some(
        (one) =>
          one.path === where ||
          ("data" in one && where.startsWith(`${one.path}/`)) ||
          (array && one.path.startsWith(`${where}/`)),
      );
      if (!clash) kept.push({ path: where, ...what });
    }
    return kept;
  });

test("any groups, texts and arrays come back bit for bit, and the same objects are the same bytes", async () => {
  await fc.assert(
    fc.asyncProperty(objects, async (given) => {
      const bytes = await writeHdf5(given, "m.h5");
      await readHdf5(bytes, "m.h5", (file) => {
        for (const object of given) {
          if ("data" in object) {
            const { shape, data } = file.numbers(object.path);
            expect(shape).toEqual(object.shape);
            expect(new Uint32Array(data.buffer)).toEqual(new Uint32Array(object.data.buffer));
          } else {
            for (const [key, value] of Object.entries(object.attributes ?? {}))
              expect(file.attribute(object.path, key)).toEqual([value]);
          }
        }
      });
      expect(await writeHdf5(given, "m.h5")).toEqual(bytes);
    }),
    { numRuns: 40 },
  );
});

test("a file holds no time: written at another time, it is the same", async () => {
  const given: Hdf5Object[] = [{ path: "/a/b", shape: [2], data: Float32Array.of(1, 2) }];
  const [first, { now }] = [await writeHdf5(given, "m.h5"), Date];
  Date.now = () => now() + 10 ** 9;
  try {
    expect(await writeHdf5(given, "m.h5")).toEqual(first);
  } finally {
    Date.now = now;
  }
  expect(Date.now).toBe(now);
});

test("two objects of one path are a fault of ours", async () => {
  const one: Hdf5Object = { path: "/a", shape: [], data: Float32Array.of(1) };
  await expect(writeHdf5([one, one], "m.h5")).rejects.toThrow("internal: m.h5: two objects of one path");
});

test("an array below an array is told, and leaves nothing behind", async () => {
  const array = (path: string): Hdf5Object => ({ path, shape: [1], data: Float32Array.of(1) });
  for (let k = 0; k < 70; k++) await expect(writeHdf5([array("/a"), array("/a/b")], "m.h5")).rejects.toThrow();
  expect((await writeHdf5([array("/a")], "m.h5")).length).toBeGreaterThan(0);
});
