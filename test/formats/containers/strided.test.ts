import fc from "fast-check";
import { expect, test } from "vitest";
import { inRowMajorOrder } from "../../../src/formats/containers/strided.ts";

test("elements of any size, wherever they lie, come as their indices count", () => {
  const axis = fc.record({ steps: fc.integer({ min: 0, max: 4 }), stride: fc.integer({ min: 0, max: 5 }) });
  const size = fc.constantFrom(1, 2, 4, 8, 16);
  const place = fc.integer({ min: 0, max: 4 });
  const elements = Uint8Array.from({ length: 1100 }, (_, k) => k % 251);
  fc.assert(
    fc.property(fc.array(axis, { maxLength: 3 }), size, place, place, (axes, bytes, offset, start) => {
      const from = elements.subarray(start);
      const wanted = axes
        .reduce(
          (places, { steps, stride }) =>
            places.flatMap((at) => Array.from({ length: steps }, (_, k) => at + k * stride)),
          [offset],
        )
        .flatMap((at) => [...from.subarray(at * bytes, (at + 1) * bytes)]);
      const strided = { shape: axes.map(({ steps }) => steps), strides: axes.map(({ stride }) => stride), offset };
      expect([...inRowMajorOrder(strided, from, bytes)]).toEqual(wanted);
    }),
  );
});
