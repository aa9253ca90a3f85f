/** A rectangle of the map of states: which points it has, and what they are beside chance. */
import { expect, test } from "vitest";
import { createRandom } from "../../src/nn/random.ts";
import { areaBetween, areaOf, areaText, pointsIn, sharesOf } from "../../src/studio/views/inspect/selection.ts";

test("a rectangle between two corners has both, in any order, and its text reads as the same one", () => {
  const random = createRandom(3);
  for (let n = 0; n < 200; n++) {
    const scale = 10 ** (random.integer(9) - 4);
    const corner = (): [number, number] => [scale * random.normal(), scale * random.normal()];
    const [a, b] = [corner(), corner()];
    const area = areaBetween(a, b, scale);
    expect(areaBetween(b, a, scale)).toEqual(area);
    expect(areaOf(areaText(area))).toEqual(area);
    const [across, up] = [Float32Array.of(a[0], b[0]), Float32Array.of(a[1], b[1])];
    expect([
      ...pointsIn(
        areaBetween([across[0] as number, up[0] as number], [across[1] as number, up[1] as number], scale),
        across,
        up,
      ),
    ]).toEqual([1, 1]);
    // Not larger than it has to be.
    expect(area.right - area.left).toBeLessThanOrEqual(Math.abs(a[0] - b[0]) + 0.0021 * scale);
  }
});

test("what is no rectangle in an address is none", () => {
  for (const text of [undefined, "", "1,2,3", "1,2,3,x", "2,1,0,0", "0,1,1,0", "1,2,,4", "1,2,3,Infinity", "1,2,3,4,5"])
    expect(areaOf(text)).toBeUndefined();
  expect(areaOf("-1,2,-3.5,4")).toEqual({ left: -1, right: 2, low: -3.5, high: 4 });
});

test("points on the sides are in the rectangle", () => {
  const area = { left: 0, right: 2, low: -1, high: 1 };
  expect([...pointsIn(area, Float32Array.of(0, 2, 1, 2.1, 1), Float32Array.of(-1, 1, 0, 0, -1.1))]).toEqual([
    1, 1, 1, 0, 0,
  ]);
});

test("shares: counts beside the selection's share of the whole, the most above chance first", () => {
  // Of 10 points 4 are selected: 3 of 5 a, 1 of 3 b, 0 of 2 c.
  const names = ["a", "a", "b", "c", "a", "a", "b", "c", "b", "a"];
  const shares = sharesOf(names, Uint8Array.of(1, 1, 1, 0, 1, 0, 0, 0, 0, 0));
  expect(shares).toEqual([
    { name: "a", selected: 3, expected: 2, all: 5 },
    { name: "b", selected: 1, expected: (4 * 3) / 10, all: 3 },
  ]);
  expect(sharesOf(names, new Uint8Array(10))).toEqual([]);
});
