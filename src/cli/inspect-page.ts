/**
 * Make the page of `unrolled inspect --html`: one file that loads nothing else. At the top is the text, coloured by one
 * unit; below it a heat map of one value, units by tokens.
 */

/** The content of the page. */
export type Inspection = {
  readonly title: string;
  readonly steps: readonly InspectionStep[];
  readonly values: readonly (InspectionValue & { readonly data: Float32Array })[];
};
/** A token, its surprise in nats (minus its log-probability), and the most likely tokens after it. */
type InspectionStep = {
  readonly token: string;
  readonly loss: number | undefined;
  readonly next: readonly { readonly token: string; readonly probability: number }[];
};
type InspectionValue = {
  readonly label: string;
  readonly layer: string;
  readonly size: number;
  readonly gate: boolean;
  readonly description: string | undefined;
};
/** The data of the page's script: numbers as the base64 of little-endian 32-bit floats, one token after the other. */
type Data = {
  readonly steps: readonly InspectionStep[];
  readonly values: readonly (InspectionValue & { readonly numbers: string })[];
};

/** The HTML of the whole page. */
export function inspectionPage({ title, steps, values }: Inspection): string {
  const data: Data = {
    steps,
    values: values.map(({ data, label, layer, size, gate, description }) => {
      const numbers = Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("base64");
      return { label, layer, size, gate, description, numbers };
    }),
  };
  // The data must not contain anything that would end the script element.
  const json = JSON.stringify(data).replaceAll("<", "\\u003c");
  const name = title.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:">
<link rel="icon" href="data:,">
<title>${name}, step by step</title>
<style>${style}</style>
</head>
<body>
<header>
  <h1>${name}</h1>
  <p id="facts"></p>
</header>
<main>
  <section aria-label="The text">
    <p class="caption">What the model read, each token coloured by <b id="colouring"></b></p>
    <div id="text"></div>
  </section>
  <section aria-label="The values">
    <div class="controls">
      <label>Value <select id="value"></select></label>
      <label>Unit <input id="unit" type="number" min="0" inputmode="numeric"></label>
      <span class="scale"><span id="least"></span><span id="ramp"></span><span id="largest"></span></span>
    </div>
    <p class="caption" id="description"></p>
    <output id="readout" for="value unit"></output>
    <div id="map" tabindex="0" role="application" aria-label="Units by tokens. Arrow keys move." aria-describedby="readout">
      <div id="space"><canvas id="canvas"></canvas></div>
    </div>
    <p class="caption">Rows are units, columns are tokens. Point, tap or use the arrow keys.</p>
  </section>
  <section aria-label="What was expected next">
    <p class="caption" id="expected"></p>
    <ol id="next"></ol>
  </section>
</main>
<script type="application/json" id="data">${json}</script>
<script>(${showInspection})()</script>
</body>
</html>
`;
}

const style = `
:root {
  color-scheme: light dark;
  --paper: #ffffff; --ink: #1c1f24; --soft: #5c6470; --line: #d9dde3; --accent: #8a4b08;
  --low: #2b6cb0; --zero: #f4f5f7; --high: #c2410c;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #14171c; --ink: #e6e9ee; --soft: #9aa4b2; --line: #333a45; --accent: #f0b35b;
    --low: #5aa9f5; --zero: #22272f; --high: #f58a4b;
  }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 78rem; padding: 1rem; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; }
h1 { margin: 0; font-size: 1.25rem; overflow-wrap: anywhere; }
header p, .caption { margin: 0.25rem 0; color: var(--soft); font-size: 0.875rem; }
section { margin-top: 1.25rem; }
#text { max-height: 11.5rem; overflow: auto; padding: 0.5rem; border: 1px solid var(--line); border-radius: 6px;
  font: 15px/1.7 ui-monospace, monospace; white-space: pre-wrap; overflow-wrap: anywhere; }
