/**
 * Makes one fused pass out of vector operations: a loop over rows and features that keeps values in variables. Takes vectors
 * of any width; knows nothing about what the values mean, nor about any engine.
 */
import type { Node, NodeId } from "../../graph/graph.ts";
import { type Location, neededFor, type Pass, type Section } from "../../schedule/plan.ts";
import { exp, log } from "./mathematics.ts";
import { type Place, ruleOf } from "./pointwise.ts";
import type { Nested, Variable, VectorOps } from "./vector-ops.ts";

/** When something runs: for all `steps` of an axis at once, or at each of them in a time loop. */
export type When = { readonly time: "steps" | "loop"; readonly steps: number };

/**
 * How a pass may be divided among threads: by rows; if there is one row, by features (but not those of a matrix); or not at
 * all.
 */
export function divisionOf(pass: Pass, rows: number): "rows" | "features" | "none" {
  if (rows > 1) return "rows";
  const whole = pass.reductions.length === 0 && pass.stores.every(({ exact }) => !exact) && !pass.columns;
  return whole && pass.size > 1 ? "features" : "none";
}

/** When and where a pass runs, and the addresses of what all rows read. */
export type PassContext = When & {
  readonly section: Section;
  /** Addresses of the keys of the dropout masks, and of numbers by name. */
  readonly keys: number;
  readonly settings: Readonly<Record<string, number>>;
};

/** A name for profilers. */
export const passName = (pass: Pass, { nodes }: Section["graph"]): string =>
  `pass ${pass.stores.map((s) => (nodes[s.value] as Node).name ?? `%${s.value}`).join(" ")}`;

/**
 * The pass as the body of a function. It runs at time step `t` (0 outside time loops), over the rows `from` to before `to`, or
 * over those features: see `divisionOf`. A range of features is whole vectors, except at the end of the pass.
 */
