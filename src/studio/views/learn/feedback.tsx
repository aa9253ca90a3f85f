/** Chapter 3: the neuron that reads its own last output, folded and unrolled through time. */
import { useCallback, useEffect, useState } from "preact/hooks";
import { go, linkTo, useAddress } from "../../address.ts";
import { Choice, chosen, titlesOf } from "../../components/choice.tsx";
import { Formula } from "../../components/formula.tsx";
import { subscript, texNumber, written } from "../../components/numbers.ts";
import { Plot, type PlotModule } from "../../components/plot.tsx";
import { Slider } from "../../components/slider.tsx";
import { Folded, Unrolled } from "../../components/unrolled.tsx";
import { useAnswer } from "../../engine/engine.ts";
import { Questions } from "./questions.tsx";
import { aNumber, useShared, withoutValues } from "./shared-values.ts";
import { Symbols } from "./symbols.tsx";

/** Weights that show something, to begin with. */
export const settings = {
  echo: { title: "Short echo", w: 1, u: 0.6, b: 0 },
  long: { title: "Long echo", w: 1, u: 0.95, b: 0 },
  flip: { title: "Back and forth", w: 1, u: -0.85, b: 0 },
  latch: { title: "A latch", w: 2.5, u: 1.5, b: 0 },
} as const;
type Setting = keyof typeof settings;

const range = { min: -3, max: 3, step: 0.05 };

/** How many steps are computed; the first of them are drawn. */
export const length = 24;
export const sequences = {
  impulse: { title: "1, then nothing", at: (t: number) => (t === 0 ? 1 : 0) },
  two: { title: "1, later −1", at: (t: number) => (t === 0 ? 1 : t === 6 ? -1 : 0) },
  steady: { title: "always 1", at: () => 1 },
} as const;
type Sequence = keyof typeof sequences;

export default function Feedback() {
  return (
    <>
      <p>
        The perceptron has no memory: each point is judged as if it were the first. To read a sequence, a neuron must
        carry something from one time step to the next. The smallest change that does it is one more input, its own
        output of the step before. Michael Jordan fed outputs back in 1986, Jeffrey Elman the hidden layer itself in
        1990; his network is what is now called a simple recurrent network, or simple RNN.
      </p>
      <Symbols
        of={[
          ["h_t", "The state: what the neuron says at step t, and hears at the next one."],
          ["h_{t-1}", "The state of the step before."],
          ["w, u", "The weights of the input and of the state before; in the formula W and U, as there may be many."],
          ["\\tanh", "The curve of the last chapter, which keeps every number between −1 and 1."],
        ]}
      />
      <Echo />
      <h2>What to try</h2>
      <ul class="try">
        <li>
          A single 1 comes in, then nothing. With <Formula tex="u" /> between 0 and 1 the neuron goes on ringing, more
          softly at each step: the <strong>short echo</strong> is gone after a few steps, the <strong>long</strong> one
          after a few dozen. As long as the state is small, tanh hardly bends, and each step multiplies it by{" "}
          <Formula tex="u" />.
        </li>
        <li>
          Below zero, the state changes its sign each time: <strong>back and forth</strong>.
        </li>
        <li>
          Above 1 it no longer fades away: <Formula tex="u" /> drives the state up, tanh holds it back, and it stays
          where the two are even. That is a <strong>latch</strong>. Choose “1, later −1”: the first input sets it, the
          second sets it the other way. One neuron remembers one bit.
        </li>
        <li>
          Move <Formula tex="b" />: it pulls the state to one side at every step, and a latch that is pulled far enough
          holds only one of its two values.
        </li>
      </ul>
      <h2>One network, many steps</h2>
      <p>
        A loop seems to bite its own tail: the output needs itself. Time resolves it, since what comes back is the
        output of the step <em>before</em>. So the loop can be <strong>unrolled</strong>: one copy of the neuron for
        each step, each handing its output to the next. All copies share the same three numbers <Formula tex="w" />,{" "}
        <Formula tex="u" />, <Formula tex="b" />, so a sequence can be of any length without there being more to learn.
      </p>
      <p>
        Unrolled, the network is an ordinary one with as many layers as steps, and it learns like one: the error at the
        end is traced back from copy to copy, and what each copy would change about a shared weight is added up. That is{" "}
        <em>backpropagation through time</em> (Paul Werbos, 1990). On the way back each step multiplies by{" "}
        <Formula tex="u\,(1 - h_t^2)" />, just as on the way forward. (It is the weight times the slope of tanh, as in
        the last chapter.) Whether an echo lasts and whether a mistake can be traced back to its cause is the same
        question; the chapter on forgetting is about it.
      </p>
      <Questions chapter="feedback" />
      <p class="sources">
        M. I. Jordan, “Serial order: a parallel distributed processing approach”, 1986. J. L. Elman, “Finding structure
        in time”, Cognitive Science 14, 1990. P. J. Werbos, “Backpropagation through time: what it does and how to do
        it”, 1990.
      </p>
    </>
  );
}

