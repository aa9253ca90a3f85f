/** A GRU of one unit, walked through: what its two gates keep, and what the candidate sees. */
import { GruDiagram, type GruStage } from "../../components/gru-diagram.tsx";
import { written } from "../../components/numbers.ts";
import { useAnswer } from "../../engine/engine.ts";
import { fill, texts } from "../../texts/texts.ts";
import { CellWalk, type CellWalkSpec, factor, marked, tex, type WalkPreset, type WalkStage } from "./cell-walk.tsx";

const own = texts.learn.gruWalk;

const numbers = [0.3, 0.9, -0.5, 0.7, -0.8, 0.2, -0.4, 0.6];
const [open, shut] = [6, -6];

export const gruMarks = own.marks;
type Mark = keyof typeof gruMarks;

export const gruPresets: readonly WalkPreset<Mark, "z" | "r">[] = [
  {
    name: "Remember",
    ...own.presets.remember,
    begin: 3,
    setting: { numbers, marks: { write: marked(2), renew: marked() }, biases: { z: open, r: open } },
  },
  {
    name: "Overwrite",
    ...own.presets.overwrite,
    begin: 5,
    setting: { numbers, marks: { write: marked(2, 5), renew: marked(5) }, biases: { z: open, r: open } },
  },
  {
    name: "Build on it",
    ...own.presets.build,
    begin: 5,
    setting: { numbers, marks: { write: marked(2, 5), renew: marked() }, biases: { z: open, r: open } },
  },
  {
    name: "Half and half",
    ...own.presets.half,
    begin: 3,
    setting: { numbers, marks: { write: marked(), renew: marked() }, biases: { z: 0, r: shut } },
  },
];

/** The update gate reads the mark to write, the reset gate that to renew, the candidate the number and the state. x is number, write, renew. */
export const gruParameters = {
  ...{ W_z: [0, -12, 0], W_r: [0, 0, -12], W_g: [1, 0, 0] },
  ...{ U_z: [0], U_r: [0], U_g: [1], b_g: [0] },
};

/** After its own line h is the new state, so the old one is named before all others. */
export const gruNamed = (source: string): string => `
old = 1 * h
${source}
s_z = W_z @ x + U_z @ old + b_z
s_r = W_r @ x + U_r @ old + b_r
seen = r * old
s_g = W_g @ x + U_g @ seen + b_g
share = 1 - z
kept = z * old
taken = share * g
y = [s_z, s_r, s_g, seen, share, kept, taken, h']
`;

const stages: readonly WalkStage[] = [
  {
    ...own.stages.z,
    lines: ["z"],
    filled: ({ now }, t) => [`z_${t} &= \\sigma(${tex(now("s_z"))}) = ${tex(now("z"))}`],
  },
  {
    ...own.stages.r,
    lines: ["r"],
    filled: ({ now }, t) => [`r_${t} &= \\sigma(${tex(now("s_r"))}) = ${tex(now("r"))}`],
  },
  {
    ...own.stages.g,
    lines: ["g"],
    filled: ({ x, now, before }, t) => [
      `r_${t} \\cdot h_{${t - 1}} &= ${tex(now("r"))} \\cdot ${factor(before("h"))} = ${tex(now("seen"))}`,
      `g_${t} &= \\tanh(${tex(x)} + ${factor(now("seen"))}) = ${tex(now("g"))}`,
    ],
  },
  {
    ...own.stages.h,
    lines: ["h"],
    filled: ({ now, before }, t) => [
      `h_${t} &= ${tex(now("z"))} \\cdot ${factor(before("h"))} + (1 - ${tex(now("z"))}) \\cdot ${factor(now("g"))}`,
      `&= ${tex(now("kept"))} + ${factor(now("taken"))} = ${tex(now("h"))}`,
    ],
  },
];

const spec: CellWalkSpec<Mark, "z" | "r"> = {
  label: own.title,
  marks: gruMarks,
  gates: { z: { ...own.gates.z, colour: "--c1" }, r: { ...own.gates.r, colour: "--c2" } },
  presets: gruPresets,
  stages,
  rows: [
    { name: "g", label: own.rows.g, bounded: true },
    { name: "h", label: own.rows.h, bounded: true },
  ],
  named: gruNamed,
  parameters: gruParameters,
  Diagram: ({ stage, at: { x, now, before } }) => {
    const names = ["z", "r", "g", "seen", "share", "kept", "taken", "h"] as const;
    const told = Object.fromEntries(names.map((name) => [name, now(name)])) as Record<(typeof names)[number], number>;
    return <GruDiagram stage={stage as GruStage} numbers={{ ...told, x, before: { h: before("h") } }} />;
  },
  note: ({ now }) => fill(own.note, { h: written(now("h")) }),
};

export function GruWalk() {
  const { value: equations } = useAnswer("equations", "gru");
  return equations === undefined ? null : <CellWalk {...{ spec, equations }} />;
}
