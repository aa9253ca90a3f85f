/**
 * Draw many points, each in one of some colours, with one that is chosen; or their names. A rectangle can be drawn by dragging. All
 * points are drawn once on a canvas that is not seen; pointing at one only copies that and draws marks.
 */
import { useEffect, useRef } from "preact/hooks";
import { canvasFont } from "./canvas-font.ts";
import type { Ramp } from "./heat.ts";
import { useWidth } from "./width.ts";
import "./scatter.css";

export type ScatterProps = {
  readonly label: string;
  readonly describedBy: string;
  /** The places (N) of the points: across, and up. */
  readonly across: Float32Array;
  readonly up: Float32Array;
  /** The colour (N) of each point, as an index into the palette; CSS colours. */
  readonly colours: Uint8Array;
  readonly palette: readonly string[];
  /** Drawn in place of points, where they have room. */
  readonly names?: readonly string[];
  /** Points that a line goes through, in order. */
  readonly path?: readonly number[];
  readonly chosen: number | undefined;
  /** The page's own colours. */
  readonly page: Ramp["page"];
  readonly onChoose: (point: number) => void;
  /** Called when the mouse points at one, and with undefined when it leaves. */
  readonly onPoint: (point: number | undefined) => void;
  /** The rectangle that is marked, in the units of `across` and `up`. */
  readonly area: Area | undefined;
  /** Called with two corners, in these units, while one is dragged; and at its end. */
  readonly onDrag: (from: Place, to: Place) => void;
  /** Called when the space bar is pressed. */
  readonly onCorner: () => void;
};

/** Across, and up. */
export type Place = readonly [x: number, y: number];
type Area = { readonly left: number; readonly right: number; readonly low: number; readonly high: number };

const margin = 14;
/** How far from a point the mouse still points at it, in pixels. */
const reach = 24;
/** How far the mouse or a finger moves before that is a drag and no click, in pixels. */
const slack = 5;

type Drag = { pointer: number | undefined; readonly from: readonly [x: number, y: number]; begun: boolean };

/**
 * The left and right arrow keys go through the points in order, with Shift by ten; Home and End to the first and the last. A finger
 * that moves up or down scrolls the page, one that first moves to a side draws a rectangle.
 */