/** The equation with what each slider belongs to marked, so that it can be lit up. */
const marked = (tex: string): string =>
  tex
    .replace("W x_t", "\\htmlClass{part-w}{W x_t}")
    .replace("U h_{t-1}", "\\htmlClass{part-u}{U h_{t-1}}")
    .replace("+ b", "+ \\htmlClass{part-b}{b}");

function Echo() {
  const { query } = useAddress();
  const setting = chosen(settings, query.weights, "echo");
  const sequence = chosen(sequences, query.input, "impulse");
  const choose = (part: { weights?: Setting; input?: Sequence }): void => {
    // Other weights are what they are called.
    const kept = part.weights === undefined ? query : withoutValues(weightKinds, query);
    go(linkTo("learn", ["feedback"], { ...kept, weights: setting, input: sequence, ...part }), { replace: true });
  };
  const weightKinds = {
    w: aNumber(settings[setting].w, range),
    u: aNumber(settings[setting].u, range),
    b: aNumber(settings[setting].b, range),
  };
  const kinds = { ...weightKinds, drawn: aNumber(7, { min: 2, max: 10, step: 1 }) };
  const [{ w, u, b, drawn }, set] = useShared(kinds);
  const [lit, setLit] = useState<"w" | "u" | "b">();
  const { now, reading, read } = useReading(drawn);

  const equations = useAnswer("equations", "simple-rnn").value;
  const inputs = Array.from({ length }, (_, t) => sequences[sequence].at(t));
  const traced = useAnswer(
    "trace",
    "simple-rnn",
    inputs.map((x) => [x]),
    {
      units: 1,
      parameters: { W: [w], U: [u], b: [b] },
    },
  ).value;
  const states = traced?.h?.map(([h]) => h as number) ?? [];
  const seen = now ?? drawn - 1;
  const steps = inputs.slice(0, drawn).map((x, t) => {
    const h = t <= seen ? states[t] : undefined;
    return {
      input: written(x, 0),
      ...(h !== undefined && { inside: written(h), value: h }),
      output: `h${subscript(t + 1)}`,
    };
  });
  const change = (part: "w" | "u" | "b") => (value: number) => {
    setLit(part);
    set({ [part]: value });
  };
  const slider = { ...range, format: (value: number) => written(value) };
  const wires = { input: "w", state: "u" };
  return (
    <section class="card" aria-label="A neuron that reads its own output">
      {equations !== undefined && <Formula display tex={marked(equations.tex)} lit={lit === undefined ? [] : [lit]} />}
      <div class="row">
        <Choice
          label="Weights"
          value={setting}
          options={titlesOf(settings)}
          onChoose={(weights) => choose({ weights })}
        />
      </div>
      <div class="loop">
        <Folded label="A neuron whose output comes back as an input, with weight u" wires={wires} />
        <Unrolled
          label={`The same neuron unrolled over ${drawn} steps; its states are ${states
            .slice(0, seen + 1)
            .map((h) => written(h))
            .join(", ")}`}
          {...{ steps, wires }}
          now={now}
        />
      </div>
      <div class="figure">
        <div class="controls">
          <Slider label="w, of the input" value={w} {...slider} onInput={change("w")} />
          <Slider label="u, of its output" value={u} {...slider} onInput={change("u")} />
          <Slider label="b, the bias" value={b} {...slider} onInput={change("b")} />
          <Slider label="steps drawn" value={drawn} min={2} max={10} step={1} onInput={(drawn) => set({ drawn })} />
          <Choice
            label="What comes in"
            value={sequence}
            options={titlesOf(sequences)}
            onChoose={(input) => choose({ input })}
          />
          <div class="row">
            <button type="button" class="main" disabled={reading} onClick={read}>
              Read it step by step
            </button>
          </div>
        </div>
        <div>
          <EchoPlot states={states} />
          <p class="said" role="status">
            {states.length > 0 && summary(states, sequence)}
          </p>
        </div>
      </div>
      <ol class="filled" aria-label="Each step with its numbers">
        {steps.map(({ value }, t) => (
          <li key={t} class={t === now ? "now" : ""}>
            {value !== undefined && <Formula tex={filled({ w, u, b }, t, inputs[t] as number, states)} />}
          </li>
        ))}
      </ol>
    </section>
  );
}

