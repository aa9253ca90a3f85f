/** The loss of two weights as a landscape, with a ball that rolls by gradient descent. */
import { Fragment } from "preact";
import { useCallback, useLayoutEffect, useRef, useState } from "preact/hooks";
import { go, linkTo, useAddress } from "../../address.ts";
import { Choice, chosen, titlesOf } from "../../components/choice.tsx";
import { Formula } from "../../components/formula.tsx";
import { texNumber, written } from "../../components/numbers.ts";
import { Plot, type PlotModule } from "../../components/plot.tsx";
import { Slider } from "../../components/slider.tsx";
import { useWidth } from "../../components/width.ts";
import { engine, useAnswer, useNewest } from "../../engine/engine.ts";
import type { DescentEnd, Extent } from "../../engine/gradient-lesson.ts";
import { fill, texts } from "../../texts/texts.ts";
import { useJobSteps } from "./job-steps.ts";
import { landscapes, mapSize, rates } from "./landscape-models.ts";
import { aNumber, useShared, withoutValues } from "./shared-values.ts";

const own = texts.learn.landscape;

type Place = readonly [number, number];

export function Landscape() {
  const { query } = useAddress();
  const name = chosen(landscapes, query.land, "plant");
  const model = landscapes[name];
  const { equations, weights: parameters, examples, extent, names } = model;
  const small = { equations, weights: parameters, examples };
  const range = (axis: 0 | 1) => ({ min: extent.from[axis], max: extent.to[axis], step: 0.05 });
  const kinds = {
    first: aNumber(model.start[0], range(0)),
    second: aNumber(model.start[1], range(1)),
    rate: aNumber(model.rate, rates),
  };
  const [{ first, second, rate }, set] = useShared(kinds);
  const [place, setPlace] = useState<Place>([first, second]);
  const [trail, setTrail] = useState<readonly Place[]>([]);
  const { step, end, playing, failed, goOn, stop, forget } = useJobSteps(
    () => engine().run("descend", small, place, rate),
    ({ weights }) => {
      setPlace(weights as unknown as Place);
      setTrail((before) => [...before, weights as unknown as Place]);
    },
    (count) => Math.max(30, 260 - 10 * count),
  );
  const putBack = (at: Place = [first, second]): void => {
    forget();
    setPlace(at);
    setTrail([at]);
  };
  useLayoutEffect(() => putBack(), [name, first, second]);
  const begin = (at: Place): void => {
    putBack(at);
    set({ first: at[0], second: at[1] });
  };
  const losses = useAnswer("landscape", small, beyond(extent), mapSize).value;
  // A step says where it led to; only where there was none it is asked for.
  const asked = useNewest(
    () => engine().ask("standing", small, place),
    step === undefined ? `${name} ${place.join(" ")}` : undefined,
  );
  const standing = step ?? asked.value;
  return (
    <section class="card landscape" aria-label={own.title}>
      <Choice
        label={own.model}
        value={name}
        options={titlesOf(landscapes)}
        onChoose={(land) => {
          // Another model's weights are others.
          const kept = withoutValues(kinds, query);
          go(linkTo("learn", ["learning"], { ...kept, land }), { replace: true });
        }}
      />
      <div class="figure">
        <div class="controls">
          <LossMap
            {...{ losses, extent, names, place, trail }}
            label={fill(own.map, { first: names[0], second: names[1] })}
            onPut={begin}
          />
          <Slider
            label={own.rate}
            value={rate}
            {...rates}
            onInput={(rate) => {
              putBack();
              set({ rate });
            }}
          />
          <div class="row">
            {playing ? (
              <button type="button" class="main" onClick={stop}>
                {own.pause}
              </button>
            ) : (
              <button type="button" class="main" disabled={end !== undefined} onClick={() => goOn(false)}>
                {own.roll}
              </button>
            )}
            <button type="button" disabled={playing || end !== undefined} onClick={() => goOn(true)}>
              {own.oneStep}
            </button>
            <button type="button" disabled={step === undefined} onClick={() => putBack()}>
              {own.backToStart}
            </button>
          </div>
          <p class="said" role="status">
            {failed !== ""
              ? failed
              : end !== undefined
                ? endings[end.kind](end.steps)
                : playing
                  ? ""
                  : step === undefined
                    ? fill(own.lies, { place: told(names, place) })
                    : fill(own.liesAfter, { n: step.step, place: told(names, place) })}
          </p>
          <p class="small soft">{own.hint}</p>
        </div>
        <div class="controls">
          <Fit {...{ name, place }} />
          <Formula
            tex={`${model.tex.replace(/\bw\b/, texNumber(place[0])).replace(/\bv\b|\bb\b/, texNumber(place[1]))}`}
          />
          <Slider
            label={fill(own.start, { name: names[0] })}
            value={first}
            {...range(0)}
            onInput={(value) => begin([value, second])}
            format={written}
          />
          <Slider
            label={fill(own.start, { name: names[1] })}
            value={second}
            {...range(1)}
            onInput={(value) => begin([first, value])}
            format={written}
          />
          <dl class="readings">
            <dt>{own.loss}</dt>
            <dd>{standing === undefined ? "" : short(standing.loss, 3)}</dd>
            {names.map((each, k) => (
              <Fragment key={each}>
                <dt>{fill(own.slope, { name: each })}</dt>
                <dd>{standing === undefined ? "" : short(standing.slopes[k] as number)}</dd>
              </Fragment>
            ))}
          </dl>
        </div>
      </div>
    </section>
  );
}

