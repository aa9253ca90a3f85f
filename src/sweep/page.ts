/**
 * Make the page of a sweep: one file that loads nothing else. Parallel coordinates of the searched settings and the loss, the losses by
 * updates, and a table of all trials, which select each other.
 */
import type { SweepTrial } from "./folder.ts";

/** What the page says besides the trials. */
export type PageFacts = {
  readonly title: string;
  /** By the name of a searched setting, whether the scale of its range is logarithmic; null for a list. */
  readonly scales: Readonly<Record<string, boolean | null>>;
  readonly rungs: number;
  /** The trials that there will be. */
  readonly points: number;
};
/** The data of the page's script. */
type Data = PageFacts & { readonly trials: readonly SweepTrial[] };

/** The HTML of the whole page. */
export function sweepPage(trials: readonly SweepTrial[], facts: PageFacts): string {
  const data: Data = { ...facts, trials };
  // The data must not contain anything that would end the script element.
  const json = JSON.stringify(data).replaceAll("<", "\\u003c");
  const name = facts.title.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:">
<link rel="icon" href="data:,">
<title>${name}</title>
<style>${style}</style>
</head>
<body>
<header>
  <h1>${name}</h1>
  <p id="facts"></p>
</header>
<main>
  <output id="readout"></output>
  <section aria-labelledby="settings-title">
    <h2 id="settings-title">Settings and loss</h2>
    <p class="caption">A line is a trial. <span class="ramp" aria-hidden="true"></span> from the lowest loss to the highest; dashed: diverged.</p>
    <div id="parallel"></div>
  </section>
  <section aria-labelledby="curves-title">
    <h2 id="curves-title">Loss by updates</h2>
    <p class="caption">Validation loss in nats a token. A cross: diverged.</p>
    <div id="curves"></div>
  </section>
  <section aria-labelledby="trials-title">
    <h2 id="trials-title">Trials</h2>
    <div id="scroll" tabindex="0" role="region" aria-labelledby="trials-title"><table><thead></thead><tbody></tbody></table></div>
  </section>
</main>
<script type="application/json" id="data">${json}</script>
<script>(${showSweep})()</script>
</body>
</html>
`;
}

const style = `
:root {
  color-scheme: light dark;
  --paper: #ffffff; --ink: #1c1f24; --soft: #5c6470; --line: #d9dde3; --accent: #8a4b08;
  --good: #b4460a; --bad: #b9c3d1; --row: #f4f5f7;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #14171c; --ink: #e6e9ee; --soft: #9aa4b2; --line: #333a45; --accent: #f0b35b;
    --good: #ff9a4d; --bad: #3f4a5a; --row: #1d2229;
  }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 78rem; padding: 1rem; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; }
h1 { margin: 0; font-size: 1.25rem; overflow-wrap: anywhere; }
h2 { margin: 0 0 0.25rem; font-size: 1rem; }
header p, .caption { margin: 0.25rem 0; color: var(--soft); font-size: 0.875rem; }
section { margin-top: 1.5rem; }
#readout { display: block; margin: 0.5rem 0; min-height: 3rem; overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
#readout b { font-size: 1.125rem; }
.ramp { display: inline-block; width: 4rem; height: 0.6rem; border-radius: 3px;
  background: linear-gradient(90deg, var(--good), var(--bad)); }
