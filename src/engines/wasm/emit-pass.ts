/**
 * One fused pass as a WASM function: a loop over rows and features in which values live in registers. Knows how each
 * pointwise operation is computed on four lanes; knows nothing about what the values mean.
 */
import type { Node, NodeId } from "../../graph/graph.ts";
import type { OpName } from "../../graph/operations.ts";
import { maskKey, maskThreshold } from "../../graph/random-bits.ts";
import type { Location, Pass, Section } from "../../schedule/plan.ts";
import {
  type Code,
  type FunctionBuilder,
  type FunctionHandle,
  f32,
  f32x4,
  f64x2,
  forLoop,
  func,
  i32,
  i32x4,
  if_,
  type Local,
  local,
  v128,
} from "./assembler.ts";
import { padded } from "./target.ts";
import type { Host } from "./vector-math.ts";
import * as maths from "./vector-math.ts";

/** What a lane rule is given: operands in registers, and where in the row it stands. */
type Lanes = {
  readonly f: FunctionBuilder;
  readonly host: Host;
  readonly a: Code;
  readonly b: Code;
  /** Features before this vector, rows before this row, and examples before this one in its step, as i32 code. */
  readonly feature: Code;
  readonly row: Code;
  readonly example: Code;
  readonly size: number;
  readonly keys: number;
};
type LaneName = Extract<
  OpName,
  | "mask"
  | "neg"
  | "sigmoid"
  | "hard_sigmoid"
  | "tanh"
  | "relu"
  | "softplus"
  | "exp"
  | "log"
  | "sqrt"
  | "abs"
  | "step"
  | "broadcast"
  | "one_hot"
  | "add"
  | "sub"
  | "mul"
  | "div"
  | "min"
  | "max"
  | "where"
>;

const iota: Code = i32x4.const(0, 1, 2, 3);
const lanes: { readonly [K in LaneName]: (node: Node<K>, at: Lanes) => Code } = {
  mask: (node, { f, feature, row, example, size, keys }) => {
    const at = i32.mul(node.locked ? example : row, i32.const(size));
    const counter = i32x4.add(i32x4.splat(i32.add(at, feature)), iota);
    const key0 = i32.add(i32.load(i32.const(0), keys), i32.const(maskKey(0, node.stream)));
    const bits = maths.hash(f, counter, i32x4.splat(key0), i32x4.splat(i32.load(i32.const(0), keys + 4)));
    const keeps = i32x4.ge_u(bits, i32x4.const(maskThreshold(node.rate)));
    return v128.and(keeps, f32x4.const(1 / (1 - node.rate)));
  },
  neg: (_, { a }) => f32x4.neg(a),
  sigmoid: (_, { f, a, host }) => maths.sigmoid(f, a, host),
  hard_sigmoid: (_, { f, a, host }) => maths.hard_sigmoid(f, a, host),
  tanh: (_, { f, a, host }) => maths.tanh(f, a, host),
  relu: (_, { f, a, host }) => maths.relu(f, a, host),
  softplus: (_, { f, a, host }) => maths.softplus(f, a, host),
  exp: (_, { f, a, host }) => maths.exp(f, a, host),
  log: (_, { f, a, host }) => maths.log(f, a, host),
  sqrt: (_, { a }) => f32x4.sqrt(a),
  abs: (_, { a }) => f32x4.abs(a),
  step: (_, { f, a, host }) => maths.step(f, a, host),
  broadcast: (_, { a }) => a,
  one_hot: (_, { a, feature }) => v128.and(i32x4.eq(i32x4.add(i32x4.splat(feature), iota), a), f32x4.const(1)),
  add: (_, { a, b }) => f32x4.add(a, b),
  sub: (_, { a, b }) => f32x4.sub(a, b),
  mul: (_, { a, b }) => f32x4.mul(a, b),
  div: (_, { a, b }) => f32x4.div(a, b),
  min: (_, { a, b }) => f32x4.min(a, b),
  max: (_, { a, b }) => f32x4.max(a, b),
  where: (_, { a, b }) => v128.and(f32x4.ne(a, f32x4.const(0)), b),
};

/** When something runs: for all steps at once, in a time loop, or once a sequence. */
export type Time = "steps" | "loop" | "once";

/** How a pass may be shared out: by rows; where there is but one, by features, unless of a matrix; or not at all. */
export function divisionOf(pass: Pass, rows: number): "rows" | "features" | "none" {
  if (rows > 1) return "rows";
  const whole = pass.reductions.length === 0 && pass.stores.every(({ exact }) => !exact) && !pass.columns;
  return whole && pass.size > 1 ? "features" : "none";
}

/**
 * The pass as a function of the time step (0 outside of time loops), and of the rows, or features, from
 * and to which it runs: see `divisionOf`.
 */
