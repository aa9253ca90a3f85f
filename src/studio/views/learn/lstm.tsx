/** Chapter 6: an LSTM of one unit, its gates in the reader's hands, walked through step by step. */
import { useCallback } from "preact/hooks";
import { linkTo } from "../../address.ts";
import { LstmDiagram, type LstmStage } from "../../components/lstm-diagram.tsx";
import { scientific, written } from "../../components/numbers.ts";
import { Plot, type PlotProps } from "../../components/plot.tsx";
import { Slider } from "../../components/slider.tsx";
import { useAnswer } from "../../engine/engine.ts";
import { CellWalk, type CellWalkSpec, factor, marked, tex, type WalkPreset, type WalkStage } from "./cell-walk.tsx";
import { Questions } from "./questions.tsx";
import { aNumber, useShared } from "./shared-values.ts";
import { Symbols } from "./symbols.tsx";

const numbers = [0.3, 0.9, -0.5, 0.7, -0.8, 0.2, -0.4, 0.6];
const [open, shut] = [6, -6];

export const marks = { store: "mark: store", clear: "mark: clear", show: "mark: show" } as const;
type Mark = keyof typeof marks;

export const presets: readonly WalkPreset<Mark, "f" | "i" | "o">[] = [
  {
    name: "Remember",
    begin: 3,
    see: "The input gate opens at step 2 alone, and the forget gate stays open: 0.9 comes in, and what it left in c is there six steps later, whatever else was read.",
    setting: {
      numbers,
      marks: { store: marked(2), clear: marked(), show: marked() },
      biases: { f: open, i: shut, o: open },
    },
  },
  {
    name: "Forget",
    begin: 6,
    see: "The same, with a mark at step 6 that shuts the forget gate: c is multiplied by almost nothing, and gone.",
    setting: {
      numbers,
      marks: { store: marked(2), clear: marked(6), show: marked() },
      biases: { f: open, i: shut, o: open },
    },
  },
  {
    name: "Hide",
    begin: 7,
    see: "The output gate is shut until step 7: the cell knows all along, and h says nothing of it before it is asked.",
    setting: {
      numbers,
      marks: { store: marked(2), clear: marked(), show: marked(7) },
      biases: { f: open, i: shut, o: shut },
    },
  },
  {
    name: "Count",
    begin: 2,
    see: "Both gates are open, and every number adds to c, which has no bounds. Only h is pressed between −1 and 1, by tanh.",
    setting: {
      ...{ numbers: numbers.map(() => 0.6), marks: { store: marked(), clear: marked(), show: marked() } },
      biases: { f: open, i: open, o: open },
    },
  },
  {
    name: "Live in the present",
    begin: 3,
    see: "With the forget gate shut nothing survives a step: h follows the input, as without any memory.",
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
    name: "Forget",
    lines: ["f"],
    says: "The forget gate reads the input and the old output, and says how much of the cell state may stay: 1 all, 0 nothing.",
    filled: ({ now, before }, t) => [
      `f_${t} &= \\sigma(${tex(now("s_f"))}) = ${tex(now("f"))}`,
      // What it does to the state, though the sum comes two stages later: else forgetting is not seen.
      `f_${t} \\cdot c_{${t - 1}} &= ${tex(now("f"))} \\cdot ${factor(before("c"))} = ${tex(now("kept"))}`,
    ],
  },
  {
    name: "Input and candidate",
    lines: ["i", "g"],
    says: "The candidate is what could be stored. The input gate says how much of it will be.",
    filled: ({ now }, t) => [
      `i_${t} &= \\sigma(${tex(now("s_i"))}) = ${tex(now("i"))}`,
      `g_${t} &= \\tanh(${tex(now("s_g"))}) = ${tex(now("g"))}`,
    ],
  },
  {
    name: "Update",
    lines: ["c"],
    says: "The old state times the forget gate, plus the candidate times the input gate. No matrix, no squashing: a sum.",
    filled: ({ now, before }, t) => [
      `c_${t} &= ${tex(now("f"))} \\cdot ${factor(before("c"))} + ${tex(now("i"))} \\cdot ${factor(now("g"))}`,
      `&= ${tex(now("kept"))} + ${factor(now("stored"))} = ${tex(now("c"))}`,
    ],
  },
  {
    name: "Output",
    lines: ["o", "h"],
    says: "The output gate says how much of the cell state is shown, to the next layer and to all gates of the next step.",
    filled: ({ now }, t) => [
      `o_${t} &= \\sigma(${tex(now("s_o"))}) = ${tex(now("o"))}`,
      `h_${t} &= ${tex(now("o"))} \\cdot \\tanh(${tex(now("c"))}) = ${tex(now("h"))}`,
    ],
  },
];

