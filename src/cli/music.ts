/** `unrolled music`: train a model on MIDI files or tunebooks, or write music with one. */
import { secondsAt } from "../data/piece.ts";
import { readInput, writeFileAtomically } from "../formats/files.ts";
import { writeMidi } from "../formats/midi.ts";
import { type MusicFiles, type NamedPiece, readMusicFiles } from "../formats/music-files.ts";
import { InputError } from "../graph/input-error.ts";
import { checkFiniteValues } from "../nn/finite-values.ts";
import { countParameters } from "../nn/model.ts";
import { openByTask } from "../tasks/index.ts";
import {
  evaluateMusic,
  generateMusic,
  type MusicForm,
  type MusicModel,
  musicModel,
  trainMusic,
  writeMusicModel,
} from "../tasks/music.ts";
import { readCell } from "./cell-argument.ts";
import { hostOptions, usableHostOf } from "./host-options.ts";
import { untilInterrupted } from "./interrupt.ts";
import { type Command, type Given, seedRange } from "./options.ts";
import { formatCount, isTerminal, printable, warn, writeJson } from "./output.ts";
import { checkOutputs } from "./outputs.ts";
import { savingBest } from "./saving.ts";

const whole = (min: number, max = 100_000) => ({ whole: true, min, max });

export const music: Command = {
  name: "music",
  usage: "music FILE... --out MODEL | --model MODEL --midi FILE [PRIME]",
  summary: "learn from MIDI files or ABC tunes, and write music",
  details: [
    "With --out it trains on .mid, .midi and .abc files, or all of them in a folder,",
    "and saves the model of the best epoch on the pieces that are held out. As",
    "events a model reads notes, lengths, velocities and shifts of time; as a roll",
    "which of 88 keys sound at each step.",
    "",
    "With --model it writes music into --midi: from silence or, with a file PRIME,",
    "going on from its end. With --json a line for each note, times in seconds.",
  ].join("\n"),
  examples: [
    "music tunes.abc --out tunes.safetensors --transpose 3",
    "music --model tunes.safetensors --midi new.mid --temperature 0.9",
    "music --model rolls.safetensors --midi on.mid --hold 48 begin.mid",
  ],
  outlivesReader: true,
  arguments: [0, 10_000],
  options: {
    out: { value: "MODEL", help: "train, and save the model here" },
    model: { value: "MODEL", help: "write with this model" },
    midi: { value: "FILE.mid", help: "file to write the music into" },
    form: { value: "NAME", help: "how music is read [events]", choices: ["events", "roll"] },
    grid: { value: "N", help: "steps of a quarter; 12 for triplets too [4]", number: whole(1, 96) },
    cell: { value: "CELL", help: "built-in, or a file of equations [lstm]" },
    units: { value: "N", help: "of each recurrent layer [128]", number: whole(1) },
    layers: { value: "N", help: "recurrent layers [1]", number: whole(1, 100) },
    dropout: { value: "X", help: "rate of what is left out in training [0.2]", number: { min: 0, max: 0.95 } },
    transpose: { value: "N", help: "learn pieces up to so many semitones off [0]", number: whole(0, 12) },
    epochs: { value: "N", help: "passes over the music [30]", number: whole(1) },
    batch: { value: "N", help: "windows side by side [16]", number: whole(1) },
    steps: { value: "N", help: "of a window [64]", number: whole(1, 10_000) },
    rate: { value: "X", help: "learning rate of Adam [0.002]", number: { above: 0 } },
    validation: { value: "X", help: "share of the pieces held out [0.1]", number: { min: 0, max: 0.9 } },
    repair: { help: "mend notes that hang or overlap; leave out tunes that break off" },
    length: { value: "X", help: "quarters to write [32]", number: { above: 0, max: 100_000 } },
    temperature: { value: "X", help: "below 1 more predictable [1]", number: { min: 0 } },
    "top-k": { value: "N", help: "draw from the N likeliest events", number: whole(1) },
    "top-p": { value: "X", help: "draw from events of this probability", number: { above: 0, max: 1 } },
    hold: { value: "PITCHES", help: "that sound all the time, as 48,55" },
    seed: { value: "N", help: "of the training, or of what is drawn [0]", number: seedRange },
    overwrite: { help: "replace files that exist" },
    ...hostOptions("that work; same result [cores]"),
  },
  async run(given) {
    const [out, model, midi] = [given.text("out"), given.text("model"), given.text("midi")];
    if ((out === undefined) === (model === undefined)) {
      throw new InputError(
        out === undefined
          ? "give --out MODEL to train, or --model MODEL to write with one."
          : "--out trains a model and --model writes with one. Give one of the two.",
      );
    }
    checkUnused(given, out === undefined ? trainingOnly : writingOnly, out === undefined ? "training" : "writing");
    if (out !== undefined) return train(given, out);
    if (midi === undefined && !given.flag("json"))
      throw new InputError("give --midi FILE.mid, where the music is to be written.");
    const file = model as string;
    await openByTask(readInput(file), file, "`music`", { music: (mm) => write(mm, file, given) });
  },
};

