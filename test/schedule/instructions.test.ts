import fc from "fast-check";
import { expect, test } from "vitest";
import { createBuilder, type NodeId } from "../../src/graph/graph.ts";
import type { ProductBlock } from "../../src/graph/operations.ts";
import { createRandom } from "../../src/nn/random.ts";
import { load } from "../../src/runtime/program.ts";
import type { Group } from "../../src/schedule/groups.ts";
import { createInstructions } from "../../src/schedule/instructions.ts";
import { aligned } from "../../src/schedule/memory.ts";
import { type Pack, type Plan, type Product, pad4 } from "../../src/schedule/plan.ts";

type Shape = {
  /** Features of what comes out side by side, and of what is read side by side. */
  readonly outputs: readonly number[];
  readonly operands: readonly number[];
  readonly transposed: boolean;
  readonly seed: number;
};

/** Products of some operands side by side, each by a block of the columns of a parameter of its own, or its transpose. */
function productsOf({ outputs, operands, transposed, seed }: Shape) {
  const random = createRandom(seed);
  const g = createBuilder();
  const operandIds = operands.map((size, c) => g.input(`x${c}`, size));
  const outputIds = outputs.map((size, r) => g.input(`y${r}`, size));
  const parameters = new Map<string, { offset: number; shape: readonly number[] }>();
  let top = 128;
  const take = (_: string, bytes: number): number => {
    const offset = top;
    top = aligned(top + bytes) + 64;
    return offset;
  };
  const of = outputs.map((size, r) =>
    operands.map((depth, c): ProductBlock => {
      const [rows, columns] = transposed ? [depth, size] : [size, depth];
      const [before, after] = [random.integer(3), random.integer(3)];
      const parameter = `W${r}${c}`;
      const shape = [rows, before + columns + after];
      parameters.set(parameter, { offset: take(parameter, 4 * rows * (before + columns + after) + 16), shape });
      return { view: { parameter, rows, column: before, columns }, transposed };
    }),
  );
  const group: Group = { kind: "product", nodes: outputIds, blocks: [{ operands: operandIds, of }] };
  const taken: { offset: number; bytes: number }[] = [];
  const made = createInstructions({
    graph: g.graph({}),
    stored: new Set(),
    locate: (id: NodeId) => ({ offset: 1e6 + 1000 * id, stepBytes: 64, rowBytes: 64 }),
    placeOf: () => ({ offset: 0, stepBytes: 0, rowBytes: 0 }),
    parameter: (name) => parameters.get(name) as { offset: number; shape: readonly number[] },
    gradient: () => 0,
    scratch: 0,
    total: () => 0,
    take: (name, bytes) => {
      const offset = take(name, bytes);
      taken.push({ offset, bytes });
      return offset;
    },
  });
  const instructions = made.instructionsOf(group) as Product[];
  const packs = [...made.packs];
  const again = made.instructionsOf(group) as Product[];
  return { ...{ of, parameters, instructions, packs, again, taken }, packsAfter: made.packs, bytes: top };
}

/** As the docstring of `Pack` says it, number by number. */
function perform(pack: Pack, memory: Float32Array): void {
  for (let n = 0; n < pack.countN; n++) {
    for (let k = 0; k < pack.countK; k++) {
      const at = pack.n + n;
      const to = pack.panels + (at >> 3) * pack.panelBytes + 32 * (pack.k + k) + 4 * (at & 7);
      memory[to / 4] = memory[(pack.source + k * pack.strideK + n * pack.strideN) / 4] as number;
    }
  }
}

const size = fc.integer({ min: 1, max: 19 });
const shapes: fc.Arbitrary<Shape> = fc.record({
  outputs: fc.array(size, { minLength: 1, maxLength: 4 }),
  operands: fc.array(size, { minLength: 1, maxLength: 3 }),
  transposed: fc.boolean(),
  seed: fc.nat(),
});

/** Numbers of the parameters, each its own, in a memory that is NaN elsewhere but for the panels, which are zero. */
function memoryOf({ parameters, taken, bytes }: ReturnType<typeof productsOf>): Float32Array {
  const memory = new Float32Array(bytes / 4).fill(Number.NaN);
  let number = 1;
  for (const { offset, shape } of parameters.values()) {
    for (let k = 0; k < (shape[0] as number) * (shape[1] as number); k++) memory[offset / 4 + k] = number++;
  }
  for (const one of taken) memory.fill(0, one.offset / 4, (one.offset + one.bytes) / 4);
  return memory;
}