svg { display: block; width: 100%; touch-action: manipulation; }
svg text { fill: var(--soft); font: 12px system-ui, sans-serif; font-variant-numeric: tabular-nums; }
svg .name { fill: var(--ink); font-weight: 600; }
svg .halo { paint-order: stroke; stroke: var(--paper); stroke-width: 3px; stroke-linejoin: round; }
.axis { stroke: var(--line); stroke-width: 1; }
.trial { fill: none; stroke-width: 1.5; stroke-linejoin: round; cursor: pointer; }
.trial.diverged { stroke-dasharray: 4 4; }
.trial.at { stroke: var(--ink) !important; stroke-width: 3; }
.hit { fill: none; stroke: transparent; stroke-width: 12; cursor: pointer; }
circle.hit { stroke: none; pointer-events: all; }
circle.trial { pointer-events: none; }
#scroll { overflow: auto; max-height: 32rem; border: 1px solid var(--line); border-radius: 6px; }
table { border-collapse: collapse; width: 100%; font-size: 0.875rem; font-variant-numeric: tabular-nums; }
th, td { padding: 0 0.6rem; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--line); }
thead th { position: sticky; top: 0; background: var(--paper); padding-block: 0.4rem; }
th:first-child, td:first-child { text-align: left; padding-left: 0.25rem; }
tbody tr { cursor: pointer; }
tbody tr:hover, tbody tr.at { background: var(--row); }
tbody button { all: unset; display: block; min-width: 2.5rem; padding: 0.45rem 0.35rem; cursor: pointer; text-decoration: underline;
  text-underline-offset: 2px; }
