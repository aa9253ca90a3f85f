/** Points in the plane that can be dragged, and the line between what a perceptron says of them. */
import type { TargetedPointerEvent } from "preact";
import { useRef } from "preact/hooks";
import { written } from "../../components/numbers.ts";
import type { Line, Point } from "../../engine/experiments.ts";
import { fill, texts } from "../../texts/texts.ts";
import { highest, lowest, within } from "./points.ts";

const own = texts.learn.plane;

type Place = readonly [number, number];

export type PlaneProps = {
  readonly points: readonly Point[];
  readonly line: Line;
  /** What the perceptron says of each point, as far as that is known. */
  readonly outputs: readonly number[];
  /** The point that is looked at. */
  readonly now: number | undefined;
  readonly onMove: (point: number, x: Place) => void;
  readonly onAdd: (x: Place) => void;
  readonly onTurn: (point: number) => void;
  readonly onRemove: (point: number) => void;
};

const arrows: Readonly<Record<string, Place>> = {
  ArrowLeft: [-0.05, 0],
  ArrowRight: [0.05, 0],
  ArrowUp: [0, 0.05],
  ArrowDown: [0, -0.05],
};

/** How far across what is seen, 0 to 1; from the left and from below. */
const share = (value: number): number => (value - lowest) / (highest - lowest);

export function Plane({ points, line, outputs, now, onMove, onAdd, onTurn, onRemove }: PlaneProps) {
  const place = useRef<HTMLDivElement>(null);
  const placeOf = (event: MouseEvent): Place => {
    const { left, top, width, height } = (place.current as HTMLDivElement).getBoundingClientRect();
    const at = (part: number): number => within(lowest + part * (highest - lowest));
    return [at((event.clientX - left) / width), at(1 - (event.clientY - top) / height)];
  };
  const drag = (point: number) => (down: TargetedPointerEvent<HTMLButtonElement>) => {
    const button = down.currentTarget;
    button.setPointerCapture(down.pointerId);
    button.onpointermove = (event) => onMove(point, placeOf(event));
    button.onlostpointercapture = () => {
      button.onpointermove = null;
    };
  };
  const press =
    (point: number, [x1, x2]: Place) =>
    (event: KeyboardEvent) => {
      const arrow = arrows[event.key];
      if (arrow !== undefined) onMove(point, [within(x1 + arrow[0]), within(x2 + arrow[1])]);
      else if (event.key === "Enter" || event.key === " ") onTurn(point);
      else if (event.key === "Delete" || event.key === "Backspace") onRemove(point);
      else return;
      event.preventDefault();
    };
  const { side, edge } = halves(line);
  return (
    <div data-figure={texts.pictures.names.plane} class="plane" ref={place}>
      <svg viewBox="0 0 1 1" aria-hidden="true">
        <rect width="1" height="1" rx="0.02" fill="var(--paper)" stroke="var(--line)" stroke-width="0.004" />
        <path class="axis" d={`M${share(0)} 0V1M0 ${1 - share(0)}H1M${share(1)} 0V1M0 ${1 - share(1)}H1`} />
        <polygon class="side" points={side.map(([a, b]) => `${a},${1 - b}`).join(" ")} />
        {edge !== undefined && (
          <line class="line" x1={edge[0][0]} y1={1 - edge[0][1]} x2={edge[1][0]} y2={1 - edge[1][1]} />
        )}
      </svg>
      <button
        type="button"
        class="ground"
        aria-label={own.add}
        onClick={(event) => onAdd(event.detail === 0 ? [0.5, 0.5] : placeOf(event))}
      />
      {points.map(({ x, kind }, k) => {
        const right = outputs[k] === undefined || outputs[k] === kind;
        return (
          <button
            key={k}
            type="button"
            class={`point ${kind === 1 ? "one" : "zero"} ${right ? "" : "wrong"} ${k === now ? "now" : ""}`}
            style={{ left: `${100 * share(x[0])}%`, top: `${100 - 100 * share(x[1])}%` }}
            aria-label={fill(right ? own.point : own.pointWrong, {
              n: k + 1,
              x1: written(x[0]),
              x2: written(x[1]),
              kind,
            })}
            onPointerDown={drag(k)}
            onKeyDown={press(k, x)}
            onDblClick={() => onTurn(k)}
          />
        );
      })}
    </div>
  );
}

/** Of what is seen, as shares: where w x + b is above 0, and the line where it is 0. */
export function halves({ w, b }: Line): {
  readonly side: readonly Place[];
  readonly edge: readonly [Place, Place] | undefined;
} {
  const value = ([x1, x2]: Place): number => w[0] * x1 + w[1] * x2 + b;
  const square: readonly Place[] = [
    [lowest, lowest],
    [highest, lowest],
    [highest, highest],
    [lowest, highest],
  ];
  const side: Place[] = [];
  const cuts: Place[] = [];
  for (const [k, from] of square.entries()) {
    const to = square[(k + 1) % 4] as Place;
    const [here, there] = [value(from), value(to)];
    if (here > 0) side.push(from);
    if (here > 0 === there > 0) continue;
    const part = here / (here - there);
    const cut: Place = [from[0] + part * (to[0] - from[0]), from[1] + part * (to[1] - from[1])];
    side.push(cut);
    cuts.push(cut);
  }
  const shares = ([x1, x2]: Place): Place => [share(x1), share(x2)];
  const [first, second] = cuts.map(shares);
  return { side: side.map(shares), edge: first && second && [first, second] };
}
