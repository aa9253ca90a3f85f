/**
 * A tune that nobody wrote: jigs are made up by a few rules, written down in ABC as people share them, and learnt as events, a note or a
 * shift of time each. The model goes on from the first bar of one, and what it writes is a MIDI file. Takes about 10 seconds.
 */
import { writeFileSync } from "node:fs";
import { createRandom, evaluateMusic, generateMusic, musicModel, secondsAt, trainMusic } from "unrolled";
import { abcTunes, checkAbc, pieceOfAbc } from "unrolled/formats/abc";
import { writeMidi } from "unrolled/formats/midi";

const random = createRandom(1);
const letters = [..."DEFGABcdefg"];

/** Eight bars of 6/8 in G: steps up and down, and a long G at the end of each half. */
function jig(number: number): string {
  let at = 3;
  const next = (): string => {
    at = Math.max(0, Math.min(letters.length - 1, at + random.integer(3) - 1));
    return letters[at] as string;
  };
  const half = (): string => {
    const bars = Array.from({ length: 3 }, () => Array.from({ length: 6 }, next).join(""));
    at = 3;
    return `${[...bars, "G3 G3"].join("|")}`;
  };
  return `X:${number}\nT:Jig ${number}\nM:6/8\nL:1/8\nQ:3/8=110\nK:G\n|:${half()}:|\n|:${half()}:|\n`;
}

const tunes = abcTunes(Array.from({ length: 60 }, (_, k) => jig(k + 1)).join("\n"));
console.log(`${tunes.filter((tune) => checkAbc(tune).addsUp).length} of ${tunes.length} tunes have bars that add up`);
const pieces = tunes.map((tune) => pieceOfAbc(tune));

const mm = musicModel(pieces, { form: "events", stepsPerQuarter: 2, units: 64, seed: 2 });
const before = await evaluateMusic(mm, pieces.slice(54), { threads: 1 });
await trainMusic(mm, pieces.slice(0, 54), { epochs: 12, learningRate: 0.005, seed: 3, threads: 1 });
const after = await evaluateMusic(mm, pieces.slice(54), { threads: 1 });
console.log(`nats an event on six others: ${before.loss.toFixed(2)} before, ${after.loss.toFixed(2)} after`);

const [first] = pieces;
const bar = { ...first!, notes: first!.notes.filter(({ start }) => start < 3 * first!.ticksPerQuarter) };
const written = await generateMusic(mm, { length: 24, temperature: 0.7, prime: bar, seed: 4, threads: 1 });
const names = "C C# D D# E F F# G G# A A# B".split(" ");
const last = written.notes.at(-1)!;
console.log(
  `${written.notes.length} notes, ${secondsAt(written, last.start + last.duration).toFixed(1)} s; the first ones:`,
);
console.log(
  written.notes
    .slice(0, 12)
    .map(({ pitch }) => `${names[pitch % 12]}${Math.floor(pitch / 12) - 1}`)
    .join(" "),
);
if (process.argv[2] !== undefined) writeFileSync(process.argv[2], writeMidi(written));
