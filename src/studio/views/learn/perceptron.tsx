/** Chapter 1: weights, a sum, a threshold, and the rule that learns from mistakes. */
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { go, linkTo, useAddress } from "../../address.ts";
import { Choice, chosen, titlesOf } from "../../components/choice.tsx";
import { Formula } from "../../components/formula.tsx";
import { Neuron } from "../../components/neuron.tsx";
import { texNumber, written } from "../../components/numbers.ts";
import { Slider } from "../../components/slider.tsx";
import { engine, useAnswer } from "../../engine/engine.ts";
import type { Line, PerceptronEnd, Point } from "../../engine/experiments.ts";
import { useJobSteps } from "./job-steps.ts";
import { Plane } from "./plane.tsx";
import { dataSets } from "./points.ts";
import { Questions } from "./questions.tsx";
import { aNumber, useShared } from "./shared-values.ts";
import { Symbols } from "./symbols.tsx";
import { XorCrossing } from "./xor-crossing.tsx";

export const learningRate = 0.1;
export const firstLine: Line = { w: [-0.6, 0.8], b: -0.3 };

const range = { min: -2, max: 2, step: 0.05 };
const kinds = {
  w1: aNumber(firstLine.w[0], range),
  w2: aNumber(firstLine.w[1], range),
  b: aNumber(firstLine.b, range),
};

export default function Perceptron() {
  const { value } = useAnswer("equations", "perceptron");
  return (
    <>
      <p>
        In 1958 Frank Rosenblatt described a machine that learns, made from one idea. A neuron has some inputs. Each is
        multiplied by a number, its <em>weight</em>, that says how much it counts and in which direction. The products
        are added, together with one more number, the <em>bias</em>. Where the sum is above zero the neuron fires and
        says 1; else it says 0.
      </p>
      {value !== undefined && <Formula display tex={value.tex} />}
      <Symbols
        of={[
          ["x", "The inputs: numbers that come in."],
          [
            "W",
            "The weights, one for each input. Written next to x: multiply each input by its weight and add it all up.",
          ],
          ["b", "The bias: a number that is added, whatever comes in."],
          ["\\operatorname{step}", "1 where the sum is above zero, else 0."],
          ["y_t", "What the neuron says. The small t numbers the moment; it matters from chapter 3 on."],
        ]}
      />
      <p>
        That line is all there is. With two inputs it can be drawn. The inputs are a point in a plane, and the points
        where the sum is exactly zero form a straight line: on one side of it the neuron says 1, on the other 0. The two
        weights turn the line, the bias moves it.
      </p>
      <Machine />
      <h2>What to try</h2>
      <ul class="try">
        <li>
          Find a line for <strong>AND</strong> by hand: only the corner (1, 1) is to be 1. Then let it learn, and count
          how often it was wrong.
        </li>
        <li>
          <strong>Two clouds</strong>: drag a point to the other side, or press on an empty place to add one. As long as
          some line parts the two kinds, the rule finds one.
        </li>
        <li>
          <strong>OR</strong> is 1 where at least one input is 1, <strong>XOR</strong> where exactly one of the two
          inputs is 1. Watch the line run in a circle.
        </li>
      </ul>
      <h2>Learning from mistakes</h2>
      <p>
        The rule looks at one point after the other. If the neuron is right, nothing happens. If it said 0 and should
        have said 1, the inputs are added to the weights, a little of them at a time; if it said 1 wrongly, they are
        taken away:
      </p>
      <Formula
        display
        tex="\begin{aligned}W &\leftarrow W + \eta\,(\mathit{target} - y)\,x \\ b &\leftarrow b + \eta\,(\mathit{target} - y)\end{aligned}"
      />
      <p>
        The arrow reads “becomes”, and <Formula tex="\eta" />, the Greek letter “eta”, is the learning rate, here{" "}
        {learningRate}. The bias takes part as the weight of an input that is always 1. If some line is right about all
        points, this rule reaches one after a finite number of mistakes, whatever it starts from; Albert Novikoff proved
        it in 1962. It stops at the first line that is right, often close to a point, because without mistakes nothing
        moves it any further.
      </p>
      <h2>Why XOR is out of reach</h2>
      <XorCrossing />
      <p>
        Look at the middle of the square. It lies halfway between the two round corners. If both of them are on the side
        where the neuron says 1, then so is all that lies between them, the middle too: a straight line has no bulges.
        But the middle also lies halfway between the two square corners. If both are on the side of 0, so is the middle.
        It cannot be on both sides, so no straight line is right about all four corners.
      </p>
      <p>
        The same with numbers, for whoever likes to see it so. At (0, 1) and (1, 0) the sum must be above zero; at (0,
        0) and (1, 1) it must not be. The sum at (0, 1) is <Formula tex="w_2 + b" />, because the first input is 0 and
        its weight counts for nothing; and so on. Add the first two sums, then the other two (&gt; reads “above”, ≤ “at
        most”):
      </p>
      <Formula display tex="\begin{aligned}(w_2 + b) + (w_1 + b) &> 0\\ b + (w_1 + w_2 + b) &\le 0\end{aligned}" />
      <p>
        Both left sides are the same number, <Formula tex="w_1 + w_2 + 2b" />. It cannot be above zero and not above
        zero. No weights do it, so the rule is wrong for ever. Marvin Minsky and Seymour Papert worked out in 1969 what
        follows from such limits. The way out is more than one neuron: the next ones read the outputs of the first. But
        then a mistake must be traced back through several neurons, and a hard threshold tells nothing about how close
        it was. So what follows uses smooth curves in place of the threshold, and learns by their slopes.
      </p>
      <Questions chapter="perceptron" />
      <p class="sources">
        F. Rosenblatt, “The perceptron: a probabilistic model for information storage and organization in the brain”,
        1958. A. Novikoff, “On convergence proofs on perceptrons”, 1962. M. Minsky and S. Papert, “Perceptrons”, 1969.
      </p>
    </>
  );
}

