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
import { fill, rich, texts } from "../../texts/texts.ts";
import { Questions } from "./questions.tsx";
import { aNumber, useShared, withoutValues } from "./shared-values.ts";
import { Symbols } from "./symbols.tsx";

const own = texts.learn.feedback;
const symbols = {
  u: <Formula tex="u" />,
  b: <Formula tex="b" />,
  w: <Formula tex="w" />,
  factor: <Formula tex="u\,(1 - h_t^2)" />,
};

/** Weights that show something, to begin with. */
export const settings = {
  echo: { title: own.settings.echo, w: 1, u: 0.6, b: 0 },
  long: { title: own.settings.long, w: 1, u: 0.95, b: 0 },
  flip: { title: own.settings.flip, w: 1, u: -0.85, b: 0 },
  latch: { title: own.settings.latch, w: 2.5, u: 1.5, b: 0 },
} as const;
type Setting = keyof typeof settings;

const range = { min: -3, max: 3, step: 0.05 };

/** How many steps are computed; the first of them are drawn. */
export const length = 24;
export const sequences = {
  impulse: { title: own.inputs.impulse, at: (t: number) => (t === 0 ? 1 : 0) },
  two: { title: own.inputs.two, at: (t: number) => (t === 0 ? 1 : t === 6 ? -1 : 0) },
  steady: { title: own.inputs.steady, at: () => 1 },
} as const;
type Sequence = keyof typeof sequences;

export default function Feedback() {
  return (
    <>
      <p>{own.lead}</p>
      <Symbols
        of={[
          ["h_t", own.symbols.h],
          ["h_{t-1}", own.symbols.before],
          ["w, u", own.symbols.w],
          ["\\tanh", own.symbols.tanh],
        ]}
      />
      <Echo />
      <h2>{own.whatToTry}</h2>
      <ul class="try">
        {own.try.map((each) => (
          <li key={each}>{rich(each, symbols)}</li>
        ))}
      </ul>
      <h2>{own.unrolled.title}</h2>
      <p>{rich(own.unrolled.lead, symbols)}</p>
      <p>{rich(own.unrolled.through, symbols)}</p>
      <Questions chapter="feedback" />
      <p class="sources">{own.sources}</p>
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
    <section class="card" aria-label={own.echo.title}>
      {equations !== undefined && <Formula display tex={marked(equations.tex)} lit={lit === undefined ? [] : [lit]} />}
      <div class="row">
        <Choice
          label={own.echo.weights}
          value={setting}
          options={titlesOf(settings)}
          onChoose={(weights) => choose({ weights })}
        />
      </div>
      <div class="loop">
        <Folded label={own.echo.folded} wires={wires} />
        <Unrolled
          label={fill(own.echo.unrolled, {
            n: drawn,
            states: states
              .slice(0, seen + 1)
              .map((h) => written(h))
              .join(", "),
          })}
          {...{ steps, wires }}
          now={now}
        />
      </div>
      <div class="figure">
        <div class="controls">
          <Slider label={own.echo.w} value={w} {...slider} onInput={change("w")} />
          <Slider label={own.echo.u} value={u} {...slider} onInput={change("u")} />
          <Slider label={own.echo.b} value={b} {...slider} onInput={change("b")} />
          <Slider label={own.echo.drawn} value={drawn} min={2} max={10} step={1} onInput={(drawn) => set({ drawn })} />
          <Choice
            label={own.echo.input}
            value={sequence}
            options={titlesOf(sequences)}
            onChoose={(input) => choose({ input })}
          />
          <div class="row">
            <button type="button" class="main" disabled={reading} onClick={read}>
              {own.echo.read}
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
      <ol class="filled" aria-label={own.echo.steps}>
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
  if (sequence !== "impulse") return fill(own.echo.end, { n: length, state: written(last) });
  const quiet = states.findIndex((_, t) => states.slice(t).every((h) => Math.abs(h) < 0.05));
  if (quiet < 0) return fill(own.echo.endStill, { n: length, state: written(last) });
  return quiet === 0 ? own.echo.nothing : fill(own.echo.quiet, { n: quiet + 1 });
}

function EchoPlot({ states }: { readonly states: readonly number[] }) {
  const key = states.map((h) => h.toFixed(3)).join(" ");
  const options = useCallback(
    ({ ruleY, ruleX, dot }: typeof PlotModule): PlotModule.PlotOptions => {
      const data = states.map((h, t) => ({ t: t + 1, h }));
      return {
        x: { label: own.echo.step, ticks: [1, 6, 12, 18, 24] },
        y: { label: own.echo.state, domain: [-1, 1], grid: true, ticks: 5 },
        marks: [
          ruleY([0], { stroke: "var(--soft)" }),
          ruleX(data, { x: "t", y1: 0, y2: "h", stroke: "var(--c1)", strokeWidth: 2 }),
          dot(data, { x: "t", y: "h", fill: "var(--c1)", r: 3.5 }),
        ],
      };
    },
    [key],
  );
  return <Plot label={fill(own.echo.plot, { n: length })} height={230} options={options} />;
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
