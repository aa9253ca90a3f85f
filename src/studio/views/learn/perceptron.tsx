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
import { fill, rich, texts } from "../../texts/texts.ts";
import { useJobSteps } from "./job-steps.ts";
import { Plane } from "./plane.tsx";
import { dataSets } from "./points.ts";
import { Questions } from "./questions.tsx";
import { aNumber, useShared } from "./shared-values.ts";
import { Symbols } from "./symbols.tsx";
import { XorCrossing } from "./xor-crossing.tsx";

const own = texts.learn.perceptron;
const symbols = {
  eta: <Formula tex="\eta" />,
  corner: <Formula tex="w_2 + b" />,
  sum: <Formula tex="w_1 + w_2 + 2b" />,
};

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
      <p>{rich(own.lead)}</p>
      {value !== undefined && <Formula display tex={value.tex} />}
      <Symbols
        of={[
          ["x", own.symbols.x],
          ["W", own.symbols.W],
          ["b", own.symbols.b],
          ["\\operatorname{step}", own.symbols.step],
          ["y_t", own.symbols.y],
        ]}
      />
      <p>{own.plane}</p>
      <Machine />
      <h2>{own.whatToTry}</h2>
      <ul class="try">
        {own.try.map((each) => (
          <li key={each}>{rich(each)}</li>
        ))}
      </ul>
      <h2>{own.rule.title}</h2>
      <p>{own.rule.lead}</p>
      <Formula
        display
        tex="\begin{aligned}W &\leftarrow W + \eta\,(\mathit{target} - y)\,x \\ b &\leftarrow b + \eta\,(\mathit{target} - y)\end{aligned}"
      />
      <p>{rich(own.rule.about, { ...symbols, learningRate })}</p>
      <h2>{own.xor.title}</h2>
      <XorCrossing />
      <p>{own.xor.middle}</p>
      <p>{rich(own.xor.lead, symbols)}</p>
      <Formula display tex="\begin{aligned}(w_2 + b) + (w_1 + b) &> 0\\ b + (w_1 + w_2 + b) &\le 0\end{aligned}" />
      <p>{rich(own.xor.about, symbols)}</p>
      <Questions chapter="perceptron" />
      <p class="sources">{own.sources}</p>
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
    <section class="card" aria-label={own.machine.title}>
      <div class="row">
        <Choice
          label={own.machine.points}
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
              {own.legend.one}
            </li>
            <li>
              <i />
              {own.legend.zero}
            </li>
            <li>
              <i class="wrong" />
              {own.legend.wrong}
            </li>
          </ul>
          <div class="row">
            {playing ? (
              <button type="button" class="main" onClick={stop}>
                {own.controls.pause}
              </button>
            ) : (
              <button type="button" class="main" disabled={end !== undefined} onClick={() => goOn(false)}>
                {own.controls.learn}
              </button>
            )}
            <button type="button" disabled={playing || end !== undefined} onClick={() => goOn(true)}>
              {own.controls.onePoint}
            </button>
            <button
              type="button"
              onClick={() => {
                change(dataSets[data].points, dataSets[data].points.length - 1);
                setLine(firstLine);
                unshare();
              }}
            >
              {own.controls.startAgain}
            </button>
          </div>
          <p class="said small">
            {step === undefined
              ? own.step.none
              : fill(step.wrong ? own.step.wrong : own.step.right, { pass: step.pass, point: step.point + 1 })}
          </p>
          <p class="said" role="status">
            {playing || failed !== ""
              ? failed
              : end === undefined
                ? fill(own.status, { right, all: points.length })
                : ending[end.kind](end as never)}
          </p>
          <p class="small soft">{own.hint}</p>
        </div>
        <div class="controls">
          <Neuron
            label={fill(own.neuron, {
              x1: written(at.x[0]),
              x2: written(at.x[1]),
              sum: written(sum ?? 0),
              output: output ?? "",
            })}
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
  learned: ({ passes }) => fill(own.ends.learned, { passes }),
  circle: ({ passes, before }) =>
    before === 0 ? fill(own.ends.circleFromStart, { passes }) : fill(own.ends.circle, { passes, before }),
  unsettled: ({ passes }) => fill(own.ends.unsettled, { passes }),
};
