/** A GRU of one unit, walked through: what its two gates keep, and what the candidate sees. */
import { GruDiagram, type GruStage } from "../../components/gru-diagram.tsx";
import { written } from "../../components/numbers.ts";
import { useAnswer } from "../../engine/engine.ts";
import { CellWalk, type CellWalkSpec, factor, marked, tex, type WalkPreset, type WalkStage } from "./cell-walk.tsx";

const numbers = [0.3, 0.9, -0.5, 0.7, -0.8, 0.2, -0.4, 0.6];
const [open, shut] = [6, -6];

export const gruMarks = { write: "mark: write", renew: "mark: renew" } as const;
type Mark = keyof typeof gruMarks;

export const gruPresets: readonly WalkPreset<Mark, "z" | "r">[] = [
  {
    name: "Remember",
    begin: 3,
    see: "The update gate stands near 1, so the state stays as it is. Only at step 2 it shuts, and the candidate takes the place of the state: 0.9 comes in, and is there six steps later.",
    setting: { numbers, marks: { write: marked(2), renew: marked() }, biases: { z: open, r: open } },
  },
  {
    name: "Overwrite",
    begin: 5,
    see: "A second mark, at step 5. What is written there takes the place of what was there: one gate both forgets and stores.",
    setting: { numbers, marks: { write: marked(2, 5), renew: marked(5) }, biases: { z: open, r: open } },
  },
  {
    name: "Build on it",
    begin: 5,
    see: "The same, but the reset gate stays open at step 5. So the candidate sees the old state, and −0.8 is added to it before the tanh.",
    setting: { numbers, marks: { write: marked(2, 5), renew: marked() }, biases: { z: open, r: open } },
  },
  {
    name: "Half and half",
    begin: 3,
    see: "With a bias of 0 the update gate stands at a half: each state is half the old one and half the candidate, a mean in which the latest counts most.",
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
    name: "Update gate",
    lines: ["z"],
    says: "The update gate says how much of the old state stays: 1 all of it. What is missing to 1 is what the candidate gets.",
    filled: ({ now }, t) => [`z_${t} &= \\sigma(${tex(now("s_z"))}) = ${tex(now("z"))}`],
  },
  {
    name: "Reset gate",
    lines: ["r"],
    says: "The reset gate says how much of the old state the candidate sees.",
    filled: ({ now }, t) => [`r_${t} &= \\sigma(${tex(now("s_r"))}) = ${tex(now("r"))}`],
  },
  {
    name: "Candidate",
    lines: ["g"],
    says: "The candidate is made of the number that is read and of what the reset gate let through of the old state.",
    filled: ({ x, now, before }, t) => [
      `r_${t} \\cdot h_{${t - 1}} &= ${tex(now("r"))} \\cdot ${factor(before("h"))} = ${tex(now("seen"))}`,
      `g_${t} &= \\tanh(${tex(x)} + ${factor(now("seen"))}) = ${tex(now("g"))}`,
    ],
  },
  {
    name: "New state",
    lines: ["h"],
    says: "A mean of the old state and the candidate, weighed by the update gate. There is no second state, and no gate at the output.",
    filled: ({ now, before }, t) => [
      `h_${t} &= ${tex(now("z"))} \\cdot ${factor(before("h"))} + (1 - ${tex(now("z"))}) \\cdot ${factor(now("g"))}`,
      `&= ${tex(now("kept"))} + ${factor(now("taken"))} = ${tex(now("h"))}`,
    ],
  },
];

const spec: CellWalkSpec<Mark, "z" | "r"> = {
  label: "A GRU of one unit",
  marks: gruMarks,
  gates: { z: { title: "update", colour: "--c1" }, r: { title: "reset", colour: "--c2" } },
  presets: gruPresets,
  stages,
  rows: [
    { name: "g", label: "candidate g", bounded: true },
    { name: "h", label: "state and output h", bounded: true },
  ],
  named: gruNamed,
  parameters: gruParameters,
  Diagram: ({ stage, at: { x, now, before } }) => {
    const names = ["z", "r", "g", "seen", "share", "kept", "taken", "h"] as const;
    const told = Object.fromEntries(names.map((name) => [name, now(name)])) as Record<(typeof names)[number], number>;
    return <GruDiagram stage={stage as GruStage} numbers={{ ...told, x, before: { h: before("h") } }} />;
  },
  note: ({ now }) => (
    <>
      A mark takes 12 from what its gate sums up, so it shuts. The candidate reads the number, and the old state with a
      weight of 1. At the end h is {written(now("h"))}.
    </>
  ),
};

export function GruWalk() {
  const { value: equations } = useAnswer("equations", "gru");
  return equations === undefined ? null : <CellWalk {...{ spec, equations }} />;
}