export function passCode<Vector, Mask, Whole, Code>(
  o: VectorOps<Vector, Mask, Whole, Code>,
  pass: Pass,
  { section, time, steps, keys, settings }: PassContext,
  { t, from, to }: Readonly<Record<"t" | "from" | "to", Whole>>,
): Nested<Code> {
  type Codes = Nested<Code>;
  type Register = Variable<Vector, Code>;
  type Counter = Variable<Whole, Code>;
  const { width, whole } = o;
  const vectorBytes = 4 * width;
  const { graph, batch } = section;
  const node = (id: NodeId): Node => graph.nodes[id] as Node;
  const inLoop = time === "loop";
  const byFeatures = divisionOf(pass, time === "steps" ? batch * steps : batch) === "features";
  const [row, j] = [o.newWhole(), o.newWhole()];
  const registers = new Map<NodeId, Register>();

  // Values with equal strides share a pointer; the offset of a location is part of the instruction.
  const pointers = new Map<string, { at: Counter; here: Counter; location: Location }>();
  const pointerOf = (location: Location): { at: Counter; here: Counter } | undefined => {
    const { stepBytes, rowBytes } = location;
    if (rowBytes === 0) return undefined;
    const key = `${inLoop ? stepBytes : 0} ${rowBytes}`;
    const known = pointers.get(key) ?? { at: o.newWhole(), here: o.newWhole(), location };
    pointers.set(key, known);
    return known;
  };
  const locations = [...pass.loads.values(), ...pass.stores.map((s) => s.at), ...pass.reductions.map((r) => r.at)];
  for (const location of locations) pointerOf(location);

  const isVector = (id: NodeId): boolean => typeof node(id).shape === "number";
  const scalarAt = (location: Location): Whole => (pointerOf(location)?.at ?? zero).get;
  const vectorAt = (location: Location): Whole => (pointerOf(location)?.here ?? j).get;
  const zero = o.newWhole();
  // In a matrix: 4 bytes for each row before this one, and for each number of this row before this vector.
  const [rowBefore, columnBefore] = [o.newWhole(), o.newWhole()];
  const atRow = (location: Location): Whole => whole.add(scalarAt(location), rowBefore.get);
  const atColumn = (location: Location): Whole => whole.add(scalarAt(location), columnBefore.get);

  function registerValue(id: NodeId): Vector {
    const n = node(id);
    if (n.op === "constant") return o.const(n.value);
    const register = registers.get(id);
    if (register === undefined) throw new Error(`internal: %${id} is not in a register`);
    return register.get;
  }
  function registerOf(id: NodeId): Register {
    const register = registers.get(id) ?? o.newVector();
    registers.set(id, register);
    return register;
  }
  function compute(id: NodeId): Codes {
    const n = node(id);
    // A mask has no operand.
    const [a, b] = n.inputs.map(registerValue) as [Vector, Vector];
    const at: Place<Vector, Mask, Whole, Code> = {
      o,
      a,
      b,
      feature: whole.shr_u(j.get, whole.const(2)),
      row: inLoop ? whole.add(whole.mul(t, whole.const(batch)), row.get) : row.get,
      example: time === "steps" ? whole.rem_u(row.get, whole.const(batch)) : row.get,
      size: pass.size,
      keys,
    };
    return registerOf(id).set(ruleOf(n.op)(n, at));
  }

  // Numbers are computed once, scalars once per row, vectors once per vector of features.
  const constants = new Set<NodeId>();
  for (const id of [...pass.compute.flatMap((of) => node(of).inputs), ...pass.stores.map((s) => s.value)]) {
    if (node(id).op === "runtime_scalar") constants.add(id);
  }
  const once: Codes[] = [...constants].map((id) =>
    registerOf(id).set(o.loadSplat(whole.const(0), settings[node(id).name as string] as number)),
  );
  const perRow: Codes[] = [];
  const repeated: Codes[] = [];
  for (const [id, location] of pass.loads) {
    const { offset } = location;
    if (!isVector(id)) perRow.push(registerOf(id).set(o.loadSplat(scalarAt(location), offset)));
    if (node(id).op === "repeat_interleave") repeated.push(registerOf(id).set(o.loadSplat(atRow(location), offset)));
  }
  for (const id of pass.compute) {
    if (node(id).shape === "number") once.push(compute(id));
    else if (!isVector(id)) perRow.push(compute(id));
  }

  /** Loads and operations that `wanted` needs, for the vector at j. */
  function vectorsFor(wanted: readonly NodeId[]): Codes {
    const needed = neededFor(wanted, pass, graph);
    const loads = [...pass.loads].filter(
      ([id]) => needed.has(id) && isVector(id) && node(id).op !== "repeat_interleave",
    );
    return [
      loads.map(([id, location]) => {
        const at = node(id).op === "tile" ? atColumn(location) : vectorAt(location);
        return registerOf(id).set(o.load(at, location.offset));
      }),
      pass.compute.filter((id) => needed.has(id) && isVector(id)).map(compute),
    ];
  }

  /** Consecutive numbers: whole vectors, then a last one that may be cut to `tail` numbers. */
  const run = pass.columns ?? pass.size;
  const tail = run % width;
  const masked = (id: NodeId, last: boolean): Vector => (last ? o.cut(registerValue(id), tail) : registerValue(id));
  const orLowest = (id: NodeId, last: boolean): Vector =>
    last ? o.cut(registerValue(id), tail, Number.NEGATIVE_INFINITY) : registerValue(id);
  const vectorStores = pass.stores.filter((s) => isVector(s.value));
  const sumsOf = pass.reductions.map((r) => ({
    ...r,
    all: o.newSum(),
    most: o.newVector(),
    /** The sum within a row of a matrix. */
    ofRow: o.newVector(),
  }));
  const main = (last: boolean): Codes => [
    vectorsFor([...vectorStores.map((s) => s.value), ...pass.reductions.map((r) => r.value)]),
    vectorStores.map(({ value, at, exact }) =>
      last && exact
        ? o.storeFirst(vectorAt(at), registerValue(value), tail, at.offset)
        : o.store(vectorAt(at), masked(value, last), at.offset),
    ),
    sumsOf.map(({ op, value, at, all, most, ofRow }) => {
      if (op === "sum_columns") {
        return o.store(atColumn(at), o.add(o.load(atColumn(at), at.offset), masked(value, last)), at.offset);
      }
      if (op === "sum_rows" || (op === "sum" && pass.columns !== undefined)) {
        return ofRow.set(o.add(ofRow.get, masked(value, last)));
      }
      if (op === "sum") return all.add(masked(value, last));
      if (op === "max_of") return most.set(o.max(most.get, orLowest(value, last)));
      const power = exp(o, o.sub(orLowest(value, last), most.get));
      return all.add(last ? o.cut(power, tail) : power);
    }),
  ];
  const here = [...pointers.values()].map((pointer) => pointer.here.set(whole.add(pointer.at.get, j.get)));
  const end = 4 * (run - tail);
  /** Row after row of a matrix, which need not begin at a vector: where one is cut, single numbers are stored. */
  const overMatrix = (columns: number, body: (last: boolean) => Codes): Codes => {
    const vector = (last: boolean): Codes => [
      j.set(whole.add(whole.mul(rowBefore.get, whole.const(columns)), columnBefore.get)),
      here,
      body(last),
    ];
    return o.loop(rowBefore, 0, 4 * (pass.size / columns), 4, [
      repeated,
      sumsOf.map(({ ofRow }) => ofRow.set(o.const(0))),
      end > 0 ? o.loop(columnBefore, 0, end, vectorBytes, vector(false)) : [],
      tail > 0 ? [columnBefore.set(whole.const(end)), vector(true)] : [],
      sumsOf.map(({ op, at, all, ofRow }) => {
        if (op === "sum") return all.add(ofRow.get);
        if (op !== "sum_rows") return [];
        return o.storeFirst(atRow(at), o.sumOfLanes(ofRow.get), 1, at.offset);
      }),
    ]);
  };
  const overFeatures = (body: (last: boolean) => Codes): Codes => {
    if (pass.columns !== undefined) return overMatrix(pass.columns, body);
    const last: Codes = [j.set(whole.const(end)), here, body(true)];
    if (byFeatures) {
      const bytes = (features: Whole): Whole => whole.mul(features, whole.const(4));
      const isLast = whole.eq(to, whole.const(pass.size));
      const past = tail > 0 ? o.choose(isLast, whole.const(end), bytes(to)) : bytes(to);
      return [o.loop(j, bytes(from), past, vectorBytes, [here, body(false)]), tail > 0 ? o.when(isLast, last) : []];
    }
    return [end > 0 ? o.loop(j, 0, end, vectorBytes, [here, body(false)]) : [], tail > 0 ? last : []];
  };
  const matrixSums = sumsOf.filter((r) => r.op === "sum_rows" || r.op === "sum_columns");
  const logsumexps = sumsOf.filter((r) => r.op === "logsumexp");
  const hasVectors = vectorStores.length + pass.reductions.length > 0;
  const rowBody: Codes = [
    perRow,
    sumsOf.map(({ all, most }) => [all.clear, most.set(o.const(Number.NEGATIVE_INFINITY))]),
    // What columns are added up in is zero at first; behind the sums of rows are zeros.
    matrixSums.map(({ op, node: id, at }) => {
      const end = vectorBytes * Math.ceil((node(id).shape as number) / width);
      const from = op === "sum_columns" ? 0 : end - vectorBytes;
      return o.loop(columnBefore, from, end, vectorBytes, o.store(atColumn(at), o.const(0), at.offset));
    }),
    // The largest value first: exp of what lies below it cannot overflow.
    logsumexps.length > 0
      ? overFeatures((last) => [
          vectorsFor(logsumexps.map((r) => r.value)),
          logsumexps.map(({ value, most }) => most.set(o.max(most.get, orLowest(value, last)))),
        ])
      : [],
    logsumexps.map(({ most }) => most.set(o.maxOfLanes(most.get))),
    hasVectors ? overFeatures(main) : [],
    sumsOf
      .filter((r) => !matrixSums.includes(r))
      .map(({ op, at, all, most }) => {
        const result =
          op === "sum" ? all.total() : op === "max_of" ? o.maxOfLanes(most.get) : o.add(most.get, log(o, all.total()));
        return o.storeFirst(scalarAt(at), result, 1, at.offset);
      }),
    vectorStores.map(({ at, padding }) => o.storeZeros(scalarAt(at), padding, at.offset + 4 * pass.size)),
    pass.stores
      .filter((s) => !isVector(s.value))
      .map(({ value, at }) => o.storeFirst(scalarAt(at), registerValue(value), 1, at.offset)),
  ];
  const starts = [...pointers.values()].map(({ at, location }) => {
    const step = inLoop ? whole.mul(t, whole.const(location.stepBytes)) : whole.const(0);
    const first = byFeatures ? whole.const(0) : whole.mul(from, whole.const(location.rowBytes));
    return at.set(whole.add(step, first));
  });
  const next = [...pointers.values()].map(({ at, location }) =>
    at.set(whole.add(at.get, whole.const(location.rowBytes))),
  );
  const body = [rowBody, next];
  return [once, starts, byFeatures ? body : o.loop(row, from, to, 1, body)];
}
