/** Three neurons in a row: numbers forward, then the derivative back from the error, factor by factor. */
import { useEffect, useState } from "preact/hooks";
import { Formula } from "../../components/formula.tsx";
import { subscript, texNumber, written } from "../../components/numbers.ts";
import { Slider } from "../../components/slider.tsx";
import { engine, tellOfDeath, useAnswer } from "../../engine/engine.ts";
import { fill, rich, texts } from "../../texts/texts.ts";
import { isStill } from "./job-steps.ts";
import { aNumber, useShared, type ValuesOf } from "./shared-values.ts";

const own = texts.learn.chain;

/** Each neuron multiplies what it reads by its weight and squashes it; t is what should come out. */
const lines = `
s_1 = w_1 * x
a_1 = tanh(s_1)
s_2 = w_2 * a_1
a_2 = tanh(s_2)
s_3 = w_3 * a_2
a_3 = tanh(s_3)
e = a_3 - t
`;
/** Its output is the loss, so the engine's backward step goes from there. */
export const chainLoss = `${lines}
y = e * e
`;
/** With the slopes that stand on the way, of the square and of each tanh, named. */
export const chainFactors = `${lines}
L = e * e
k_4 = 2 * e
k_3 = 1 - a_3 * a_3
k_2 = 1 - a_2 * a_2
k_1 = 1 - a_1 * a_1
y = [L, k_4, k_3, k_2, k_1]
`;
/** The same chain as a model with weights that can be trained. */
export const chainModel = "y = tanh(w_3 * tanh(w_2 * tanh(w_1 * x)))";
export const chainWeights = ["w_1", "w_2", "w_3"] as const;
const neurons = [1, 2, 3] as const;

export const chainRange = { min: -2, max: 2, step: 0.05 };
const valueRange = { min: -1, max: 1, step: 0.05 };
export const chainStart = { x: 0.8, t: 0.3, w1: 1.2, w2: -0.9, w3: 1.4 };
export const chainRate = 0.5;

/** Forward: three neurons and the error. Back: the error's slope, then three neurons. */
const stages = 8;
const kinds = {
  x: aNumber(chainStart.x, valueRange),
  t: aNumber(chainStart.t, valueRange),
  w1: aNumber(chainStart.w1, chainRange),
  w2: aNumber(chainStart.w2, chainRange),
  w3: aNumber(chainStart.w3, chainRange),
  stage: aNumber(0, { min: 0, max: stages - 1, step: 1 }),
};