export function Scatter(props: ScatterProps) {
  const [place, width] = useWidth<HTMLDivElement>();
  const canvas = useRef<HTMLCanvasElement>(null);
  const drawn = useRef<Drawn | undefined>(undefined);
  const present = useRef(props);
  present.current = props;
  const { label, describedBy, across, up, colours, palette, names, path, chosen, page, area, onChoose } = props;
  const drag = useRef<Drag | undefined>(undefined);
  const height = Math.round(Math.max(240, Math.min(480, 0.7 * width)));
  useEffect(() => {
    drawn.current = createDrawn(canvas.current as HTMLCanvasElement);
  }, []);
  useEffect(() => {
    if (width === 0) return;
    drawn.current?.lay(present.current, width, height);
    drawn.current?.mark(present.current);
  }, [width, height, across, up, colours, palette, names, page]);
  useEffect(() => drawn.current?.mark(present.current), [chosen, path, page, area]);
  useEffect(() => {
    // A rectangle that is cleared while it is dragged is not drawn further.
    if (area === undefined && drag.current !== undefined) drag.current.pointer = undefined;
  }, [area]);
  const last = across.length - 1;
  const pointAt = (event: MouseEvent): number | undefined => drawn.current?.nearest(event);
  /** Go on with a drag, or begin one. */
  const move = (event: PointerEvent): void => {
    const now = drag.current;
    if (now === undefined || now.pointer !== event.pointerId) {
      if (event.pointerType === "mouse") present.current.onPoint(pointAt(event));
      return;
    }
    const [x, y] = now.from;
    if (!now.begun && Math.hypot(event.clientX - x, event.clientY - y) < slack) return;
    if (!now.begun) {
      now.begun = true;
      (event.currentTarget as HTMLElement).setPointerCapture(event.pointerId);
      present.current.onPoint(undefined);
    }
    const [from, to] = [drawn.current?.placeAt(x, y), drawn.current?.placeAt(event.clientX, event.clientY)];
    if (from !== undefined && to !== undefined) present.current.onDrag(from, to);
  };
  return (
    <div ref={place} class="scatter">
      <div
        role="application"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: arrow keys move through it
        tabIndex={0}
        aria-label={label}
        aria-describedby={describedBy}
        onKeyDown={(event) => {
          const { key, shiftKey, altKey, ctrlKey, metaKey } = event;
          if (altKey || ctrlKey || metaKey) return;
          if (key === " ") {
            event.preventDefault();
            present.current.onCorner();
            return;
          }
          const [by, from] = [shiftKey ? 10 : 1, chosen ?? 0];
          const moves: Readonly<Record<string, number>> = {
            ...{ ArrowLeft: from - by, ArrowRight: from + by, Home: 0, End: last },
          };
          const move = Object.hasOwn(moves, key) ? moves[key] : undefined;
          if (move === undefined) return;
          event.preventDefault();
          onChoose(Math.max(0, Math.min(last, move)));
        }}
      >
        <canvas
          ref={canvas}
          style={{ height: `${height}px` }}
          onPointerDown={(event) => {
            if (!event.isPrimary || event.button !== 0) return;
            drag.current = { pointer: event.pointerId, from: [event.clientX, event.clientY], begun: false };
          }}
          onPointerMove={move}
          onPointerUp={() => {
            // The click that comes next is the drag's end.
            if (drag.current?.begun !== true) drag.current = undefined;
          }}
          onPointerCancel={() => {
            drag.current = undefined;
          }}
          onPointerLeave={() => present.current.onPoint(undefined)}
          onClick={(event) => {
            const dragged = drag.current?.begun === true;
            drag.current = undefined;
            const point = dragged ? undefined : pointAt(event);
            if (point !== undefined) present.current.onChoose(point);
          }}
        />
      </div>
    </div>
  );
}

type Drawn = ReturnType<typeof createDrawn>;

