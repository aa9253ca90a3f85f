/** The LSTM at one time step as wires and nodes, in four stages. */
import { fill, texts } from "../texts/texts.ts";
import { CellDiagram, type CellDrawing, type CellFigure, shown, shownAll } from "./cell-diagram.tsx";

const own = texts.components.lstm;

/** The numbers of one unit at one step. */
export type LstmNumbers = {
  /** The input, where it is one number and not a vector. */
  readonly x?: number;
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

/** The stage in which a part is computed: forget, input and candidate, update, output; 4 is after all of them. */
export type LstmStage = 0 | 1 | 2 | 3 | 4;

const drawing: CellDrawing = {
  height: 350,
  wires: [
    [0, "M60 342 V290 M0 290 H110 V236"],
    [0, "M110 194 V86", "f"],
    [1, "M110 290 H200 V236 M200 290 H290 V236"],
    [1, "M200 194 V140 H229", "i"],
    [1, "M290 194 V140 H261", "g"],
    [2, "M0 70 H94", "c"],
    [2, "M126 70 H229", "kept"],
    [2, "M245 124 V86", "stored"],
    [2, "M261 70 H520", "new c"],
    [3, "M290 290 H400 V236"],
    [3, "M400 194 V172 H434", "o"],
    [3, "M450 70 V102", "new c"],
    [3, "M450 134 V156", "shown"],
    [3, "M450 188 V290 H520", "new h"],
  ],
  gates: [
    { stage: 0, name: "f", x: 110, maths: "σ", colour: "--c1" },
    { stage: 1, name: "i", x: 200, maths: "σ", colour: "--c2" },
    { stage: 1, name: "g", x: 290, maths: "tanh" },
    { stage: 3, name: "o", x: 400, maths: "σ", colour: "--c4" },
  ],
  nodes: [
    [2, 110, 70, "×"],
    [2, 245, 140, "×"],
    [2, 245, 70, "+"],
    [3, 450, 118, "tanh"],
    [3, 450, 172, "×"],
  ],
};

export type LstmDiagramProps = {
  readonly stage: LstmStage;
  readonly numbers: LstmNumbers;
  /** Whether colour and width of a wire are by its number. */
  readonly coloured?: boolean;
};

export function LstmDiagram({ stage, numbers, coloured = false }: LstmDiagramProps) {
  const { before, f, i, o } = numbers;
  const figures: readonly CellFigure[] = [
    [0, 68, 336, "start", numbers.x === undefined ? "x" : `x ${shown(numbers.x)}`],
    [0, 4, 280, "start", `h ${shown(before.h)}`],
    [0, 4, 58, "start", `c ${shown(before.c)}`],
    [0, 117, 150, "start", shown(f)],
    [1, 194, 182, "end", shown(i)],
    [1, 297, 182, "start", shown(numbers.g)],
    [2, 178, 60, "middle", shown(numbers.kept)],
    [2, 252, 108, "start", shown(numbers.stored)],
    [2, 516, 58, "end", `c′ ${shown(numbers.c)}`],
    [3, 394, 186, "end", shown(o)],
    [3, 458, 150, "start", shown(numbers.shown)],
    [3, 516, 280, "end", `h′ ${shown(numbers.h)}`],
  ];
  const { g, kept, stored, shown: open } = numbers;
  const carry = { f, i, g, o, kept, stored, shown: open, c: before.c, "new c": numbers.c, "new h": numbers.h };
  return (
    <CellDiagram
      {...{ drawing, stage, figures, ...(coloured && { carry }) }}
      open={{ f, i, o }}
      label={described(stage, numbers)}
    />
  );
}

function described(stage: LstmStage, numbers: LstmNumbers): string {
  const { x, before, f, i, g, kept, stored, c: newC, o, h: newH } = numbers;
  return fill(own.described[Math.min(stage, 3)] as string, {
    ...shownAll({ c: before.c, f, i, g, kept, stored, newC, o, newH }),
    x: x === undefined ? own.vector : shown(x),
  });
}
