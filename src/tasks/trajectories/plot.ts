/** A plot of tracks as SVG: what was seen, where several futures go, and what came, a panel for each track. */
import type { Path } from "../../train/densities/paths.ts";
import { escapeMarkup } from "../svg.ts";
import type { Future } from "./scores.ts";

export type PlottedTrack = {
  readonly title: string;
  readonly seen: Path;
  readonly futures: readonly Future[];
  /** What came, where it is known. */
  readonly truth?: Path | undefined;
};

const [panel, margin, title, legend] = [260, 14, 22, 30];
const colors = { seen: "#555", truth: "#111", future: "#1f77b4" } as const;
const number = (value: number): string => String(Math.round(value * 100) / 100);
/** Panels in rows of three; x and y of a panel have one scale, and y grows upwards. */
export function plotFutures(tracks: readonly PlottedTrack[]): string {
  const across = Math.min(3, tracks.length);
  const down = Math.ceil(tracks.length / Math.max(1, across));
  const [width, height] = [across * panel, down * (panel + title) + legend];
  const panels = tracks.map((track, k) => {
    const [left, top] = [(k % across) * panel, Math.floor(k / across) * (panel + title) + legend];
    return `<g transform="translate(${left} ${top})">${panelOf(track)}</g>`;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" ` +
      'font-family="system-ui, sans-serif" font-size="12" role="img" aria-label="Tracks and their predicted futures">',
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    legendOf(tracks.some(({ truth }) => truth !== undefined)),
    ...panels,
    "</svg>\n",
  ].join("\n");
}

function legendOf(hasTruth: boolean): string {
  const entries: [string, string, string][] = [
    ["seen", colors.seen, ""],
    ["futures, likelier ones darker", colors.future, ""],
    ...(hasTruth ? [["what came", colors.truth, ' stroke-dasharray="4 3"'] as [string, string, string]] : []),
  ];
  let x = margin;
  const parts = entries.map(([label, color, dash]) => {
    const part =
      `<path d="M${x} 15h22" stroke="${color}" stroke-width="2.5"${dash}/>` +
      `<text x="${x + 28}" y="19" fill="#333">${label}</text>`;
    x += 50 + 6.2 * label.length;
    return part;
  });
  return `<g>${parts.join("")}</g>`;
}

function panelOf({ title: name, seen, futures, truth }: PlottedTrack): string {
  const paths = [seen, ...futures, ...(truth === undefined ? [] : [truth])];
  const xs = paths.flatMap(({ x }) => [...x]);
  const ys = paths.flatMap(({ y }) => [...y]);
  const extent = (of: readonly number[]): [number, number] => [
    of.reduce((a, b) => Math.min(a, b), Infinity),
    of.reduce((a, b) => Math.max(a, b), -Infinity),
  ];
  const [[x0, x1], [y0, y1]] = [extent(xs), extent(ys)];
  const size = Math.max(x1 - x0, y1 - y0) || 1;
  const scale = (panel - 2 * margin) / size;
  const place = (x: number, y: number): string =>
    `${number(panel / 2 + (x - (x0 + x1) / 2) * scale)} ${number(title + panel / 2 - (y - (y0 + y1) / 2) * scale)}`;
  const last = seen.x.length - 1;
  const from = [seen.x[last] as number, seen.y[last] as number] as const;
  const line = (path: Path, joined: boolean): string => {
    const points = Array.from(path.x, (x, t) => place(x, path.y[t] as number));
    return `M${[...(joined ? [place(...from)] : []), ...points].join("L")}`;
  };
  const most = futures.reduce((a, { probability }) => Math.max(a, probability), 0) || 1;
  // The likeliest are drawn last, over the others.
  const drawn = [...futures]
    .sort((a, b) => a.probability - b.probability)
    .map((future) => {
      const strength = (0.15 + 0.75 * (future.probability / most)).toFixed(2);
      const end = place(future.x.at(-1) as number, future.y.at(-1) as number).split(" ");
      return (
        `<path d="${line(future, true)}" fill="none" stroke="${colors.future}" stroke-width="1.5" opacity="${strength}"/>` +
        `<circle cx="${end[0]}" cy="${end[1]}" r="2" fill="${colors.future}" opacity="${strength}"/>`
      );
    });
  const [cx, cy] = place(...from).split(" ");
  return [
    `<text x="${margin}" y="15" fill="#333">${escapeMarkup(name)}</text>`,
    `<rect x="2" y="${title}" width="${panel - 4}" height="${panel - 4}" fill="none" stroke="#ddd"/>`,
    `<text x="${margin}" y="${title + panel - 12}" fill="#777" font-size="10">${number(size)} across</text>`,
    ...drawn,
    `<path d="${line(seen, false)}" fill="none" stroke="${colors.seen}" stroke-width="2.5"/>`,
    `<circle cx="${cx}" cy="${cy}" r="3.5" fill="${colors.seen}"/>`,
    truth === undefined
      ? ""
      : `<path d="${line(truth, true)}" fill="none" stroke="${colors.truth}" stroke-width="2" stroke-dasharray="4 3"/>`,
  ].join("");
}
