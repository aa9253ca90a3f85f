/**
 * Draw the graph of one time step from input to output; the states that are passed to the next step are loops at the
 * bottom.
 */
import { useMemo } from "preact/hooks";
import type { Graph } from "../../../graph/graph.ts";
import { layOut, type Point } from "../../components/graph-layout.ts";
import { fill, texts } from "../../texts/texts.ts";
import { type Box, pictureOf } from "./picture.ts";

const own = texts.lab.cell.graph;

export type GraphPictureProps = {
  readonly graph: Graph;
  readonly hoisted: readonly string[];
  /** Comments of the equations, by name. */
  readonly descriptions: Readonly<Record<string, string>>;
};

/** The largest number of boxes that a reader can still follow. */
const maxBoxes = 300;
const [boxHeight, rowHeight, gap, letter, padding, lane] = [30, 42, 40, 7.9, 18, 16];

export function GraphPicture({ graph, hoisted, descriptions }: GraphPictureProps) {
  const picture = useMemo(() => pictureOf(graph, hoisted), [graph, hoisted]);
  const drawn = useMemo(() => (picture.boxes.length > maxBoxes ? undefined : place(picture.boxes)), [picture]);
  if (drawn === undefined) {
    return <p class="soft">{fill(own.tooLarge, { count: picture.boxes.length })}</p>;
  }
  const { boxes, edges, width, bottom } = drawn;
  const height = bottom + lane * (picture.loops.length + 1);
  const states = picture.loops.map(({ state }) => state);
  const count = picture.boxes.length;
  const label =
    states.length > 0 ? fill(own.pictureLoops, { count, states: states.join(own.and) }) : fill(own.picture, { count });
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls can be scrolled by keys
    <section class="scroll graph" aria-label={own.label} tabIndex={0}>
      <svg role="img" aria-label={label} width={width} height={height} viewBox={`0 0 ${width} ${height}`}>
        {edges.map((path, k) => (
          <path key={k} class="edge" d={path} />
        ))}
        {picture.loops.map(({ state, from, to }, k) => {
          const [a, b] = [boxes[from] as Placed, boxes[to] as Placed];
          const y = bottom + lane * (k + 0.6);
          const [right, left] = [a.right + 8 + 4 * (k % 5), b.left - 8 - 4 * (k % 5)];
          return (
            <path key={state} class="loop" d={`M${a.x + a.width} ${a.y}H${right}V${y}H${left}V${b.y}H${b.x - 1}`} />
          );
        })}
        {boxes.map(({ box, x, y, width: wide }, k) => {
          const about = box.name === undefined ? undefined : descriptions[box.name.replace(/'$/, "")];
          return (
            <g key={k} class={`box ${box.kind}${box.hoisted ? " hoisted" : ""}${box.name ? " named" : ""}`}>
              <title>{[box.label, about, box.size].filter(Boolean).join(" · ")}</title>
              <rect x={x} y={y - boxHeight / 2} width={wide} height={boxHeight} rx={box.kind === "state" ? 15 : 6} />
              <text x={x + wide / 2} y={y + 4.5}>
                {box.label}
              </text>
            </g>
          );
        })}
      </svg>
    </section>
  );
}

/** `left` and `right` are the edges of its layer. */
type Placed = {
  readonly box: Box;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly left: number;
  readonly right: number;
};

function place(all: readonly Box[]) {
  const late = all.map(({ kind }) => kind === "state" || kind === "parameter");
  const layout = layOut(
    all.map(({ operands }) => operands),
    late,
  );
  const wide = (box: Box): number => Math.max(34, [...box.label].length * letter + padding);
  const widths = Array.from({ length: layout.layers }, (_, layer) =>
    Math.max(0, ...all.filter((_box, k) => layout.boxes[k]?.layer === layer).map(wide)),
  );
  const starts: number[] = [];
  let x = 30;
  for (const width of widths) {
    starts.push(x);
    x += width + gap;
  }
  const yOf = ({ y }: Point): number => 8 + boxHeight / 2 + y * rowHeight;
  const boxes: Placed[] = all.map((box, k) => {
    const at = layout.boxes[k] as Point;
    const [left, room] = [starts[at.layer] as number, widths[at.layer] as number];
    return { box, x: left + (room - wide(box)) / 2, y: yOf(at), width: wide(box), left, right: left + room };
  });
  const edges = layout.edges.map(({ from, to, points }) => {
    const [a, b] = [boxes[from] as Placed, boxes[to] as Placed];
    let [px, py] = [a.x + a.width, a.y];
    let path = `M${px} ${py}`;
    const curve = (nx: number, ny: number): void => {
      const middle = (px + nx) / 2;
      path += `C${middle} ${py} ${middle} ${ny} ${nx} ${ny}`;
      [px, py] = [nx, ny];
    };
    for (const point of points.slice(1, -1)) {
      const [left, right] = [starts[point.layer] as number, widths[point.layer] as number];
      curve(left, yOf(point));
      path += `H${left + right}`;
      px = left + right;
    }
    curve(b.x, b.y);
    return path;
  });
  const bottom = 8 + boxHeight + layout.height * rowHeight + 6;
  return { boxes, edges, width: x - gap + 34, bottom };
}
