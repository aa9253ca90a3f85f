/** Chapter 6: an LSTM of one unit, its gates in the reader's hands, walked through step by step. */
import { useCallback } from "preact/hooks";
import { linkTo } from "../../address.ts";
import { LstmDiagram, type LstmStage } from "../../components/lstm-diagram.tsx";
import { scientific, written } from "../../components/numbers.ts";
import { Plot, type PlotProps } from "../../components/plot.tsx";
import { Slider } from "../../components/slider.tsx";
import { useAnswer } from "../../engine/engine.ts";
import { fill, rich, texts } from "../../texts/texts.ts";
import { CellWalk, type CellWalkSpec, factor, marked, tex, type WalkPreset, type WalkStage } from "./cell-walk.tsx";
import { Questions } from "./questions.tsx";
import { aNumber, useShared } from "./shared-values.ts";
import { Symbols } from "./symbols.tsx";

const own = texts.learn.lstm;

const numbers = [0.3, 0.9, -0.5, 0.7, -0.8, 0.2, -0.4, 0.6];
const [open, shut] = [6, -6];

export const marks = own.marks;
type Mark = keyof typeof marks;

export const presets: readonly WalkPreset<Mark, "f" | "i" | "o">[] = [
  {
    name: "Remember",
    ...own.presets.remember,
    begin: 3,
    setting: {
      numbers,
      marks: { store: marked(2), clear: marked(), show: marked() },
      biases: { f: open, i: shut, o: open },
    },
  },
  {
    name: "Forget",
    ...own.presets.forget,
    begin: 6,
    setting: {
      numbers,
      marks: { store: marked(2), clear: marked(6), show: marked() },
      biases: { f: open, i: shut, o: open },
    },
  },
  {
    name: "Hide",
    ...own.presets.hide,
    begin: 7,
    setting: {
      numbers,
      marks: { store: marked(2), clear: marked(), show: marked(7) },
      biases: { f: open, i: shut, o: shut },
    },
  },
  {
    name: "Count",
    ...own.presets.count,
    begin: 2,
    setting: {
      ...{ numbers: numbers.map(() => 0.6), marks: { store: marked(), clear: marked(), show: marked() } },
      biases: { f: open, i: open, o: open },
    },
  },
  {
    name: "Live in the present",
    ...own.presets.present,
    begin: 3,
    setting: {
      numbers,
      marks: { store: marked(), clear: marked(), show: marked() },
      biases: { f: shut, i: open, o: open },
    },
  },
];

/** Each gate reads its own mark, the candidate the number; nothing reads h. x is number, store, clear, show. */
export const weights = { W_f: [0, 0, -12, 0], W_i: [0, 12, 0, 0], W_g: [1, 0, 0, 0], W_o: [0, 0, 0, 12] };
export const nothing = { U_f: [0], U_i: [0], U_g: [0], U_o: [0], b_g: [0] };

/** What stands between the lines of the equations, named, and all of it the output, so that the engine tells it too. */
export const between = `
s_f = W_f @ x + U_f @ h + b_f
s_i = W_i @ x + U_i @ h + b_i
s_g = W_g @ x + U_g @ h + b_g
s_o = W_o @ x + U_o @ h + b_o
kept = f * c
stored = i * g
shown = tanh(c')
y = [s_f, s_i, s_g, s_o, kept, stored, shown, h']
`;

const stages: readonly WalkStage[] = [
  {
    ...own.stages.forget,
    lines: ["f"],
    filled: ({ now, before }, t) => [
      `f_${t} &= \\sigma(${tex(now("s_f"))}) = ${tex(now("f"))}`,
      // What it does to the state, though the sum comes two stages later: else forgetting is not seen.
      `f_${t} \\cdot c_{${t - 1}} &= ${tex(now("f"))} \\cdot ${factor(before("c"))} = ${tex(now("kept"))}`,
    ],
  },
  {
    ...own.stages.input,
    lines: ["i", "g"],
    filled: ({ now }, t) => [
      `i_${t} &= \\sigma(${tex(now("s_i"))}) = ${tex(now("i"))}`,
      `g_${t} &= \\tanh(${tex(now("s_g"))}) = ${tex(now("g"))}`,
    ],
  },
  {
    ...own.stages.update,
    lines: ["c"],
    filled: ({ now, before }, t) => [
      `c_${t} &= ${tex(now("f"))} \\cdot ${factor(before("c"))} + ${tex(now("i"))} \\cdot ${factor(now("g"))}`,
      `&= ${tex(now("kept"))} + ${factor(now("stored"))} = ${tex(now("c"))}`,
    ],
  },
  {
    ...own.stages.output,
    lines: ["o", "h"],
    filled: ({ now }, t) => [
      `o_${t} &= \\sigma(${tex(now("s_o"))}) = ${tex(now("o"))}`,
      `h_${t} &= ${tex(now("o"))} \\cdot \\tanh(${tex(now("c"))}) = ${tex(now("h"))}`,
    ],
  },
];