function createDrawn(canvas: HTMLCanvasElement) {
  const context = canvas.getContext("2d") as CanvasRenderingContext2D;
  const points = document.createElement("canvas");
  const pointContext = points.getContext("2d") as CanvasRenderingContext2D;
  let [xs, ys] = [new Float32Array(), new Float32Array()];
  let [width, height] = [0, 0];
  /** Pixels a unit, and what is in the middle of the canvas. */
  let [scale, middleX, middleY] = [1, 0, 0];
  const pixelX = (x: number): number => width / 2 + (x - middleX) * scale;
  const pixelY = (y: number): number => height / 2 - (y - middleY) * scale;

  /** Place all points, with the same scale for both axes, and draw them. */
  function lay(
    { across, up, colours, palette, names, page }: ScatterProps,
    nextWidth: number,
    nextHeight: number,
  ): void {
    [width, height] = [nextWidth, nextHeight];
    for (const each of [canvas, points]) {
      each.width = Math.round(width * devicePixelRatio);
      each.height = Math.round(height * devicePixelRatio);
    }
    canvas.style.width = `${width}px`;
    const [left, right] = rangeOf(across);
    const [low, high] = rangeOf(up);
    scale = Math.min((width - 2 * margin) / (right - left || 1), (height - 2 * margin) / (high - low || 1));
    [middleX, middleY] = [(left + right) / 2, (low + high) / 2];
    xs = across.map(pixelX);
    ys = up.map(pixelY);
    pointContext.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
    pointContext.fillStyle = page.paper;
    pointContext.fillRect(0, 0, width, height);
    // The origin is the mean of all.
    const [x0, y0] = [pixelX(0), pixelY(0)];
    pointContext.globalAlpha = 0.35;
    pointContext.fillStyle = page.soft;
    pointContext.fillRect(0, y0, width, 1);
    pointContext.fillRect(x0, 0, 1, height);
    pointContext.globalAlpha = 1;
    if (names === undefined) drawPoints(colours, palette);
    else drawNames(names, colours, palette);
  }
  function drawPoints(colours: Uint8Array, palette: readonly string[]): void {
    const size = xs.length > 20_000 ? 2 : xs.length > 3000 ? 3 : 4;
    pointContext.globalAlpha = xs.length > 3000 ? 0.7 : 0.9;
    palette.forEach((colour, k) => {
      pointContext.fillStyle = colour;
      for (let n = 0; n < xs.length; n++) {
        if (colours[n] !== k) continue;
        pointContext.fillRect((xs[n] as number) - size / 2, (ys[n] as number) - size / 2, size, size);
      }
    });
    pointContext.globalAlpha = 1;
  }
  /** Names that have room, in their order; of the others, points. */
  function drawNames(names: readonly string[], colours: Uint8Array, palette: readonly string[]): void {
    const taken: [left: number, top: number, right: number, bottom: number][] = [];
    pointContext.font = canvasFont;
    pointContext.textAlign = "center";
    pointContext.textBaseline = "middle";
    names.forEach((name, n) => {
      const [x, y] = [xs[n] as number, ys[n] as number];
      const half = pointContext.measureText(name).width / 2 + 1;
      const box: [number, number, number, number] = [x - half, y - 7, x + half, y + 7];
      pointContext.fillStyle = palette[colours[n] as number] as string;
      if (taken.length < 1000 && taken.every((other) => apart(box, other))) {
        taken.push(box);
        pointContext.fillText(name, x, y);
      } else pointContext.fillRect(x - 1.5, y - 1.5, 3, 3);
    });
  }
  function mark({ path, chosen, page, area }: ScatterProps): void {
    if (width === 0) return;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.drawImage(points, 0, 0);
    context.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
    if (area !== undefined) drawArea(area, page);
    if (path !== undefined && path.length > 1) {
      context.strokeStyle = page.soft;
      context.lineWidth = 1;
      context.beginPath();
      for (const point of path) context.lineTo(xs[point] as number, ys[point] as number);
      context.stroke();
    }
    if (chosen === undefined || xs[chosen] === undefined) return;
    context.strokeStyle = page.ink;
    context.lineWidth = 2;
    context.beginPath();
    context.arc(xs[chosen] as number, ys[chosen] as number, 8, 0, 2 * Math.PI);
    context.stroke();
  }
  function drawArea({ left, right, low, high }: Area, { ink }: ScatterProps["page"]): void {
    const [x, y] = [pixelX(left), pixelY(high)];
    const [wide, tall] = [Math.max(1, pixelX(right) - x), Math.max(1, pixelY(low) - y)];
    context.fillStyle = ink;
    context.globalAlpha = 0.1;
    context.fillRect(x, y, wide, tall);
    context.globalAlpha = 1;
    context.strokeStyle = ink;
    context.lineWidth = 1;
    context.strokeRect(x, y, wide, tall);
  }
  /** What is drawn at a place of the window; none before anything is drawn. */
  function placeAt(clientX: number, clientY: number): Place | undefined {
    if (width === 0) return undefined;
    const box = canvas.getBoundingClientRect();
    const [x, y] = [clientX - box.left - canvas.clientLeft, clientY - box.top - canvas.clientTop];
    return [middleX + (x - width / 2) / scale, middleY - (y - height / 2) / scale];
  }
  function nearest(event: MouseEvent): number | undefined {
    const box = canvas.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    let [best, least] = [-1, reach ** 2];
    for (let n = 0; n < xs.length; n++) {
      const distance = ((xs[n] as number) - x) ** 2 + ((ys[n] as number) - y) ** 2;
      if (distance < least) [best, least] = [n, distance];
    }
    return best < 0 ? undefined : best;
  }
  return { lay, mark, nearest, placeAt };
}

function rangeOf(numbers: Float32Array): readonly [number, number] {
  let [low, high] = [Infinity, -Infinity];
  for (const x of numbers) {
    if (x < low) low = x;
    if (x > high) high = x;
  }
  return low <= high ? [low, high] : [0, 0];
}

type Box = readonly [left: number, top: number, right: number, bottom: number];
const apart = (a: Box, b: Box): boolean => a[2] < b[0] || b[2] < a[0] || a[3] < b[1] || b[3] < a[1];
