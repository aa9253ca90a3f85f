/** One track: what was seen, its futures by their probability, and what came. */
import type { ComponentChildren } from "preact";
import type { Path } from "../../../train/densities/paths.ts";
import type { ShownTrack } from "../../engine/tracking.ts";
import { fill, rich, texts } from "../../texts/texts.ts";

const own = texts.tracks.panel;

const [side, margin] = [240, 14];
const percent = (share: number): string => `${Math.round(100 * share)} %`;

export type TrackPanelProps = {
  readonly track: ShownTrack;
  /** What stands behind its name. */
  readonly children?: ComponentChildren;
  /** Places that are read one by one, and which of them is looked at: told of, and marked. */
  readonly read?: {
    readonly places: Path;
    readonly place: number;
    /** The one path, where the places go on along it. */
    readonly path: Path | undefined;
    readonly onChoose: (place: number) => void;
    readonly onPoint: (place: number | undefined) => void;
    readonly describedBy: string;
  };
};

export function TrackPanel({ track, children, read }: TrackPanelProps) {
  const { id, frame, seen, futures, truth } = track;
  const paths: readonly Path[] = [
    ...[seen, ...futures],
    ...(truth === undefined ? [] : [truth]),
    ...(read?.path === undefined ? [] : [read.path]),
  ];
  const [xs, ys] = [paths.flatMap(({ x }) => [...x]), paths.flatMap(({ y }) => [...y])];
  const [x0, x1, y0, y1] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const size = Math.max(x1 - x0, y1 - y0) || 1;
  const scale = (side - 2 * margin) / size;
  // y grows upwards.
  const at = (x: number, y: number): readonly [number, number] => [
    side / 2 + (x - (x0 + x1) / 2) * scale,
    side / 2 - (y - (y0 + y1) / 2) * scale,
  ];
  const place = (x: number, y: number): string =>
    at(x, y)
      .map((one) => one.toFixed(1))
      .join(",");
  const last = [seen.x.at(-1) as number, seen.y.at(-1) as number] as const;
  const line = (path: Path, joined: boolean): string => {
    const points = Array.from(path.x, (x, t) => place(x, path.y[t] as number));
    return `M${[...(joined ? [place(...last)] : []), ...points].join("L")}`;
  };
  const most = Math.max(...futures.map(({ probability }) => probability)) || 1;
  const [cx, cy] = place(...last).split(",");
  const said = futures
    .slice(0, 3)
    .map(({ probability }) => percent(probability))
    .join(", ");
  const spots = read === undefined ? [] : Array.from(read.places.x, (x, k) => at(x, read.places.y[k] as number));
  const [markX, markY] = spots[read?.place ?? 0] ?? [];
  const nearest = (event: MouseEvent): number => {
    const { left, top, width } = (event.currentTarget as Element).getBoundingClientRect();
    const [x, y] = [((event.clientX - left) * side) / width, ((event.clientY - top) * side) / width];
    const away = spots.map(([sx, sy]) => Math.hypot(sx - x, sy - y));
    return away.indexOf(Math.min(...away));
  };
  const moves: Readonly<Record<string, (place: number) => number>> = {
    ...{ ArrowLeft: (at) => at - 1, ArrowRight: (at) => at + 1, ArrowUp: (at) => at + 1, ArrowDown: (at) => at - 1 },
    ...{ Home: () => 0, End: () => spots.length - 1 },
  };
  const picture = (
    <svg viewBox={`0 0 ${side} ${side}`} role="img" aria-label={fill(own.label, { id, frame, shares: said })}>
      {[...futures]
        .sort((a, b) => a.probability - b.probability)
        .map((future, k) => (
          <path key={k} class="future" d={line(future, true)} opacity={0.2 + 0.8 * (future.probability / most)} />
        ))}
      <path class="seen" d={line(seen, false)} />
      <circle class="now" cx={cx} cy={cy} r={4} />
      {truth !== undefined && <path class="truth" d={line(truth, true)} />}
      {read?.path !== undefined && <path class="mean" d={line(read.path, true)} />}
      {markX !== undefined && <circle class="mark" data-place={read?.place} cx={markX} cy={markY} r={6} />}
    </svg>
  );
  return (
    <figure class="track">
      <figcaption>
        {rich(own.caption, {
          ...{ id, frame, shares: said },
          soft: (inside) => <span class="soft">{inside}</span>,
          numbers: (inside) => <span class="numbers">{inside}</span>,
        })}
        {children}
      </figcaption>
      {read === undefined ? (
        picture
      ) : (
        <div
          class="places"
          role="application"
          // biome-ignore lint/a11y/noNoninteractiveTabindex: arrow keys move through it
          tabIndex={0}
          aria-label={fill(own.places, { id, n: spots.length })}
          aria-describedby={read.describedBy}
          onKeyDown={(event) => {
            const { key, altKey, ctrlKey, metaKey } = event;
            if (altKey || ctrlKey || metaKey || !Object.hasOwn(moves, key)) return;
            event.preventDefault();
            read.onChoose(Math.max(0, Math.min(spots.length - 1, moves[key]?.(read.place) ?? 0)));
          }}
          onPointerMove={(event) => event.pointerType === "mouse" && read.onPoint(nearest(event))}
          onPointerLeave={() => read.onPoint(undefined)}
          onClick={(event) => read.onChoose(nearest(event))}
        >
          {picture}
        </div>
      )}
    </figure>
  );
}