const told = (names: Place | readonly [string, string], place: Place): string =>
  `${names[0]} ${short(place[0])}, ${names[1]} ${short(place[1])}`;
const short = (value: number, digits = 2): string =>
  Math.abs(value) < 1000 ? written(value, digits) : value.toExponential(1);

/** The losses reach a little further than the map: lines of equal loss bend at their end. */
const beyond = ({ from, to }: Extent): Extent => {
  const more = ([0, 1] as const).map((axis) => 0.06 * (to[axis] - from[axis])) as [number, number];
  return { from: [from[0] - more[0], from[1] - more[1]], to: [to[0] + more[0], to[1] + more[1]] };
};

const endings: Readonly<Record<DescentEnd["kind"], (steps: number) => string>> = {
  arrived: (steps) => fill(own.ends.arrived, { n: steps }),
  flat: (steps) => (steps === 0 ? own.ends.level : own.ends.levelNow),
  diverged: (steps) => fill(own.ends.diverged, { n: steps }),
  unsettled: (steps) => fill(own.ends.unsettled, { n: steps }),
};

const margin = { left: 34, right: 8, top: 8, bottom: 34 } as const;
/** How many shades the map has. */
const shades = 14;
const keySteps: Readonly<Record<string, Place>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, 1],
  ArrowDown: [0, -1],
};

type LossMapProps = {
  readonly label: string;
  readonly losses: readonly number[] | undefined;
  readonly extent: Extent;
  readonly names: readonly [string, string];
  readonly place: Place;
  readonly trail: readonly Place[];
  readonly onPut: (place: Place) => void;
};

function LossMap({ label, losses, extent: { from, to }, names, place, trail, onPut }: LossMapProps) {
  const [frame, width] = useWidth<HTMLDivElement>();
  const ground = useRef<HTMLButtonElement>(null);
  const key = losses === undefined ? "" : `${names.join()} ${losses.length} ${losses[0]}`;
  const options = useCallback(
    (plot: typeof PlotModule): PlotModule.PlotOptions => {
      const [least, most] = [Math.min(...(losses ?? [0])), Math.max(...(losses ?? [1]))];
      // Close to each other in the hollow, where it is nearly level.
      const levels = Array.from({ length: shades - 1 }, (_, k) => least + (most - least) * ((k + 1) / shades) ** 3);
      const colours = Array.from(
        { length: shades },
        (_, k) => `color-mix(in srgb, var(--c1) ${Math.round((75 * k) / (shades - 1))}%, var(--paper))`,
      );
      const { from: first, to: last } = beyond({ from, to });
      const axis = (at: 0 | 1) => ({ domain: [from[at], to[at]], label: null, ticks: 5 });
      return {
        ...{ marginLeft: margin.left, marginRight: margin.right, marginTop: margin.top, marginBottom: margin.bottom },
        x: axis(0),
        y: axis(1),
        color: { type: "threshold", domain: levels, range: colours },
        marks: [
          plot.rect([0], { x1: from[0], x2: to[0], y1: from[1], y2: to[1], fill: colours[0] as string }),
          losses &&
            plot.contour(losses as number[], {
              ...{ width: mapSize, height: mapSize, x1: first[0], y1: first[1], x2: last[0], y2: last[1] },
              ...{ clip: true, fill: plot.identity, stroke: "var(--soft)", strokeWidth: 0.6, thresholds: levels },
            }),
          plot.text([names[0]], {
            frameAnchor: "bottom-right",
            dx: -6,
            dy: -6,
            text: String,
            fontSize: 15,
            fill: "var(--ink)",
          }),
          plot.text([names[1]], {
            frameAnchor: "top-left",
            dx: 8,
            dy: 8,
            text: String,
            fontSize: 15,
            fill: "var(--ink)",
          }),
        ],
      };
    },
    [key],
  );
  const inner = Math.max(1, width - margin.left - margin.right);
  const across = (value: number): number => margin.left + ((value - from[0]) / (to[0] - from[0])) * inner;
  const height = margin.top + inner + margin.bottom;
  const down = (value: number): number => margin.top + (1 - (value - from[1]) / (to[1] - from[1])) * inner;
  const within = (value: number, axis: 0 | 1): number =>
    Number(Math.min(to[axis], Math.max(from[axis], value)).toFixed(2));
  const placeOf = (event: MouseEvent): Place => {
    const { left, top, width, height } = (ground.current as HTMLElement).getBoundingClientRect();
    return [
      within(from[0] + ((event.clientX - left) / width) * (to[0] - from[0]), 0),
      within(to[1] - ((event.clientY - top) / height) * (to[1] - from[1]), 1),
    ];
  };
  const [x, y] = [across(place[0]), down(place[1])];
  const isSeen = place[0] >= from[0] && place[0] <= to[0] && place[1] >= from[1] && place[1] <= to[1];
  // A leap from beyond all bounds is drawn up to there.
  const bound = (value: number): number => Math.max(-4 * height, Math.min(5 * height, value));
  return (
    <div data-figure={texts.pictures.names.loss} class="loss-map" ref={frame}>
      <Plot {...{ label, options }} height={width === 0 ? 300 : height} />
      {width > 0 && (
        <>
          <svg class="trail" width={width} height={height} aria-hidden="true">
            <clipPath id="loss-map-inner">
              <rect x={margin.left} y={margin.top} width={inner} height={inner} />
            </clipPath>
            <g clip-path="url(#loss-map-inner)">
              <polyline points={trail.map((at) => `${bound(across(at[0]))},${bound(down(at[1]))}`).join(" ")} />
              {trail.map((at, k) => (
                <circle key={k} cx={bound(across(at[0]))} cy={bound(down(at[1]))} r={k === 0 ? 4 : 2.5} />
              ))}
            </g>
          </svg>
          <button
            ref={ground}
            type="button"
            class="ground"
            aria-label={own.put}
            style={{ left: `${margin.left}px`, top: `${margin.top}px`, width: `${inner}px`, height: `${inner}px` }}
            onClick={(event) =>
              onPut(
                event.detail === 0
                  ? [within((from[0] + to[0]) / 2, 0), within((from[1] + to[1]) / 2, 1)]
                  : placeOf(event),
              )
            }
          />
          <button
            type="button"
            class="ball"
            hidden={!isSeen}
            style={{ transform: `translate(${x}px, ${y}px)` }}
            aria-label={fill(own.ball, { place: told(names, place) })}
            onPointerDown={(press) => {
              const button = press.currentTarget;
              button.setPointerCapture(press.pointerId);
              button.onpointermove = (event) => onPut(placeOf(event));
              button.onlostpointercapture = () => {
                button.onpointermove = null;
              };
            }}
            onKeyDown={(event) => {
              const by = keySteps[event.key];
              if (by === undefined) return;
              event.preventDefault();
              const size = (axis: 0 | 1): number => (by[axis] * (to[axis] - from[axis])) / 40;
              onPut([within(place[0] + size(0), 0), within(place[1] + size(1), 1)]);
            }}
          />
        </>
      )}
    </div>
  );
}

