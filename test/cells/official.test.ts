/**
 * Cells that keep weights, shares or scales in range, against the algorithms of their authors' code, from the first step
 * on, for ordinary inputs and such as no exponential holds. Written out here in f64, one unit at a time.
 */
import { describe, expect, test } from "vitest";
import { minGru, minLstm, mLstm, rgLru, sLstm, sru } from "../../src/cells/index.ts";
import { interpret } from "../../src/engines/reference/interpret.ts";
import { addCell, type Cell } from "../../src/graph/cell.ts";
import { createBuilder } from "../../src/graph/graph.ts";
import { createRandom } from "../../src/nn/random.ts";
import { trace } from "../../src/nn/trace.ts";
import { relativeError } from "../helpers/networks.ts";

const [D, H, T] = [3, 4, 12];
const { abs, exp, log, log1p, max, min, sqrt, tanh } = Math;
const σ = (a: number): number => 1 / (1 + exp(-a));
const logσ = (a: number): number => min(a, 0) - log1p(exp(-abs(a)));
const units = Array.from({ length: H }, (_, j) => j);

/** What a formula here may read: the input's sums of a gate, and numbers of a parameter. */
type Given = {
  /** Row j of `W_gate`, or of `W` where there is none, times x at a step; and the bias `b_gate` where there is one. */
  readonly net: (gate: string, t: number, j: number) => number;
  /** Row j of a matrix times any vector. */
  readonly dot: (matrix: string, j: number, v: readonly number[]) => number;
  readonly at: (parameter: string, j: number) => number;
};
/** The outputs (T,H), from a zero state. */
type Formula = (given: Given) => number[][];

/** What `interpret` makes of a cell, and what the formula makes of the same numbers. */
function both(cell: Cell, scale: number, seed: number, formula: Formula) {
  const g = createBuilder();
  const { output } = addCell(g, cell, { layer: "", units: H, inputs: { x: g.input("x", D) } });
  const graph = g.graph({ output });
  const random = createRandom(seed);
  const x = Float64Array.from({ length: T * D }, () => scale * (2 * random.uniform() - 1));
  const parameters = Object.fromEntries(
    graph.parameters.map(({ name, shape }) => {
      const spread = name === "Λ" ? 3 : 0.7;
      return [name, Float64Array.from({ length: shape.reduce((a, b) => a * b) }, () => spread * random.normal())];
    }),
  );
  const ours = interpret(graph, { steps: T, batch: 1, inputs: { x }, parameters }).value(output);
  const dot: Given["dot"] = (matrix, j, v) =>
    v.reduce((sum, a, k) => sum + a * (parameters[matrix]?.[j * v.length + k] as number), 0);
  const net: Given["net"] = (gate, t, j) =>
    dot(parameters[`W_${gate}`] ? `W_${gate}` : "W", j, [...x.subarray(t * D, (t + 1) * D)]) +
    (parameters[`b_${gate}`]?.[j] ?? 0);
  return { ours, wanted: formula({ net, dot, at: (name, j) => parameters[name]?.[j] as number }).flat() };
}

const steps = <Value>(make: (t: number) => Value): Value[] => Array.from({ length: T }, (_, t) => make(t));
const none = (): number[] => units.map(() => 0);

/** NX-AI's sLSTM, vanilla: the stabiliser of the first step is the input gate alone, and no gate passes 1. */
const slstm: Formula = ({ net, dot }) => {
  let [h, c, n, m] = [none(), none(), none(), none()];
  return steps((t) => {
    const sum = (gate: string) => units.map((j) => net(gate, t, j) + dot(`R_${gate}`, j, h));
    const [z, o, i, f] = ["z", "o", "i", "f"].map(sum) as [number[], number[], number[], number[]];
    const kept = units.map((j) => (m[j] as number) + logσ(f[j] as number));
    const next = units.map((j) => (t === 0 ? (i[j] as number) : max(i[j] as number, kept[j] as number)));
    const gate = (of: number[], j: number) => min(1, exp((of[j] as number) - (next[j] as number)));
    c = units.map((j) => gate(kept, j) * (c[j] as number) + gate(i, j) * tanh(z[j] as number));
    n = units.map((j) => gate(kept, j) * (n[j] as number) + gate(i, j));
    m = next;
    h = units.map((j) => (σ(o[j] as number) * (c[j] as number)) / (n[j] as number));
    return h;
  });
};

/** NX-AI's mLSTM in its parallel form: no state, but the weight of every step before in every step. */
const mlstm: Formula = ({ net, at }) => {
  const q = steps((t) => units.map((j) => net("q", t, j)));
  const k = steps((t) => units.map((j) => (net("k", t, j) - at("b_k", j)) / sqrt(H) + at("b_k", j)));
  const v = steps((t) => units.map((j) => net("v", t, j)));
  const kept = steps((t) => logσ(net("f", t, 0)));
  return steps((t) => {
    const weights: number[] = [];
    for (let s = 0; s <= t; s++) weights.push(kept.slice(s + 1, t + 1).reduce((a, b) => a + b, 0) + net("i", s, 0));
    // A recurrence starts from a memory of zeros, whose weight counts for the stabiliser.
    const m = max(
      ...weights,
      kept.slice(0, t + 1).reduce((a, b) => a + b),
    );
    const near = weights.map(
      (w, s) => exp(w - m) * units.reduce((sum, j) => sum + (q[t]?.[j] as number) * (k[s]?.[j] as number), 0),
    );
    const least = max(abs(near.reduce((a, b) => a + b)), exp(-m)) + 1e-6;
    return units.map((j) => {
      const read = near.reduce((sum, a, s) => sum + a * (v[s]?.[j] as number), 0);
      return (σ(net("o", t, j)) * read) / least;
    });
  });
};