export function passFunction(
  pass: Pass,
  section: Section,
  time: Time,
  keys: number,
  settings: Readonly<Record<string, number>>,
  host: Host,
): FunctionHandle {
  const { graph, batch, steps } = section;
  const node = (id: NodeId): Node => graph.nodes[id] as Node;
  const name = `pass ${pass.stores.map((s) => node(s.value).name ?? `%${s.value}`).join(" ")}`;
  const inLoop = time === "loop";
  const rows = time === "steps" ? batch * steps : batch;
  const byFeatures = divisionOf(pass, rows) === "features";
  return func({ name, params: ["i32", "i32", "i32"], results: [] }, (f) => {
    const [t, from, to] = [f.param(0), f.param(1), f.param(2)];
    const [row, j] = [f.local("i32"), f.local("i32")];
    const registers = new Map<NodeId, Local>();

    // Values whose rows advance alike share a pointer; a location's own offset is part of the instruction.
    const pointers = new Map<string, { at: Local; here: Local; location: Location }>();
    const pointerOf = (location: Location): { at: Local; here: Local } | undefined => {
      const { stepBytes, rowBytes } = location;
      if (rowBytes === 0) return undefined;
      const key = `${inLoop ? stepBytes : 0} ${rowBytes}`;
      const known = pointers.get(key) ?? { at: f.local("i32"), here: f.local("i32"), location };
      pointers.set(key, known);
      return known;
    };
    const locations = [...pass.loads.values(), ...pass.stores.map((s) => s.at), ...pass.reductions.map((r) => r.at)];
    for (const location of locations) pointerOf(location);

    const isVector = (id: NodeId): boolean => typeof node(id).shape === "number";
    const scalarAt = (location: Location): Code => local.get(pointerOf(location)?.at ?? zero);
    const vectorAt = (location: Location): Code => local.get(pointerOf(location)?.here ?? j);
    const zero = f.local("i32");
    // In a matrix: bytes of one number a row before this row, and of this row's numbers before this vector.
    const [rowBefore, columnBefore] = [f.local("i32"), f.local("i32")];
    const atRow = (location: Location): Code => i32.add(scalarAt(location), local.get(rowBefore));
    const atColumn = (location: Location): Code => i32.add(scalarAt(location), local.get(columnBefore));

    function registerValue(id: NodeId): Code {
      const n = node(id);
      if (n.op === "constant") return f32x4.const(n.value);
      const register = registers.get(id);
      if (register === undefined) throw new Error(`internal: %${id} is not in a register`);
      return local.get(register);
    }
    function registerOf(id: NodeId): Local {
      const register = registers.get(id) ?? f.local("v128");
      registers.set(id, register);
      return register;
    }
    function compute(id: NodeId): Code {
      const n = node(id);
      const rule = lanes[n.op as LaneName] as ((n: Node, at: Lanes) => Code) | undefined;
      if (rule === undefined) throw new Error(`internal: ${n.op} is not pointwise`);
      const [a, b] = n.inputs;
      const at: Lanes = {
        f,
        host,
        a: a === undefined ? [] : registerValue(a),
        b: b === undefined ? [] : registerValue(b),
        feature: i32.shr_u(local.get(j), i32.const(2)),
        row: inLoop ? i32.add(i32.mul(local.get(t), i32.const(batch)), local.get(row)) : local.get(row),
        example: time === "steps" ? i32.rem_u(local.get(row), i32.const(batch)) : local.get(row),
        size: pass.size,
        keys,
      };
      return local.set(registerOf(id), rule(n, at));
    }

    // Numbers: once. Scalars: once a row. Vectors: once a vector of features.
    const constants = new Set<NodeId>();
    for (const id of [...pass.compute.flatMap((of) => node(of).inputs), ...pass.stores.map((s) => s.value)]) {
      if (node(id).op === "setting") constants.add(id);
    }
    const once: Code[] = [...constants].map((id) =>
      local.set(registerOf(id), v128.load32_splat(i32.const(0), settings[node(id).name as string] as number)),
    );
    const perRow: Code[] = [];
    const stretched: Code[] = [];
    for (const [id, location] of pass.loads) {
      const { offset } = location;
      if (!isVector(id)) perRow.push(local.set(registerOf(id), v128.load32_splat(scalarAt(location), offset)));
      if (node(id).op === "stretch")
        stretched.push(local.set(registerOf(id), v128.load32_splat(atRow(location), offset)));
    }
    for (const id of pass.compute) {
      if (node(id).shape === "number") once.push(compute(id));
      else if (!isVector(id)) perRow.push(compute(id));
    }

    /** Loads and operations that `wanted` needs, for the vector at j. */
    function vectorsFor(wanted: readonly NodeId[]): Code {
      const needed = new Set<NodeId>();
      const visit = (id: NodeId): void => {
        if (needed.has(id)) return;
        needed.add(id);
        if (!pass.loads.has(id)) node(id).inputs.forEach(visit);
      };
      wanted.forEach(visit);
      const loads = [...pass.loads].filter(([id]) => needed.has(id) && isVector(id) && node(id).op !== "stretch");
      return [
        loads.map(([id, location]) => {
          const at = node(id).op === "tile" ? atColumn(location) : vectorAt(location);
          return local.set(registerOf(id), v128.load(at, location.offset));
        }),
        pass.compute.filter((id) => needed.has(id) && isVector(id)).map(compute),
      ];
    }

    /** Numbers that lie in a run: whole vectors, and a last one that is cut. */
    const run = pass.columns ?? pass.size;
    const tail = run % 4;
    const tailMask = i32x4.const(
      ...([0, 1, 2, 3].map((lane) => (lane < tail ? -1 : 0)) as [number, number, number, number]),
    );
    const masked = (value: Code, last: boolean): Code => (last ? v128.and(value, tailMask) : value);
    const orLowest = (value: Code, last: boolean): Code =>
      last ? v128.bitselect(value, f32x4.const(Number.NEGATIVE_INFINITY), tailMask) : value;
    const vectorStores = pass.stores.filter((s) => isVector(s.value));
    const sumsOf = pass.reductions.map((r) => ({
      ...r,
      low: f.local("v128"),
      high: f.local("v128"),
      most: f.local("v128"),
      /** The sum within a row of a matrix. */
      ofRow: f.local("v128"),
    }));
    const addTo = (low: Local, high: Local, value: Code): Code => {
      const four = f.local("v128");
      return [
        local.set(four, value),
        local.set(low, f64x2.add(local.get(low), f64x2.promote_low_f32x4(local.get(four)))),
        local.set(
          high,
          f64x2.add(
            local.get(high),
            f64x2.promote_low_f32x4(i32x4.shuffle(local.get(four), local.get(four), [2, 3, 2, 3])),
          ),
        ),
      ];
    };
    const main = (last: boolean): Code => [
      vectorsFor([...vectorStores.map((s) => s.value), ...pass.reductions.map((r) => r.value)]),
      vectorStores.map(({ value, at, exact }) =>
        last && exact
          ? Array.from({ length: tail }, (_, lane) =>
              v128.store32_lane(vectorAt(at), registerValue(value), lane, at.offset + 4 * lane),
            )
          : v128.store(vectorAt(at), masked(registerValue(value), last), at.offset),
      ),
      sumsOf.map(({ op, value, at, low, high, most, ofRow }) => {
        if (op === "sum_columns") {
          const sum = f32x4.add(v128.load(atColumn(at), at.offset), masked(registerValue(value), last));
          return v128.store(atColumn(at), sum, at.offset);
        }
        if (op === "sum_rows" || (op === "sum" && pass.columns !== undefined)) {
          return local.set(ofRow, f32x4.add(local.get(ofRow), masked(registerValue(value), last)));
        }
        if (op === "sum") return addTo(low, high, masked(registerValue(value), last));
        if (op === "max_of") return local.set(most, f32x4.max(local.get(most), orLowest(registerValue(value), last)));
        const shifted = f32x4.sub(orLowest(registerValue(value), last), local.get(most));
        return addTo(low, high, masked(maths.exp(f, shifted, host), last));
      }),
    ];
    const here = [...pointers.values()].map(({ at, here }) => local.set(here, i32.add(local.get(at), local.get(j))));
    const end = 4 * (run - tail);
    /** Row after row of a matrix, which need not begin at a vector: where one is cut, single numbers are stored. */
    const overMatrix = (columns: number, body: (last: boolean) => Code): Code => {
      const vector = (last: boolean): Code => [
        local.set(j, i32.add(i32.mul(local.get(rowBefore), i32.const(columns)), local.get(columnBefore))),
        here,
        body(last),
      ];
      return forLoop(f, rowBefore, 0, 4 * (pass.size / columns), 4, [
        stretched,
        sumsOf.map(({ ofRow }) => local.set(ofRow, f32x4.const(0))),
        end > 0 ? forLoop(f, columnBefore, 0, end, 16, vector(false)) : [],
        tail > 0 ? [local.set(columnBefore, i32.const(end)), vector(true)] : [],
        sumsOf.map(({ op, at, low, high, ofRow }) => {
          if (op === "sum") return addTo(low, high, local.get(ofRow));
          if (op !== "sum_rows") return [];
          return v128.store32_lane(atRow(at), allLanes(local.get(ofRow), f32x4.add), 0, at.offset);
        }),
      ]);
    };
    const overFeatures = (body: (last: boolean) => Code): Code => {
      if (pass.columns !== undefined) return overMatrix(pass.columns, body);
      const last: Code = [local.set(j, i32.const(end)), here, body(true)];
      if (byFeatures) {
        const bytes = (features: Local): Code => i32.mul(local.get(features), i32.const(4));
        const isLast = i32.eq(local.get(to), i32.const(pass.size));
        const whole = tail > 0 ? if_(isLast, i32.const(end), bytes(to), "i32") : bytes(to);
        return [forLoop(f, j, bytes(from), whole, 16, [here, body(false)]), tail > 0 ? if_(isLast, last) : []];
      }
      return [end > 0 ? forLoop(f, j, 0, end, 16, [here, body(false)]) : [], tail > 0 ? last : []];
    };
    const allLanes = (x: Code, op: (p: Code, q: Code) => Code): Code => {
      const [v, w] = [f.local("v128"), f.local("v128")];
      return [
        local.set(v, x),
        local.set(w, op(local.get(v), i32x4.shuffle(local.get(v), local.get(v), [2, 3, 0, 1]))),
        op(local.get(w), i32x4.shuffle(local.get(w), local.get(w), [1, 0, 3, 2])),
      ];
    };
    const total = ({ low, high }: { low: Local; high: Local }): Code => {
      const both = f.local("v128");
      return [
        local.set(both, f64x2.add(local.get(low), local.get(high))),
        f32x4.demote_f64x2_zero(
          f64x2.add(local.get(both), i32x4.shuffle(local.get(both), local.get(both), [2, 3, 0, 1])),
        ),
      ];
    };
    const matrixSums = sumsOf.filter((r) => r.op === "sum_rows" || r.op === "sum_columns");
    const logsumexps = sumsOf.filter((r) => r.op === "logsumexp");
    const hasVectors = vectorStores.length + pass.reductions.length > 0;
    const rowBody: Code = [
      perRow,
      sumsOf.map(({ low, high, most }) => [
        local.set(low, f64x2.const(0)),
        local.set(high, f64x2.const(0)),
        local.set(most, f32x4.const(Number.NEGATIVE_INFINITY)),
      ]),
      // What columns are added up in is zero at first; behind the sums of rows are zeros.
      matrixSums.map(({ op, node: id, at }) => {
        const end = 4 * padded(node(id).shape as number);
        const from = op === "sum_columns" ? 0 : end - 16;
        return forLoop(f, columnBefore, from, end, 16, v128.store(atColumn(at), f32x4.const(0), at.offset));
      }),
      // The largest value first: exp of what lies below it cannot overflow.
      logsumexps.length > 0
        ? overFeatures((last) => [
            vectorsFor(logsumexps.map((r) => r.value)),
            logsumexps.map(({ value, most }) =>
              local.set(most, f32x4.max(local.get(most), orLowest(registerValue(value), last))),
            ),
          ])
        : [],
      logsumexps.map(({ most }) => local.set(most, allLanes(local.get(most), f32x4.max))),
      hasVectors ? overFeatures(main) : [],
      sumsOf
        .filter((r) => !matrixSums.includes(r))
        .map((r) => {
          const result =
            r.op === "sum"
              ? total(r)
              : r.op === "max_of"
                ? allLanes(local.get(r.most), f32x4.max)
                : f32x4.add(local.get(r.most), maths.log(f, total(r), host));
          return v128.store32_lane(scalarAt(r.at), result, 0, r.at.offset);
        }),
      vectorStores.map(({ at, padding }) =>
        Array.from({ length: padding }, (_, k) =>
          f32.store(scalarAt(at), f32.const(0), at.offset + 4 * (pass.size + k)),
        ),
      ),
      pass.stores
        .filter((s) => !isVector(s.value))
        .map(({ value, at }) => v128.store32_lane(scalarAt(at), registerValue(value), 0, at.offset)),
    ];
    const starts = [...pointers.values()].map(({ at, location }) => {
      const step = inLoop ? i32.mul(local.get(t), i32.const(location.stepBytes)) : i32.const(0);
      const first = byFeatures ? i32.const(0) : i32.mul(local.get(from), i32.const(location.rowBytes));
      return local.set(at, i32.add(step, first));
    });
    const steps_ = [...pointers.values()].map(({ at, location }) =>
      local.set(at, i32.add(local.get(at), i32.const(location.rowBytes))),
    );
    const body = [rowBody, steps_];
    return [once, starts, byFeatures ? body : forLoop(f, row, local.get(from), local.get(to), 1, body)];
  });
}