/** The neuron, its plane, and the rule at work. */
function Machine() {
  const { query } = useAddress();
  const data = chosen(dataSets, query.data, "and");
  const [points, setPoints] = useState(dataSets[data].points);
  const [shared, share, unshare] = useShared(kinds);
  const [line, drawLine] = useState<Line>({ w: [shared.w1, shared.w2], b: shared.b });
  // Sliders may be moved faster than the page is drawn.
  const latest = useRef(line);
  const setLine = (made: Line): void => {
    latest.current = made;
    drawLine(made);
  };
  const [looked, setLooked] = useState(points.length - 1);
  const { step, end, playing, failed, goOn, stop, forget } = useJobSteps(
    () => engine().run("perceptron", points, line, learningRate),
    (made) => {
      setLine(made);
      setLooked(made.point);
    },
    // Slow enough to see each of the first mistakes; later passes are more of the same.
    (seen) => Math.max(40, 1300 / (Math.ceil(seen / points.length) * points.length)),
  );
  const change = (made: readonly Point[], at = 0): void => {
    forget();
    setPoints(made);
    setLooked(at);
  };
  // Before the reader can change them.
  useLayoutEffect(() => change(dataSets[data].points, dataSets[data].points.length - 1), [data]);
  // The rule moves the line, too, and that is not told.
  useLayoutEffect(() => setLine({ w: [shared.w1, shared.w2], b: shared.b }), [shared]);

  const parameters = { W: line.w, b: [line.b] };
  const at = points[Math.min(looked, points.length - 1)] as Point;
  const places = points.map(({ x }) => x);
  const outputs = useAnswer("trace", "perceptron", places, { units: 1, parameters }).value?.y?.map(
    ([y]) => y as number,
  );
  const sum = useAnswer("trace", "dense", [at.x], { units: 1, parameters }).value?.y?.[0]?.[0];
  const output = outputs?.[points.indexOf(at)];
  const right = points.filter(({ kind }, k) => outputs?.[k] === kind).length;
  const set = (part: Partial<{ w1: number; w2: number; b: number }>): void => {
    forget();
    const { w, b: old } = latest.current;
    const { w1 = w[0], w2 = w[1], b = old } = part;
    setLine({ w: [w1, w2], b });
    share({ w1, w2, b });
  };
  const slider = { ...range, format: (value: number) => written(value) };
  return (
    <section class="card" aria-label="A perceptron with two inputs">
      <div class="row">
        <Choice
          label="Points to tell apart"
          value={data}
          options={titlesOf(dataSets)}
          onChoose={(data) => go(linkTo("learn", ["perceptron"], { ...query, data }), { replace: true })}
        />
      </div>
      <div class="figure">
        <div class="controls">
          <Plane
            {...{ points, line, outputs: outputs ?? [] }}
            now={step === undefined ? undefined : looked}
            onMove={(k, x) =>
              change(
                points.map((point, j) => (j === k ? { ...point, x } : point)),
                k,
              )
            }
            onAdd={(x) => change([...points, { x, kind: 1 }], points.length)}
            onTurn={(k) =>
              change(
                points.map((point, j) => (j === k ? { ...point, kind: point.kind === 1 ? 0 : 1 } : point)),
                k,
              )
            }
            onRemove={(k) => points.length > 1 && change(points.filter((_, j) => j !== k))}
          />
          <ul class="legend">
            <li>
              <i class="one" />
              should be 1
            </li>
            <li>
              <i />
              should be 0
            </li>
            <li>
              <i class="wrong" />
              said wrongly
            </li>
          </ul>
          <div class="row">
            {playing ? (
              <button type="button" class="main" onClick={stop}>
                Pause
              </button>
            ) : (
              <button type="button" class="main" disabled={end !== undefined} onClick={() => goOn(false)}>
                Learn
              </button>
            )}
            <button type="button" disabled={playing || end !== undefined} onClick={() => goOn(true)}>
              One point
            </button>
            <button
              type="button"
              onClick={() => {
                change(dataSets[data].points, dataSets[data].points.length - 1);
                setLine(firstLine);
                unshare();
              }}
            >
              Start again
            </button>
          </div>
          <p class="said small">
            {step === undefined
              ? "The rule has looked at no point yet."
              : `Pass ${step.pass}, point ${step.point + 1}: ${step.wrong ? "wrong, so the line moves." : "right, so nothing moves."}`}
          </p>
          <p class="said" role="status">
            {playing || failed !== ""
              ? failed
              : end === undefined
                ? `${right} of ${points.length} points are right.`
                : ending[end.kind](end as never)}
          </p>
          <p class="small soft">
            Shaded: the neuron says 1. Drag points; press on an empty place to add one; press twice to turn a point into
            the other kind.
          </p>
        </div>
        <div class="controls">
          <Neuron
            label={`The sum of the inputs ${written(at.x[0])} and ${written(at.x[1])} with their weights and the bias is ${written(sum ?? 0)}; the output is ${output ?? ""}`}
            inputs={[
              { value: at.x[0], weight: line.w[0], name: "w₁" },
              { value: at.x[1], weight: line.w[1], name: "w₂" },
              { value: 1, weight: line.b, name: "b" },
            ]}
            {...{ sum, output }}
          />
          <Formula
            tex={`\\operatorname{step}(${at.x.map((x, k) => `${texNumber(line.w[k] as number)} \\cdot ${texNumber(x)}`).join(" + ")} + ${texNumber(line.b)}) = ${output ?? ""}`}
          />
          <Slider label="w₁" value={line.w[0]} {...slider} onInput={(w1) => set({ w1 })} />
          <Slider label="w₂" value={line.w[1]} {...slider} onInput={(w2) => set({ w2 })} />
          <Slider label="b" value={line.b} {...slider} onInput={(b) => set({ b })} />
        </div>
      </div>
    </section>
  );
}

const ending: { readonly [K in PerceptronEnd["kind"]]: (end: PerceptronEnd & { kind: K }) => string } = {
  learned: ({ passes }) => `Learned: in pass ${passes} all points were right, so nothing changes any more.`,
  circle: ({ passes, before }) =>
    `After pass ${passes} the weights are those ${before === 0 ? "of the start" : `after pass ${before}`} again: it goes round for ever.`,
  unsettled: ({ passes }) => `After ${passes} passes it is still wrong about some points.`,
};
