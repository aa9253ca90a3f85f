/**
 * Where people walk: the recordings of ETH (S. Pellegrini et al., 2009) and UCY (A. Lerner et al., 2007) by the protocol of
 * A. Gupta et al., "Social GAN", 2018: one scene is left out and tested on, 8 steps of 0.4 s are seen, 12 predicted. Published:
 * constant velocity 0.39/0.83 m (C. Schöller et al., "What the constant velocity model can teach us", 2020), a plain LSTM
 * 0.70/1.52 (Social GAN).
 */
import { join } from "node:path";
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

/** The frame at which the validation part of each file begins: that of Social GAN's files. */
const cuts = {
  biwi_eth: 10240,
  biwi_hotel: 14400,
  crowds_zara01: 7110,
  crowds_zara02: 8420,
  crowds_zara03: 6030,
  students001: 3550,
  students003: 4320,
  uni_examples: 5940,
} as const;
type File = keyof typeof cuts;
const files = Object.keys(cuts) as File[];
const scenes: Readonly<Record<string, readonly File[]>> = {
  ETH: ["biwi_eth"],
  HOTEL: ["biwi_hotel"],
  UNIV: ["students001", "students003"],
  ZARA1: ["crowds_zara01"],
  ZARA2: ["crowds_zara02"],
};
type Row = { readonly scene: string; readonly model: readonly Scores[]; readonly constantVelocity: Scores };

const pair = ({ ade, fde }: Scores): string => `${ade.toFixed(2)}/${fde.toFixed(2)}`;
const best = ({ minAde, minFde }: Scores): string => `${minAde.toFixed(2)}/${minFde.toFixed(2)}`;

await recipe({
  name: "eth-ucy",
  usage: "eth-ucy DIR [options]",
  summary: "where people walk: five scenes of ETH and UCY, one left out at a time",
  details:
    "DIR has biwi_eth.txt, biwi_hotel.txt, crowds_zara01.txt to 03, students001.txt, students003.txt and uni_examples.txt.\n" +
    "Distances in metres: mean over the 12 predicted steps (ADE) / at the last (FDE), of one path and of the best of 20.",
  examples: ["eth-ucy data/trajectories", "eth-ucy data/trajectories --scene HOTEL --seeds 1"],
  arguments: [1, 1],
  options: {
    scene: { value: "NAME", help: "only this scene [all]", choices: Object.keys(scenes), multiple: true },
    seeds: { value: "N", help: "trainings for each scene [3]", number: { whole: true, min: 1, max: 100 } },
    epochs: { value: "N", help: "passes over the windows [12]", number: { whole: true, min: 1, max: 1000 } },
    form: { value: "NAME", help: "whole futures, or step by step [direct]", choices: ["direct", "step"] },
    engine: { value: "NAME", help: "what computes", choices: ["wasm", "native", "reference"] },
    threads: { value: "N", help: "threads that train [cores]", number: { whole: true, min: 1, max: 64 } },
  },
  async run(given) {
    const json = given.flag("json");
    const say = (text: string): unknown => json || process.stdout.write(`${text}\n`);
    const [folder] = given.positionals as readonly [string];
    const all = Object.fromEntries(
      files.map((name) => {
        const file = join(folder, `${name}.txt`);
        return [name, readTracks(readText(file), { name: file })];
      }),
    ) as Record<File, Tracks>;
    const host: HostOptions = {
      engine: given.text("engine") as HostOptions["engine"],
      threads: given.number("threads"),
    };
    const form = (given.text("form") ?? "direct") as "direct" | "step";
    const rows: Row[] = [];
    const wanted = given.texts("scene");
    for (const [scene, own] of Object.entries(scenes)) {
      if (wanted.length > 0 && !wanted.includes(scene)) continue;
      const others = files.filter((name) => !own.includes(name));
      const training = others.map((name) => cutTracks(all[name], { below: cuts[name] }));
      const validation = others.map((name) => cutTracks(all[name], { from: cuts[name] }));
      const model: Scores[] = [];
      let constantVelocity: Scores | undefined;
      for (let seed = 0; seed < (given.number("seeds") ?? 3); seed++) {
        const startMs = performance.now();
        const tm = trajectoryModel(training, { seen: 8, predicted: 12, form, seed });
        const { history } = await trainTrajectories(tm, training, {
          ...{ validation, reversals: true, epochs: given.number("epochs") ?? 12, seed, ...host },
        });
        const elapsedMs = performance.now() - startMs;
        const scores = await evaluateTrajectories(
          tm,
          own.map((name) => all[name]),
          { seed, ...host },
        );
        const onValidation = await evaluateTrajectories(tm, validation, { seed, ...host });
        model.push(scores.model);
        constantVelocity = scores.constantVelocity;
        if (json) {
          const { model: validated } = onValidation;
          writeJson({ scene, seed, ...scores, validation: validated, validationLoss: history.valLoss, elapsedMs });
        }
        say(
          `${scene} seed ${seed}: ${pair(scores.model)}, best of 20 ${best(scores.model)}; constant velocity ` +
            `${pair(scores.constantVelocity)}; validation ${pair(onValidation.model)}, ${best(onValidation.model)}, constant ` +
            `velocity ${pair(onValidation.constantVelocity)}; ${(elapsedMs / 1000).toFixed(0)} s`,
        );
      }
      rows.push({ scene, model, constantVelocity: constantVelocity as Scores });
    }
    if (json) return;
    say(`\n${tableOf(rows)}`);
  },
});

/** A table in Markdown: means over the seeds, with the lowest and the highest of them. */
function tableOf(rows: readonly Row[]): string {
  const over = (values: readonly number[]): string =>
    `${mean(values).toFixed(3)} (${Math.min(...values).toFixed(3)} to ${Math.max(...values).toFixed(3)})`;
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  const names = ["ade", "fde", "minAde", "minFde"] as const;
  const body = rows.map(({ scene, model, constantVelocity }) =>
    line([
      scene,
      ...[String(constantVelocity.windows), pair(constantVelocity)],
      ...names.map((name) => over(model.map((one) => one[name]))),
    ]),
  );
  const seeds = rows[0]?.model.map((_, k) => k) ?? [];
  const means = names.map((name) => over(seeds.map((k) => mean(rows.map(({ model }) => (model[k] as Scores)[name])))));
  const straight = ["ade", "fde"] as const;
  const baseline = straight
    .map((name) => mean(rows.map(({ constantVelocity }) => constantVelocity[name])).toFixed(2))
    .join("/");
  return [
    line(["scene", "windows", "constant velocity", "ADE", "FDE", "best of 20: ADE", "FDE"]),
    line(["---", "---:", "---", "---", "---", "---", "---"]),
    ...body,
    ...(rows.length > 1 ? [line(["mean", "", baseline, ...means])] : []),
  ].join("\n");
}