export function Chain() {
  const [{ x, t, w1, w2, w3, stage }, set] = useShared(kinds);
  const weights = [w1, w2, w3] as const;
  const [playing, setPlaying] = useState(false);
  useEffect(() => {
    if (!playing) return;
    if (stage === stages - 1) return setPlaying(false);
    const timer = setTimeout(() => set({ stage: stage + 1 }), isStill() ? 0 : 1400);
    return () => clearTimeout(timer);
  }, [playing, stage]);
  const to = (next: number): void => {
    setPlaying(false);
    set({ stage: Math.max(0, Math.min(stages - 1, next)) });
  };

  const parameters = { w_1: [w1], w_2: [w2], w_3: [w3], t: [t] };
  const named = useAnswer("trace", { equations: chainFactors }, [[x]], { parameters });
  const back = useAnswer("traceGradients", { equations: chainLoss }, [[x]], { parameters });
  const model = { equations: chainModel, weights: chainWeights, examples: [{ x, y: t }] };
  const standing = useAnswer("standing", model, weights).value;
  const descend = (): void => {
    engine()
      .ask("moved", model, weights, chainRate)
      .then((moved) => {
        const [w1, w2, w3] = moved.map((w) => Math.max(chainRange.min, Math.min(chainRange.max, w)));
        set({ w1, w2, w3 } as Partial<ValuesOf<typeof kinds>>);
      }, tellOfDeath);
  };
  const of = (name: string): number => named.value?.[name]?.[0]?.[0] ?? 0;
  const d = (name: string): number => back.value?.[name]?.[0]?.[0] ?? 0;

  const isBack = stage >= 4;
  /** The neuron that is being computed, 4 for the error. */
  const now = stage < 4 ? stage + 1 : 8 - stage;
  /** Whether the numbers of a neuron, forward and back, have been computed. */
  const forward = (n: number): boolean => isBack || n <= now;
  const backward = (n: number): boolean => isBack && n >= now;
  const slider = { ...chainRange, format: (value: number) => written(value) };
  return (
    <section class="card" aria-label={own.title}>
      <ol data-figure={texts.pictures.names.chain} class="chain">
        <li class={stage === 0 ? "lit" : ""}>
          <b>{own.input}</b>
          <span>x = {written(x)}</span>
        </li>
        {neurons.map((n) => (
          <li key={n} class={n === now ? "lit" : ""}>
            <b>
              {rich(own.neuron, {
                n,
                soft: (inside) => <span class="soft small">{inside}</span>,
                k: subscript(n),
                value: written(weights[n - 1] as number),
              })}
            </b>
            <span>
              {forward(n) ? fill(own.says, { sum: written(of(`s_${n}`)), output: written(of(`a_${n}`)) }) : "…"}
            </span>
            <span class="back">
              {backward(n) ? fill(own.slope, { k: subscript(n), value: written(standing?.slopes[n - 1] ?? 0, 3) }) : ""}
            </span>
          </li>
        ))}
        <li class={now === 4 ? "lit" : ""}>
          <b>{rich(own.error, { soft: (inside) => <span class="soft small">{inside}</span>, t: written(t) })}</b>
          <span>{forward(4) ? `L = ${written(of("L"), 3)}` : "…"}</span>
          <span class="back">{backward(4) ? fill(own.errorSlope, { value: written(d("a_3"), 3) }) : ""}</span>
        </li>
      </ol>
      <p class="chain-says" role="status">
        {own.stages[stage]}
      </p>
      <div class="row">
        <button
          type="button"
          class="main"
          onClick={() => {
            if (stage === stages - 1) set({ stage: 0 });
            setPlaying(!playing);
          }}
        >
          {playing ? own.pause : own.play}
        </button>
        <button type="button" aria-label={own.back} disabled={stage === 0} onClick={() => to(stage - 1)}>
          ←
        </button>
        <button type="button" aria-label={own.forward} disabled={stage === stages - 1} onClick={() => to(stage + 1)}>
          →
        </button>
      </div>
      <Slider
        label={own.place}
        value={stage}
        min={0}
        max={stages - 1}
        step={1}
        onInput={to}
        format={(k) => fill(own.placeOf, { n: k + 1, all: stages })}
      />
      <ul class="chain-lines">
        {filled(stage, { x, t, weights, of, d, slopes: standing?.slopes ?? [0, 0, 0] }).map(([tex, means]) => (
          <li key={means}>
            <Formula display tex={tex} />
            <span class="small soft">{means}</span>
          </li>
        ))}
      </ul>
      <p class="small soft">{own.product}</p>
      <Formula display tex={product} lit={lit(stage)} />
      <Formula display tex={productOf({ x, weights, of, slope: standing?.slopes[0] })} lit={lit(stage)} />
      <div class="figure">
        <div class="controls">
          <Slider label={own.inputX} value={x} {...valueRange} onInput={(x) => set({ x })} format={written} />
          <Slider label={own.target} value={t} {...valueRange} onInput={(t) => set({ t })} format={written} />
        </div>
        <div class="controls">
          <Slider label="w₁" value={w1} {...slider} onInput={(w1) => set({ w1 })} />
          <Slider label="w₂" value={w2} {...slider} onInput={(w2) => set({ w2 })} />
          <Slider label="w₃" value={w3} {...slider} onInput={(w3) => set({ w3 })} />
        </div>
      </div>
      <div class="row">
        <button type="button" onClick={descend}>
          {own.descend}
        </button>
        <span class="small soft numbers">
          {fill(own.loss, { loss: standing === undefined ? "" : written(standing.loss, 4), rate: chainRate })}
        </span>
      </div>
    </section>
  );
}

type Numbers = {
  readonly x: number;
  readonly t: number;
  readonly weights: readonly number[];
  readonly of: (name: string) => number;
  readonly d: (name: string) => number;
  /** Of L, in each weight. */
  readonly slopes: readonly number[];
};

const tex = (value: number, digits = 2): string => written(value, digits).replace("−", "-");

/** A formula with the numbers of a stage, and what it says in words. */
type Filled = readonly [tex: string, means: string];