:focus-visible, tbody button:focus-visible { outline: 2px solid var(--accent); outline-offset: 1px; }
tr.at button { font-weight: 700; }
`;

/** The script of the page. Its own source text is put into the page, so it must not use anything else of this file. */
function showSweep(): void {
  const element = <T extends HTMLElement>(id: string): T => document.getElementById(id) as T;
  const { trials, scales, points, rungs } = JSON.parse(element("data").textContent as string) as Data;
  const names = Object.keys(scales);
  const lossOf = ({ loss }: SweepTrial): number => loss ?? Infinity;
  const ranked = trials
    .filter(({ rungs: reached }) => reached.length > 0)
    .sort((a, b) => lossOf(a) - lossOf(b) || a.trial - b.trial);
  const measured = ranked.filter(({ loss }) => loss !== null);
  const rankOf = new Map(ranked.map(({ trial }, k) => [trial, k]));
  const count = (n: number): string => n.toLocaleString("en");
  const digits = (x: number, most = 4): string => String(Number(x.toPrecision(most)));
  const shownLoss = (x: number): string => (Math.abs(x) < 1e4 ? x.toFixed(4) : x.toExponential(2));

  /** The largest number that is drawn: few trials that failed to learn shall not press all others together. */
  function limitOf(values: readonly number[]): number {
    const sorted = [...values].sort((a, b) => a - b);
    const at = (share: number): number => sorted[Math.floor(share * (sorted.length - 1))] ?? 1;
    const fence = at(0.75) + 1.5 * (at(0.75) - at(0.25));
    return sorted.filter((value) => value <= fence).at(-1) ?? 1;
  }
  const lowest = measured[0]?.loss ?? 0;
  const highest = Math.max(limitOf(measured.map(({ loss }) => loss as number)), lowest + 1e-3);

  // Axes: where a value stands, from 0 to 1, and the values that are written beside it.
  type Axis = {
    readonly name: string;
    readonly at: (trial: SweepTrial) => number;
    readonly ticks: readonly (readonly [at: number, text: string])[];
  };
  /** Round numbers within a range, about five. */
  function roundNumbers(from: number, to: number, log: boolean): number[] {
    if (log) {
      const powers = Array.from({ length: 40 }, (_, k) => 10 ** (k - 20));
      const within = (factors: readonly number[]): number[] =>
        powers.flatMap((power) => factors.map((one) => one * power)).filter((x) => x >= from && x <= to);
      return [[1, 2, 5], [1, 3], [1]].map(within).find((list) => list.length <= 6) ?? within([1]);
    }
    const least = 10 ** Math.floor(Math.log10((to - from) / 6));
    const step = least * ([1, 2, 5, 10].find((one) => (to - from) / (least * one) <= 6) ?? 10);
    const first = Math.ceil(from / step - 1e-9);
    return Array.from({ length: Math.floor(to / step + 1e-9) - first + 1 }, (_, k) => (first + k) * step);
  }
  function numbersAxis(name: string, values: readonly number[], log: boolean): Axis {
    const [from, to] = [Math.min(...values), Math.max(...values)];
    const scale = log ? Math.log : (x: number): number => x;
    const at = (x: number): number => (from === to ? 0.5 : (scale(x) - scale(from)) / (scale(to) - scale(from)));
    const different = [...new Set(values)].sort((a, b) => a - b);
    const shown = different.length <= 6 ? different : roundNumbers(from, to, log);
    return { name, at: ({ options }) => at(options[name] as number), ticks: shown.map((x) => [at(x), digits(x)]) };
  }
  function axisOf(name: string): Axis {
    const values = trials.map(({ options }) => options[name] as string | number);
    if (values.every((value): value is number => typeof value === "number")) {
      const [from, to] = [Math.min(...values), Math.max(...values)];
      return numbersAxis(name, values, scales[name] ?? (from > 0 && to / from >= 4));
    }
    const words = [...new Set(values.map(String))].sort();
    const at = (word: string): number => (words.length === 1 ? 0.5 : words.indexOf(word) / (words.length - 1));
    return { name, at: ({ options }) => at(String(options[name])), ticks: words.map((word) => [at(word), word]) };
  }
  const failed = ranked.some(({ loss }) => loss === null);
  // Room above the losses for those that have none.
  const top = failed ? 0.88 : 1;
  const lossAxis: Axis = {
    name: "loss",
    at: ({ loss }) => (loss === null ? 1 : (top * (Math.min(loss, highest) - lowest)) / (highest - lowest)),
    ticks: [
      ...Array.from({ length: 5 }, (_, k) => {
        const value = lowest + (k / 4) * (highest - lowest);
        const more = k === 4 && measured.some(({ loss }) => (loss as number) > highest) ? "≥ " : "";
        return [(top * k) / 4, `${more}${value.toFixed(2)}`] as const;
      }),
      ...(failed ? [[1, "diverged"] as const] : []),
    ],
  };
  const axes = [...names.map(axisOf), lossAxis];

  const svg = (tag: string, attributes: Record<string, string | number>, text?: string): SVGElement => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
    if (text !== undefined) made.textContent = text;
    return made;
  };
  /** By rank, as losses lie close together at the good end. */
  function colour(trial: SweepTrial): string {
    if (trial.loss === null) return "var(--soft)";
    const share = measured.length < 2 ? 0 : (rankOf.get(trial.trial) as number) / (measured.length - 1);
    return `color-mix(in oklab, var(--good) ${Math.round(100 * (1 - share) ** 1.5)}%, var(--bad))`;
  }
  let chosen: number | undefined = measured[0]?.trial;

  /** A line of a trial that can be pointed at, with a wider one that nobody sees. */
  function drawTrial(into: SVGElement, trial: SweepTrial, places: readonly (readonly [number, number])[]): void {
    const path = places.map(([x, y], k) => `${k === 0 ? "M" : "L"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");
    const state = trial.loss === null ? " diverged" : "";
    const line = svg("path", { d: path, class: `trial${state}`, "data-trial": trial.trial });
    line.style.stroke = colour(trial);
    const hit = svg("path", { d: path, class: "hit" });
    hit.addEventListener("pointerenter", (event) => {
      if ((event as PointerEvent).pointerType === "mouse") choose(trial.trial);
    });
    hit.addEventListener("click", () => choose(trial.trial));
    into.append(line, hit);
  }

  function drawParallel(): void {
    const place = element("parallel");
    const width = place.clientWidth;
    // On a narrow page the axes lie one above the other.
    const upright = width >= 110 * axes.length && width > 560;
    // Beside the first axis stand its longest texts.
    const longest = Math.max(...(axes[0] as Axis).ticks.map(([, text]) => text.length));
    const [height, side] = upright ? [340, Math.max(40, 7 * longest + 10)] : [axes.length * 64 + 8, 16];
    const picture = svg("svg", {
      viewBox: `0 0 ${width} ${height}`,
      height,
      role: "img",
      "aria-label": "Parallel coordinates",
    });
    const along = (k: number): number => (axes.length === 1 ? 0.5 : k / (axes.length - 1));
    const point = (k: number, at: number): [number, number] =>
      upright
        ? [side + along(k) * (width - 2 * side), height - 16 - at * (height - 60)]
        : [side + at * (width - 2 * side), 30 + along(k) * (height - 64)];
    axes.forEach((_, k) => {
      const [[x1, y1], [x2, y2]] = [point(k, 0), point(k, 1)];
      picture.append(svg("line", { x1, y1, x2, y2, class: "axis" }));
    });
    for (const trial of ranked.toReversed())
      drawTrial(
        picture,
        trial,
        axes.map((axis, k) => point(k, axis.at(trial))),
      );
    axes.forEach(({ name, ticks }, k) => {
      const [x, y] = point(k, upright ? 1 : 0);
      if (upright) picture.append(svg("text", { x, y: y - 14, class: "name halo", "text-anchor": "middle" }, name));
      else picture.append(svg("text", { x, y: y - 10, class: "name halo" }, name));
      let last = -Infinity;
      for (const [at, text] of [...ticks].sort((a, b) => a[0] - b[0])) {
        const [tx, ty] = point(k, at);
        if (upright) {
          picture.append(svg("text", { x: tx - 6, y: ty + 4, class: "halo", "text-anchor": "end" }, text));
          continue;
        }
        if (text === "diverged") {
          picture.append(svg("text", { x: tx, y: ty - 10, class: "halo", "text-anchor": "end" }, text));
          continue;
        }
        const half = 3.5 * text.length;
        const middle = Math.max(half, Math.min(width - half, tx));
        if (middle - half < last + 6) continue;
        last = middle + half;
        picture.append(svg("text", { x: middle, y: ty + 16, class: "halo", "text-anchor": "middle" }, text));
      }
    });
    place.replaceChildren(picture);
  }

  function drawCurves(): void {
    const place = element("curves");
    const [width, height, left, bottom] = [place.clientWidth, 320, 48, 28];
    const all = ranked.flatMap(({ curve }) => curve.map(([, loss]) => loss));
    const [least, most] = [Math.min(lowest, ...all), Math.max(limitOf(all), lowest + 1e-3)];
    const last = Math.max(1, ...trials.map(({ updates }) => updates));
    // Rungs are some times as far as those before: by logarithms they are equally far apart.
    const ends = trials
      .reduce((most, one) => (one.rungs.length > most.rungs.length ? one : most))
      .rungs.map(([at]) => at);
    const first = Math.max(1, (ends[0] ?? 1) / 1.5);
    const share = (update: number): number =>
      rungs > 1
        ? Math.log(Math.max(update, first) / first) / Math.log(Math.max(last, first + 1) / first)
        : update / last;
    const x = (update: number): number => left + share(update) * (width - left - 16);
    const updateTicks = rungs > 1 ? ends : [0, 1, 2, 3, 4].map((k) => Math.round((k / 4) * last));
    const y = (loss: number): number => 12 + ((most - Math.min(loss, most)) / (most - least)) * (height - 12 - bottom);
    const picture = svg("svg", {
      viewBox: `0 0 ${width} ${height}`,
      height,
      role: "img",
      "aria-label": "Loss by updates",
    });
    for (let k = 0; k < 5; k++) {
      const loss = least + (k / 4) * (most - least);
      picture.append(
        svg("line", { x1: left, x2: width - 16, y1: y(loss), y2: y(loss), class: "axis" }),
        svg("text", { x: left - 6, y: y(loss) + 4, "text-anchor": "end" }, loss.toFixed(2)),
      );
    }
    for (const update of updateTicks) {
      const anchor = x(update) > width - 40 ? "end" : "middle";
      const tx = anchor === "end" ? x(update) + 8 : x(update);
      picture.append(svg("text", { x: tx, y: height - 8, "text-anchor": anchor }, count(update)));
    }
    for (const trial of ranked.toReversed()) {
      const { curve, loss, updates } = trial;
      const places = curve.map(([update, value]) => [x(update), y(value)] as const);
      if (places.length > 1) drawTrial(picture, trial, places);
      const end = loss === null ? ([x(updates), places.at(-1)?.[1] ?? y(most)] as const) : places.at(-1);
      if (end === undefined) continue;
      const [ex, ey] = end;
      const [r, known] = [4, { class: "trial", "data-trial": trial.trial }];
      const mark =
        loss === null
          ? svg("path", { d: `M${ex - r} ${ey - r}l${2 * r} ${2 * r}m0 ${-2 * r}l${-2 * r} ${2 * r}`, ...known })
          : svg("circle", { cx: ex, cy: ey, r: 3, ...known });
      mark.style.stroke = colour(trial);
      const hit = svg("circle", { cx: ex, cy: ey, r: 8, class: "hit" });
      hit.addEventListener("click", () => choose(trial.trial));
      picture.append(mark, hit);
    }
    place.replaceChildren(picture);
  }

  const cell = (tag: string, text: string): HTMLElement => {
    const made = document.createElement(tag);
    made.textContent = text;
    return made;
  };
  function fillTable(): void {
    const [head, body] = [
      document.querySelector("thead") as HTMLElement,
      document.querySelector("tbody") as HTMLElement,
    ];
    const row = document.createElement("tr");
    for (const name of ["trial", "loss", "updates", ...(rungs > 1 ? ["rung"] : []), "state", ...names]) {
      const one = cell("th", name);
      one.setAttribute("scope", "col");
      row.append(one);
    }
    head.append(row);
    for (const trial of ranked) {
      const line = document.createElement("tr");
      line.dataset.trial = String(trial.trial);
      const button = cell("button", String(trial.trial));
      const first = document.createElement("td");
      first.append(button);
      line.append(
        first,
        cell("td", trial.loss === null ? "" : shownLoss(trial.loss)),
        cell("td", count(trial.updates)),
        ...(rungs > 1 ? [cell("td", `${trial.rungs.length} of ${rungs}`)] : []),
        cell("td", stateOf(trial)),
        ...names.map((name) => cell("td", String(trial.options[name]))),
      );
      line.addEventListener("click", () => choose(trial.trial));
      button.addEventListener("focus", () => choose(trial.trial));
      body.append(line);
    }
  }
  const stateOf = ({ status }: SweepTrial): string => (status === "stopped" ? "stopped early" : status);

  function choose(trial: number | undefined): void {
    chosen = trial;
    for (const one of document.querySelectorAll(".at")) one.classList.remove("at");
    const known = trials.find(({ trial: number }) => number === trial);
    if (known === undefined) return;
    for (const one of document.querySelectorAll(`[data-trial="${trial}"]`)) {
      one.classList.add("at");
      // What is drawn last is on top; what is pointed at lies behind it, and stays where it is.
      if (one instanceof SVGElement) one.parentNode?.append(one);
    }
    const name = cell(
      "b",
      `Trial ${known.trial}${rankOf.get(known.trial) === 0 && known.loss !== null ? ", the best" : ""}`,
    );
    const loss = known.loss === null ? stateOf(known) : `loss ${shownLoss(known.loss)}`;
    const settings = names.map((one) => `${one} ${known.options[one]}`).join(", ");
    const why = known.message === undefined ? "" : ` ${known.message}`;
    element("readout").replaceChildren(
      name,
      `: ${loss} after ${count(known.updates)} of ${count(known.of)} updates${known.status === "stopped" ? ", stopped early" : ""}; ${settings}.${why}`,
    );
  }

  const tally = ["finished", "stopped", "diverged", "failed", "running"].flatMap((status) => {
    const number = trials.filter((trial) => trial.status === status).length;
    const words = { finished: "trained to the end", stopped: "stopped early", running: "under way" }[status] ?? status;
    return number === 0 ? [] : [`${number} ${words}`];
  });
  const updates = trials.reduce((sum, trial) => sum + trial.updates, 0);
  element("facts").textContent =
    `${trials.length} of ${points} trials: ${tally.join(", ")}; ${count(updates)} updates.`;
  fillTable();
  const draw = (): void => {
    drawParallel();
    drawCurves();
    choose(chosen);
  };
  let drawnWidth = 0;
  new ResizeObserver(() => {
    const width = element("parallel").clientWidth;
    if (width === drawnWidth) return;
    drawnWidth = width;
    draw();
  }).observe(element("parallel"));
}
