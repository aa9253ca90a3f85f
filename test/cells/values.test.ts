/** Each cell against the formulas of its source, written out here one number at a time. */
import { expect, test } from "vitest";
import { cells, sLstm } from "../../src/cells/index.ts";
import { interpret } from "../../src/engines/reference/interpret.ts";
import { addCell, type Cell } from "../../src/graph/cell.ts";
import { createBuilder } from "../../src/graph/graph.ts";
import { trace } from "../../src/nn/trace.ts";
import { randomValues, relativeError } from "../helpers/networks.ts";

/** Number j of a vector, by a call; `all` are its numbers. */
type Vector = ((j: number) => number) & { readonly all: readonly number[] };
type Here = {
  readonly x: Vector;
  /** A state before this step. */
  readonly old: (state: string) => Vector;
  /** Row j of a matrix times a vector; number j of a vector parameter. */
  readonly dot: (matrix: string, j: number, v: Vector) => number;
  readonly at: (parameter: string, j: number) => number;
  /** As many numbers as there are units. */
  readonly each: (compute: (j: number) => number, size?: number) => Vector;
};
/** The states after a step; and `output`, where it is no state. */
type Step = (here: Here) => Readonly<Record<string, Vector>>;

const { tanh, exp, log, sqrt, max } = Math;
const σ = (a: number): number => 1 / (1 + exp(-a));
/** g of the appendix B of "Were RNNs all we needed?". */
const above0 = (a: number): number => (a >= 0 ? a + 0.5 : σ(a));
function vector(all: readonly number[]): Vector {
  return Object.assign((j: number) => all[j] as number, { all });
}

/** The sum that a gate takes of input and state, by the names of its two matrices and its bias. */
const sum =
  ({ dot, at, x }: Here, h: Vector) =>
  (W: string, U: string, b: string, j: number): number =>
    dot(W, j, x) + dot(U, j, h) + at(b, j);

/** The vanilla LSTM of Greff et al. and its variants. */
function odyssey(variant = ""): Step {
  return (here) => {
    const { at, dot, each, old } = here;
    const [c, net] = [old("c"), sum(here, old("y"))];
    const gate = (g: string, cell: Vector) =>
      each((j) => {
        const peephole = variant === "NP" ? 0 : at(`p_${g}`, j) * cell(j);
        const gates = variant === "FGR" ? ["i", "f", "o"] : [];
        const back = gates.map((from) => dot(`R_${from}${g}`, j, old(from))).reduce((a, b) => a + b, 0);
        return σ(net(`W_${g}`, `R_${g}`, `b_${g}`, j) + peephole + back);
      });
    const ones = each(() => 1);
    const sums = each((j) => net("W_z", "R_z", "b_z", j));
    const z = variant === "NIAF" ? sums : each((j) => tanh(sums(j)));
    const i = variant === "NIG" ? ones : gate("i", c);
    const f = variant === "NFG" ? ones : variant === "CIFG" ? each((j) => 1 - i(j)) : gate("f", c);
    const cell = each((j) => z(j) * i(j) + c(j) * f(j));
    const o = variant === "NOG" ? ones : gate("o", cell);
    const shown = each((j) => o(j) * (variant === "NOAF" ? cell(j) : tanh(cell(j))));
    return { c: cell, y: shown, ...(variant === "FGR" && { i, f, o }) };
  };
}

/** Numbers brought to mean 0 and variance 1, all together. */
function normalized(numbers: readonly number[]): number[] {
  const mean = numbers.reduce((a, b) => a + b) / numbers.length;
  const variance = numbers.map((a) => (a - mean) ** 2).reduce((a, b) => a + b) / numbers.length;
  return numbers.map((a) => (a - mean) / sqrt(variance + 1e-5));
}

const elman =
  (activation: (a: number) => number): Step =>
  (here) => ({ h: here.each((j) => activation(sum(here, here.old("h"))("W", "U", "b", j))) });

