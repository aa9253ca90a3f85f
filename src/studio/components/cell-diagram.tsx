/**
 * Draw a gated cell at one time step as wires and nodes, in stages: highlighted parts are being computed, parts with numbers
 * have been computed. What a cell looks like is data.
 */
import { written } from "./numbers.ts";
import "./cell-diagram.css";

export type CellDrawing = {
  readonly height: number;
  /** A wire that carries one number has its name. */
  readonly wires: readonly (readonly [stage: number, path: string, carries?: string])[];
  /** Boxes with a line of the equations, by their middle; those with a colour are filled as far as they are open. */
  readonly gates: readonly {
    readonly stage: number;
    readonly name: string;
    readonly x: number;
    readonly maths: string;
    readonly colour?: string;
  }[];
  readonly nodes: readonly (readonly [stage: number, x: number, y: number, maths: string])[];
};

/** A number with its place. */
export type CellFigure = readonly [
  stage: number,
  x: number,
  y: number,
  anchor: "start" | "middle" | "end",
  text: string,
];

export type CellDiagramProps = {
  readonly label: string;
  readonly drawing: CellDrawing;
  readonly stage: number;
  readonly figures: readonly CellFigure[];
  /** How far each gate is open, 0 to 1. */
  readonly open: Readonly<Record<string, number>>;
  /** The numbers that wires carry, by their names: with them, colour and width of a wire are by its number. */
  readonly carry?: Readonly<Record<string, number>>;
};

/** The colour of a wire by its number's sign, its width by its size up to 1; a wire without a number is as it was. */
export function carried(value: number | undefined): Readonly<Record<string, string>> | undefined {
  if (value === undefined) return undefined;
  const strokeWidth = (1.5 + 4.5 * Math.min(1, Math.abs(value))).toFixed(2);
  return { stroke: `var(${value < 0 ? "--low" : "--high"})`, strokeWidth };
}

export function CellDiagram({
  label,
  drawing: { height, wires, gates, nodes },
  stage,
  figures,
  open,
  carry,
}: CellDiagramProps) {
  const reach = (of: number): string => (of === stage ? "lit" : of < stage ? "done" : "ahead");
  return (
    <svg class="cell-diagram" viewBox={`0 0 520 ${height}`} role="img" aria-label={label}>
      {wires.map(([of, path, carries]) => (
        <path
          key={path}
          class={`wire ${reach(of)}`}
          d={path}
          style={carries === undefined ? undefined : carried(carry?.[carries])}
        />
      ))}
      {gates.map(({ stage: of, name, x, maths, colour }) => (
        <g key={name} class={`gate ${reach(of)}`}>
          <rect class="box" x={x - 30} y={194} width={60} height={42} rx={6} />
          {colour !== undefined && of <= stage && (
            <rect
              x={x - 29}
              width={58}
              y={235 - 40 * (open[name] ?? 0)}
              height={40 * (open[name] ?? 0)}
              rx={5}
              fill={`var(${colour})`}
              opacity={0.35}
            />
          )}
          <text x={x} y={220} text-anchor="middle">
            {name} {maths}
          </text>
        </g>
      ))}
      {nodes.map(([of, x, y, maths]) => {
        const half = maths.length > 1 ? 22 : 16;
        return (
          <g key={`${x} ${y}`} class={`node ${reach(of)}`}>
            <rect x={x - half} y={y - 16} width={2 * half} height={32} rx={16} />
            <text x={x} y={y + 5} text-anchor="middle">
              {maths}
            </text>
          </g>
        );
      })}
      {figures.map(([of, x, y, anchor, text]) => (
        <text key={`${x} ${y}`} class={`figure-of ${of === stage ? "lit" : ""}`} x={x} y={y} text-anchor={anchor}>
          {of <= stage ? text : ""}
        </text>
      ))}
    </svg>
  );
}

/** A number as it stands in a diagram. */
export const shown = (value: number): string => written(value, 3);

/** The same for several numbers by their names. */
export const shownAll = (numbers: Readonly<Record<string, number>>): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(numbers).map(([name, value]) => [name, shown(value)]));