const spec: CellWalkSpec<Mark, "f" | "i" | "o"> = {
  label: "An LSTM of one unit",
  marks,
  gates: {
    f: { title: "forget", colour: "--c1" },
    i: { title: "input", colour: "--c2" },
    o: { title: "output", colour: "--c4" },
  },
  presets,
  stages,
  rows: [
    { name: "c", label: "cell state c", bounded: false },
    { name: "h", label: "output h", bounded: true },
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
  note: ({ now }) => (
    <>
      A mark adds 12 to what its gate sums up, that of the forget gate takes 12 away; the candidate reads the number
      alone, and all of U is 0. At the end c is {written(now("c"))} and h is {written(now("h"))}.
    </>
  ),
};

export default function LstmChapter() {
  const { value: equations } = useAnswer("equations", "lstm");
  return (
    <>
      <p>
        A simple recurrent network writes its whole memory anew at every step, through a matrix and a tanh. What it was
        told long ago fades, and so does the gradient that could have taught it otherwise. S. Hochreiter and J.
        Schmidhuber (1997) gave the network a second state, the <b>cell state</b> c, to which things are only added, and
        gates that decide when. The gate that forgets came three years later, from F. Gers, J. Schmidhuber and F.
        Cummins (2000). Six lines are all of it.
      </p>
      <Symbols
        of={[
          ["f, i, o", "The three gates, forget, input and output: numbers between 0, shut, and 1, open."],
          ["g", "The candidate: what could be stored, between −1 and 1."],
          ["c, h", "The cell state, which remembers, and the output."],
          ["\\odot", "Times, unit by unit: each unit’s gate multiplies its own number."],
          ["W, U, b", "Weights of the input, weights of the last output, and biases; each gate has its own."],
        ]}
      />
      {equations !== undefined && <CellWalk {...{ spec, equations }} />}
      <h2>Try this</h2>
      <ul class="try">
        <li>
          Begin with <i>Remember</i> and drag the number of step 5 about: c does not care. Now mark step 5 to be stored.
        </li>
        <li>
          Pull the bias of the forget gate down to 2. A gate of 0.88 looks open, yet c loses an eighth of itself at each
          step: remembering for long takes a gate that is very nearly 1.
        </li>
        <li>
          In <i>Count</i>, c passes 1 at the second step. What was added last weighs as much as what was added first:
          along the line on top there is no matrix and no tanh.
        </li>
      </ul>
      <p>
        The marks are here so that you can play the part of the weights. A trained network has no marks: its weights
        find in the input, and in its own last output, when to store, clear and show. The{" "}
        <a href={linkTo("inspect")}>Inspect</a> view shows gates that learned that.
      </p>
      <h2>Why the forget gate starts open</h2>
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
        { name: "bias 0", values: none, colour: "var(--c2)" },
        { name: "bias 1", values: one, colour: "var(--c1)" },
        { name: `bias ${written(bias)}`, values: chosen, colour: "var(--ink)" },
      ];
      const points = lines.flatMap(({ name, values, colour }) =>
        values.map((reach, t) => ({ step: t + 1, reach, name, colour })),
      );
      return {
        ...{ marginLeft: 56, marginTop: 32, marginBottom: 40, style: { fontSize: "13px" } },
        x: { label: "time step", ticks: 6 },
        y: { type: "log", label: "gradient that arrives at c", tickFormat: "~e", ticks: 6, grid: true },
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
      <p>
        Before training the matrices are small and random, so each gate stands near σ of its bias. On the way back
        through time the gradient of c is multiplied by the forget gate at every step. With bias 0 that is about a half,
        and a half multiplied fifty times with itself is nothing: what happened early on cannot be learned from. R.
        Jozefowicz, W. Zaremba and I. Sutskever (2015) tried ten thousand kinds of cells and found that a bias of 1, an
        advice of Gers that many programs had forgotten, closes the gap between the LSTM and the GRU. Keras calls it{" "}
        <code>unit_forget_bias</code>; in this cell's file it is the line <code>b_f ~ ones</code>.
      </p>
      <div class="card">
        <Plot
          label={`Gradient of the last output by the cell state at each of ${long.steps} time steps, for biases 0, 1 and ${bias}`}
          height={280}
          options={options}
        />
        <Slider label="forget gate's bias" value={bias} {...forgetRange} onInput={(bias) => set({ bias })} />
        <p class="small" role="status">
          The gradient at the first step, as a share of that at the last: {share(none)} with bias 0, {share(one)} with
          bias 1 and {share(chosen)} with bias {written(bias)}.
        </p>
      </div>
      <p class="soft small">
        An untrained LSTM of {long.units} units reads {long.steps} steps; drawn is the length of the gradient of its
        last output by c at each step, from the engine's own backward pass. With a larger bias it does not fade at all,
        and may even grow; then the gates have to learn to forget.
      </p>
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