const drawn = 33;

/** The examples, what the model says at these weights, and how far it is off. */
function Fit({ name, place }: { readonly name: keyof typeof landscapes; readonly place: Place }) {
  const { equations, weights, examples, seen, axes } = landscapes[name];
  const { from, to } = seen;
  const along = Array.from({ length: drawn }, (_, k) => from[0] + (k / (drawn - 1)) * (to[0] - from[0]));
  const xs = [...along, ...examples.map(({ x }) => x)];
  const parameters = Object.fromEntries(weights.map((each, k) => [each, [place[k] as number]]));
  const sequence = xs.map((x) => [x]);
  const traced = useAnswer("trace", { equations }, sequence, { units: 1, parameters }).value;
  const says = traced?.y?.length === xs.length ? traced.y.map(([y]) => y as number) : undefined;
  const at = (x: number): number => (100 * (x - from[0])) / (to[0] - from[0]);
  const pointInWords = ({ x, y }: { readonly x: number; readonly y: number }, k: number): string => {
    const point = { x: written(x), y: written(y) };
    if (says === undefined) return fill(own.pointWithout, point);
    return fill(own.point, { ...point, says: short(says[drawn + k] as number) });
  };
  const up = (y: number): number => {
    const share = 60 * (1 - (y - from[1]) / (to[1] - from[1]));
    return Math.max(-200, Math.min(260, share));
  };
  return (
    <svg
      class="drawn fit"
      viewBox="-1 -1 102 68"
      role="img"
      aria-label={fill(own.fit, { points: examples.map(pointInWords).join("; ") })}
    >
      <rect width="100" height="60" rx="1.5" fill="var(--paper)" stroke="var(--line)" stroke-width="0.5" />
      <clipPath id="fit-inner">
        <rect width="100" height="60" rx="1.5" />
      </clipPath>
      <g clip-path="url(#fit-inner)">
        {says !== undefined && (
          <>
            <polyline class="says" points={along.map((x, k) => `${at(x)},${up(says[k] as number)}`).join(" ")} />
            {examples.map(({ x, y }, k) => (
              <line key={x} class="off" x1={at(x)} x2={at(x)} y1={up(y)} y2={up(says[drawn + k] as number)} />
            ))}
          </>
        )}
        {examples.map(({ x, y }) => (
          <circle key={x} class="measured" cx={at(x)} cy={up(y)} r="1.8" />
        ))}
      </g>
      <text class="soft" x="100" y="66" text-anchor="end">
        {axes[0]}
      </text>
      <text class="soft" x="2" y="5">
        {axes[1]}
      </text>
    </svg>
  );
}