const steps: Readonly<Record<string, Step>> = {
  perceptron: ({ x, dot, at, each }) => ({ output: each((j) => (dot("W", j, x) + at("b", j) > 0 ? 1 : 0)) }),
  dense: ({ x, dot, at, each }) => ({ output: each((j) => dot("W", j, x) + at("b", j)) }),
  "simple-rnn": elman(tanh),
  irnn: elman((a) => max(0, a)),
  indrnn: ({ x, old, dot, at, each }) => ({
    h: each((j) => max(0, dot("W", j, x) + at("u", j) * old("h")(j) + at("b", j))),
  }),
  lstm: (here) => {
    const [c, net] = [here.old("c"), sum(here, here.old("h"))];
    const [f, i, o] = ["f", "i", "o"].map((g) => (j: number) => σ(net(`W_${g}`, `U_${g}`, `b_${g}`, j)));
    const cell = here.each((j) => (f as Vector)(j) * c(j) + (i as Vector)(j) * tanh(net("W_g", "U_g", "b_g", j)));
    return { c: cell, h: here.each((j) => (o as Vector)(j) * tanh(cell(j))) };
  },
  "peephole-lstm": odyssey(),
  "lstm-nig": odyssey("NIG"),
  "lstm-nfg": odyssey("NFG"),
  "lstm-nog": odyssey("NOG"),
  "lstm-niaf": odyssey("NIAF"),
  "lstm-noaf": odyssey("NOAF"),
  "lstm-cifg": odyssey("CIFG"),
  "lstm-np": odyssey("NP"),
  "lstm-fgr": odyssey("FGR"),
  "projection-lstm": (here) => {
    const { dot, at, each, old } = here;
    const [c, net] = [old("c"), sum(here, old("r"))];
    const cells = c.all.length;
    const gate = (g: string, j: number, cell: Vector) =>
      σ(net(`W_${g}x`, `W_${g}r`, `b_${g}`, j) + at(`w_${g}c`, j) * cell(j));
    const cell = each((j) => gate("f", j, c) * c(j) + gate("i", j, c) * tanh(net("W_cx", "W_cr", "b_c", j)), cells);
    const m = each((j) => gate("o", j, cell) * tanh(cell(j)), cells);
    return { c: cell, r: each((j) => dot("W_rm", j, m)) };
  },
  "layer-norm-lstm": ({ x, dot, at, each, old }) => {
    const [h, c, H] = [old("h"), old("c"), old("h").all.length];
    const gates = ["f", "i", "o", "g"];
    const parts = (matrix: string, v: Vector) =>
      normalized(gates.flatMap((g) => each((j) => dot(`${matrix}_${g}`, j, v)).all));
    const [fromState, fromInput] = [parts("U", h), parts("W", x)];
    const [f, i, o, g] = gates.map((gate, k) => (j: number) => {
      const scaled = at(`a1_${gate}`, j) * (fromState[k * H + j] as number);
      return scaled + at(`a2_${gate}`, j) * (fromInput[k * H + j] as number) + at(`b_${gate}`, j);
    }) as [Vector, Vector, Vector, Vector];
    const cell = each((j) => σ(f(j)) * c(j) + σ(i(j)) * tanh(g(j)));
    const even = normalized(cell.all);
    return { c: cell, h: each((j) => σ(o(j)) * tanh(at("a3", j) * (even[j] as number) + at("b3", j))) };
  },
  "multiplicative-lstm": (here) => {
    const { x, dot, each, old } = here;
    const [h, c] = [old("h"), old("c")];
    const m = each((j) => dot("W_mx", j, x) * dot("W_mh", j, h));
    const net = (g: string, j: number) => sum(here, m)(`W_${g}x`, `W_${g}m`, `b_${g}`, j);
    const cell = each((j) => σ(net("f", j)) * c(j) + σ(net("i", j)) * tanh(net("h", j)));
    return { c: cell, h: each((j) => tanh(cell(j)) * σ(net("o", j))) };
  },
  "mogrifier-lstm": (here) => {
    const { dot, each, old } = here;
    let [x, h] = [here.x, old("h")];
    for (let round = 1; round <= 5; round++) {
      const [input, state] = [x, h];
      if (round % 2 === 1) x = each((j) => 2 * σ(dot(`Q${round}`, j, state)) * input(j), input.all.length);
      else h = each((j) => 2 * σ(dot(`R${round}`, j, input)) * state(j));
    }
    const net = (g: string, j: number) => sum({ ...here, x }, h)(`W_${g}x`, `W_${g}h`, `b_${g}`, j);
    const c = each((j) => σ(net("f", j)) * old("c")(j) + σ(net("i", j)) * tanh(net("j", j)));
    return { c, h: each((j) => σ(net("o", j)) * tanh(c(j))) };
  },
  janet: (here) => {
    const [h, net] = [here.old("h"), sum(here, here.old("h"))];
    const s = (j: number) => net("W_f", "U_f", "b_f", j);
    const candidate = (j: number) => tanh(net("W_c", "U_c", "b_c", j));
    return { h: here.each((j) => σ(s(j)) * h(j) + (1 - σ(s(j) - 1)) * candidate(j)) };
  },
  // Without the stabiliser: c and n as they are, exp(m) times what the cell holds.
  slstm: (here) => {
    const { each, old } = here;
    const net = (g: string, j: number) => sum(here, old("h"))(`W_${g}`, `R_${g}`, `b_${g}`, j);
    const [i, f] = [(j: number) => exp(net("i", j)), (j: number) => σ(net("f", j))];
    const m = each((j) => max(log(f(j)) + old("m")(j), net("i", j)));
    const scale = (j: number) => exp(old("m")(j));
    const c = each((j) => f(j) * scale(j) * old("c")(j) + i(j) * tanh(net("z", j)));
    const n = each((j) => f(j) * scale(j) * old("n")(j) + i(j));
    const small = (v: Vector) => each((j) => v(j) / exp(m(j)));
    return { m, c: small(c), n: small(n), h: each((j) => (σ(net("o", j)) * c(j)) / n(j)) };
  },
  mlstm: ({ x, at, dot, each, old }) => {
    // Without the stabiliser: m is but the scale of the other states, and the least denominator is 1.
    const net = (g: string, j: number) => dot(`W_${g}`, j, x) + at(`b_${g}`, j);
    const [i, f, before] = [exp(net("i", 0)), σ(net("f", 0)), exp(old("m")(0))];
    const m = max(log(f) + old("m")(0), net("i", 0));
    const [q, k] = [each((j) => net("q", j)), each((j) => dot("W_k", j, x) / sqrt(H) + at("b_k", j))];
    const C = each((j) => f * before * old("C")(j) + i * net("v", Math.floor(j / H)) * k(j % H), H * H);
    const n = each((j) => f * before * old("n")(j) + i * k(j));
    const units = Array.from({ length: H }, (_, j) => j);
    const near = Math.abs(units.reduce((sum, j) => sum + n(j) * q(j), 0));
    const least = max(near, 1) + 1e-6 * exp(m);
    const read = (j: number) => units.reduce((sum, l) => sum + C(j * H + l) * q(l), 0) / least;
    const small = (v: Vector) => each((j) => v(j) / exp(m), v.all.length);
    return { m: vector([m]), C: small(C), n: small(n), output: each((j) => σ(net("o", j)) * read(j)) };
  },
  gru: (here) => {
    const { at, dot, each, old, x } = here;
    const [h, net] = [old("h"), sum(here, old("h"))];
    const [z, r] = [(j: number) => σ(net("W_z", "U_z", "b_z", j)), (j: number) => σ(net("W_r", "U_r", "b_r", j))];
    const reset = each((j) => r(j) * h(j));
    const candidate = (j: number) => tanh(dot("W_g", j, x) + dot("U_g", j, reset) + at("b_g", j));
    return { h: each((j) => z(j) * h(j) + (1 - z(j)) * candidate(j)) };
  },
  "gru-reset-after": ({ at, dot, each, old, x }) => {
    const h = old("h");
    const state = (g: string, j: number) => dot(`U_${g}`, j, h) + at(`d_${g}`, j);
    const input = (g: string, j: number) => dot(`W_${g}`, j, x) + at(`b_${g}`, j);
    const gate = (g: string, j: number) => σ(input(g, j) + state(g, j));
    const candidate = (j: number) => tanh(input("g", j) + gate("r", j) * state("g", j));
    return { h: each((j) => gate("z", j) * h(j) + (1 - gate("z", j)) * candidate(j)) };
  },
  ...Object.fromEntries(
    [1, 2, 3].map((k): [string, Step] => [
      `mut${k}`,
      ({ x, at, dot, each, old }) => {
        const h = old("h");
        // The input, as large as the state: the projection first where the paper adds x itself.
        const v = k === 3 ? x : each((j) => dot("W", j, x));
        const seen = k === 1 ? undefined : k === 2 ? h : each((j) => tanh(h(j)));
        const z = (j: number) => σ(dot("W_xz", j, v) + (seen ? dot("W_hz", j, seen) : 0) + at("b_z", j));
        const r = (j: number) => σ((k === 2 ? v(j) : dot("W_xr", j, v)) + dot("W_hr", j, h) + at("b_r", j));
        const reset = each((j) => r(j) * h(j));
        const input = (j: number) => (k === 1 ? tanh(v(j)) : dot("W_xh", j, v));
        const candidate = (j: number) => tanh(dot("W_hh", j, reset) + input(j) + at("b_h", j));
        return { h: each((j) => candidate(j) * z(j) + h(j) * (1 - z(j))) };
      },
    ]),
  ),
  mgu: ({ x, at, dot, each, old }) => {
    const h = old("h");
    const f = each((j) => σ(dot("W_f", j, vector([...h.all, ...x.all])) + at("b_f", j)));
    const reset = each((j) => f(j) * h(j));
    const candidate = (j: number) => tanh(dot("W_h", j, vector([...reset.all, ...x.all])) + at("b_h", j));
    return { h: each((j) => (1 - f(j)) * h(j) + f(j) * candidate(j)) };
  },
  ugrnn: (here) => {
    const [h, net] = [here.old("h"), sum(here, here.old("h"))];
    const g = (j: number) => σ(net("W_gx", "W_gh", "b_g", j));
    return { h: here.each((j) => g(j) * h(j) + (1 - g(j)) * tanh(net("W_cx", "W_ch", "b_c", j))) };
  },
  qrnn: (here) => {
    const { x, each, old } = here;
    const net = (g: string, j: number) => sum(here, old("p"))(`W_${g}`, `V_${g}`, `b_${g}`, j);
    const f = (j: number) => σ(net("f", j));
    const c = each((j) => f(j) * old("c")(j) + (1 - f(j)) * tanh(net("z", j)));
    return { p: x, c, output: each((j) => σ(net("o", j)) * c(j)) };
  },
  sru: ({ x, at, dot, each, old }) => {
    const c = old("c");
    const gate = (g: string, j: number) => σ(dot(`W_${g}`, j, x) + at(`v_${g}`, j) * c(j) + at(`b_${g}`, j));
    const next = each((j) => gate("f", j) * c(j) + (1 - gate("f", j)) * dot("W", j, x));
    return {
      c: next,
      output: each((j) => gate("r", j) * next(j) + (1 - gate("r", j)) * dot("W_x", j, x)),
    };
  },
  "min-gru": ({ x, at, dot, each, old }) => {
    const z = (j: number) => σ(dot("W_z", j, x) + at("b_z", j));
    return { h: each((j) => (1 - z(j)) * old("h")(j) + z(j) * above0(dot("W_h", j, x) + at("b_h", j))) };
  },
  "min-lstm": ({ x, at, dot, each, old }) => {
    const gate = (g: string, j: number) => σ(dot(`W_${g}`, j, x) + at(`b_${g}`, j));
    const share = (g: string, j: number) => gate(g, j) / (gate("f", j) + gate("i", j));
    return { h: each((j) => share("f", j) * old("h")(j) + share("i", j) * above0(dot("W_h", j, x) + at("b_h", j))) };
  },
  "rg-lru": ({ x, at, dot, each, old }) => {
    const v = each((j) => dot("W", j, x));
    const gate = (g: string, j: number) => σ(dot(`W_${g}`, j, v) + at(`b_${g}`, j));
    const a = (j: number) => σ(at("Λ", j)) ** (8 * gate("a", j));
    // The first step, where k is 0, stores the input as it is.
    const scale = (j: number) => 1 + old("k")(j) * (sqrt(1 - a(j) ** 2) - 1);
    return { k: each((j) => max(old("k")(j), 1)), h: each((j) => a(j) * old("h")(j) + scale(j) * gate("x", j) * v(j)) };
  },
  rru: (here) => {
    const { at, dot, each, old } = here;
    const net = sum(here, old("h"));
    const a = each((j) => net("W_x", "W_h", "b", j), 4 * H);
    const size = sqrt(a.all.reduce((total, one) => total + one * one, 0) / (4 * H) + 1e-6);
    const hidden = each((j) => max(a(j) / size, 0), 4 * H);
    const c = (j: number) => dot("W_c", j, hidden) + at("b_c", j);
    return {
      h: each((j) => 1.5 * σ(at("s", j)) * old("h")(j) + at("z", j) * c(j)),
      output: each((j) => dot("W_y", j, hidden) + at("b_y", j)),
    };
  },
};

