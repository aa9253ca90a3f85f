/** XOR learned by a few hidden neurons, in the page: each neuron's view of the plane while it trains. */
import { useEffect, useRef } from "preact/hooks";
import { Formula } from "../../components/formula.tsx";
import { shadeOf, useRamp } from "../../components/heat.ts";
import { heat } from "../../components/heat-colour.ts";
import { subscript, written } from "../../components/numbers.ts";
import { Slider } from "../../components/slider.tsx";
import { useWidth } from "../../components/width.ts";
import { useAnswer } from "../../engine/engine.ts";
import type { HiddenNeuron, XorReport } from "../../engine/gradient-lesson.ts";
import { fill, texts } from "../../texts/texts.ts";
import { useExperiment } from "./experiment.ts";
import { isStill } from "./job-steps.ts";
import { halves } from "./plane.tsx";
import { dataSets, highest, lowest } from "./points.ts";
import { aNumber, useShared } from "./shared-values.ts";
import { plane, viewSize, xorStart, xorUpdates } from "./xor-settings.ts";

const own = texts.learn.xor;

const ranges = {
  units: { min: 1, max: 4, step: 1 },
  rate: { min: 0.1, max: 3, step: 0.1 },
  seed: { min: 1, max: 20, step: 1 },
} as const;
const kinds = {
  units: aNumber(xorStart.units, ranges.units),
  speed: aNumber(xorStart.rate, ranges.rate),
  seed: aNumber(xorStart.seed, ranges.seed),
};

export function Xor() {
  const [{ units, speed, seed }, set] = useShared(kinds);
  const { reports, error, running, start, stop, reset } = useExperiment<XorReport, undefined>(isStill() ? 0 : 40);
  const settings = { units, learningRate: speed, seed };
  // Before the first update.
  const untrained = useAnswer("untrainedXor", settings, plane, viewSize).value;
  const last = reports.at(-1) ?? untrained;
  const shown = last?.hidden.length === units ? last : undefined;
  const solvedAt = reports.find(({ solved }) => solved)?.updates;
  const isDone = !running && reports.at(-1)?.updates === xorUpdates;
  const change = (part: Partial<{ units: number; speed: number; seed: number }>): void => {
    reset();
    set(part);
  };
  return (
    <section class="card" aria-label={own.title}>
      <div class="figure">
        <Network report={shown} units={units} />
        <div class="controls">
          <Slider label={own.hidden} value={units} {...ranges.units} onInput={(units) => change({ units })} />
          <Slider label={own.rate} value={speed} {...ranges.rate} onInput={(speed) => change({ speed })} />
          <Slider label={own.start} value={seed} {...ranges.seed} onInput={(seed) => change({ seed })} />
          <div class="row">
            <button
              type="button"
              class="main"
              onClick={() =>
                running ? stop() : start((engine) => engine.run("xor", settings, xorUpdates, plane, viewSize))
              }
            >
              {running ? own.stop : own.train}
            </button>
            <button
              type="button"
              onClick={() => change({ seed: seed === ranges.seed.max ? ranges.seed.min : seed + 1 })}
            >
              {own.anotherStart}
            </button>
          </div>
          <dl class="readings">
            <dt>{own.updates}</dt>
            <dd>{fill(own.updatesOf, { n: reports.at(-1)?.updates ?? 0, all: xorUpdates })}</dd>
            <dt>{own.loss}</dt>
            <dd>{shown === undefined ? "" : written(shown.loss, 3)}</dd>
            {shown?.says.map((said, k) => (
              <CornerRow key={k} corner={k} said={said} />
            ))}
          </dl>
          {error !== undefined && <p class="error">{error}</p>}
          <p class="said" role="status">
            {isDone ? ending(reports.at(-1) as XorReport, solvedAt) : ""}
          </p>
        </div>
      </div>
      {shown !== undefined && (
        <ul class="hidden-neurons small">
          {shown.hidden.map((neuron, k) => (
            <li key={k}>
              <Formula tex={neuronTex(neuron, k)} />
            </li>
          ))}
          <li>
            <Formula tex={outputTex(shown)} />
          </li>
        </ul>
      )}
    </section>
  );
}

const none: readonly never[] = [];
const corners = dataSets.xor.points;

function CornerRow({ corner, said }: { readonly corner: number; readonly said: number }) {
  const { x, kind } = corners[corner] as (typeof corners)[number];
  return (
    <>
      <dt>{fill(own.corner, { inputs: x.join(", "), kind })}</dt>
      <dd class={said > 0.5 === (kind === 1) ? "" : "off-side"}>{written(said)}</dd>
    </>
  );
}

function ending({ solved, says, updates }: XorReport, solvedAt: number | undefined): string {
  if (solved && solvedAt !== undefined) return fill(own.solved, { n: solvedAt });
  const right = says.filter((said, k) => said > 0.5 === (corners[k]?.kind === 1)).length;
  return fill(own.stuck, { n: updates, right });
}

const tex = (value: number): string => written(value, 1).replace("−", "-");
const plus = (value: number): string => (value < 0 ? `- ${tex(-value)}` : `+ ${tex(value)}`);
const neuronTex = ({ w: [w1, w2], b }: HiddenNeuron, k: number): string =>
  `h_{${k + 1}} = \\tanh(${tex(w1)}\\,x_1 ${plus(w2)}\\,x_2 ${plus(b)})`;