const trainingOnly = "form grid cell units layers dropout transpose epochs batch steps rate validation".split(" ");
const writingOnly = "midi length temperature top-k top-p hold".split(" ");
function checkUnused(given: Given, names: readonly string[], what: string): void {
  const unused = names.find((name) => given.text(name) !== undefined);
  if (unused !== undefined) throw new InputError(`--${unused}: is for ${what}. Leave it out.`);
}

type Names = Readonly<Record<string, string>>;
/** The options that are given as numbers, by their names in the library. */
const numbersOf = (given: Given, names: Names): Record<string, number> =>
  Object.fromEntries(
    Object.entries(names).flatMap(([name, option]) => {
      const value = given.number(option);
      return value === undefined ? [] : [[name, value]];
    }),
  );

/** The pieces of the files that are given; what is left out is told. */
function piecesOf(given: Given, paths: readonly string[]): readonly NamedPiece[] {
  const { pieces, left } = readAll(paths, given.flag("repair"));
  for (const line of left) warn(`left out: ${line}`, given.flag("json"));
  return pieces;
}

/** The library says what is wrong with a note or a tune; the option that mends it is the command's. */
function readAll(paths: readonly string[], repair: boolean): MusicFiles {
  try {
    return readMusicFiles(paths, { repair });
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    error.message = error.message
      .replace(/, or read it with `repair`\.$/, ", or give --repair.")
      .replace(/(\.abc: line \d+: .*[^.])$/is, "$1. Correct the tune, or give --repair to leave it out.");
    throw error;
  }
}

async function train(given: Given, out: string): Promise<void> {
  const json = given.flag("json");
  if (/\.(midi?|abc)$/i.test(out)) {
    throw new InputError(`--out: ${out} ends as a file of music. Give a name that ends with .safetensors.`);
  }
  if (given.positionals.length === 0) {
    throw new InputError("give files that end with .mid, .midi or .abc, or a folder of them, to train on.");
  }
  checkOutputs([out], given.positionals, given);
  const { quantize: _, ...host } = await usableHostOf(given);
  const pieces = piecesOf(given, given.positionals).map(({ piece }) => piece);
  const cell = given.text("cell");
  const form = given.text("form") as MusicForm | undefined;
  const where = given.positionals.join(", ");
  const mm = await naming(where, () =>
    musicModel(pieces, {
      ...(form !== undefined && { form }),
      ...(cell !== undefined && { cell: readCell(cell) }),
      ...numbersOf(given, {
        stepsPerQuarter: "grid",
        units: "units",
        layers: "layers",
        dropout: "dropout",
        seed: "seed",
      }),
    }),
  );
  const parameters = countParameters(mm.model);
  if (json) writeJson({ event: "start", pieces: pieces.length, parameters, form: mm.settings.form });
  else {
    process.stderr.write(
      printable(`${where}: ${formatCount(pieces.length)} pieces, ${formatCount(parameters)} parameters\n`),
    );
  }
  const started = performance.now();
  const live = !json && isTerminal(process.stderr);
  const saveBest = savingBest(
    out,
    () => writeMusicModel(mm),
    (warning) => warn(warning, json),
  );
  const { result, interrupted } = await naming(where, () =>
    untilInterrupted("Stopping: the best so far is saved.", (signal) =>
      trainMusic(mm, pieces, {
        ...host,
        ...numbersOf(given, { epochs: "epochs", batchSize: "batch", steps: "steps", learningRate: "rate" }),
        ...numbersOf(given, { validationSplit: "validation", transpose: "transpose", seed: "seed" }),
        signal,
        onEpoch({ epoch, epochs, loss, validationLoss }) {
          saveBest(validationLoss);
          const held = validationLoss === undefined ? "" : `, validation ${validationLoss.toFixed(4)}`;
          if (json) writeJson({ event: "epoch", epoch, loss, ...(validationLoss !== undefined && { validationLoss }) });
          else if (live || epoch % 5 === 0 || epoch === 1 || epoch === epochs)
            process.stderr.write(`epoch ${epoch} of ${epochs}  loss ${loss.toFixed(4)}${held}\n`);
        },
      }),
    ),
  );
  if (result.loss.length === 0) {
    // Only a signal ends it so early; the code is that of a process that it ends.
    process.exitCode = 130;
    process.stderr.write("Stopped before the end of an epoch: nothing is saved.\n");
    return;
  }
  checkFiniteValues(mm.model, "the model");
  writeFileAtomically(out, writeMusicModel(mm));
  const elapsedMs = performance.now() - started;
  const best = result.validationLoss.length === 0 ? undefined : Math.min(...result.validationLoss);
  if (json) {
    const held = { validationPieces: result.validationPieces, ...(best !== undefined && { validationLoss: best }) };
    writeJson({
      event: "done",
      epochs: result.loss.length,
      pieces: result.pieces,
      ...held,
      interrupted,
      file: out,
      elapsedMs,
    });
    return;
  }
  const unit = mm.settings.form === "events" ? "an event" : "a step";
  if (best !== undefined) {
    const of = `${formatCount(result.validationPieces)} piece${result.validationPieces === 1 ? "" : "s"} held out`;
    process.stdout.write(`Of ${of}: ${best.toFixed(4)} nats ${unit}.\n`);
  }
  process.stderr.write(
    printable(`Saved ${out} after ${result.loss.length} epochs, ${(elapsedMs / 1000).toFixed(0)} s.\n`),
  );
}

