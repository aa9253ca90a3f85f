/**
 * Handwriting, the prediction network of A. Graves, "Generating sequences with recurrent neural networks", 2013 (arXiv
 * 1308.0850), section 4, in small: from the pen's last movement to a mixture of Gaussians for the next and the probability that
 * the stroke ends. The strokes are drawn here by a few formulas, as words of e, l and i, so that no data are needed.
 */
import { writeFileSync } from "node:fs";
import { dirname } from "node:path";
import {
  adam,
  bivariateMixture,
  createRandom,
  createSession,
  dense,
  fit,
  type HostOptions,
  lstm,
  type Model,
  type Random,
  sequential,
} from "unrolled";
import { drawLine, drawSvg, type Movement, movementsOf } from "./handwriting/strokes.ts";
import { recipe, seedRange, writeJson } from "./shared/command.ts";
import { checkWritable } from "./shared/files.ts";

/** Steps of an example, and units of the recurrent layer. */
const [steps, units] = [120, 100];
const density = bivariateMixture({ components: 10, stroke: true });

/** Pieces of a line, each as long as an example and one more movement; a rest that is shorter is left out. */
const pieces = (line: readonly Movement[]): Movement[][] =>
  Array.from({ length: Math.floor((line.length - 1) / steps) }, (_, k) => line.slice(k * steps, (k + 1) * steps + 1));
const examplesOf = (all: readonly Movement[][]) => ({
  x: all.map((piece) => piece.slice(0, -1).map((one) => [...one])),
  y: all.map((piece) => piece.slice(1).map((one) => [...one])),
});

await recipe({
  name: "handwriting",
  usage: "handwriting --out FILE.svg [options]",
  summary: "a network that writes: pen strokes as mixtures of Gaussians",
  details: "Draws words of e, l and i by formulas, learns to continue them, and draws what it writes by itself.",
  examples: ["handwriting --out writing.svg"],
  arguments: [0, 0],
  options: {
    out: { value: "FILE.svg", help: "where to draw what the network writes" },
    lines: { value: "N", help: "lines to learn from [300]", number: { whole: true, min: 10, max: 100_000 } },
    epochs: { value: "N", help: "passes over the lines [30]", number: { whole: true, min: 1, max: 1000 } },
    seed: { value: "N", help: "of lines, training and draws [0]", number: seedRange },
    engine: { value: "NAME", help: "what computes", choices: ["wasm", "native", "reference"] },
    threads: { value: "N", help: "threads that train [cores]", number: { whole: true, min: 1, max: 64 } },
  },
  async run(given) {
    const json = given.flag("json");
    const out = given.text("out");
    if (out !== undefined) checkWritable(dirname(out));
    const seed = given.number("seed") ?? 0;
    const host: HostOptions = {
      engine: given.text("engine") as HostOptions["engine"],
      threads: given.number("threads"),
    };
    const random = createRandom(seed);
    const lines = Array.from({ length: given.number("lines") ?? 300 }, () => movementsOf(drawLine(random, 6)));
    const unit = unitOf(lines);
    const scaled = lines.map((line) => line.map(([dx, dy, end]): Movement => [dx / unit, dy / unit, end]));
    const examples = scaled.flatMap(pieces);
    const kept = Math.ceil(examples.length * 0.9);
    const [training, validation] = [examplesOf(examples.slice(0, kept)), examplesOf(examples.slice(kept))];
    const model = sequential([lstm(units, { returnSequences: true }), dense(density.outputSize)], { input: 3, seed });
    const { history } = await fit(model, training.x, training.y, {
      ...{
        loss: density,
        epochs: given.number("epochs") ?? 30,
        batchSize: 16,
        validationData: validation,
        seed,
        ...host,
      },
      ...{ optimizer: adam({ learningRate: 0.005 }), clipNorm: 1 },
      callbacks: [
        {
          onEpochEnd(epoch, { loss = 0, valLoss = 0 }) {
            if (json) writeJson({ epoch: epoch + 1, loss, validationLoss: valLoss });
            else
              process.stdout.write(
                `epoch ${epoch + 1}  ${loss.toFixed(3)} nats a step, ${valLoss.toFixed(3)} on other lines\n`,
              );
          },
        },
      ],
    });
    const written: { title: string; movements: Movement[] }[] = [];
    for (const bias of [0, 0.5, 2]) {
      const movements = await write(model, { bias, unit, random: createRandom(seed + 1) });
      written.push({ title: `the network, bias ${bias}`, movements });
    }
    if (out === undefined) return;
    const drawn = [{ title: "drawn by formulas", movements: lines[0] as Movement[] }, ...written];
    writeFileSync(out, drawSvg(drawn));
    const last = history.valLoss?.at(-1);
    if (json) writeJson({ file: out, validationLoss: last });
    else process.stdout.write(`${out}: a line of the data, and three by the network\n`);
  },
});

/** The root mean square of the movements. */
function unitOf(lines: readonly (readonly Movement[])[]): number {
  const all = lines.flat();
  return Math.sqrt(all.reduce((sum, [dx, dy]) => sum + dx * dx + dy * dy, 0) / (2 * all.length));
}

/** What the network writes: each movement is drawn from its density, and read in the next step. */
async function write(
  model: Model,
  { bias, unit, random }: { readonly bias: number; readonly unit: number; readonly random: Random },
): Promise<Movement[]> {
  const session = await createSession(model, { threads: 1 });
  const movements: Movement[] = [];
  let last: Movement = [0, 0, 1];
  for (let t = 0; t < 500; t++) {
    last = density.sample(session.next([...last]), random, { bias }) as unknown as Movement;
    movements.push([last[0] * unit, last[1] * unit, last[2]]);
  }
  session.dispose();
  return movements;
}