const [D, H, T] = [4, 3, 2];
test.each(Object.entries(cells))("%s: two steps as in the formulas of its source, to 1e-12", (name, cell: Cell) => {
  for (const seed of [1, 2, 3]) {
    const g = createBuilder();
    const { output } = addCell(g, cell, { layer: "", units: H, inputs: { x: g.input("x", D) } });
    const graph = g.graph({ output });
    const values = randomValues(graph, T, 1, seed, 0.7);
    // Sums of weights: above 0.
    if (values.states.n) values.states.n = values.states.n.map((n) => 1 + Math.abs(n));
    const run = interpret(graph, { steps: T, batch: 1, ...values });

    let states: Readonly<Record<string, Vector>> = Object.fromEntries(
      Object.entries(values.states).map(([state, numbers]) => [state, vector([...numbers])]),
    );
    const outputs: number[] = [];
    for (let t = 0; t < T; t++) {
      const before = states;
      states = (steps[name] as Step)({
        x: vector([...(values.inputs.x as Float64Array).subarray(t * D, (t + 1) * D)]),
        old: (state) => before[state] as Vector,
        at: (parameter, j) => values.parameters[parameter]?.[j] as number,
        dot: (matrix, j, { all: v }) => {
          const weights = values.parameters[matrix]?.subarray(j * v.length, (j + 1) * v.length) as Float64Array;
          return v.reduce((total, number, k) => total + number * (weights[k] as number), 0);
        },
        each: (compute, size = H) => vector(Array.from({ length: size }, (_, j) => compute(j))),
      });
      outputs.push(...(states.output ?? (states[cell.output.slice(0, -1)] as Vector)).all);
    }
    expect(relativeError(run.value(output), outputs), `seed ${seed}`).toBeLessThan(1e-12);
    expect(Object.keys(run.states).sort()).toEqual(
      Object.keys(states)
        .filter((state) => state !== "output")
        .sort(),
    );
    for (const [state, numbers] of Object.entries(run.states)) {
      expect(relativeError(numbers, (states[state] as Vector).all), `${state}, seed ${seed}`).toBeLessThan(1e-12);
    }
  }
});

test("slstm: a number added to the logarithm of every input gate changes no output, though its exponential is no f32", async () => {
  const sequence = Array.from({ length: 20 }, (_, t) => Array.from({ length: D }, (_, k) => Math.sin(3 * t + k)));
  const shown = async (b_i: number) => {
    const { h, m } = await trace(sLstm, sequence, { units: H, seed: 3, parameters: { b_i: [b_i, b_i, b_i] } });
    return { outputs: h.flatMap((vector) => [...vector]), m: (m.at(-1) as Float32Array)[0] as number };
  };
  const [plain, large] = [await shown(0), await shown(200)];
  expect(Math.exp(large.m)).toBeGreaterThan(3.5e38);
  // The sum is rounded to 24 bits: 1e-5 near 200.
  expect(relativeError(large.outputs, plain.outputs)).toBeLessThan(1e-3);
  expect(Math.max(...plain.outputs.map(Math.abs))).toBeGreaterThan(0.1);
});