#text span { cursor: pointer; border-radius: 2px; }
#text .at { outline: 2px solid var(--ink); outline-offset: -1px; }
.controls { display: flex; flex-wrap: wrap; gap: 0.5rem 1.25rem; align-items: center; }
select, input { font: inherit; color: inherit; background: var(--paper); border: 1px solid var(--line);
  border-radius: 6px; padding: 0.3rem 0.5rem; min-height: 2.5rem; max-width: 14rem; }
input { width: 5.5rem; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 1px; }
.scale { display: flex; align-items: center; gap: 0.4rem; font-size: 0.875rem; font-variant-numeric: tabular-nums; }
#ramp { width: 7rem; height: 0.9rem; border: 1px solid var(--line); border-radius: 3px; }
#readout { display: block; margin: 0.5rem 0; min-height: 1.5rem; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
#readout b { font-size: 1.125rem; }
#map { position: relative; overflow: auto; max-height: min(34rem, 70vh); border: 1px solid var(--line); border-radius: 6px; }
#space { position: relative; }
#canvas { position: sticky; left: 0; top: 0; display: block; cursor: crosshair; }
#next { margin: 0.25rem 0 0; padding: 0; list-style: none; max-width: 30rem; }
#next li { display: grid; grid-template-columns: 6rem 1fr 3.5rem; gap: 0.5rem; align-items: center;
  font-variant-numeric: tabular-nums; }