async function write(mm: MusicModel, file: string, given: Given): Promise<void> {
  checkFiniteValues(mm.model, file);
  const midi = given.text("midi");
  if (midi !== undefined && !/\.midi?$/i.test(midi))
    throw new InputError(`--midi: ${midi} does not end with .mid. Give a name that does.`);
  const [prime, ...more] = given.positionals;
  if (more.length > 0) throw new InputError(`${more[0]}: one file can go before. Leave the others out.`);
  if (midi !== undefined) checkOutputs([midi], [file, ...given.positionals], given);
  const host = await usableHostOf(given, { stepwise: true });
  const primes = prime === undefined ? [] : piecesOf(given, [prime]);
  const first = primes[0]?.piece;
  if (primes.length > 1)
    warn(`${prime}: has ${primes.length} pieces; this goes on from the first.`, given.flag("json"));
  const piece = await naming(file, () =>
    generateMusic(mm, {
      ...host,
      ...numbersOf(given, { length: "length", temperature: "temperature", topK: "top-k", topP: "top-p", seed: "seed" }),
      ...(first !== undefined && { prime: first }),
      hold: pitchesOf(given.text("hold")),
    }),
  );
  if (midi !== undefined) writeFileAtomically(midi, writeMidi(piece));
  if (given.flag("json")) {
    for (const { pitch, start, duration, velocity } of piece.notes) {
      const [begins, ends] = [secondsAt(piece, start), secondsAt(piece, start + duration)];
      writeJson({ pitch, start: begins, duration: ends - begins, velocity });
    }
    return;
  }
  const last = piece.notes.reduce((most, { start, duration }) => Math.max(most, start + duration), 0);
  const said = `${formatCount(piece.notes.length)} note${piece.notes.length === 1 ? "" : "s"}, ${secondsAt(piece, last).toFixed(1)} s`;
  process.stderr.write(printable(`Saved ${midi}: ${said}.\n`));
}

function pitchesOf(text: string | undefined): number[] {
  if (text === undefined) return [];
  return text.split(",").map((one) => {
    const pitch = /^\s*\d{1,3}\s*$/.test(one) ? Number(one) : Number.NaN;
    if (pitch <= 127) return pitch;
    throw new InputError(
      `--hold: needs MIDI pitches from 0 to 127 between commas, as 48,55, got ${JSON.stringify(one)}.`,
    );
  });
}

/** Measure a model on files of music. */
export async function evaluateMusicFiles(
  mm: MusicModel,
  file: string,
  paths: readonly string[],
  given: Given,
): Promise<void> {
  checkFiniteValues(mm.model, file);
  const host = await usableHostOf(given);
  const pieces = piecesOf(given, paths).map(({ piece }) => piece);
  const { loss, unit, count } = await naming(paths.join(", "), () => evaluateMusic(mm, pieces, host));
  if (given.flag("json")) return writeJson({ loss, unit, count });
  process.stdout.write(
    `loss  ${loss.toFixed(4)} nats a${unit === "event" ? "n" : ""} ${unit}, of ${formatCount(count)} ${unit}s\n`,
  );
}

/** What `work` gives; what is wrong is said of the files in place of the function. */
async function naming<Value>(where: string, work: () => Value | Promise<Value>): Promise<Value> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    error.message = error.message
      .replace(/^(?:generateMusic: )hold: /, "--hold: ")
      .replace(/^generateMusic: top([KP])/, (_, letter: string) => `--top-${letter.toLowerCase()}`)
      .replace(/^(?:musicModel|trainMusic|evaluateMusic|generateMusic): /, `${where}: `);
    throw error;
  }
}
