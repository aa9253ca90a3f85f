/** Chapter 5: an LSTM of one unit, its gates in the reader's hands, walked through step by step. */
import { useCallback, useEffect, useState } from "preact/hooks";
import { go, linkTo, useAddress } from "../../address.ts";
import { Formula } from "../../components/formula.tsx";
import { LstmDiagram, type LstmNumbers, type LstmStage } from "../../components/lstm-diagram.tsx";
import { scientific, texNumber, written } from "../../components/numbers.ts";
import { Plot, type PlotProps } from "../../components/plot.tsx";
import { Slider } from "../../components/slider.tsx";
import { StepBars, StepRows, StepSliders, StepSwitches } from "../../components/step-rows.tsx";
import { useAnswer } from "../../engine/engine.ts";
import { aNumber, numbers as numbersOf, readValues, switches, useShared, withoutValues } from "./shared-values.ts";
import "./lstm.css";

const marks = ["store", "clear", "show"] as const;
type Mark = (typeof marks)[number];

/** What the cell reads, and the biases of its gates. */
type Setting = {
  readonly numbers: readonly number[];
  readonly marks: Readonly<Record<Mark, readonly boolean[]>>;
  readonly biases: { readonly f: number; readonly i: number; readonly o: number };
};

const steps = 8;
const numbers = [0.3, 0.9, -0.5, 0.7, -0.8, 0.2, -0.4, 0.6];
const at = (...places: readonly number[]): boolean[] => Array.from({ length: steps }, (_, t) => places.includes(t + 1));
const [open, shut] = [6, -6];

export const presets: readonly { readonly name: string; readonly see: string; readonly setting: Setting }[] = [
  {
    name: "Remember",
    see: "The input gate opens at step 2 alone, and the forget gate stays open: 0.9 comes in, and what it left in c is there six steps later, whatever else was read.",
    setting: { numbers, marks: { store: at(2), clear: at(), show: at() }, biases: { f: open, i: shut, o: open } },
  },
  {
    name: "Forget",
    see: "The same, with a mark at step 6 that shuts the forget gate: c is multiplied by almost nothing, and gone.",
    setting: { numbers, marks: { store: at(2), clear: at(6), show: at() }, biases: { f: open, i: shut, o: open } },
  },
  {
    name: "Hide",
    see: "The output gate is shut until step 7: the cell knows all along, and h says nothing of it before it is asked.",
    setting: { numbers, marks: { store: at(2), clear: at(), show: at(7) }, biases: { f: open, i: shut, o: shut } },
  },
  {
    name: "Count",
    see: "Both gates are open, and every number adds to c, which has no bounds. Only h is pressed between −1 and 1, by tanh.",
    setting: {
      ...{ numbers: numbers.map(() => 0.6), marks: { store: at(), clear: at(), show: at() } },
      biases: { f: open, i: open, o: open },
    },
  },
  {
    name: "Live in the present",
    see: "With the forget gate shut nothing survives a step: h follows the input, as without any memory.",
    setting: { numbers, marks: { store: at(), clear: at(), show: at() }, biases: { f: shut, i: open, o: open } },
  },
];
const [first] = presets as readonly [(typeof presets)[number]];

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

/** The sums before the gates' functions too. */
type AllNumbers = LstmNumbers & Readonly<Record<"s_f" | "s_i" | "s_g" | "s_o", number>>;

type Stage = {
  readonly name: string;
  /** The lines of the equations that it computes. */
  readonly lines: readonly string[];
  readonly says: string;
  /** The lines with their numbers, at the step t (from 1). */
  readonly filled: (n: AllNumbers, t: number) => readonly string[];
};

