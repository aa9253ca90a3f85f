/** Chapter 5: how much of what is said at the end comes back to each step, and what that does to learning. */

import { Curves } from "../../components/curves.tsx";
import { Formula } from "../../components/formula.tsx";
import { powerOfTen } from "../../components/numbers.ts";
import { Slider } from "../../components/slider.tsx";
import { useAnswer } from "../../engine/engine.ts";
import type { ByNetwork, MemorySettings, RememberReport } from "../../engine/experiments.ts";
import { fill, rich, texts } from "../../texts/texts.ts";
import { useExperiment } from "./experiment.ts";
import { Questions } from "./questions.tsx";
import { aNumber, useShared } from "./shared-values.ts";
import { Symbols } from "./symbols.tsx";

const own = texts.learn.forgetting;
const symbols = {
  c: <Formula tex="c" />,
  U: <Formula tex="U" />,
  added: <Formula tex="i_t \odot g_t" />,
  f_t: <Formula tex="f_t" />,
  h: <Formula tex="h" />,
};

const networks: ByNetwork<{ readonly name: string; readonly colour: string }> = {
  simple: { name: own.networks.simple, colour: "--c2" },
  lstm: { name: own.networks.lstm, colour: "--c1" },
};
const names = ["simple", "lstm"] as const;
export const updates = 400;
/** Updates whose sequences are counted together at the end. */
export const lastReports = 4;

export default function Forgetting() {
  const lstm = useAnswer("equations", "lstm").value;
  const line = lstm?.lines.c;
  return (
    <>
      <p>{own.lead}</p>
      <Formula
        display
        tex="\begin{gathered}\frac{\partial h_T}{\partial h_t} = \frac{\partial h_T}{\partial h_{T-1}} \cdots \frac{\partial h_{t+1}}{\partial h_t} \\[0.6em] \frac{\partial h_k}{\partial h_{k-1}} = \operatorname{diag}(1 - h_k^2)\,U\end{gathered}"
      />
      <Symbols
        of={[
          ["T, t", own.symbols.T],
          ["\\frac{\\partial h_T}{\\partial h_t}", own.symbols.message],
          ["\\cdots", own.symbols.dots],
          ["\\operatorname{diag}", own.symbols.diag],
          ["U", own.symbols.U],
        ]}
      />
      <p>{rich(own.about, symbols)}</p>
      <p>{own.scale}</p>
      <Laboratory />
      <h2>{own.whatToTry}</h2>
      <ul class="try">
        {own.try.map((each) => (
          <li key={each}>{rich(each, symbols)}</li>
        ))}
      </ul>
      <h2>{own.lstm.title}</h2>
      <p>{rich(own.lstm.lead, symbols)}</p>
      {line !== undefined && <Formula display tex={line} />}
      <p>{rich(own.lstm.about, symbols)}</p>
      <p>{own.lstm.exploding}</p>
      <Questions chapter="forgetting" />
      <p class="sources">{own.sources}</p>
    </>
  );
}

const ranges = {
  steps: { min: 10, max: 80, step: 10 },
  scale: { min: 0.2, max: 3, step: 0.1 },
  forgetBias: { min: -2, max: 5, step: 0.5 },
  seed: { min: 1, max: 20, step: 1 },
} as const;
const kinds = {
  steps: aNumber(40, ranges.steps),
  scale: aNumber(0.8, ranges.scale),
  forgetBias: aNumber(3, ranges.forgetBias),
  seed: aNumber(1, ranges.seed),
};

/** One pair of networks: their gradients before training, and how training goes. */
function Laboratory() {
  const [settings, set] = useShared(kinds);
  const { reports, running, error, start, stop, reset } = useExperiment<RememberReport, undefined>(40);
  const gradients = useAnswer("gradients", settings).value;
  const change = (part: Partial<MemorySettings>): void => {
    reset();
    set(part);
  };
  const { steps } = settings;
  const trained = reports.at(-1)?.updates === updates;
  return (
    <section class="card" aria-label={own.gradient.title}>
      <div class="figure">
        <div class="controls">
          <Slider
            label={own.gradient.steps}
            value={steps}
            {...ranges.steps}
            onInput={(value) => change({ steps: value })}
          />
          <Slider
            label={own.gradient.scale}
            value={settings.scale}
            {...ranges.scale}
            onInput={(scale) => change({ scale })}
          />
          <Slider
            label={own.gradient.forgetBias}
            value={settings.forgetBias}
            {...ranges.forgetBias}
            onInput={(forgetBias) => change({ forgetBias })}
          />
          <Slider
            label={own.gradient.seed}
            value={settings.seed}
            {...ranges.seed}
            onInput={(seed) => change({ seed })}
          />
          <p class="said" role="status">
            {gradients !== undefined &&
              fill(own.gradient.status, { steps, simple: times(gradients.simple[0]), lstm: times(gradients.lstm[0]) })}
          </p>
        </div>
        <Curves
          label={fill(own.gradient.label, { n: steps })}
          height={250}
          curves={names.map((name) => ({
            ...networks[name],
            // From the end back, so that the names stand where the lines are apart.
            points: [...(gradients?.[name] ?? [])].map((value, t) => ({ at: t + 1, value })).reverse(),
          }))}
          x={{ label: own.gradient.step, domain: [1, steps], reversed: true }}
          y={{ label: own.gradient.length, domain: [1e-12, 1e6], log: true }}
        />
      </div>
      <p class="small soft">{rich(own.gradient.about, symbols)}</p>
      <h2>{own.test.title}</h2>
      <p>{fill(own.test.lead, { n: steps })}</p>
      <div class="row">
        <button
          type="button"
          class="main"
          onClick={() => (running ? stop() : start((engine) => engine.run("remember", settings, updates)))}
        >
          {running ? own.test.stop : own.test.train}
        </button>
        <span class="soft numbers">
          {reports.length === 0 ? "" : fill(own.test.updatesOf, { n: reports.at(-1)?.updates ?? 0, all: updates })}
        </span>
      </div>
      {error !== undefined && <p class="error">{error}</p>}
      <Curves
        label={own.test.label}
        height={220}
        curves={names.map((name) => ({
          ...networks[name],
          points: reports.map((report) => ({ at: report.updates, value: report[name] })),
        }))}
        x={{ label: own.test.updates, domain: [0, updates] }}
        y={{ label: own.test.answers, domain: [0, 1] }}
        rule={{ value: 0.25, name: own.test.guessing }}
      />
      <p class="said" role="status">
        {trained &&
          fill(own.test.status, { n: updates, simple: percent(reports, "simple"), lstm: percent(reports, "lstm") })}
      </p>
    </section>
  );
}

function percent(reports: readonly RememberReport[], name: keyof ByNetwork<number>): string {
  const last = reports.slice(-lastReports);
  return `${Math.round((100 * last.reduce((sum, report) => sum + report[name], 0)) / last.length)} %`;
}

/** As a part of the whole, or as a multiple of it. */
function times(share = 0): string {
  if (share >= 0.01 && share < 100) return share >= 10 ? share.toFixed(0) : share.toFixed(2);
  return fill(own.gradient.power, { power: powerOfTen(Math.round(Math.log10(share))) });
}
