/**
 * Draw one value as a map, units by tokens, with strips of one number per token above it; or units by steps without names,
 * which share the map's width. The canvas is only as large as the visible part of the map, and is drawn again, once per
 * frame, when the map scrolls.
 */
import { useEffect, useRef } from "preact/hooks";
import { graphemeEnd } from "../../graph/excerpt.ts";
import { fill, texts } from "../texts/texts.ts";
import { canvasFont } from "./canvas-font.ts";
import { type Ramp, shadeOf, visible } from "./heat.ts";
import { columnAt, type LinkedScrolling, positionAt } from "./linked-scrolling.ts";
import { drawsWhole } from "./picture.ts";
import "./heat-map.css";

/** One number a token. */
export type Strip = { readonly label: string; readonly data: Float32Array; readonly extent: number };

export type HeatMapProps = {
  readonly label: string;
  readonly describedBy: string;
  /** The number of columns. */
  readonly count: number;
  /** What stands above each; without names all columns share the width, and no labels take any of it. */
  readonly tokens?: readonly string[];
  /** The number of columns whose values are known. */
  readonly done: number;
  /** What stands to the left of each row; their numbers if it is left out. */
  readonly rows?: readonly string[];
  /** (T,size). */
  readonly data: Float32Array;
  readonly size: number;
  /** The number that gets the strongest colour, for each unit. */
  readonly extents: Float32Array;
  readonly strips: readonly Strip[];
  readonly ramp: Ramp;
  readonly place: number;
  readonly unit: number;
  readonly onChoose: (place: number, unit: number) => void;
  /** Scrolls it together with other maps of the same text; of a map as long as it exists. */
  readonly linked?: LinkedScrolling;
  /** Where each column begins in what is shared with the linked maps, and where the last one ends: (count + 1), ascending. */
  readonly offsets?: Float64Array;
  /** Called when the mouse points at a cell, and with undefined when it leaves. */
  readonly onPoint: (cell: { readonly place: number; readonly unit: number } | undefined) => void;
};

/** Arrow keys move by one, with Shift by ten; Home and End go to the text's ends. */
export function HeatMap(props: HeatMapProps) {
  const map = useRef<HTMLDivElement>(null);
  const drawn = useRef<DrawnMap | undefined>(undefined);
  const present = useRef(props);
  present.current = props;
  const { label, describedBy, count, tokens, rows, size, place, unit, strips, onChoose } = props;
  useEffect(() => {
    const made = createMap(map.current as HTMLDivElement, () => present.current);
    drawn.current = made;
    return made.end;
  }, []);
  useEffect(() => drawn.current?.layOut(), [count, tokens, rows, size, strips.length]);
  useEffect(() => drawn.current?.follow(), [place, unit, size]);
  useEffect(() => drawn.current?.draw());
  return (
    <div
      ref={map}
      class="heat-map"
      role="application"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: arrow keys move through it, and it scrolls
      tabIndex={0}
      aria-label={label}
      aria-describedby={describedBy}
      onKeyDown={(event) => {
        const { key, shiftKey, altKey, ctrlKey, metaKey } = event;
        if (altKey || ctrlKey || metaKey) return;
        const by = shiftKey ? 10 : 1;
        const moves: Readonly<Record<string, readonly [number, number]>> = {
          ...{ ArrowLeft: [place - by, unit], ArrowRight: [place + by, unit] },
          ...{ ArrowUp: [place, unit - by], ArrowDown: [place, unit + by] },
          ...{ Home: [0, unit], End: [count - 1, unit] },
        };
        const move = Object.hasOwn(moves, key) ? moves[key] : undefined;
        if (move === undefined) return;
        event.preventDefault();
        onChoose(Math.max(0, Math.min(count - 1, move[0])), Math.max(0, Math.min(size - 1, move[1])));
      }}
    >
      <div class="space">
        <canvas />
      </div>
    </div>
  );
}

type DrawnMap = ReturnType<typeof createMap>;

const stripHeight = 20;
/** What browsers draw on one canvas, in pixels. */
const mostWidth = 16_000;