/** recurrentgemma's RG-LRU: where a sequence begins the input is stored as it is. */
const rglru: Formula = ({ net, dot, at }) => {
  let h = none();
  return steps((t) => {
    const v = units.map((j) => net("v", t, j));
    h = units.map((j) => {
      const gate = (name: string) => σ(dot(`W_${name}`, j, v) + at(`b_${name}`, j));
      const logA = 8 * gate("a") * logσ(at("Λ", j));
      const scale = t === 0 ? 1 : sqrt(-Math.expm1(2 * logA));
      return exp(logA) * (h[j] as number) + scale * gate("x") * (v[j] as number);
    });
    return h;
  });
};

const logG = (a: number): number => (a >= 0 ? log(a + 0.5) : logσ(a));
/** The scan in logarithms of the appendix B: log h of the sum over steps of what was stored, times what was kept since. */
const inLogarithms = (logKept: (t: number) => number, logStored: (t: number) => number): number[] =>
  steps((t) => {
    const terms: number[] = [];
    for (let s = 0; s <= t; s++) {
      let term = logStored(s);
      for (let u = s + 1; u <= t; u++) term += logKept(u);
      terms.push(term);
    }
    const largest = max(...terms);
    return exp(largest + log(terms.reduce((sum, term) => sum + exp(term - largest), 0)));
  });
const turned = (byUnit: number[][]): number[][] => steps((t) => byUnit.map((all) => all[t] as number));

const mingru: Formula = ({ net }) =>
  turned(
    units.map((j) =>
      inLogarithms(
        (t) => logσ(-net("z", t, j)),
        (t) => logσ(net("z", t, j)) + logG(net("h", t, j)),
      ),
    ),
  );
const minlstm: Formula = ({ net }) =>
  turned(
    units.map((j) => {
      const softplus = (a: number) => -logσ(-a);
      const difference = (t: number) => softplus(-net("f", t, j)) - softplus(-net("i", t, j));
      return inLogarithms(
        (t) => -softplus(difference(t)),
        (t) => -softplus(-difference(t)) + logG(net("h", t, j)),
      );
    }),
  );

/** asappresearch's SRU, with a projection of the highway's input. */
const simpleUnit: Formula = ({ net, at }) => {
  let c = none();
  return steps((t) => {
    const before = c;
    const gate = (name: string, j: number) => σ(net(name, t, j) + (before[j] as number) * at(`v_${name}`, j));
    c = units.map((j) => net("", t, j) + ((before[j] as number) - net("", t, j)) * gate("f", j));
    return units.map((j) => net("x", t, j) + ((c[j] as number) - net("x", t, j)) * gate("r", j));
  });
};

const all: [name: string, cell: Cell, formula: Formula, bound: number][] = [
  ["slstm", sLstm, slstm, 1e-9],
  ["mlstm", mLstm, mlstm, 1e-9],
  ["rg-lru", rgLru, rglru, 1e-7],
  ["min-gru", minGru, mingru, 1e-9],
  ["min-lstm", minLstm, minlstm, 1e-9],
  ["sru", sru, simpleUnit, 1e-9],
];
describe.each([1, 50, 500, 5000])("inputs up to %i: as the authors' algorithm from the first step on", (scale) => {
  test.each(all)("%s", (_, cell, formula, bound) => {
    for (let seed = 1; seed <= 20; seed++) {
      const { ours, wanted } = both(cell, scale, seed, formula);
      expect(ours.every(Number.isFinite), `seed ${seed}`).toBe(true);
      expect(relativeError(ours, wanted), `seed ${seed}`).toBeLessThan(bound);
    }
  });
});

test("slstm: an input gate of exp(-90) at the first step, whose share of a state of zeros is no f32", async () => {
  const options = { units: 1, parameters: { b_i: [-90], W_z: [1], b_z: [1] } };
  const { h, n } = await trace(sLstm, [[0], [0]], options);
  // One candidate, however small its weight: the output gate's half of tanh(1).
  expect(h.map(([value]) => value)).toEqual([Math.fround(tanh(1) / 2), Math.fround(tanh(1) / 2)]);
  expect(n.map(([value]) => value)).toEqual([1, expect.closeTo(1 + σ(5), 4)]);
});

test.each([-5000, -90, 90, 5000])("slstm and mlstm: every gate's sum at %i, two steps", async (sum) => {
  const gates = { b_i: [sum], b_f: [sum], b_o: [sum], W_i: [0], W_f: [0], W_o: [0] };
  const { h } = await trace(sLstm, [[0], [0]], { units: 1, parameters: { ...gates, W_z: [0], b_z: [1] } });
  const shown = σ(sum) * tanh(1);
  for (const [value] of h) expect(value).toBeCloseTo(shown, 6);
  const memory = { W_q: [0], b_q: [1], W_k: [0], b_k: [1], W_v: [0], b_v: [1] };
  const { y } = await trace(mLstm, [[0], [0]], { units: 1, parameters: { ...gates, ...memory } });
  for (const [value] of y) expect(value).toBeCloseTo(sum > 0 ? 1 : 0, 5);
});
