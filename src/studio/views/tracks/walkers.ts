/** Walkers that go straight on, turn left or turn right where a path forks: what was seen does not say which. */
import { createRandom } from "../../../nn/random.ts";
import { texts } from "../../texts/texts.ts";

const steps = 20;

/** A table of walkers from any side, who come to the fork at step 8. */
export function walkers(count: number, seed: number): string {
  const random = createRandom(seed);
  const rows: string[] = [];
  for (let id = 1; id <= count; id++) {
    let heading = 2 * Math.PI * random.uniform();
    const turns = ([-0.15, 0, 0.15] as const)[random.integer(3)] as number;
    const speed = 0.5 + 0.05 * random.normal();
    let [x, y] = [10 * random.uniform(), 10 * random.uniform()];
    for (let frame = 0; frame < steps; frame++) {
      rows.push(`${frame},${id},${(x + 0.01 * random.normal()).toFixed(3)},${(y + 0.01 * random.normal()).toFixed(3)}`);
      if (frame >= 7) heading += turns;
      x += speed * Math.cos(heading);
      y += speed * Math.sin(heading);
    }
  }
  return `frame,id,x,y\n${rows.join("\n")}\n`;
}

export const examples = {
  walkers: { title: texts.tracks.walkers, make: () => walkers(60, 11) },
} as const;
export const trainingSizes = { seen: 8, predicted: 12 } as const;
export const trainingWalkers = (): string => walkers(600, 1);