function createMap(map: HTMLElement, props: () => HeatMapProps) {
  const space = map.firstElementChild as HTMLElement;
  const canvas = space.firstElementChild as HTMLCanvasElement;
  const seen = canvas.getContext("2d") as CanvasRenderingContext2D;
  // Each cell is one pixel of an image that is scaled up when it is drawn.
  const cells = document.createElement("canvas");
  const cellContext = cells.getContext("2d") as CanvasRenderingContext2D;
  // The labels are left of the cells and above them; the strips are below the tokens.
  let [left, head, cellWidth, cellHeight, top, frame] = [58, 24, 14, 6, 24, 0];

  function layOut(): void {
    const { count, tokens, rows, size, strips } = props();
    if (tokens === undefined) {
      [left, head] = [0, 0];
      cellWidth = Math.max(1, map.clientWidth) / Math.max(1, count);
      cellHeight = Math.max(20, Math.min(48, 6 * size), Math.min(160, 1.5 * size)) / size;
    } else {
      const longest = tokens.reduce((most, token) => Math.max(most, token.length), 1);
      const widest = rows?.reduce((most, row) => Math.max(most, row.length), 1) ?? 0;
      [left, head] = [rows === undefined ? 58 : Math.max(30, Math.min(120, 8 * widest + 12)), 24];
      cellWidth = Math.max(rows === undefined ? 14 : 24, Math.min(64, 8 * longest + 6));
      cellHeight = rows === undefined ? Math.max(6, Math.min(28, Math.floor(440 / size))) : 24;
    }
    top = head + strips.length * stripHeight + (strips.length > 0 ? 6 : 0);
    const [width, height] = [left + count * cellWidth, top + size * cellHeight];
    space.style.width = `${width}px`;
    space.style.height = `${height}px`;
    const [seenWidth, seenHeight] = [Math.min(map.clientWidth, width), Math.min(map.clientHeight || height, height)];
    canvas.style.width = `${seenWidth}px`;
    canvas.style.height = `${seenHeight}px`;
    const [pixels, lines] = [Math.round(seenWidth * devicePixelRatio), Math.round(seenHeight * devicePixelRatio)];
    // To set a size empties the canvas until it is drawn again.
    if (canvas.width !== pixels) canvas.width = pixels;
    if (canvas.height !== lines) canvas.height = lines;
    draw();
  }
  const draw = (): void => {
    if (frame !== 0) return;
    frame = requestAnimationFrame(() => {
      frame = 0;
      drawOn(seen, devicePixelRatio, map.scrollLeft, map.scrollTop);
    });
  };
  /** All of it, on a canvas of its own; of too many columns the first. */
  drawsWhole(map, () => {
    const whole = document.createElement("canvas");
    const { count, size } = props();
    const columns = Math.min(count, Math.floor((mostWidth - left) / cellWidth));
    const [width, height] = [left + columns * cellWidth, top + size * cellHeight];
    const ratio = Math.max(1, Math.min(2, mostWidth / width));
    whole.style.width = `${width}px`;
    whole.style.height = `${height}px`;
    whole.width = Math.round(width * ratio);
    whole.height = Math.round(height * ratio);
    drawOn(whole.getContext("2d") as CanvasRenderingContext2D, ratio, 0, 0);
    return columns < count
      ? { canvas: whole, cut: fill(texts.pictures.cut, { shown: columns, count }) }
      : { canvas: whole };
  });

  /** What is seen from (x0,y0) on. */
  function drawOn(context: CanvasRenderingContext2D, ratio: number, x0: number, y0: number): void {
    const { canvas } = context;
    const { count, tokens, rows: names, done, data, size, extents, strips, ramp, place, unit } = props();
    const [width, height] = [canvas.width / ratio, canvas.height / ratio];
    const rowNames = names?.map(visible);
    const { ink, soft, paper } = ramp.page;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.fillStyle = paper;
    context.fillRect(0, 0, width, height);
    context.imageSmoothingEnabled = false;
    const first = Math.floor(x0 / cellWidth);
    const last = Math.min(count, Math.ceil((x0 + width - left) / cellWidth));
    const known = Math.max(0, Math.min(done, last) - first);
    const [firstUnit, lastUnit] = [
      Math.floor(y0 / cellHeight),
      Math.min(size, Math.ceil((y0 + height - top) / cellHeight)),
    ];
    const rows = lastUnit - firstUnit;
    const x = left + first * cellWidth - x0;

    /** Cells of `numbers` (T,stride), `rows` of them a token; where there are more than pixels, as many as those. */
    const paint = (numbers: Float32Array, stride: number, from: number, rows: number, strongest: Float32Array) => {
      const [across, down] = [Math.min(known, canvas.width), Math.min(rows, canvas.height)];
      if (across <= 0 || down <= 0) return undefined;
      cells.width = across;
      cells.height = down;
      const image = cellContext.createImageData(across, down);
      const pixels = new Uint32Array(image.data.buffer);
      for (let k = 0; k < across; k++) {
        const start = (first + Math.floor((k * known) / across)) * stride;
        for (let r = 0; r < down; r++) {
          const j = from + Math.floor((r * rows) / down);
          pixels[r * across + k] = ramp.pixels[shadeOf(numbers[start + j] as number, strongest[j] as number)] as number;
        }
      }
      cellContext.putImageData(image, 0, 0);
      return cells;
    };
    const painted = paint(data, size, firstUnit, rows, extents);
    if (painted !== undefined) {
      const y = top + firstUnit * cellHeight - y0;
      context.drawImage(painted, x, y, known * cellWidth, rows * cellHeight);
      context.fillStyle = paper;
      if (cellHeight > 9) {
        for (let j = 1; j <= rows; j++) context.fillRect(x, y + j * cellHeight - 1, known * cellWidth, 1);
      }
      if (cellWidth > 9) {
        for (let t = 1; t <= known; t++) context.fillRect(x + t * cellWidth - 1, y, 1, rows * cellHeight);
      }
    }
    // Of cells too small to see, their place.
    const [markWidth, markHeight] = [Math.max(5, cellWidth), Math.max(5, cellHeight)];
    const [markX, markY] = [left + (place + 0.5) * cellWidth - x0, top + (unit + 0.5) * cellHeight - y0];
    context.strokeStyle = ink;
    context.lineWidth = 2;
    context.strokeRect(markX - markWidth / 2, markY - markHeight / 2, markWidth, markHeight);

    // Labels and strips cover the cells that scroll under them.
    context.fillStyle = paper;
    context.fillRect(0, 0, width, top);
    context.font = canvasFont;
    context.textBaseline = "middle";
    strips.forEach((strip, k) => {
      const y = head + k * stripHeight;
      const image = paint(strip.data, 1, 0, 1, Float32Array.of(strip.extent));
      if (image !== undefined) context.drawImage(image, x, y, known * cellWidth, stripHeight - 3);
    });
    if (tokens === undefined) {
      canvas.dataset.cells = String(known * Math.max(0, rows));
      return;
    }
    context.textAlign = "center";
    const fits = Math.floor((cellWidth - 2) / 7);
    for (let t = first; t < last; t++) {
      const token = visible(tokens[t] ?? "");
      context.fillStyle = t === place ? ink : soft;
      const cut = token.length > fits && fits > 1 ? `${token.slice(0, graphemeEnd(token, fits - 1))}…` : token;
      context.fillText(cut, left + (t + 0.5) * cellWidth - x0, head / 2);
    }
    context.fillStyle = paper;
    context.fillRect(0, 0, left - 1, height);
    context.textAlign = "right";
    context.fillStyle = soft;
    strips.forEach(({ label }, k) => {
      context.fillText(label, left - 6, head + (k + 0.45) * stripHeight, left - 8);
    });
    const spacing = [1, 2, 4, 8, 16].find((n) => n * cellHeight >= 16) ?? 32;
    for (let j = firstUnit; j < lastUnit; j++) {
      const y = top + (j + 0.5) * cellHeight - y0;
      const near = Math.abs(j - unit) * cellHeight < 14;
      if (y < top || (j !== unit && (j % spacing !== 0 || near))) continue;
      context.fillStyle = j === unit ? ink : soft;
      context.fillText(rowNames?.[j] ?? String(j), left - 6, Math.max(y, top + 6), left - 8);
    }
    canvas.dataset.cells = String(known * (Math.max(0, rows) + strips.length));
  }

  /** Scroll so that the current cell is visible. */
  function follow(): void {
    const { place, unit } = props();
    const within = (from: number, size: number, seen: number, at: number): number =>
      from < at ? from : from + size > at + seen ? from + size - seen : at;
    map.scrollLeft = within(place * cellWidth, cellWidth, map.clientWidth - left, map.scrollLeft);
    map.scrollTop = within(unit * cellHeight, cellHeight, map.clientHeight - top, map.scrollTop);
    draw();
  }

  const cellAt = (event: MouseEvent): { place: number; unit: number } | undefined => {
    const box = canvas.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left - left, event.clientY - box.top - top];
    const { count, size, unit } = props();
    const place = Math.floor((x + map.scrollLeft) / cellWidth);
    if (x < 0 || place >= count) return undefined;
    const row = y < 0 ? unit : Math.floor((y + map.scrollTop) / cellHeight);
    return row >= size ? undefined : { place, unit: row };
  };
  canvas.addEventListener("pointermove", (event) => {
    if (event.pointerType === "mouse") props().onPoint(cellAt(event));
  });
  canvas.addEventListener("pointerleave", () => props().onPoint(undefined));
  canvas.addEventListener("click", (event) => {
    const cell = cellAt(event);
    if (cell !== undefined) props().onChoose(cell.place, cell.unit);
  });
  const link = props().linked?.join((position) => {
    const { offsets } = props();
    if (offsets !== undefined) scrollTo(columnAt(offsets, position) * cellWidth);
  });
  /** Where another map has scrolled it to: that is not told back. */
  let scrolledTo: number | undefined;
  function scrollTo(left: number): void {
    map.scrollLeft = left;
    scrolledTo = map.scrollLeft;
  }
  map.addEventListener("scroll", () => {
    draw();
    const { offsets } = props();
    if (link === undefined || offsets === undefined || map.scrollLeft === scrolledTo) return;
    scrolledTo = undefined;
    link.moved(positionAt(offsets, map.scrollLeft / cellWidth));
  });
  const observer = new ResizeObserver(layOut);
  observer.observe(map);
  return {
    ...{ layOut, draw, follow },
    end(): void {
      observer.disconnect();
      link?.leave();
      cancelAnimationFrame(frame);
    },
  };
}
