/** One track: what was seen, its futures by their probability, and what came. */
import type { Path } from "../../../train/densities/paths.ts";
import type { ShownTrack } from "../../engine/tracking.ts";

const [side, margin] = [240, 14];
const percent = (share: number): string => `${Math.round(100 * share)} %`;

export function TrackPanel({ track }: { readonly track: ShownTrack }) {
  const { id, frame, seen, futures, truth } = track;
  const paths: readonly Path[] = [seen, ...futures, ...(truth === undefined ? [] : [truth])];
  const [xs, ys] = [paths.flatMap(({ x }) => [...x]), paths.flatMap(({ y }) => [...y])];
  const [x0, x1, y0, y1] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const size = Math.max(x1 - x0, y1 - y0) || 1;
  const scale = (side - 2 * margin) / size;
  // y grows upwards.
  const place = (x: number, y: number): string =>
    `${(side / 2 + (x - (x0 + x1) / 2) * scale).toFixed(1)},${(side / 2 - (y - (y0 + y1) / 2) * scale).toFixed(1)}`;
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
  return (
    <figure class="track">
      <figcaption>
        <strong>{id}</strong> <span class="soft">after frame {frame}</span> <span class="numbers">{said}</span>
      </figcaption>
      <svg
        viewBox={`0 0 ${side} ${side}`}
        role="img"
        aria-label={`Track ${id} after frame ${frame}: futures with ${said}`}
      >
        {[...futures]
          .sort((a, b) => a.probability - b.probability)
          .map((future, k) => (
            <path key={k} class="future" d={line(future, true)} opacity={0.2 + 0.8 * (future.probability / most)} />
          ))}
        <path class="seen" d={line(seen, false)} />
        <circle class="now" cx={cx} cy={cy} r={4} />
        {truth !== undefined && <path class="truth" d={line(truth, true)} />}
      </svg>
    </figure>
  );
}
