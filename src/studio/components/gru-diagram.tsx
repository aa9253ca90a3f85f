/** The GRU at one time step as wires and nodes, in four stages. */
import { fill, texts } from "../texts/texts.ts";
import { CellDiagram, type CellDrawing, type CellFigure, shown, shownAll } from "./cell-diagram.tsx";

const own = texts.components.gru;

/** The numbers of one unit at one step. */
export type GruNumbers = {
  /** The input, where it is one number and not a vector. */
  readonly x?: number;
  /** The state of the previous step. */
  readonly before: { readonly h: number };
  readonly z: number;
  readonly r: number;
  readonly g: number;
  /** r h, what the candidate sees of the old state. */
  readonly seen: number;
  /** 1 - z. */
  readonly share: number;
  /** z h, the part of the old state that is kept, and (1 - z) g, the part of the candidate that is taken. */
  readonly kept: number;
  readonly taken: number;
  readonly h: number;
};

/** The stage in which a part is computed: update gate, reset gate, candidate, new state; 4 is after all of them. */
export type GruStage = 0 | 1 | 2 | 3 | 4;

const drawing: CellDrawing = {
  height: 350,
  wires: [
    [0, "M60 342 V290 M20 70 V290 H230 V236"],
    [0, "M230 194 V86", "z"],
    [1, "M110 290 V236"],
    [1, "M110 194 V156", "r"],
    [2, "M20 140 H94", "h"],
    [2, "M126 140 H165 V262 H336 V236", "seen"],
    [2, "M230 290 H364 V236"],
    [2, "M350 194 V156", "g"],
    [3, "M0 70 H214", "h"],
    [3, "M246 70 H334", "kept"],
    [3, "M230 140 H254", "z"],
    [3, "M298 140 H334", "share"],
    [3, "M350 124 V86", "taken"],
    [3, "M366 70 H520", "new h"],
  ],
  gates: [
    { stage: 1, name: "r", x: 110, maths: "σ", colour: "--c2" },
    { stage: 0, name: "z", x: 230, maths: "σ", colour: "--c1" },
    { stage: 2, name: "g", x: 350, maths: "tanh" },
  ],
  nodes: [
    [2, 110, 140, "×"],
    [3, 230, 70, "×"],
    [3, 276, 140, "1 −"],
    [3, 350, 140, "×"],
    [3, 350, 70, "+"],
  ],
};

export type GruDiagramProps = {
  readonly stage: GruStage;
  readonly numbers: GruNumbers;
  /** Whether colour and width of a wire are by its number. */
  readonly coloured?: boolean;
};

export function GruDiagram({ stage, numbers, coloured = false }: GruDiagramProps) {
  const { before, z, r } = numbers;
  const figures: readonly CellFigure[] = [
    [0, 68, 336, "start", numbers.x === undefined ? "x" : `x ${shown(numbers.x)}`],
    [0, 4, 58, "start", `h ${shown(before.h)}`],
    [0, 237, 182, "start", shown(z)],
    [1, 117, 178, "start", shown(r)],
    [2, 126, 130, "start", shown(numbers.seen)],
    [2, 357, 182, "start", shown(numbers.g)],
    [3, 292, 60, "middle", shown(numbers.kept)],
    [3, 276, 116, "middle", shown(numbers.share)],
    [3, 357, 110, "start", shown(numbers.taken)],
    [3, 516, 58, "end", `h′ ${shown(numbers.h)}`],
  ];
  const { g, seen, share, kept, taken } = numbers;
  const carry = { z, r, g, seen, share, kept, taken, h: before.h, "new h": numbers.h };
  return (
    <CellDiagram
      {...{ drawing, stage, figures, ...(coloured && { carry }) }}
      open={{ z, r }}
      label={described(stage, numbers)}
    />
  );
}

function described(stage: GruStage, numbers: GruNumbers): string {
  const { x, before, z, r, seen, g, kept, taken, h: newH } = numbers;
  return fill(own.described[Math.min(stage, 3)] as string, {
    ...shownAll({ h: before.h, z, r, seen, g, kept, taken, newH }),
    x: x === undefined ? own.vector : shown(x),
  });
}