#next code { overflow: hidden; text-overflow: ellipsis; white-space: pre; }
#next i { height: 0.8rem; border-radius: 2px; background: var(--accent); min-width: 1px; }
#next span { text-align: right; }
`;

/** The script of the page. Its own source text is put into the page, so it must not use anything else of this file. */
function showInspection(): void {
  const element = <T extends HTMLElement>(id: string): T => document.getElementById(id) as T;
  const { steps, values } = JSON.parse(element("data").textContent as string) as Data;
  const [map, space, canvas, text] = ["map", "space", "canvas", "text"].map((id) => element(id)) as [
    HTMLElement,
    HTMLElement,
    HTMLCanvasElement,
    HTMLElement,
  ];
  const [select, unitInput] = [element<HTMLSelectElement>("value"), element<HTMLInputElement>("unit")];
  const count = steps.length;

  /**
   * The number that gets the strongest colour: nearly the largest one, so that a few outliers do not make the rest
   * pale.
   */
  function extentOf(data: Float32Array): number {
    const every = Math.ceil(data.length / 100_000);
    const sample = data
      .filter((_, k) => k % every === 0)
      .map(Math.abs)
      .sort();
    return sample[Math.floor(0.98 * (sample.length - 1))] || (sample.at(-1) as number) || 1;
  }
  const decoded = values.map(({ numbers, ...value }) => {
    const bytes = Uint8Array.from(atob(numbers), (character) => character.charCodeAt(0));
    const view = new DataView(bytes.buffer);
    const data = Float32Array.from({ length: bytes.length / 4 }, (_, k) => view.getFloat32(4 * k, true));
    return { ...value, data, extent: value.gate ? 1 : extentOf(data) };
  });
  type Value = (typeof decoded)[number];
  // The surprise of each token is shown like a value with one unit.
  if (steps.some(({ loss }) => typeof loss === "number")) {
    const data = Float32Array.from(steps, ({ loss }) => loss ?? 0);
    decoded.push({
      ...{ label: "surprise", layer: "the output", size: 1, gate: true, data },
      description: "how unexpected each token was, in nats",
      extent: data.reduce((a, b) => Math.max(a, b), 1e-9),
    });
  }
  let value = decoded[0] as Value;
  let token = 0;
  let unit = liveliest(value);

  /** Start with the unit that changes most. */
  function liveliest({ data, size }: Value): number {
    const variances = Array.from({ length: size }, (_, j) => {
      let [sum, squares] = [0, 0];
      for (let t = 0; t < count; t++) {
        const number = data[t * size + j] as number;
        sum += number;
        squares += number * number;
      }
      return squares / count - (sum / count) ** 2;
    });
    return variances.reduce((best, variance, j) => (variance > (variances[best] as number) ? j : best), 0);
  }

  const visible = (of: string): string =>
    of
      .replace(/\n/g, "⏎")
      .replace(/\t/g, "⇥")
      .replace(/ /g, "␣")
      .replace(/\p{Cc}/gu, "·") || "·";
  const numberAt = (t: number, j: number): number => value.data[t * value.size + j] as number;
  /** Enough digits to distinguish 32-bit floats in most cases. */
  const shown = (x: number): string => String(Number(x.toPrecision(6)));

  // The colours come from the style sheet, so that they follow the light or dark scheme.
  type Colour = readonly [number, number, number];
  let colours: { low: Colour; zero: Colour; high: Colour; ink: string; soft: string; paper: string };
  function readColours(): void {
    const of = getComputedStyle(document.documentElement);
    const name = (key: string): string => of.getPropertyValue(`--${key}`).trim();
    const colour = (key: string): Colour => {
      const hex = Number.parseInt(name(key).slice(1), 16);
      return [hex >> 16, (hex >> 8) & 255, hex & 255];
    };
    colours = {
      ...{ low: colour("low"), zero: colour("zero"), high: colour("high") },
      ...{ ink: name("ink"), soft: name("soft"), paper: name("paper") },
    };
  }
  function mixed(x: number): Colour {
    const share = Math.max(-1, Math.min(1, x / value.extent));
    const [from, to] = [colours.zero, share < 0 ? colours.low : colours.high];
    return from.map((c, k) => Math.round(c + Math.abs(share) * ((to[k] as number) - c))) as unknown as Colour;
  }
  const css = (of: Colour): string => `rgb(${of.join(" ")})`;
  const readable = ([r, g, b]: Colour): string => (0.299 * r + 0.587 * g + 0.114 * b > 140 ? "#111" : "#fff");

  // The canvas of the map is only as large as its visible part, and is drawn again when it scrolls.
  const [left, top] = [44, 24];
  let [cellWidth, cellHeight] = [16, 8];
  const context = canvas.getContext("2d") as CanvasRenderingContext2D;
  function layOut(): void {
    const longest = steps.reduce((most, { token: of }) => Math.max(most, visible(of).length), 1);
    cellWidth = Math.max(14, Math.min(64, 8 * longest + 6));
    cellHeight = Math.max(6, Math.min(28, Math.floor(440 / value.size)));
    const [width, height] = [left + count * cellWidth, top + value.size * cellHeight];
    space.style.width = `${width}px`;
    space.style.height = `${height}px`;
    const [seenWidth, seenHeight] = [Math.min(map.clientWidth, width), Math.min(map.clientHeight || height, height)];
    canvas.style.width = `${seenWidth}px`;
    canvas.style.height = `${seenHeight}px`;
    canvas.width = Math.round(seenWidth * devicePixelRatio);
    canvas.height = Math.round(seenHeight * devicePixelRatio);
  }
  function draw(): void {
    const [x0, y0] = [map.scrollLeft, map.scrollTop];
    const [width, height] = [canvas.width / devicePixelRatio, canvas.height / devicePixelRatio];
    context.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
    context.fillStyle = colours.paper;
    context.fillRect(0, 0, width, height);
    const firstToken = Math.floor(x0 / cellWidth);
    const lastToken = Math.min(count, Math.ceil((x0 + width - left) / cellWidth));
    const firstUnit = Math.floor(y0 / cellHeight);
    const lastUnit = Math.min(value.size, Math.ceil((y0 + height - top) / cellHeight));
    const gap = cellHeight > 9 ? 1 : 0;
    for (let t = firstToken; t < lastToken; t++) {
      for (let j = firstUnit; j < lastUnit; j++) {
        context.fillStyle = css(mixed(numberAt(t, j)));
        context.fillRect(
          left + t * cellWidth - x0,
          top + j * cellHeight - y0,
          cellWidth - (gap || 0.5),
          cellHeight - gap,
        );
      }
    }
    context.strokeStyle = colours.ink;
    context.lineWidth = 2;
    context.strokeRect(left + token * cellWidth - x0, top + unit * cellHeight - y0, cellWidth, cellHeight);
    // Labels cover the cells that scroll under them.
    context.fillStyle = colours.paper;
    context.fillRect(0, 0, width, top);
    context.fillRect(0, 0, left, height);
    context.textBaseline = "middle";
    context.font = "11px ui-monospace, monospace";
    context.textAlign = "right";
    const every = Math.max(1, Math.ceil(16 / cellHeight));
    const spacing = [1, 2, 4, 8, 16, 32].find((n) => n >= every) ?? every;
    for (let j = firstUnit; j < lastUnit; j++) {
      const y = top + (j + 0.5) * cellHeight - y0;
      const near = Math.abs(j - unit) * cellHeight < 14;
      if (y < top || (j !== unit && (j % spacing !== 0 || near))) continue;
      context.fillStyle = j === unit ? colours.ink : colours.soft;
      context.fillText(String(j), left - 6, Math.max(y, top + 6));
    }
    context.textAlign = "center";
    context.save();
    context.beginPath();
    context.rect(left, 0, width - left, top);
    context.clip();
    for (let t = firstToken; t < lastToken; t++) {
      const of = visible(steps[t]?.token ?? "");
      const fits = Math.floor((cellWidth - 2) / 7);
      context.fillStyle = t === token ? colours.ink : colours.soft;
      const characters = Array.from(new Intl.Segmenter().segment(of), ({ segment }) => segment);
      context.fillText(
        characters.length > fits && fits > 1 ? `${characters.slice(0, fits - 1).join("")}…` : of,
        left + (t + 0.5) * cellWidth - x0,
        top / 2,
      );
    }
    context.restore();
  }

  const spans = steps.map(({ token: of }, t) => {
    const span = document.createElement("span");
    span.textContent = of === "\n" ? "⏎\n" : of;
    span.dataset.token = String(t);
    text.append(span);
    return span;
  });
  function colourText(): void {
    spans.forEach((span, t) => {
      const colour = mixed(numberAt(t, unit));
      span.style.background = css(colour);
      span.style.color = readable(colour);
    });
    element("colouring").textContent = value.size === 1 ? value.label : `unit ${unit} of ${value.label}`;
  }

  function say(): void {
    const { token: of, loss, next } = steps[token] as InspectionStep;
    const number = document.createElement("b");
    number.textContent = shown(numberAt(token, unit));
    const name = value.size === 1 ? value.label : `${value.label}[${unit}]`;
    element("readout").replaceChildren(`${name} at token ${token + 1} of ${count}, “${visible(of)}”: `, number);
    const surprise = typeof loss === "number" ? `“${visible(of)}” was a surprise of ${loss.toFixed(2)} nats. ` : "";
    element("expected").textContent = next.length === 0 ? "" : `${surprise}Expected after “${visible(of)}”:`;
    const items = next.map(({ token: likely, probability }) => {
      const [item, code, line, percent] = ["li", "code", "i", "span"].map((tag) => document.createElement(tag)) as [
        HTMLElement,
        HTMLElement,
        HTMLElement,
        HTMLElement,
      ];
      code.textContent = visible(likely);
      line.style.width = `${100 * probability}%`;
      percent.textContent = `${(100 * probability).toFixed(1)}%`;
      item.append(code, line, percent);
      return item;
    });
    element("next").replaceChildren(...items);
  }

  /** Select a cell; with `follow`, scroll the map and the text so that the cell is visible. */
  function choose(t: number, j: number, follow: boolean): void {
    const [oldUnit, oldToken] = [unit, token];
    token = Math.max(0, Math.min(count - 1, t));
    unit = Math.max(0, Math.min(value.size - 1, j));
    spans[oldToken]?.classList.remove("at");
    const span = spans[token] as HTMLElement;
    span.classList.add("at");
    unitInput.value = String(unit);
    if (unit !== oldUnit) colourText();
    if (follow) {
      const [x, y] = [token * cellWidth, unit * cellHeight];
      const within = (from: number, size: number, seen: number, at: number): number =>
        from < at ? from : from + size > at + seen ? from + size - seen : at;
      map.scrollLeft = within(x, cellWidth, map.clientWidth - left, map.scrollLeft);
      map.scrollTop = within(y, cellHeight, map.clientHeight - top, map.scrollTop);
    }
    const middle = span.offsetTop - text.offsetTop;
    text.scrollTop = Math.max(Math.min(text.scrollTop, middle - 8), middle + span.offsetHeight + 8 - text.clientHeight);
    say();
    draw();
  }
  function show(): void {
    element("description").textContent = value.description ?? "";
    const largest = Number(value.extent.toPrecision(2));
    element("least").textContent = value.gate ? "0" : `−${largest}`;
    element("largest").textContent = String(largest);
    element("ramp").style.background = value.gate
      ? "linear-gradient(90deg, var(--zero), var(--high))"
      : "linear-gradient(90deg, var(--low), var(--zero), var(--high))";
    unitInput.max = String(value.size - 1);
    layOut();
    choose(token, unit, true);
    colourText();
  }

  const layers = new Map<string, HTMLOptGroupElement>();
  decoded.forEach(({ label, layer }, k) => {
    let group = layers.get(layer);
    if (group === undefined) {
      group = document.createElement("optgroup");
      group.label = layer;
      layers.set(layer, group);
      select.append(group);
    }
    group.append(new Option(label, String(k)));
  });
  const names = new Set(values.map(({ layer }) => layer));
  element("facts").textContent = `${count.toLocaleString("en")} tokens through ${[...names].join(", ")}`;

  select.addEventListener("change", () => {
    value = decoded[Number(select.value)] as Value;
    show();
  });
  unitInput.addEventListener("change", () => choose(token, Math.round(Number(unitInput.value)) || 0, true));
  const point = (event: PointerEvent): void => {
    const box = canvas.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    if (x < left || y < top) return;
    choose(
      Math.floor((x - left + map.scrollLeft) / cellWidth),
      Math.floor((y - top + map.scrollTop) / cellHeight),
      false,
    );
  };
  canvas.addEventListener("pointermove", (event) => {
    if (event.pointerType === "mouse") point(event);
  });
  canvas.addEventListener("click", point as (event: MouseEvent) => void);
  text.addEventListener("pointerover", (event) => {
    const at = (event.target as HTMLElement).dataset.token;
    if (at !== undefined && event.pointerType === "mouse") choose(Number(at), unit, true);
  });
  text.addEventListener("click", (event) => {
    const at = (event.target as HTMLElement).dataset.token;
    if (at !== undefined) choose(Number(at), unit, true);
  });
  map.addEventListener("keydown", (event) => {
    const moves: Record<string, readonly [number, number]> = {
      ...{ ArrowLeft: [token - 1, unit], ArrowRight: [token + 1, unit], ArrowUp: [token, unit - 1] },
      ...{ ArrowDown: [token, unit + 1], Home: [0, unit], End: [count - 1, unit] },
    };
    const move = Object.hasOwn(moves, event.key) ? moves[event.key] : undefined;
    if (move === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    choose(move[0], move[1], true);
  });
  map.addEventListener("scroll", draw);
  new ResizeObserver(() => {
    layOut();
    draw();
  }).observe(map);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    readColours();
    colourText();
    draw();
  });
  readColours();
  show();
}