const stages: readonly Stage[] = [
  {
    name: "Forget",
    lines: ["f"],
    says: "The forget gate reads the input and the old output, and says how much of the cell state may stay: 1 all, 0 nothing.",
    filled: (n, t) => [`f_${t} &= \\sigma(${tex(n.s_f)}) = ${tex(n.f)}`],
  },
  {
    name: "Input and candidate",
    lines: ["i", "g"],
    says: "The candidate is what could be stored. The input gate says how much of it will be.",
    filled: (n, t) => [
      `i_${t} &= \\sigma(${tex(n.s_i)}) = ${tex(n.i)}`,
      `g_${t} &= \\tanh(${tex(n.s_g)}) = ${tex(n.g)}`,
    ],
  },
  {
    name: "Update",
    lines: ["c"],
    says: "The old state times the forget gate, plus the candidate times the input gate. No matrix, no squashing: a sum.",
    filled: (n, t) => [
      `c_${t} &= ${tex(n.f)} \\cdot ${factor(n.before.c)} + ${tex(n.i)} \\cdot ${factor(n.g)}`,
      `&= ${tex(n.kept)} + ${factor(n.stored)} = ${tex(n.c)}`,
    ],
  },
  {
    name: "Output",
    lines: ["o", "h"],
    says: "The output gate says how much of the cell state is shown, to the next layer and to all gates of the next step.",
    filled: (n, t) => [
      `o_${t} &= \\sigma(${tex(n.s_o)}) = ${tex(n.o)}`,
      `h_${t} &= ${tex(n.o)} \\cdot \\tanh(${tex(n.c)}) = ${tex(n.h)}`,
    ],
  },
];
const tex = (value: number): string => written(value, 3).replace("−", "-");
const factor = (value: number): string => texNumber(value, 3);

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
      {equations !== undefined && <Walk equations={equations} />}
      <h2>Try this</h2>
      <ul class="lstm-try">
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
    </>
  );
}

const biasRange = { min: -8, max: 8, step: 0.5 };

