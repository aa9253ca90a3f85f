/** A forecast as a picture: the past, the truth where it is known, and what is forecast with its intervals, as SVG or a page. */
import { escapeMarkup } from "../svg.ts";
import type { ForecastStep } from "./predict.ts";

/** What is drawn of one series. */
export type ForecastPicture = {
  readonly title: string;
  /** The past, oldest first, ending just before the forecast of the future; with dates or without. */
  readonly past: readonly { readonly date?: string | undefined; readonly value: number }[];
  /** A forecast of the last steps of the past, made from what came before them. */
  readonly tested?: readonly ForecastStep[];
  /** The forecast of what comes after the past. */
  readonly future: readonly ForecastStep[];
};

const [width, height] = [860, 340];
const margin = { left: 64, right: 16, top: 34, bottom: 42 };

/** Round numbers between two, about `count` of them. */
function ticksBetween(low: number, high: number, count: number): number[] {
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const size = [1, 2, 5, 10].map((one) => one * power).find((one) => one >= rough) as number;
  const first = Math.ceil(low / size);
  return Array.from({ length: Math.floor(high / size) - first + 1 }, (_, k) => (first + k) * size);
}

/** One series as SVG, 860 x 340. */
export function drawForecast({ title, past, tested = [], future }: ForecastPicture): string {
  const forecasts = [
    { steps: tested, start: past.length - tested.length, colour: "#c2571a", name: "forecast of what is known" },
    { steps: future, start: past.length, colour: "#1d6fb8", name: "forecast" },
  ].filter(({ steps }) => steps.length > 0);
  const bounds = forecasts.flatMap(({ steps }) =>
    steps.flatMap(({ value, quantiles }) => [value, ...Object.values(quantiles)]),
  );
  const all = [...past.map(({ value }) => value), ...bounds];
  let [low, high] = [Math.min(...all), Math.max(...all)];
  if (low === high) [low, high] = [low - 1, high + 1];
  const room = 0.04 * (high - low);
  [low, high] = [low - room, high + room];
  const count = past.length + future.length;
  const x = (t: number): number => margin.left + ((width - margin.left - margin.right) * t) / Math.max(1, count - 1);
  const y = (value: number): number =>
    margin.top + ((height - margin.top - margin.bottom) * (high - value)) / (high - low);
  const line = (values: readonly number[], start: number): string =>
    values.map((value, k) => `${k === 0 ? "M" : "L"}${x(start + k).toFixed(1)},${y(value).toFixed(1)}`).join("");

  const bands = forecasts.flatMap(({ steps, start, colour }) => {
    const levels = Object.keys(steps[0]?.quantiles ?? {}).sort((a, b) => Number(a) - Number(b));
    return Array.from({ length: Math.floor(levels.length / 2) }, (_, k) => {
      const [below, above] = [levels[k] as string, levels.at(-1 - k) as string];
      const upper = steps.map(({ quantiles }) => quantiles[above] as number);
      const lower = steps.map(({ quantiles }) => quantiles[below] as number);
      const back = lower.map((_, i) => i).reverse();
      const path = `${line(upper, start)}${back.map((i) => `L${x(start + i).toFixed(1)},${y(lower[i] as number).toFixed(1)}`).join("")}Z`;
      return `<path d="${path}" fill="${colour}" fill-opacity="0.18"><title>from ${below} to ${above}</title></path>`;
    });
  });
  const lines = forecasts.map(
    ({ steps, start, colour }) =>
      `<path d="${line(
        steps.map(({ value }) => value),
        start,
      )}" fill="none" stroke="${colour}" stroke-width="2"/>`,
  );
  const dateAt = (t: number): string =>
    (t < past.length ? past[t]?.date : future[t - past.length]?.date) ?? String(t - past.length + 1);
  const shorter = new Intl.NumberFormat("en-GB", { maximumSignificantDigits: 4, notation: "compact" });
  const times = [...new Set(Array.from({ length: 6 }, (_, k) => Math.round((k * (count - 1)) / 5)))];
  const anchors = (k: number): string => (k === 0 ? "start" : k === times.length - 1 ? "end" : "middle");
  const legend = [{ name: "past", colour: "#444" }, ...forecasts].map(
    ({ name, colour }, k) =>
      `<g transform="translate(${margin.left + k * 190},${height - 8})"><path d="M0,-4h18" stroke="${colour}" stroke-width="2"/><text x="24">${name}</text></g>`,
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="system-ui, sans-serif" font-size="12" fill="#222" role="img" aria-label="${escapeMarkup(title)}">`,
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    `<text x="${margin.left}" y="20" font-size="14" font-weight="600">${escapeMarkup(title)}</text>`,
    ...ticksBetween(low, high, 5).map(
      (value) =>
        `<path d="M${margin.left},${y(value).toFixed(1)}H${width - margin.right}" stroke="#e3e3e3"/><text x="${margin.left - 8}" y="${(y(value) + 4).toFixed(1)}" text-anchor="end">${shorter.format(value)}</text>`,
    ),
    ...times.map(
      (t, k) =>
        `<text x="${x(t).toFixed(1)}" y="${height - margin.bottom + 18}" text-anchor="${anchors(k)}">${escapeMarkup(dateAt(t))}</text>`,
    ),
    ...bands,
    `<path d="${line(
      past.map(({ value }) => value),
      0,
    )}" fill="none" stroke="#444" stroke-width="1.4"/>`,
    ...lines,
    ...legend,
    "</svg>",
  ].join("\n");
}

/** Pictures of several series on one page. */
export const pageOfForecasts = (title: string, pictures: readonly ForecastPicture[]): string =>
  `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeMarkup(title)}</title>
<style>body { margin: 1.5rem; font-family: system-ui, sans-serif; background: #fff; color: #222 } svg { display: block; max-width: 100%; height: auto; margin-bottom: 1.5rem }</style>
<h1>${escapeMarkup(title)}</h1>
${pictures.map(drawForecast).join("\n")}
</html>
`;
