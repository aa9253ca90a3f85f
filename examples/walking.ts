/**
 * Where people will be in a few steps: walkers that go straight on, turn left or turn right where a path forks. What has been
 * seen does not say which, so a single prediction must be wrong; three futures with their probabilities are not. Takes about
 * 5 seconds.
 */
import {
  createRandom,
  evaluateTrajectories,
  predictTrajectories,
  readTracks,
  trainTrajectories,
  trajectoryModel,
} from "unrolled";

const random = createRandom(1);
const steps = 20;

/** Rows of a table, frame, id, x and y: walkers from any side that come to the fork at step 8. */
function walkers(count: number): string {
  const rows: string[] = [];
  for (let id = 0; id < count; id++) {
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
  return `frame,id,x,y\n${rows.join("\n")}`;
}

const [training, validation, test] = [walkers(600), walkers(100), walkers(100)].map((text) => readTracks(text));
const tm = trajectoryModel(training!, { seen: 8, predicted: 12, modes: 3, units: 32, seed: 2 });
await trainTrajectories(tm, training!, { validation: validation!, epochs: 40, batchSize: 32, seed: 3, threads: 1 });

const { model, constantVelocity } = await evaluateTrajectories(tm, test!, { futures: 3 });
console.log("Mean distance over 12 steps, on 100 walkers not trained on");
console.log(`  constant velocity      ${constantVelocity.ade.toFixed(2)} m`);
console.log(`  the model's one path   ${model.ade.toFixed(2)} m`);
console.log(`  the best of its three  ${model.minAde.toFixed(2)} m\n`);

/** The first steps of a walker that goes along x, and nothing after them. */
const seen = Array.from({ length: 8 }, (_, frame) => `${frame},a,${(frame - 7) / 2},0`).join("\n");
const [walker] = await predictTrajectories(tm, readTracks(`frame,id,x,y\n${seen}`), { futures: 3 });
console.log("A walker at (0, 0) that comes along x is, 12 steps later,");
for (const { x, y, probability } of walker!.futures) {
  console.log(`  with ${Math.round(100 * probability)} % at (${x[11]!.toFixed(1)}, ${y[11]!.toFixed(1)})`);
}
