/** Chapter 5: how much of what is said at the end comes back to each step, and what that does to learning. */

import { Curves } from "../../components/curves.tsx";
import { Formula } from "../../components/formula.tsx";
import { powerOfTen } from "../../components/numbers.ts";
import { Slider } from "../../components/slider.tsx";
import { useAnswer } from "../../engine/engine.ts";
import type { ByNetwork, MemorySettings, RememberReport } from "../../engine/experiments.ts";
import { useExperiment } from "./experiment.ts";
import { Questions } from "./questions.tsx";
import { aNumber, useShared } from "./shared-values.ts";
import { Symbols } from "./symbols.tsx";

const networks: ByNetwork<{ readonly name: string; readonly colour: string }> = {
  simple: { name: "Simple RNN", colour: "--c2" },
  lstm: { name: "LSTM", colour: "--c1" },
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
      <p>
        A network learns from what it is told at the end: wrong, and by how much. To improve what happened at an early
        step, that message has to travel back to it, from state to state. At each step it is multiplied by the
        derivative of one state by the one before, and a product of many factors seldom stays near 1. Of factors of 0.8,
        forty leave a ten-thousandth; of factors of 1.2, they make more than a thousand.
      </p>
      <Formula
        display
        tex="\begin{gathered}\frac{\partial h_T}{\partial h_t} = \frac{\partial h_T}{\partial h_{T-1}} \cdots \frac{\partial h_{t+1}}{\partial h_t} \\[0.6em] \frac{\partial h_k}{\partial h_{k-1}} = \operatorname{diag}(1 - h_k^2)\,U\end{gathered}"
      />
      <Symbols
        of={[
          ["T, t", "The last step, and any earlier one."],
          [
            "\\frac{\\partial h_T}{\\partial h_t}",
            "How much the last state changes for each bit that the state of step t changes: the message.",
          ],
          ["\\cdots", "And so on: one factor for each step in between, as in the chain rule."],
          ["\\operatorname{diag}", "Each unit with its own number, here the slope of its tanh, 1 − h²."],
          ["U", "The weights by which the units hear each other’s last states."],
        ]}
      />
      <p>
        Sepp Hochreiter found this in 1991, in his diploma thesis: in a simple RNN the message vanishes, or it explodes.
        Yoshua Bengio, Patrice Simard and Paolo Frasconi showed in 1994 that it is more than bad luck: a simple RNN that
        keeps something safe from noise is one in which the message vanishes. Here are two networks of 16 units that
        have learned nothing yet, and how much of the message comes back to each step. The LSTM is taken apart in the
        next chapter. Here it is enough that its memory <Formula tex="c" /> passes a gate that keeps a share of it at
        each step, and that the “forget bias” sets how open this gate is at first: half open at 0, nearly wholly at 3.
      </p>
      <p>
        The picture needs a scale on which 1 and a millionth can both be seen. So it goes not by adding but by
        multiplying. A tenth is one stretch down; a tenth of a tenth, which is a hundredth, is two stretches, and a
        tenth of that is three. They are written 10⁻¹, 10⁻² and 10⁻³: the small number counts how often a tenth was
        taken. 10⁰ is 1, the whole message. From one grid line to the next are four stretches, which leave a
        ten-thousandth: of a kilometre, the width of a hand. Two lines down, at 10⁻⁸, less of it is left than a hair is
        thick. A line that falls straight loses the same share at each step.
      </p>
      <Laboratory />
      <h2>What to try</h2>
      <ul class="try">
        <li>
          Set the scale of <Formula tex="U" /> to 0.5, then to 3. Below about 1 the simple RNN’s line falls steeply:{" "}
          <strong>vanishing</strong>. At 3 it rises far above 1, at 2 with most seeds: <strong>exploding</strong>. In
          between there is a scale where it stays nearly level; at 1.5 and 40 steps a simple RNN learns the task too,
          with most seeds. It is a narrow ridge, and training moves the weights.
        </li>
        <li>
          Lower the forget bias to 0 or below. The forget gates stand half open or nearly shut, and the LSTM forgets
          like the other one. Raise it to 3, and the gates start near 1: at any scale up to 2 and over 40 steps the line
          ends within a factor of fifty of 1.
        </li>
        <li>
          Train with 10, 20, 40 and 80 steps. Over 10 both learn it with every seed. At 20 the LSTM does, and the simple
          RNN with about half of the seeds. At 40 the LSTM still does, and the simple RNN goes on guessing with nearly
          every seed; what it would have to know hardly reaches it. At 80 the LSTM, too, fails with most seeds.
        </li>
      </ul>
      <h2>Why the LSTM does better</h2>
      <p>
        Its memory is a second state, <Formula tex="c" />, and that is not multiplied by a matrix from step to step, nor
        squeezed through a tanh. It is multiplied by the forget gate, number by number, and added to:
      </p>
      {line !== undefined && <Formula display tex={line} />}
      <p>
        The circle with a dot, ⊙, is “times” for lists: each number with its own. (<Formula tex="i_t \odot g_t" /> is
        what is added; the next chapter has it.) Along this line the factor is <Formula tex="f_t" /> itself. Where a
        gate is open, at 1, the message passes as it is, over any number of steps. Hochreiter and Schmidhuber called
        that the constant error carousel; in their LSTM of 1997 the factor was always 1, and the forget gate came in
        2000, so that the cell could also learn to let go. The gates depend on <Formula tex="h" /> and on the input, so
        the other paths vanish as before, but one path that does not is enough.
      </p>
      <p>
        Against exploding there is a plain remedy: where the gradient is longer than a limit, shorten it to that
        (Pascanu, Mikolov and Bengio, 2013). Both networks here are trained with it. For vanishing there is no such
        remedy, because what is lost in rounding and in the noise of other steps cannot be made larger again.
      </p>
      <Questions chapter="forgetting" />
      <p class="sources">
        S. Hochreiter, “Untersuchungen zu dynamischen neuronalen Netzen”, 1991. Y. Bengio, P. Simard and P. Frasconi,
        “Learning long-term dependencies with gradient descent is difficult”, 1994. S. Hochreiter and J. Schmidhuber,
        “Long short-term memory”, 1997. F. Gers, J. Schmidhuber and F. Cummins, “Learning to forget”, 2000. R. Pascanu,
        T. Mikolov and Y. Bengio, “On the difficulty of training recurrent neural networks”, 2013.
      </p>
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
    <section class="card" aria-label="A simple RNN beside an LSTM">
      <div class="figure">
        <div class="controls">
          <Slider label="steps" value={steps} {...ranges.steps} onInput={(value) => change({ steps: value })} />
          <Slider label="scale of U" value={settings.scale} {...ranges.scale} onInput={(scale) => change({ scale })} />
          <Slider
            label="forget bias"
            value={settings.forgetBias}
            {...ranges.forgetBias}
            onInput={(forgetBias) => change({ forgetBias })}
          />
          <Slider label="seed" value={settings.seed} {...ranges.seed} onInput={(seed) => change({ seed })} />
          <p class="said" role="status">
            {gradients !== undefined && (
              <>
                On the way from step {steps} to step 1 the derivative becomes {times(gradients.simple[0])} of what it
                was in the simple RNN, {times(gradients.lstm[0])} of it in the LSTM.
              </>
            )}
          </p>
        </div>
        <Curves
          label={`How much of the message comes back to each of ${steps} steps, on a scale of powers of ten`}
          height={250}
          curves={names.map((name) => ({
            ...networks[name],
            // From the end back, so that the names stand where the lines are apart.
            points: [...(gradients?.[name] ?? [])].map((value, t) => ({ at: t + 1, value })).reverse(),
          }))}
          x={{ label: "time step, from the end back", domain: [1, steps], reversed: true }}
          y={{ label: "length of the derivative", domain: [1e-12, 1e6], log: true }}
        />
      </div>
      <p class="small soft">
        The derivative of the last output, all units summed, by the memory after each step: <Formula tex="h" /> of the
        simple RNN, <Formula tex="c" /> of the LSTM. Its length at the last step counts as 1. “Scale of{" "}
        <Formula tex="U" />” is what the orthogonal first values of the recurrent matrices are multiplied by; an
        orthogonal matrix turns a list of numbers, and makes it neither longer nor shorter.
      </p>
      <h2>A test of memory</h2>
      <p>
        The first of {steps} symbols is A, B, C or D; the others are noise. At the end the network is asked which it
        was. Both start from the weights above and learn from the same number of sequences, 32 new ones at each update,
        so every right answer is about a sequence that was never seen. Guessing is right in a quarter of them.
      </p>
      <div class="row">
        <button
          type="button"
          class="main"
          onClick={() => (running ? stop() : start((engine) => engine.run("remember", settings, updates)))}
        >
          {running ? "Stop" : "Train both"}
        </button>
        <span class="soft numbers">
          {reports.length === 0 ? "" : `${reports.at(-1)?.updates} of ${updates} updates`}
        </span>
      </div>
      {error !== undefined && <p class="error">{error}</p>}
      <Curves
        label="The share of right answers while both learn"
        height={220}
        curves={names.map((name) => ({
          ...networks[name],
          points: reports.map((report) => ({ at: report.updates, value: report[name] })),
        }))}
        x={{ label: "updates", domain: [0, updates] }}
        y={{ label: "right answers", domain: [0, 1] }}
        rule={{ value: 0.25, name: "guessing" }}
      />
      <p class="said" role="status">
        {trained &&
          `After ${updates} updates the simple RNN is right in ${percent(reports, "simple")}, the LSTM in ${percent(reports, "lstm")} of the last sequences.`}
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
  return `about ${powerOfTen(Math.round(Math.log10(share)))}`;
}