const outputTex = ({ hidden, bias }: XorReport): string =>
  `y = \\sigma(${hidden.map(({ out }, k) => `${k === 0 ? tex(out) : plus(out)}\\,h_{${k + 1}}`).join(" ")} ${plus(bias)})`;

type NetworkProps = { readonly report: XorReport | undefined; readonly units: number };

/** Inputs, hidden neurons and the output from left to right; each neuron shows the plane as it sees it. */
function Network({ report, units }: NetworkProps) {
  const [place, width] = useWidth<HTMLDivElement>();
  const gap = 14;
  const side = Math.min(0.29 * width, 132);
  const outside = Math.min(0.38 * width, 200);
  const height = Math.max(units * (side + gap) - gap, outside) + 24;
  const middle = height / 2;
  const hiddenX = 0.36 * width;
  const outputX = width - outside / 2;
  const hiddenY = (k: number): number => middle + (k - (units - 1) / 2) * (side + gap);
  const inputY = (k: number): number => middle + (k - 0.5) * Math.min(90, height / 2.4);
  const hidden = report?.hidden ?? [];
  const wire = (key: string, from: readonly [number, number], to: readonly [number, number], weight: number) => (
    <line
      key={key}
      x1={from[0]}
      y1={from[1]}
      x2={to[0]}
      y2={to[1]}
      stroke={heat(Math.sign(weight))}
      stroke-width={Math.max(1, Math.min(9, 1.6 * Math.abs(weight)))}
    />
  );
  return (
    <div data-figure={texts.pictures.names.network} ref={place} class="network" style={{ height: `${height}px` }}>
      {width > 0 && (
        <>
          <svg class="drawn" width={width} height={height} aria-hidden="true">
            {hidden.map(({ w, out }, k) => (
              <g key={k}>
                {w.map((weight, j) => wire(`${j}`, [16, inputY(j)], [hiddenX, hiddenY(k)], weight))}
                {wire("out", [hiddenX, hiddenY(k)], [outputX, middle], out)}
              </g>
            ))}
            {[0, 1].map((j) => (
              <g key={j}>
                <circle class="node" cx="16" cy={inputY(j)} r="15" fill="var(--paper)" />
                <text x="16" y={inputY(j) + 5} text-anchor="middle">
                  x{subscript(j + 1)}
                </text>
              </g>
            ))}
          </svg>
          {hidden.map((neuron, k) => (
            <View
              key={k}
              label={fill(own.hiddenView, { n: k + 1 })}
              name={`h${subscript(k + 1)}`}
              field={neuron.field}
              line={neuron}
              at={[hiddenX, hiddenY(k)]}
              side={side}
            />
          ))}
          {report !== undefined && (
            <View
              label={fill(own.outputView, {
                outputs: report.says
                  .map((said, k) =>
                    fill(own.outputAt, { output: written(said), corner: corners[k]?.x.join(" ") ?? "" }),
                  )
                  .join(", "),
              })}
              name="y"
              field={report.field.map((value) => 2 * value - 1)}
              lines={hidden}
              at={[outputX, middle]}
              side={outside}
            />
          )}
        </>
      )}
    </div>
  );
}

type Line = Pick<HiddenNeuron, "w" | "b">;
type ViewProps = {
  readonly label: string;
  readonly name: string;
  /** -1 to 1, row by row from the lowest. */
  readonly field: readonly number[];
  readonly line?: Line;
  /** Lines of other neurons. */
  readonly lines?: readonly Line[];
  readonly at: readonly [number, number];
  readonly side: number;
};

function View({ label, name, field, line, lines = none, at: [x, y], side }: ViewProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const ramp = useRamp();
  useEffect(() => {
    const context = canvas.current?.getContext("2d");
    if (context === undefined || context === null) return;
    const image = context.createImageData(viewSize, viewSize);
    const pixels = new Uint32Array(image.data.buffer);
    field.forEach((value, k) => {
      const [row, column] = [Math.floor(k / viewSize), k % viewSize];
      pixels[(viewSize - 1 - row) * viewSize + column] = ramp.pixels[shadeOf(value, 1.4)] as number;
    });
    context.putImageData(image, 0, 0);
  }, [field, ramp]);
  const share = (value: number): number => (value - lowest) / (highest - lowest);
  const edge = (of: Line) => halves(of).edge;
  return (
    <figure
      class="view"
      style={{ left: `${x - side / 2}px`, top: `${y - side / 2}px`, width: `${side}px`, height: `${side}px` }}
    >
      <canvas ref={canvas} width={viewSize} height={viewSize} role="img" aria-label={label} />
      <svg viewBox="0 0 1 1" aria-hidden="true">
        {[...(line === undefined ? lines : [line])].map((one, k) => {
          const ends = edge(one);
          if (ends === undefined) return null;
          const [[x1, y1], [x2, y2]] = ends;
          return (
            <line
              key={k}
              class={line === undefined ? "border faint" : "border"}
              x1={x1}
              y1={1 - y1}
              x2={x2}
              y2={1 - y2}
            />
          );
        })}
        {corners.map(({ x: [a, b], kind }, k) =>
          kind === 1 ? (
            <circle key={k} class="corner one" cx={share(a)} cy={1 - share(b)} r="0.055" />
          ) : (
            <rect key={k} class="corner" x={share(a) - 0.05} y={0.95 - share(b)} width="0.1" height="0.1" />
          ),
        )}
      </svg>
      <figcaption aria-hidden="true">{name}</figcaption>
    </figure>
  );
}
