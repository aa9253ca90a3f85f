/**
 * Random graphs, straight by the builder: what no cell has alone. States run forwards and backwards, one after the
 * other and through each other; some start from what others end at, some are never read; values are once a sequence;
 * sums of transposed products, views of matrices, and sinks.
 */
import { type Builder, createBuilder, type Graph, type NodeId } from "../../src/graph/graph.ts";
import { createRandom } from "../../src/nn/random.ts";

const sizes = [3, 4, 6] as const;

/** Its outputs are called "a", "b" and "c"; there is a total "loss", and there are gradients. */
export function randomGraph(seed: number): Graph {
  const random = createRandom(seed);
  const pick = <T>(list: readonly T[]): T => list[random.integer(list.length)] as T;
  const chance = (p: number): boolean => random.uniform() < p;
  const g: Builder = createBuilder();
  let [matrices, vectors, states, masks] = [0, 0, 0, 0];
  const declared: { name: string; rows: number; columns: number }[] = [];
  const zeros = { name: "zeros", values: [] };

  function matrix(rows: number, columns: number): string {
    const known = declared.filter((one) => one.rows === rows && one.columns === columns);
    if (known.length > 0 && chance(0.3)) return pick(known).name;
    const name = `M${++matrices}`;
    g.declare(name, [rows, columns], zeros);
    declared.push({ name, rows, columns });
    return name;
  }
  function parameter(size: number): NodeId {
    const name = `p${++vectors}`;
    g.declare(name, [size], zeros);
    return g.parameter(name);
  }
  const sizeOf = (id: NodeId): number => g.shapeOf(id) as number;
  /** One more value of these, in which it stays small. */
  function grow(pool: NodeId[], once: boolean): void {
    const a = pick(pool);
    const n = sizeOf(a);
    const like = (): NodeId => pick(pool.filter((id) => sizeOf(id) === n));
    const product = (): NodeId => {
      const by = pick(pool);
      if (chance(0.5)) return g.matmul(matrix(n, sizeOf(by)), by);
      return g.matmulTransposed({ parameter: matrix(sizeOf(by), n), rows: sizeOf(by), column: 0, columns: n }, by);
    };
    const made = pick<() => NodeId>([
      product,
      product,
      // Sums of products, which may be merged.
      () => g.add(g.add(product(), product()), product()),
      () => g.add(g.add(like(), product()), g.add(product(), like())),
      () => g.add(product(), g.mul(like(), product())),
      () => g.unary(pick(["tanh", "sigmoid", "neg"]), a),
      () => g.mul(a, like()),
      () => g.sub(g.unary("tanh", a), like()),
      () => g.add(a, parameter(n)),
      () => g.mul(a, g.unary("tanh", g.sum(like()))),
      () => g.softmax(a),
      () => g.mul(a, g.mask(n, 0.3, ++masks, { perSequence: once, ...g.axisOf(a) })),
      () => g.slice(g.concat([a, pick(pool), like()]), 1, n),
      () => g.matrixVector(g.outerProduct(a, like()), like()),
      () => g.unary("tanh", g.sumColumns(g.mul(g.repeatInterleave(a, n), g.tile(like(), n)), n)),
    ])();
    pool.push(chance(0.5) ? g.unary("tanh", made) : made);
  }
  /** States of one direction, and what is computed with them. */
  function phase(pool: NodeId[], count: number, reverse: boolean, starts: readonly NodeId[]): string[] {
    const axis = g.axisOf(pool[0] as NodeId);
    const made = Array.from({ length: count }, () => {
      const start = starts.length > 0 && chance(0.7) ? pick(starts) : undefined;
      const size = start === undefined ? pick(sizes) : sizeOf(start);
      const name = `s${++states}`;
      const id = g.state(name, size, { reverse, ...axis });
      // Some states are nowhere read but after their last step.
      if (chance(0.8)) pool.push(id);
      if (start !== undefined) g.initial(name, start);
      return { name, size };
    });
    const values = 2 + random.integer(5);
    for (let k = 0; k < values; k++) grow(pool, false);
    for (const { name, size } of made) {
      const fitting = pool.filter((id) => sizeOf(id) === size);
      const x = g.downsample(g.input("x", 3), axis.stride ?? 1, 0);
      g.next(name, fitting.length > 0 && chance(0.9) ? pick(fitting) : g.matmul(matrix(size, 3), x));
    }
    return made.map(({ name }) => name);
  }

  g.declare("E", [5, 6], zeros);
  const pool = [g.input("x", 3), g.input("y", 4), g.gather("E", g.index("token"))];
  const ended = phase(pool, random.integer(3), false, []);
  ended.push(...phase(pool, random.integer(3), true, []));
  // Once a sequence: after the ends of those.
  const ends = [g.input("start", 4, { perSequence: true }), ...ended.map((name) => g.final(name))];
  const more = random.integer(4);
  for (let k = 0; k < more; k++) grow(ends, true);
  const late = phase(pool, random.integer(3), false, [...ends, parameter(4)]);
  late.push(...phase(pool, random.integer(2), true, ends));
  // Over every second or third step, and back to all of them; a state of all steps may start from what these end at.
  if (chance(0.5)) {
    const by = 2 + random.integer(2);
    const short = [0, 1, 2].map((k) => g.downsample(pick(pool), by, k % by));
    late.push(...phase(short, random.integer(3), chance(0.3), ends));
    const like = sizeOf(pick(short));
    const parts = short.filter((id) => sizeOf(id) === like).slice(-by);
    pool.push(g.upsample(parts, {}, by, [...parts.keys()]));
    late.push(...phase(pool, random.integer(2), false, [...ends, ...late.map((name) => g.final(name))]));
  }
  const last = [...ends, ...late.map((name) => g.final(name))];
  if (chance(0.5)) grow(last, true);

  const read = pick(pool.slice(-6));
  g.sumAll("loss", g.sum(chance(0.5) ? read : pick(last)));
  const [rows, columns] = [pick(pool), pick(pool)];
  const name = matrix(sizeOf(rows), sizeOf(columns));
  g.outer({ parameter: name, rows: sizeOf(rows), column: 0, columns: sizeOf(columns) }, rows, columns);
  const summed = pick(pool);
  g.declare("sum", [sizeOf(summed)], zeros);
  g.accumulate("sum", summed);
  return g.graph({ a: read, b: pick(last), c: pick(pool) });
}