/** A factor with what it is, in words, below. */
const called = (number: string, words: string): string => `\\underbrace{${number}}_{\\text{${words}}}`;
const slopeBy = (name: string): string => `\\frac{\\partial L}{\\partial ${name}}`;

function filled(stage: number, { x, t, weights, of, d, slopes }: Numbers): readonly Filled[] {
  if (stage < 3) {
    const n = stage + 1;
    const weight = called(tex(weights[n - 1] as number), own.factors.weight);
    const read = called(texNumber(n === 1 ? x : of(`a_${n - 1}`)), own.factors.reads);
    return [
      [`s_${n} = ${weight} \\cdot ${read} = ${tex(of(`s_${n}`))}`, own.lines.product],
      [`a_${n} = \\tanh(${tex(of(`s_${n}`))}) = ${tex(of(`a_${n}`))}`, own.lines.squashed],
    ];
  }
  if (stage === 3) {
    const off = `${called(tex(of("a_3")), own.factors.answer)} - ${called(texNumber(t), own.factors.target)}`;
    return [[`L = (${off})^2 = ${tex(of("L"), 3)}`, own.lines.difference]];
  }
  if (stage === 4) {
    const off = `${tex(of("a_3"))} - ${texNumber(t)}`;
    return [[`${slopeBy("a_3")} = 2 \\cdot (${off}) = ${tex(d("a_3"), 3)}`, own.lines.twice]];
  }
  const n = 8 - stage;
  const before = n === 1 ? "x" : `a${subscript(n - 1)}`;
  const arriving = called(tex(d(`a_${n}`), 3), own.factors.arrives);
  const slope = called(tex(of(`k_${n}`)), own.factors.slope);
  const through = called(tex(d(`s_${n}`), 3), own.factors.above);
  const read = called(texNumber(n === 1 ? x : of(`a_${n - 1}`)), own.factors.read);
  const lines: Filled[] = [
    [
      `${slopeBy(`s_${n}`)} = ${arriving} \\cdot ${slope} = ${tex(d(`s_${n}`), 3)}`,
      fill(own.lines.arrives, { n, k: subscript(n) }),
    ],
    [
      `${slopeBy(`w_${n}`)} = ${through} \\cdot ${read} = ${tex(slopes[n - 1] as number, 3)}`,
      fill(own.lines.keep, { read: before, k: subscript(n) }),
    ],
  ];
  if (n === 1) return lines;
  const weight = called(texNumber(weights[n - 1] as number), own.factors.weight);
  return [
    ...lines,
    [
      `${slopeBy(`a_${n - 1}`)} = ${through} \\cdot ${weight} = ${tex(d(`a_${n - 1}`), 3)}`,
      fill(own.lines.handOn, { n, k: subscript(n), read: before, to: n - 1 }),
    ],
  ];
}

const part = (name: string, tex: string): string => `\\htmlClass{part-${name}}{${tex}}`;
/** The whole product, from the error to the first weight. */
const product = `\\begin{aligned}\\frac{\\partial L}{\\partial w_1} =\\;& ${part("e", "2\\,(a_3 - t)")} \\cdot ${part("n3", "(1 - a_3^2)")} \\cdot ${part("n3", "w_3")}\\\\ &\\cdot ${part("n2", "(1 - a_2^2)")} \\cdot ${part("n2", "w_2")} \\cdot ${part("n1", "(1 - a_1^2)")} \\cdot ${part("n1", "x")}\\end{aligned}`;

const lit = (stage: number): readonly string[] => (stage < 4 ? [] : [["e", "n3", "n2", "n1"][stage - 4] as string]);

function productOf({
  x,
  weights,
  of,
  slope,
}: Pick<Numbers, "x" | "weights" | "of"> & { readonly slope: number | undefined }): string {
  const factor = (name: string, value: number): string => part(name, texNumber(value));
  const [, w2, w3] = weights as [number, number, number];
  return `\\begin{aligned}=\\;& ${factor("e", of("k_4"))} \\cdot ${factor("n3", of("k_3"))} \\cdot ${factor("n3", w3)}\\\\ &\\cdot ${factor("n2", of("k_2"))} \\cdot ${factor("n2", w2)} \\cdot ${factor("n1", of("k_1"))} \\cdot ${factor("n1", x)} = ${slope === undefined ? "" : tex(slope, 3)}\\end{aligned}`;
}