const spec: CellWalkSpec<Mark, "f" | "i" | "o"> = {
  label: own.title,
  marks,
  gates: {
    f: { ...own.gates.f, colour: "--c1" },
    i: { ...own.gates.i, colour: "--c2" },
    o: { ...own.gates.o, colour: "--c4" },
  },
  presets,
  stages,
  rows: [
    { name: "c", label: own.rows.c, bounded: false },
    { name: "h", label: own.rows.h, bounded: true },
  ],
  named: (source) => `${source}\n${between}`,
  parameters: { ...weights, ...nothing },
  Diagram: ({ stage, at: { x, now, before } }) => {
    const names = ["f", "i", "g", "o", "kept", "stored", "c", "shown", "h"] as const;
    const told = Object.fromEntries(names.map((name) => [name, now(name)])) as Record<(typeof names)[number], number>;
    return (
      <LstmDiagram stage={stage as LstmStage} numbers={{ ...told, x, before: { c: before("c"), h: before("h") } }} />
    );
  },
  note: ({ now }) => fill(own.note, { c: written(now("c")), h: written(now("h")) }),
};

export default function LstmChapter() {
  const { value: equations } = useAnswer("equations", "lstm");
  return (
    <>
      <p>{rich(own.lead)}</p>
      <Symbols
        of={[
          ["f, i, o", own.symbols.gates],
          ["g", own.symbols.g],
          ["c, h", own.symbols.c],
          ["\\odot", own.symbols.times],
          ["W, U, b", own.symbols.W],
        ]}
      />
      {equations !== undefined && <CellWalk {...{ spec, equations }} />}
      <h2>{own.try.title}</h2>
      <ul class="try">
        {own.try.list.map((each) => (
          <li key={each}>{rich(each)}</li>
        ))}
      </ul>
      <p>{rich(own.marksAbout, { link: (inside) => <a href={linkTo("inspect")}>{inside}</a> })}</p>
      <h2>{own.bias.title}</h2>
      <ForgetBias />
      <Questions chapter="lstm" />
    </>
  );
}

const forgetRange = { min: -1, max: 4, step: 0.25 };
const forgetKinds = { bias: aNumber(2, forgetRange) };

/** A longer one with its matrices drawn at random, as before any training. */
export const long = { units: 16, steps: 50 } as const;
export const longSequence = Array.from({ length: long.steps }, (_, t) => [Math.sin(t), Math.cos(1.7 * t)]);

function ForgetBias() {
  const [{ bias }, set] = useShared(forgetKinds);
  const [none, one, chosen] = [useReach(0), useReach(1), useReach(bias)];
  const options = useCallback<PlotProps["options"]>(
    (plot) => {
      const lines = [
        { name: own.bias.line0, values: none, colour: "var(--c2)" },
        { name: own.bias.line1, values: one, colour: "var(--c1)" },
        { name: fill(own.bias.line, { bias: written(bias) }), values: chosen, colour: "var(--ink)" },
      ];
      const points = lines.flatMap(({ name, values, colour }) =>
        values.map((reach, t) => ({ step: t + 1, reach, name, colour })),
      );
      return {
        ...{ marginLeft: 56, marginTop: 32, marginBottom: 40, style: { fontSize: "13px" } },
        x: { label: own.bias.step, ticks: 6 },
        y: { type: "log", label: own.bias.gradient, tickFormat: "~e", ticks: 6, grid: true },
        marks: [
          plot.line(points, { x: "step", y: "reach", z: "name", stroke: "colour", strokeWidth: 2 }),
          plot.text(points, {
            ...plot.selectFirst({ x: "step", y: "reach", z: "name", text: "name", fill: "colour" }),
            ...{ textAnchor: "start", dx: 8, dy: -10, stroke: "var(--raised)", strokeWidth: 4 },
          }),
        ],
      };
    },
    [none.join(), one.join(), chosen.join(), bias],
  );
  const share = (values: readonly number[]): string => {
    const part = (values[0] ?? 0) / (values.at(-1) ?? 1);
    return part >= 0.01 ? written(part) : scientific(part);
  };
  return (
    <>
      <p>{rich(own.bias.lead)}</p>
      <div class="card">
        <Plot label={fill(own.bias.label, { steps: long.steps, bias })} height={280} options={options} />
        <Slider label={own.bias.slider} value={bias} {...forgetRange} onInput={(bias) => set({ bias })} />
        <p class="small" role="status">
          {fill(own.bias.status, { none: share(none), one: share(one), chosen: share(chosen), bias: written(bias) })}
        </p>
      </div>
      <p class="soft small">{fill(own.bias.about, { units: long.units, steps: long.steps })}</p>
    </>
  );
}

/** How much gradient reaches the cell state at each step. */
function useReach(bias: number): readonly number[] {
  const { value } = useAnswer("traceGradients", "lstm", longSequence, {
    units: long.units,
    parameters: { b_f: Array.from({ length: long.units }, () => bias) },
  });
  return value?.["c"]?.map((gradient) => Math.hypot(...gradient)) ?? [];
}
