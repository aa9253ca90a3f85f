/**
 * What a training step costs, in time and in memory, against its sizes: a line, if the compiler does what it should.
 * One thread, the sizes in turn.
 */
import type { EngineName } from "../engines/engine.ts";
import { fitLine, type Line } from "./least-squares.ts";
import type { Shape } from "./shapes.ts";
import { summary, takeTurns } from "./turns.ts";
import { startUnrolled } from "./unrolled.ts";

export type ScalingPoint = {
  readonly size: number;
  readonly msPerStep: number;
  readonly spread: number;
  /** What the time is above the line, as a share of it. */
  readonly residual: number;
  readonly planBytes: number;
  /** The program's: in whole pages, with what a thread needs besides. */
  readonly memoryBytes: number;
};
export type Scaling = {
  readonly engine: EngineName;
  /** Which size grows: time steps, or examples. */
  readonly of: "steps" | "batch";
  /** The shape, with the other size. */
  readonly shape: string;
  readonly points: readonly ScalingPoint[];
  readonly ms: Pick<Line, "slope" | "constant" | "r2">;
  /** Of the plan; `exact` where all sizes lie on one line to the byte. */
  readonly bytes: { readonly slope: number; readonly constant: number; readonly exact: boolean };
};

const base = { kind: "lstm", task: "train", vocabulary: 65, embedding: 128, units: 128, layers: 1 } as const;
/** The sizes of the two tables. */
export const series = [
  { of: "steps", other: 32, sizes: [16, 32, 64, 96, 128] },
  { of: "batch", other: 32, sizes: [8, 16, 32, 64, 96] },
] as const;
export type Series = {
  readonly of: Scaling["of"];
  readonly other: number;
  readonly sizes: readonly number[];
};

export async function measureScaling(
  { of, other, sizes }: Series,
  { rounds, engine }: { readonly rounds: number; readonly engine: EngineName },
): Promise<Scaling> {
  const shapeOf = (size: number): Shape => {
    const [batch, steps] = of === "steps" ? [other, size] : [size, other];
    return { ...base, name: `lstm-65-128-128-1-${batch}-${steps}`, batch, steps };
  };
  const peers = await Promise.all(
    sizes.map(async (size) => ({ ...(await startUnrolled(shapeOf(size), 1, engine)), size })),
  );
  const turns = await takeTurns(peers, rounds);
  const measured = peers.map((peer) => {
    const { times, failure } = turns.get(peer) as { times: readonly number[]; failure?: string };
    if (failure !== undefined) throw new Error(failure);
    return { ...peer, ...summary(times, 1) };
  });
  const { residuals, ...ms } = fitLine(measured.map(({ size, msPerStep }) => [size, msPerStep]));
  return {
    ...{ engine, of },
    shape: of === "steps" ? `lstm-65-128-128-1-${other}-T` : `lstm-65-128-128-1-B-${other}`,
    points: measured.map(({ size, msPerStep, spread, planBytes, memoryBytes }, k) => ({
      ...{ size, msPerStep, spread, residual: residuals[k] as number, planBytes, memoryBytes },
    })),
    ms,
    bytes: exactLine(measured.map(({ size, planBytes }) => [size, planBytes])),
  };
}

/** The line through the first and the last point, and whether the others lie on it. */
export function exactLine(points: readonly (readonly [x: number, y: number])[]): Scaling["bytes"] {
  const [[x0, y0], [x1, y1]] = [points[0], points.at(-1)] as [readonly [number, number], readonly [number, number]];
  const slope = (y1 - y0) / (x1 - x0);
  return {
    slope,
    constant: y0 - slope * x0,
    exact: points.every(([x, y]) => (y - y0) * (x1 - x0) === (y1 - y0) * (x - x0)),
  };
}
