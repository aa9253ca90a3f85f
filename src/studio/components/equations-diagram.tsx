/** Draw a cell at one time step from its equations: a box a line with its number, from what it reads to what reads it. */
import { texts } from "../texts/texts.ts";
import { carried } from "./cell-diagram.tsx";
import { layOut, type Point } from "./graph-layout.ts";
import "./cell-diagram.css";

export type EquationBox = {
  readonly label: string;
  /** The number, as far as it has one; otherwise the note stands in its place. */
  readonly value?: number;
  readonly text: string;
  readonly kind: "given" | "line" | "state";
  /** Positions of boxes, all before this one. */
  readonly reads: readonly number[];
};

const [height, row, gap, letter, padding] = [46, 58, 44, 8.2, 20];

export function EquationsDiagram({ label, boxes }: { readonly label: string; readonly boxes: readonly EquationBox[] }) {
  const layout = layOut(
    boxes.map(({ reads }) => reads),
    boxes.map(() => false),
  );
  const wide = ({ label, text }: EquationBox): number => Math.max(label.length, text.length) * letter + padding;
  const room = Math.max(...boxes.map(wide));
  const xOf = ({ layer }: Point): number => 4 + layer * (room + gap);
  const yOf = ({ y }: Point): number => 4 + height / 2 + y * row;
  const width = 8 + layout.layers * (room + gap) - gap;
  const tall = 8 + height + layout.height * row;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls can be scrolled by keys
    <section class="scroll" aria-label={texts.components.equations.picture} tabIndex={0}>
      <svg
        class="cell-diagram equations"
        role="img"
        aria-label={label}
        style={{ width, maxWidth: "none" }}
        viewBox={`0 0 ${width} ${tall}`}
      >
        {layout.edges.map(({ from, to, points }) => (
          <path
            key={`${from} ${to}`}
            class="wire"
            d={way(points, xOf, yOf, room)}
            style={carried(boxes[from]?.value)}
          />
        ))}
        {boxes.map(({ label, text, kind }, k) => {
          const [x, y] = [xOf(layout.boxes[k] as Point), yOf(layout.boxes[k] as Point)];
          return (
            <g key={k} class={`node done ${kind}`}>
              <rect x={x} y={y - height / 2} width={room} height={height} rx={kind === "line" ? 6 : 16} />
              <text x={x + room / 2} y={y - 4} text-anchor="middle">
                {label}
              </text>
              <text class="figure-of" x={x + room / 2} y={y + 15} text-anchor="middle">
                {text}
              </text>
            </g>
          );
        })}
      </svg>
    </section>
  );
}

function way(points: readonly Point[], xOf: (p: Point) => number, yOf: (p: Point) => number, room: number): string {
  const [first, ...rest] = points as readonly [Point, ...Point[]];
  let [x, y] = [xOf(first) + room, yOf(first)];
  let path = `M${x} ${y}`;
  rest.forEach((point, k) => {
    const [nextX, nextY] = [xOf(point), yOf(point)];
    const middle = (x + nextX) / 2;
    path += `C${middle} ${y} ${middle} ${nextY} ${nextX} ${nextY}`;
    if (k < rest.length - 1) path += `H${nextX + room}`;
    [x, y] = [nextX + room, nextY];
  });
  return path;
}