/** Step t with its numbers. The state before the first step is zero. */
function filled(
  { w, u, b }: { w: number; u: number; b: number },
  t: number,
  x: number,
  states: readonly number[],
): string {
  const before = t === 0 ? 0 : (states[t - 1] as number);
  const terms = [`${texNumber(w)} \\cdot ${texNumber(x, 0)}`, `${texNumber(u)} \\cdot ${texNumber(before)}`];
  if (b !== 0) terms.push(texNumber(b));
  return `h_{${t + 1}} = \\tanh(${terms.join(" + ")}) = ${written(states[t] as number).replace("−", "-")}`;
}

/** What became of the first input. */
function summary(states: readonly number[], sequence: Sequence): string {
  const last = states[length - 1] as number;
  if (sequence !== "impulse") return `After ${length} steps the state is ${written(last)}.`;
  const quiet = states.findIndex((_, t) => states.slice(t).every((h) => Math.abs(h) < 0.05));
  if (quiet < 0) return `After ${length} steps the state is still ${written(last)}.`;
  return quiet === 0 ? "Nothing is heard of the 1." : `From step ${quiet + 1} on, less than 0.05 of the 1 is left.`;
}

function EchoPlot({ states }: { readonly states: readonly number[] }) {
  const key = states.map((h) => h.toFixed(3)).join(" ");
  const options = useCallback(
    ({ ruleY, ruleX, dot }: typeof PlotModule): PlotModule.PlotOptions => {
      const data = states.map((h, t) => ({ t: t + 1, h }));
      return {
        x: { label: "time step", ticks: [1, 6, 12, 18, 24] },
        y: { label: "state h", domain: [-1, 1], grid: true, ticks: 5 },
        marks: [
          ruleY([0], { stroke: "var(--soft)" }),
          ruleX(data, { x: "t", y1: 0, y2: "h", stroke: "var(--c1)", strokeWidth: 2 }),
          dot(data, { x: "t", y: "h", fill: "var(--c1)", r: 3.5 }),
        ],
      };
    },
    [key],
  );
  return <Plot label={`The state over ${length} steps`} height={230} options={options} />;
}

/** Goes through the steps at a pace that can be followed; between times all of them are seen. */
function useReading(steps: number) {
  const [now, setNow] = useState<number>();
  useEffect(() => {
    if (now === undefined) return;
    const timer = setTimeout(() => setNow(now + 1 < steps ? now + 1 : undefined), 700);
    return () => clearTimeout(timer);
  }, [now, steps]);
  return { now, reading: now !== undefined, read: () => setNow(0) };
}
