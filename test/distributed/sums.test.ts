/** Sums, gathers and broadcasts of three processes over Open MPI, beside what they should be. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { hasMpirun, mpirun, unlessMissing } from "../helpers/mpirun.ts";
import { root } from "../helpers/processes.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";

const folder = temporaryFolder();
/** Each process knows what the others give. Lengths from none, and fewer than processes, to more than a message that is sent at once. */
const program = `
import { connect } from ${JSON.stringify(join(root, "dist/distributed/index.js"))};
const [packing] = process.argv.slice(2);
const ours = await connect({ packing, patienceSeconds: 30 });
const { rank, size } = ours;
let seed = 7;
const whole = (n) => { seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff; return seed % n; };
const number = (k, of) => Math.fround(Math.sin(k * 0.37 + of) * (1 + of));
let [worst, inOrder] = [0, true];
const lengths = [0, 1, 2, 3, 255, 257, 40_000, ...Array.from({ length: 12 }, () => whole(70_000))];
const all = lengths.map((length, which) => {
  const wide = which % 4 === 3;
  const numbers = wide ? new Float64Array(length) : new Float32Array(length);
  for (let k = 0; k < length; k++) numbers[k] = number(k, rank);
  return { numbers, wide, sum: ours.sum(numbers) };
});
for (const { numbers, wide, sum } of all) {
  await sum;
  const total = wide ? new Float64Array(1) : new Float32Array(1);
  for (let k = 0; k < numbers.length; k++) {
    total[0] = 0;
    for (let of = 0; of < size; of++) total[0] += number(k, of);
    worst = Math.max(worst, wide ? 0 : Math.abs(numbers[k] - total[0]));
    if ((wide || packing === "f32") && !Object.is(numbers[k] + 0, total[0] + 0)) inOrder = false;
  }
}
const odd = new Float32Array(600).fill(rank === 1 ? Number.NaN : 1);
await ours.sum(odd);
const gathered = await ours.gather(new Uint8Array(rank * 5000).fill(rank));
const told = await ours.broadcast(new TextEncoder().encode(rank === 0 ? "from the first" : "no"));
const nothing = await ours.broadcast(new Uint8Array());
console.log(JSON.stringify({
  rank, size, inOrder, worst, isOdd: odd.every(Number.isNaN),
  gathered: gathered.map((bytes) => [bytes.length, bytes.at(-1) ?? null]),
  told: new TextDecoder().decode(told), nothing: nothing.length,
}));
await ours.close();
`;
writeFileSync(join(folder, "sums.mjs"), program);

test.skipIf(!hasMpirun)(
  `in the order of ranks as f32, near to it as bf16 and int8, NaN stays NaN ${unlessMissing}`,
  async () => {
    for (const [packing, near] of [
      ["f32", 0],
      ["bf16", 0.05],
      ["int8", 0.06],
    ] as const) {
      const { code, out, err } = await mpirun(folder, ["-n", "3", process.execPath, "sums.mjs", packing]).ended;
      expect({ code, err }).toEqual({ code: 0, err: "" });
      const told = out
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line));
      expect(told.map(({ rank }) => rank).sort()).toEqual([0, 1, 2]);
      for (const one of told) {
        const gathered =
          one.rank === 0
            ? [
                [0, null],
                [5000, 1],
                [10_000, 2],
              ]
            : [];
        expect(one).toMatchObject({
          size: 3,
          inOrder: true,
          isOdd: true,
          gathered,
          told: "from the first",
          nothing: 0,
        });
        expect(one.worst).toBeLessThanOrEqual(near);
      }
    }
  },
  60_000,
);
