/** The LSTM at one time step as wires and nodes, in four stages. */
import { CellDiagram, type CellDrawing, type CellFigure, shown } from "./cell-diagram.tsx";

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

const drawing: CellDrawing = {
  height: 350,
  wires: [
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

export function LstmDiagram({ stage, numbers }: { readonly stage: LstmStage; readonly numbers: LstmNumbers }) {
  const { before, f, i, o } = numbers;
  const figures: readonly CellFigure[] = [
    [0, 68, 336, "start", `x ${shown(numbers.x)}`],
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
  return <CellDiagram {...{ drawing, stage, figures }} open={{ f, i, o }} label={described(stage, numbers)} />;
}

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
