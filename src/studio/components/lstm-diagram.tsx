/**
 * Draw the LSTM at one time step as wires and nodes: highlighted parts are being computed, parts with numbers have been
 * computed.
 */
import { written } from "./numbers.ts";
import "./lstm-diagram.css";

/** The numbers of one unit at one step. */
export type LstmNumbers = {
  readonly x: number;
  /** The states of the previous step. */
  readonly before: { readonly c: number; readonly h: number };
  readonly f: number;
  readonly i: number;
  readonly g: number;
  readonly o: number;
  /** f c, the part of the old cell state that is kept, and i g, the part that is added. */
  readonly kept: number;
  readonly stored: number;
  readonly c: number;
  /** tanh(c). */
  readonly shown: number;
  readonly h: number;
};

/** The stage in which a part is computed: forget, input and candidate, update, output. */
export type LstmStage = 0 | 1 | 2 | 3;

const wires: readonly (readonly [stage: LstmStage, path: string])[] = [
  [0, "M60 342 V290 M0 290 H110 V236"],
  [0, "M110 194 V86"],
  [1, "M110 290 H200 V236 M200 290 H290 V236"],
  [1, "M200 194 V140 H229 M290 194 V140 H261"],
  [2, "M0 70 H94 M126 70 H229"],
  [2, "M245 124 V86"],
  [2, "M261 70 H520"],
  [3, "M290 290 H400 V236"],
  [3, "M400 194 V172 H434"],
  [3, "M450 70 V102 M450 134 V156 M450 188 V290 H520"],
];

const gates = [
  { stage: 0, name: "f", x: 110, maths: "σ", colour: "--c1" },
  { stage: 1, name: "i", x: 200, maths: "σ", colour: "--c2" },
  { stage: 1, name: "g", x: 290, maths: "tanh", colour: undefined },
  { stage: 3, name: "o", x: 400, maths: "σ", colour: "--c4" },
] as const;

const nodes: readonly (readonly [stage: LstmStage, x: number, y: number, maths: string])[] = [
  [2, 110, 70, "×"],
  [2, 245, 140, "×"],
  [2, 245, 70, "+"],
  [3, 450, 118, "tanh"],
  [3, 450, 172, "×"],
];

type Figure = readonly [stage: LstmStage, x: number, y: number, anchor: "start" | "middle" | "end", text: string];

export function LstmDiagram({ stage, numbers }: { readonly stage: LstmStage; readonly numbers: LstmNumbers }) {
  const { before } = numbers;
  const figures: readonly Figure[] = [
    [0, 68, 336, "start", `x ${shown(numbers.x)}`],
    [0, 4, 280, "start", `h ${shown(before.h)}`],
    [0, 4, 58, "start", `c ${shown(before.c)}`],
    [0, 117, 150, "start", shown(numbers.f)],
    [1, 194, 182, "end", shown(numbers.i)],
    [1, 297, 182, "start", shown(numbers.g)],
    [2, 178, 60, "middle", shown(numbers.kept)],
    [2, 252, 108, "start", shown(numbers.stored)],
    [2, 516, 58, "end", `c′ ${shown(numbers.c)}`],
    [3, 394, 186, "end", shown(numbers.o)],
    [3, 458, 150, "start", shown(numbers.shown)],
    [3, 516, 280, "end", `h′ ${shown(numbers.h)}`],
  ];
  const reach = (of: LstmStage): string => (of === stage ? "lit" : of < stage ? "done" : "ahead");
  return (
    <svg class="lstm-diagram" viewBox="0 0 520 350" role="img" aria-label={described(stage, numbers)}>
      {wires.map(([of, path]) => (
        <path key={path} class={`wire ${reach(of)}`} d={path} />
      ))}
      {gates.map(({ stage: of, name, x, maths, colour }) => (
        <g key={name} class={`gate ${reach(of)}`}>
          <rect class="box" x={x - 30} y={194} width={60} height={42} rx={6} />
          {colour !== undefined && of <= stage && (
            <rect
              x={x - 29}
              width={58}
              y={235 - 40 * numbers[name]}
              height={40 * numbers[name]}
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
      {nodes.map(([of, x, y, maths]) => (
        <g key={`${x} ${y}`} class={`node ${reach(of)}`}>
          <rect
            x={x - (maths === "tanh" ? 22 : 16)}
            y={y - 16}
            width={maths === "tanh" ? 44 : 32}
            height={32}
            rx={16}
          />
          <text x={x} y={y + 5} text-anchor="middle">
            {maths}
          </text>
        </g>
      ))}
      {figures.map(([of, x, y, anchor, text]) => (
        <text key={`${x} ${y}`} class={`figure-of ${of === stage ? "lit" : ""}`} x={x} y={y} text-anchor={anchor}>
          {of <= stage ? text : ""}
        </text>
      ))}
    </svg>
  );
}

const shown = (value: number): string => written(value, 3);

function described(stage: LstmStage, numbers: LstmNumbers): string {
  const told = [
    `forget gate ${shown(numbers.f)}`,
    `input gate ${shown(numbers.i)}, candidate ${shown(numbers.g)}`,
    `kept ${shown(numbers.kept)}, stored ${shown(numbers.stored)}, new cell state ${shown(numbers.c)}`,
    `output gate ${shown(numbers.o)}, new hidden state ${shown(numbers.h)}`,
  ].slice(0, stage + 1);
  const { x, before } = numbers;
  return `The cell reads ${shown(x)} with cell state ${shown(before.c)}: ${told.join("; ")}.`;
}