/** The cell with its controls: what it reads, its gates, and where the reader is in it. */
function Walk({ equations }: { readonly equations: { readonly source: string; readonly tex: string } }) {
  const { path, query } = useAddress();
  const example = presets.find(({ name }) => name === query["example"]) ?? first;
  const { numbers: read, marks: marked, biases: set } = example.setting;
  const settingKinds = {
    x: numbersOf(read, { min: -1, max: 1, step: 0.1 }),
    store: switches(marked.store),
    clear: switches(marked.clear),
    show: switches(marked.show),
    f: aNumber(set.f, biasRange),
    i: aNumber(set.i, biasRange),
    o: aNumber(set.o, biasRange),
  };
  const kinds = {
    ...settingKinds,
    place: aNumber(0, { min: 0, max: steps * stages.length - 1, step: 1 }),
  };
  const [{ x, store, clear, show, f, i, o, place }, change] = useShared(kinds);
  const setting: Setting = { numbers: x, marks: { store, clear, show }, biases: { f, i, o } };
  const isExample = JSON.stringify(setting) === JSON.stringify(example.setting);
  const setPlace = (place: number): void => change({ place });
  const [playing, setPlaying] = useState(false);
  const last = steps * stages.length - 1;
  useEffect(() => {
    if (!playing) return;
    if (place === last) return setPlaying(false);
    const timer = setTimeout(() => setPlace(place + 1), 600);
    return () => clearTimeout(timer);
  }, [playing, place, last]);
  const step = (next: number): void => {
    setPlaying(false);
    setPlace(Math.max(0, Math.min(last, next)));
  };
  const [t, stage] = [Math.floor(place / stages.length), (place % stages.length) as LstmStage];
  const { name, lines, says, filled } = stages[stage] as Stage;

  const { biases } = setting;
  const sequence = setting.numbers.map((x, k) => [x, ...marks.map((mark) => Number(setting.marks[mark][k]))]);
  const { value: traced } = useAnswer("trace", { equations: `${equations.source}\n${between}` }, sequence, {
    units: 1,
    parameters: { ...weights, ...nothing, b_f: [biases.f], b_i: [biases.i], b_o: [biases.o] },
  });
  const of = (key: string, step: number): number => traced?.[key]?.[step]?.[0] ?? 0;
  const row = (key: string): number[] => setting.numbers.map((_, k) => of(key, k));
  const told = ["f", "i", "g", "o", "c", "h", "kept", "stored", "shown", "s_f", "s_i", "s_g", "s_o"] as const;
  const all = {
    ...Object.fromEntries(told.map((key) => [key, of(key, t)])),
    ...{ x: setting.numbers[t], before: { c: of("c", t - 1), h: of("h", t - 1) } },
  } as AllNumbers;
  const reach = Math.max(1, ...row("c").map(Math.abs));

  const bias = (gate: keyof Setting["biases"]) => (value: number) => change({ [gate]: value });
  const toggle = (mark: Mark) => (step: number) =>
    change({ [mark]: setting.marks[mark].map((on, k) => (k === step) !== on) });
  return (
    <section class="lstm-walk" aria-label="An LSTM of one unit">
      <div class="row">
        {presets.map((preset) => (
          <button
            key={preset.name}
            type="button"
            aria-pressed={isExample && preset === example}
            onClick={() => {
              change(readValues(settingKinds, {}));
              const others = withoutValues(settingKinds, query);
              go(linkTo("learn", path, { ...others, example: preset.name }), { replace: true });
            }}
          >
            {preset.name}
          </button>
        ))}
      </div>
      <p role="status">{example.see}</p>
      <div class="figure lstm-figure">
        <div class="card">
          <div class="lstm-seen">
            <LstmDiagram stage={stage} numbers={all} />
            <div>
              <p class="lstm-says">
                <b>
                  Step {t + 1}, {name.toLowerCase()}.
                </b>{" "}
                {says}
              </p>
              <Formula display tex={equations.tex} lit={lines} />
              <Formula display tex={`\\begin{aligned} ${filled(all, t + 1).join(" \\\\ ")} \\end{aligned}`} />
            </div>
          </div>
          <div class="row lstm-stages">
            {stages.map((each, k) => (
              <button
                key={each.name}
                type="button"
                aria-pressed={k === stage}
                onClick={() => step(t * stages.length + k)}
              >
                {k + 1} {each.name}
              </button>
            ))}
          </div>
          <div class="row lstm-steps">
            <button type="button" class="main" onClick={() => (playing ? setPlaying(false) : play())}>
              {playing ? "Pause" : "Play"}
            </button>
            <button type="button" aria-label="Back" disabled={place === 0} onClick={() => step(place - 1)}>
              ←
            </button>
            <button type="button" aria-label="Forward" disabled={place === last} onClick={() => step(place + 1)}>
              →
            </button>
          </div>
          <Slider
            label="place"
            value={place}
            min={0}
            max={last}
            step={1}
            onInput={step}
            format={(value) => `step ${Math.floor(value / stages.length) + 1}`}
          />
        </div>
        <div class="card">
          <StepRows steps={steps}>
            <StepSliders
              {...{ label: "number read", name: "number", at: t, values: setting.numbers, min: -1, max: 1, step: 0.1 }}
              onInput={(step, value) => change({ x: setting.numbers.map((old, k) => (k === step ? value : old)) })}
            />
            {marks.map((mark) => (
              <StepSwitches
                key={mark}
                {...{ label: markLabels[mark], name: mark, at: t, values: setting.marks[mark], onToggle: toggle(mark) }}
              />
            ))}
            <StepBars label="forget gate f" name="f" {...gate} at={t} values={row("f")} colour="var(--c1)" />
            <StepBars label="input gate i" name="i" {...gate} at={t} values={row("i")} colour="var(--c2)" />
            <StepBars label="output gate o" name="o" {...gate} at={t} values={row("o")} colour="var(--c4)" />
            <StepBars label="cell state c" name="c" at={t} min={-reach} max={reach} {...states} values={row("c")} />
            <StepBars label="output h" name="h" at={t} min={-1} max={1} {...states} values={row("h")} />
          </StepRows>
          <h2>Biases of the gates</h2>
          {(["f", "i", "o"] as const).map((one) => (
            <Slider
              key={one}
              label={`${gateNames[one]} gate`}
              value={biases[one]}
              {...biasRange}
              onInput={bias(one)}
              format={(value) => written(value, 1)}
            />
          ))}
          <p class="soft small">
            A mark adds 12 to what its gate sums up, that of the forget gate takes 12 away; the candidate reads the
            number alone, and all of U is 0. At the end c is {written(of("c", steps - 1))} and h is{" "}
            {written(of("h", steps - 1))}.
          </p>
        </div>
      </div>
    </section>
  );

  function play(): void {
    if (place === last) setPlace(0);
    setPlaying(true);
  }
}

const markLabels = { store: "mark: store", clear: "mark: clear", show: "mark: show" } as const;
const gateNames = { f: "forget", i: "input", o: "output" } as const;
const gate = { min: 0, max: 1 } as const;
const states = { colour: "var(--ink)" } as const;

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
