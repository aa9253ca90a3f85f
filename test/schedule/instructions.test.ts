import fc from "fast-check";
import { expect, test } from "vitest";
import { createBuilder, type NodeId } from "../../src/graph/graph.ts";
import type { ProductBlock } from "../../src/graph/operations.ts";
import { createRandom } from "../../src/nn/random.ts";
import type { Group } from "../../src/schedule/groups.ts";
import { createInstructions } from "../../src/schedule/instructions.ts";
import type { Product, WeightBlock } from "../../src/schedule/plan.ts";
import { padded, target } from "../helpers/plans.ts";

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
  const of = outputs.map((size, r) =>
    operands.map((depth, c): ProductBlock => {
      const [rows, columns] = transposed ? [depth, size] : [size, depth];
      const [before, after] = [random.integer(3), random.integer(3)];
      const parameter = `W${r}${c}`;
      const shape = [rows, before + columns + after];
      parameters.set(parameter, { offset: top, shape });
      top += 4 * rows * (before + columns + after) + 64;
      return { view: { parameter, rows, column: before, columns }, transposed };
    }),
  );
  const group: Group = { kind: "product", nodes: outputIds, blocks: [{ operands: operandIds, of }] };
  const made = createInstructions({
    target,
    graph: g.graph({}),
    locate: (id: NodeId) => ({ offset: 1e6 + 1000 * id, stepBytes: 64, rowBytes: 64 }),
    placeOf: () => ({ offset: 0, stepBytes: 0, rowBytes: 0 }),
    parameter: (name) => parameters.get(name) as { offset: number; shape: readonly number[] },
    gradient: () => 0,
    scratch: 0,
    total: () => 0,
  });
  return { of, parameters, instructions: made.instructionsOf(group) as Product[], bytes: top };
}

/** What a product is multiplied by (k, n), number by number as the docstring of `WeightBlock` says. */
function weightsOf({ k, n, weights }: Product, memory: Float32Array): Float32Array {
  const found = new Float32Array(k * n);
  for (const block of weights) place(block, memory, (row, column, value) => (found[row * n + column] = value));
  return found;
}
function place(block: WeightBlock, memory: Float32Array, set: (k: number, n: number, value: number) => void): void {
  for (let n = 0; n < block.countN; n++) {
    for (let k = 0; k < block.countK; k++) {
      const source = block.source + k * block.strideK + n * block.strideN;
      set(block.k + k, block.n + n, memory[source / 4] as number);
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

/** Numbers of the parameters, each its own, in a memory that is NaN elsewhere. */
function memoryOf({ parameters, bytes }: ReturnType<typeof productsOf>): Float32Array {
  const memory = new Float32Array(bytes / 4).fill(Number.NaN);
  let number = 1;
  for (const { offset, shape } of parameters.values()) {
    for (let k = 0; k < (shape[0] as number) * (shape[1] as number); k++) memory[offset / 4 + k] = number++;
  }
  return memory;
}

test("each weight of a product stands between its operand and its output", () => {
  fc.assert(
    fc.property(shapes, (shape) => {
      const made = productsOf(shape);
      const { outputs, operands, transposed } = shape;
      const { instructions, of, parameters } = made;
      const memory = memoryOf(made);

      // One operand is read to its end; several lie each at a whole vector, and so do the outputs.
      const starts = (sizes: readonly number[]): number[] =>
        sizes.map((_, k) => sizes.slice(0, k).reduce((sum, one) => sum + padded(one), 0));
      const k = operands.length === 1 ? (operands[0] as number) : operands.reduce((sum, one) => sum + padded(one), 0);
      const n = outputs.reduce((sum, one) => sum + padded(one), 0);
      const wanted = new Float32Array(k * n);
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
              wanted[depth * n + output] = memory[source] as number;
            }
          }
        });
      });
      expect(instructions).toMatchObject([{ k, n, accumulate: false, multiplyAdds }]);
      expect(instructions[0]?.weights).toHaveLength(outputs.length * operands.length);
      expect(weightsOf(instructions[0] as Product, memory)).toEqual(wanted);
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
  const { instructionsOf } = createInstructions({
    target,
    graph: g.graph({}),
    locate: (id) => ({ offset: 64 * id, stepBytes: 0, rowBytes: 64 }),
    placeOf: () => ({ offset: 0, stepBytes: 0, rowBytes: 0 }),
    parameter: () => ({ offset: 4096, shape: [6, 5] }),
    gradient: () => 0,
    scratch: 0,
    total: () => 0,
  });
  const made = instructionsOf({ kind: "product", nodes: [out], blocks });
  expect(made).toMatchObject([
    { kind: "product", k: 3, n: 8, operand: { offset: 64 * x }, out: { offset: 64 * out }, accumulate: false },
    { kind: "product", k: 5, n: 8, operand: { offset: 64 * y }, out: { offset: 64 * out }, accumulate: true },
  ]);
});
