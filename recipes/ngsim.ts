/**
 * Where cars drive: 29 vehicles of the US-101 recording of NGSIM (US Federal Highway Administration, 2007), 10 places a second.
 * 3 seconds are seen, 5 predicted, at 5 steps a second, as is usual on all of NGSIM (N. Deo and M. Trivedi, "Convolutional
 * social pooling for vehicle trajectory prediction", 2018), whose numbers are not comparable with those of these few cars. The
 * last 6 vehicles are the test, the 4 before them the validation.
 */
import {
  cutTracks,
  evaluateTrajectories,
  type HostOptions,
  readTracks,
  type Scores,
  type Tracks,
  trainTrajectories,
  trajectoryModel,
} from "unrolled";
import { mean } from "./chorales/statistics.ts";
import { recipe, writeJson } from "./shared/command.ts";
import { readText } from "./shared/files.ts";

const [perSecond, seconds] = [5, [1, 2, 3, 4, 5]] as const;
const bySecond = ({ rmse }: Scores): number[] => seconds.map((second) => rmse[second * perSecond - 1] as number);
const shown = (values: readonly number[]): string => values.map((value) => value.toFixed(2)).join(" ");

await recipe({
  name: "ngsim",
  usage: "ngsim FILE [options]",
  summary: "where cars drive: 3 seconds seen, 5 predicted, beside constant velocity",
  details:
    "FILE is ngsim_us101_29vehicles.csv. Root mean squared distance in metres, 1, 2, 3, 4 and 5 seconds ahead, on the last\n" +
    "6 vehicles.",
  examples: ["ngsim data/trajectories/ngsim_us101_29vehicles.csv"],
  arguments: [1, 1],
  options: {
    seeds: { value: "N", help: "trainings [3]", number: { whole: true, min: 1, max: 100 } },
    epochs: { value: "N", help: "passes over the windows [30]", number: { whole: true, min: 1, max: 1000 } },
    engine: { value: "NAME", help: "what computes", choices: ["wasm", "native", "reference"] },
    threads: { value: "N", help: "threads that train [cores]", number: { whole: true, min: 1, max: 64 } },
  },
  async run(given) {
    const json = given.flag("json");
    const say = (text: string): unknown => json || process.stdout.write(`${text}\n`);
    const [file] = given.positionals as readonly [string];
    const all = cutTracks(readTracks(readText(file), { name: file }), { every: 10 / perSecond });
    const part = (from: number, end?: number): Tracks => ({ ...all, tracks: all.tracks.slice(from, end) });
    const [training, validation, test] = [part(0, -10), part(-10, -6), part(-6)];
    const host: HostOptions = {
      engine: given.text("engine") as HostOptions["engine"],
      threads: given.number("threads"),
    };
    const found: number[][] = [];
    let straight: number[] = [];
    for (let seed = 0; seed < (given.number("seeds") ?? 3); seed++) {
      const startMs = performance.now();
      const tm = trajectoryModel(training, {
        ...{
          seen: 3 * perSecond,
          predicted: 5 * perSecond,
          modes: 6,
          units: 64,
          hidden: 64,
          heading: false,
          dropout: 0.2,
          seed,
        },
      });
      await trainTrajectories(tm, training, {
        ...{ validation, epochs: given.number("epochs") ?? 30, weightDecay: 0.01, seed, ...host },
      });
      const elapsedMs = performance.now() - startMs;
      const how = { path: "mean", futures: 6, ...host } as const;
      const onValidation = await evaluateTrajectories(tm, validation, how);
      const { model, constantVelocity } = await evaluateTrajectories(tm, test, how);
      found.push(bySecond(model));
      straight = bySecond(constantVelocity);
      const validated = bySecond(onValidation.model);
      const validatedStraight = bySecond(onValidation.constantVelocity);
      if (json) {
        const scores = { rmse: bySecond(model), constantVelocity: straight, windows: model.windows };
        writeJson({ seed, ...scores, validation: validated, validationConstantVelocity: validatedStraight, elapsedMs });
      }
      say(
        `seed ${seed}: ${shown(bySecond(model))} m after 1 to 5 s, constant velocity ${shown(straight)}; validation ` +
          `${shown(validated)}, constant velocity ${shown(validatedStraight)}; ${(elapsedMs / 1000).toFixed(0)} s`,
      );
    }
    if (json) return;
    const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
    say("");
    say(line(["", ...seconds.map((second) => `${second} s`)]));
    say(line(["---", ...seconds.map(() => "---:")]));
    say(line(["constant velocity", ...straight.map((value) => value.toFixed(2))]));
    const over = seconds.map((_, k) => found.map((values) => values[k] as number));
    say(line(["GRU, mean of the seeds", ...over.map((values) => mean(values).toFixed(2))]));
    const spread = over.map((values) => `${Math.min(...values).toFixed(2)} to ${Math.max(...values).toFixed(2)}`);
    say(line(["lowest to highest", ...spread]));
  },
});
