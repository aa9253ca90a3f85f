/**
 * Irish folk tunes in ABC notation, learnt as characters, by default with a metronome: 804 tunes, of which every tenth is held out. Loss in nats a character on these;
 * and of tunes that the model writes, the share whose bars all add up to the meter, and that abcjs, which people read ABC with, parses
 * without a warning.
 */
import { writeFileSync } from "node:fs";
import abcjs from "abcjs";
import { cells, InputError } from "unrolled";
import { abcTunes, checkAbc, cleanAbc, transposeAbc } from "unrolled/formats/abc";
import { readCell, recipe, seedRange, writeJson } from "./shared/command.ts";
import { readText } from "./shared/files.ts";
import { learnCharacters, learnWithMetronome } from "./tunes/model.ts";

const whole = { whole: true, min: 1, max: 100_000 } as const;

await recipe({
  name: "irish-tunes",
  usage: "irish-tunes FILE [options]",
  summary: "a model of characters learns Irish tunes in ABC, and writes some",
  details:
    "FILE is irish.abc. Tunes are learnt without titles, remarks and line ends of old.\n" +
    "The model reads each character, and what is left of the bar and of the part's\n" +
    "upbeat, as a player counts. With --characters it reads characters alone.\n" +
    "Every tenth tune is held out to measure on, the ones before these to stop by.",
  examples: ["irish-tunes irish.abc --seeds 3", "irish-tunes irish.abc --out tunes.abc --tunes 20"],
  arguments: [1, 1],
  options: {
    cell: { value: "CELL", help: "a built-in cell, or a file of equations [lstm]" },
    units: { value: "N", help: "of each layer [256]", number: whole },
    characters: { help: "are all that the model is told: no metronome" },
    layers: { value: "N", help: "recurrent layers [1]", number: whole },
    dropout: { value: "X", help: "rate of what each layer reads [0.3]", number: { min: 0, max: 0.95 } },
    epochs: { value: "N", help: "passes over the tunes in all keys [5]", number: whole },
    batch: { value: "N", help: "tunes or streams side by side [8]", number: whole },
    steps: { value: "N", help: "characters learnt at once with --characters [64]", number: whole },
    rate: { value: "X", help: "learning rate of Adam [0.005]", number: { above: 0 } },
    transpose: {
      value: "N",
      help: "semitones that tunes to train on are moved, up and down [2]",
      number: { whole: true, min: 0, max: 6 },
    },
    tunes: { value: "N", help: "to write [200]", number: whole },
    temperature: { value: "X", help: "of what is written [0.6]", number: { min: 0 } },
    out: { value: "FILE.abc", help: "save what is written" },
    seed: { value: "N", help: "of the initial values and of all draws [0]", number: seedRange },
    seeds: { value: "N", help: "so many trainings, from that seed on [1]", number: whole },
  },
  async run(given) {
    const json = given.flag("json");
    const say = (text: string): unknown => json || process.stdout.write(`${text}\n`);
    const file = given.positionals[0] as string;
    const all = abcTunes(readText(file));
    if (all.length < 20)
      throw new InputError(`${file}: has ${all.length} tunes, expected at least 20. Give irish.abc.`);
    const texts = all.map((tune) => cleanAbc(tune).replace(/^[XT]:.*\n/gm, ""));
    const part = (keep: (place: number) => boolean) => texts.filter((_, k) => keep(k % 10));
    const [training, validation, test] = [part((k) => k < 8), part((k) => k === 8), part((k) => k === 9)];
    say(`${training.length} tunes to train on, ${validation.length} to stop by, ${test.length} to test on`);
    const most = given.number("transpose") ?? 2;
    const moves = Array.from({ length: 2 * most + 1 }, (_, k) => k - most);
    const moved = training.flatMap((text) =>
      moves.flatMap((by) => transposeAbc(`X:1\n${text}`, by)?.replace("X:1\n", "") ?? []),
    );
    say(`of the tunes themselves ${percent(texts.filter(isWhole).length, texts.length)} have bars that all add up`);
    const number = (option: string, usually: number): number => given.number(option) ?? usually;
    const read = readCell(given.text("cell") ?? "lstm");
    const cell = typeof read === "string" ? cells[read] : read;
    const rows: { loss: number; share: number }[] = [];
    for (let seed = number("seed", 0), end = seed + number("seeds", 1); seed < end; seed++) {
      const started = performance.now();
      const learn = given.flag("characters") ? learnCharacters : learnWithMetronome;
      const model = await learn(
        { training: moved, validation, known: [...moved, ...texts] },
        {
          ...{ cell, units: number("units", 256), layers: number("layers", 1), dropout: number("dropout", 0.3), seed },
          ...{ epochs: number("epochs", 5), batch: number("batch", 8), steps: number("steps", 64) },
          rate: number("rate", 0.005),
          onEpoch(epoch, loss, validationLoss) {
            const elapsedMs = performance.now() - started;
            if (json) writeJson({ seed, epoch, loss, validationLoss, elapsedMs });
            else
              say(
                `  epoch ${epoch}  loss ${loss.toFixed(4)}  validation ${validationLoss.toFixed(4)}  ${(elapsedMs / 1000).toFixed(0)} s`,
              );
          },
        },
      );
      const loss = await model.lossOf(test);
      const temperature = number("temperature", 0.6);
      const written = await model.write({ tunes: number("tunes", 200), temperature, seed: 1000 * seed });
      const whole = written.filter(isWhole);
      const good = whole.filter((text) => warningsOf(text).length === 0);
      const parsed = written.filter((text) => warningsOf(text).length === 0);
      const known = new Set(moved);
      const copies = written.filter((text) => known.has(text));
      rows.push({ loss, share: good.length / written.length });
      const shares = { addUp: whole.length, withoutWarning: parsed.length, both: good.length, copies: copies.length };
      if (json) writeJson({ seed, testLoss: loss, tunes: written.length, ...shares });
      say(
        `seed ${seed}: ${loss.toFixed(4)} nats a character on the test tunes; of ${written.length} written tunes ` +
          `${percent(whole.length, written.length)} add up, ${percent(parsed.length, written.length)} are parsed without a warning, ` +
          `${percent(good.length, written.length)} both; ${copies.length} are copies of training tunes`,
      );
      const out = given.text("out");
      if (out !== undefined)
        writeFileSync(out, written.map((text, k) => `X:${k + 1}\nT:Tune ${k + 1}\n${text}`).join("\n"));
    }
    const range = (values: readonly number[], digits: number): string =>
      `${(values.reduce((a, b) => a + b, 0) / values.length).toFixed(digits)} (${Math.min(...values).toFixed(digits)} to ${Math.max(...values).toFixed(digits)})`;
    if (rows.length > 1) {
      say(
        `nats a character ${range(
          rows.map(({ loss }) => loss),
          4,
        )}; share ${range(
          rows.map(({ share }) => share),
          3,
        )}`,
      );
    }
  },
});

/** Whether all bars of a tune without `X:` add up. */
function isWhole(text: string): boolean {
  return checkAbc(`X:1\n${text}`).addsUp;
}
function warningsOf(text: string): readonly string[] {
  const [tune] = abcjs.parseOnly(`X:1\nT:A tune\n${text}`);
  return (tune as { readonly warnings?: readonly string[] } | undefined)?.warnings ?? [];
}
function percent(count: number, of: number): string {
  return `${((100 * count) / of).toFixed(1)} %`;
}
