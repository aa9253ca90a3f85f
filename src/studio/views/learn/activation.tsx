/** The step, the sigmoid and tanh as curves, with the slope where the reader points. */
import { useRef } from "preact/hooks";
import { Choice, titlesOf } from "../../components/choice.tsx";
import { written } from "../../components/numbers.ts";
import { Slider } from "../../components/slider.tsx";
import { useAnswer } from "../../engine/engine.ts";
import { fill, texts } from "../../texts/texts.ts";
import { aName, aNumber, useShared } from "./shared-values.ts";

const own = texts.learn.activation;

export type CurveName = "step" | "sigmoid" | "tanh";
const curves: Readonly<Record<CurveName, { readonly title: string }>> = {
  step: { title: own.step },
  sigmoid: { title: own.sigmoid },
  tanh: { title: "tanh" },
};

/** What is drawn: from -6 to 6, a place for each tenth. */
export const reach = 6;
const perUnit = 10;
export const curvePlaces = Array.from({ length: 2 * reach * perUnit + 1 }, (_, k) => [(k - reach * perUnit) / perUnit]);
/** The derivative of the last sum by what goes in at a place is the curve's slope there. */
export const curveEquations = (name: CurveName): string => `s = 1 * x\na = ${name}(s)\ntotal' = total + a`;

const range = { min: -reach, max: reach, step: 1 / perUnit };
const kinds = { curve: aName<CurveName>("sigmoid", curves), at: aNumber(1, range) };
/** Of the picture: its width, its height, and where 1 and -1 are from above. */
const [width, height, top, bottom] = [400, 220, 24, 196];

export function Activation() {
  const [{ curve, at }, set] = useShared(kinds);
  const picture = useRef<SVGSVGElement>(null);
  const source = { equations: curveEquations(curve) };
  const values = useAnswer("trace", source, curvePlaces, { units: 1 }).value?.a?.map(([value]) => value as number);
  const slopes = useAnswer("traceGradients", source, curvePlaces, { units: 1 }).value?.s?.map(
    ([value]) => value as number,
  );
  const index = Math.round((at + reach) * perUnit);
  const [value, slope] = [values?.[index], slopes?.[index]];
  const across = (x: number): number => ((x + reach) / (2 * reach)) * width;
  const down = (y: number): number => top + ((1 - y) / 2) * (bottom - top);
  const point = (event: PointerEvent): void => {
    const box = (picture.current as SVGSVGElement).getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * 2 * reach - reach;
    set({ at: Math.max(-reach, Math.min(reach, Math.round(x * perUnit) / perUnit)) });
  };
  const line = (points: readonly number[]): string =>
    points.map((y, k) => `${across(curvePlaces[k]?.[0] as number)},${down(y)}`).join(" ");
  const drawn = { title: curves[curve].title, reach, x: written(at, 1) };
  return (
    <section class="card" aria-label={own.title}>
      <Choice label={own.curve} value={curve} options={titlesOf(curves)} onChoose={(curve) => set({ curve })} />
      <div class="figure">
        <svg
          ref={picture}
          class="drawn curve"
          viewBox={`0 0 ${width} ${height}`}
          role="img"
          aria-label={
            value === undefined ? fill(own.labelWithout, drawn) : fill(own.label, { ...drawn, y: written(value) })
          }
          onPointerDown={point}
          onPointerMove={(event) => {
            if (event.pointerType === "mouse" || event.pressure > 0) point(event);
          }}
        >
          <path class="axis" d={`M0 ${down(0)}H${width}M${across(0)} ${top - 12}V${bottom + 12}`} />
          <path class="axis faint" d={`M0 ${down(1)}H${width}M0 ${down(-1)}H${width}`} />
          {[1, 0.5, -0.5, -1].map((y) => (
            <text key={y} class="soft" x={across(0) + 6} y={down(y) + 5}>
              {written(y, 1)}
            </text>
          ))}
          {[-6, -3, 3, 6].map((x) => (
            <text
              key={x}
              class="soft"
              x={across(x) + (x === -reach ? 4 : x === reach ? -4 : 0)}
              y={down(0) + 18}
              text-anchor={x === -reach ? "start" : x === reach ? "end" : "middle"}
            >
              {written(x, 0)}
            </text>
          ))}
          {slopes !== undefined && <polyline class="slopes" points={line(slopes)} />}
          {values !== undefined && <polyline class="values" points={line(values)} />}
          {value !== undefined && slope !== undefined && (
            <>
              <line
                class="tangent"
                x1={across(at - 1.5)}
                x2={across(at + 1.5)}
                y1={down(value - 1.5 * slope)}
                y2={down(value + 1.5 * slope)}
              />
              <circle class="pointed" cx={across(at)} cy={down(value)} r="6" />
            </>
          )}
        </svg>
        <div class="controls">
          <Slider label={own.input} value={at} {...range} onInput={(at) => set({ at })} format={(x) => written(x, 1)} />
          <dl class="readings">
            <dt>{own.output}</dt>
            <dd>{value === undefined ? "" : written(value, 3)}</dd>
            <dt>{own.slope}</dt>
            <dd>{slope === undefined ? "" : written(slope, 3)}</dd>
          </dl>
          <p class="said small" role="status">
            {value !== undefined && slope !== undefined && inWords(curve, slope)}
          </p>
          <ul class="legend">
            <li>
              <i class="rule values" />
              {own.legend.curve}
            </li>
            <li>
              <i class="rule slopes" />
              {own.legend.slopes}
            </li>
          </ul>
        </div>
      </div>
    </section>
  );
}

function inWords(curve: CurveName, slope: number): string {
  if (curve === "step") return own.level;
  return fill(slope < 0.02 ? own.saturated : own.change, { more: written(0.1 * slope, 3) });
}