test("weights are laid out so that each number of the panels is the weight between its operand and its output", () => {
  fc.assert(
    fc.property(shapes, (shape) => {
      const made = productsOf(shape);
      const { outputs, operands, transposed } = shape;
      const { instructions, packs, again, packsAfter, of, parameters, taken } = made;
      const memory = memoryOf(made);
      for (const pack of packs) perform(pack, memory);

      // One operand is read to its end; several lie each at a whole vector, and so do the outputs.
      const starts = (sizes: readonly number[]): number[] =>
        sizes.map((_, k) => sizes.slice(0, k).reduce((sum, one) => sum + pad4(one), 0));
      const k = operands.length === 1 ? (operands[0] as number) : operands.reduce((sum, one) => sum + pad4(one), 0);
      const n = outputs.reduce((sum, one) => sum + pad4(one), 0);
      const panels = Math.ceil(n / 8);
      const wanted = new Float32Array(panels * 8 * k);
      let multiplyAdds = 0;
      of.forEach((row, r) => {
        row.forEach(({ view }, c) => {
          const { offset, shape } = parameters.get(view.parameter) as { offset: number; shape: readonly number[] };
          multiplyAdds += view.rows * view.columns;
          for (let i = 0; i < (outputs[r] as number); i++) {
            for (let j = 0; j < (operands[c] as number); j++) {
              const [row, column] = transposed ? [j, i] : [i, j];
              const [depth, output] = [(starts(operands)[c] as number) + j, (starts(outputs)[r] as number) + i];
              const source = offset / 4 + row * (shape[1] as number) + view.column + column;
              wanted[(output >> 3) * 8 * k + 8 * depth + (output & 7)] = memory[source] as number;
            }
          }
        });
      });
      const [region] = taken as [(typeof taken)[number]];
      expect(taken).toEqual([{ offset: region.offset, bytes: 4 * wanted.length }]);
      expect(memory.slice(region.offset / 4, region.offset / 4 + wanted.length)).toEqual(wanted);
      expect(instructions).toMatchObject([{ k, n, panels: region.offset, accumulate: false, multiplyAdds }]);
      expect(instructions[0]?.names).toHaveLength(outputs.length * operands.length);
      // The same weights again, in another product: they are laid out once.
      expect(again).toEqual(instructions);
      expect(packsAfter).toHaveLength(packs.length);
    }),
    { seed: 1, numRuns: 200, verbose: true },
  );
});

test("operands that lie in two places make two products, of which the second adds", () => {
  const g = createBuilder();
  const [x, y, out] = [g.input("x", 3), g.input("y", 5), g.input("out", 6)];
  const block = (columns: number): ProductBlock => {
    return { view: { parameter: "W", rows: 6, column: 0, columns }, transposed: false };
  };
  const blocks = [x, y].map((operand, k) => ({ operands: [operand], of: [[block([3, 5][k] as number)]] }));
  const { instructionsOf, packs } = createInstructions({
    graph: g.graph({}),
    stored: new Set(),
    locate: (id) => ({ offset: 64 * id, stepBytes: 0, rowBytes: 64 }),
    placeOf: () => ({ offset: 0, stepBytes: 0, rowBytes: 0 }),
    parameter: () => ({ offset: 4096, shape: [6, 5] }),
    gradient: () => 0,
    scratch: 0,
    total: () => 0,
    take: (_, bytes) => 8192 + bytes,
  });
  const made = instructionsOf({ kind: "product", nodes: [out], blocks });
  expect(made).toMatchObject([
    { kind: "product", k: 3, n: 8, operand: { offset: 64 * x }, out: { offset: 64 * out }, accumulate: false },
    { kind: "product", k: 5, n: 8, operand: { offset: 64 * y }, out: { offset: 64 * out }, accumulate: true },
  ]);
  expect(packs).toHaveLength(2);
});

test("the engine lays weights out to the number as the plan says, with any number of threads, and writes nothing else", async () => {
  await fc.assert(
    fc.asyncProperty(shapes, fc.constantFrom(1, 1, 2, 3), async (shape, threads) => {
      const made = productsOf(shape);
      const plan: Plan = {
        sections: [{ graph: createBuilder().graph({}), steps: 1, batch: 1, instructions: made.packs }],
        ...{ bytes: made.bytes, memory: [], inputs: {}, indices: {}, settings: {}, keys: 64, totals: {}, states: {} },
        ...{ parameters: {}, parameterSlab: { offset: 128, floats: 0 }, gradientSlab: { offset: 0, floats: 0 } },
        ...{ changesParameters: false, outputs: {} },
      };
      const program = await load(plan, { threads });
      const memory = program.floats(128, made.bytes / 4 - 32);
      const wanted = memoryOf(made);
      memory.set(wanted.subarray(32));
      for (const pack of made.packs) perform(pack, wanted);
      await program.run();
      expect(memory.slice()).toEqual(wanted.slice(32));
      program.dispose();
    }),
    { seed: 2, numRuns: 60, verbose: true },
  );
});
