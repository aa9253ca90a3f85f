/** The engine's side of the Listen view: what is heard and what its gates are, piece by piece; and the page's, which keeps the last of it. */
import fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import { writeWav } from "../../src/formats/wav.ts";
import { cell } from "../../src/graph/cell.ts";
import { createRandom } from "../../src/nn/random.ts";
import { type Heard, listening } from "../../src/studio/engine/listening.ts";
import { type ModelHandle, openModels } from "../../src/studio/engine/open-models.ts";
import { createPauses } from "../../src/studio/engine/pauses.ts";
import { createHistory, createLastRows, fileFrames } from "../../src/studio/views/listen/history.ts";
import { kinds, examples as madeTones, sampleRate, trainingTones } from "../../src/studio/views/listen/sounds.ts";
import { classifier } from "../../src/tasks/classify/create.ts";
import { writeClassifier } from "../../src/tasks/classify/file.ts";
import { classifySession } from "../../src/tasks/classify/session.ts";
import { smallFeatures, tones } from "../tasks/classify/made.ts";

/** Of no built-in cell: a gate that is a number, a state that is a matrix. */
const own = cell(`
  keep = sigmoid(sum(v * x))         # how much of the past is kept
  key  = tanh(W_k @ x)
  C'   = keep * C + outer(key, key)  # the memory, a matrix
  h'   = tanh(C @ key + U @ h)
`);
const examples = tones(8);
const made = classifier(examples, { features: smallFeatures, units: 4, cell: own, bidirectional: false, label: "own" });
const handle: ModelHandle = 901;
const [, second] = examples as [unknown, (typeof examples)[number]];
const wav = () => writeWav(second.samples, 8000) as Uint8Array<ArrayBuffer>;
beforeAll(() => openModels.openModel(handle, writeClassifier(made), "own"));

test("the values are the lines of the equations of each layer with states, by their names, whatever the cell is", async () => {
  const { values, whole } = await listening.classifierFacts(handle);
  expect(whole).toBe(undefined);
  expect(values.filter(({ layer }) => layer === "own")).toEqual([
    { key: "own.keep", layer: "own", name: "keep", size: 1, gate: true, description: "how much of the past is kept" },
    { key: "own.key", layer: "own", name: "key", size: 4, gate: false, description: undefined },
    { key: "own.C", layer: "own", name: "C", size: 16, gate: false, description: "the memory, a matrix" },
    { key: "own.h", layer: "own", name: "h", size: 4, gate: false, description: undefined },
  ]);
  expect([...new Set(values.map(({ layer }) => layer))]).toEqual(["own", "global_average_pooling1d"]);
  const both = classifier(examples, { features: smallFeatures, units: 2 });
  await openModels.openModel(902, writeClassifier(both), "both");
  expect((await listening.classifierFacts(902)).values).toEqual([]);
});

test("a small classifier of the tones that are made here tells each kind in a tone that it never heard, with its gates", async () => {
  const job = listening.trainOnSounds(trainingTones());
  let step = await job.next();
  while (step.done !== true) step = await job.next();
  await openModels.openModel(903, step.value.bytes, "tones");
  const facts = await listening.classifierFacts(903);
  for (const kind of kinds) {
    let last: Heard | undefined;
    for await (const piece of listening.classifySamples(903, madeTones[kind], sampleRate, kind)) last = piece;
    const found = [...(last as Heard).probabilities.slice(-kinds.length)];
    expect(facts.labels[found.indexOf(Math.max(...found))], kind).toBe(kind);
    expect(last?.values.map(({ length }) => length)).toEqual(facts.values.map(({ size }) => size * (last?.count ?? 0)));
  }
});

test("a file in pieces and a microphone's samples give, frame by frame, what a session of the library does", async () => {
  const facts = await listening.classifierFacts(handle);
  const keys = facts.values.map(({ key }) => key);
  const session = await classifySession(made, { threads: 1, values: keys });
  const wanted = [...session.push(Float32Array.from(second.samples))];
  const wholeMoments = wanted.filter((_, t) => 80 * t + 200 <= 160 * Math.floor(second.samples.length / 160)).length;
  wanted.push(...session.end());
  session.dispose();
  const check = (heard: Heard, count: number): void => {
    expect([heard.count, heard.frames]).toEqual([count, count]);
    wanted.slice(0, count).forEach(({ probabilities, values }, t) => {
      expect([...heard.probabilities.subarray(2 * t, 2 * t + 2)]).toEqual(
        Object.values(probabilities).map((one) => expect.closeTo(one, 3)),
      );
      facts.values.forEach(({ key, size }, k) => {
        const found = heard.values[k]?.subarray(t * size, (t + 1) * size) as Float32Array;
        // A WAV file of 16 bits rounds samples.
        found.forEach((value, j) => {
          expect(value).toBeCloseTo(values?.[key]?.[j] as number, 2);
        });
      });
    });
  };
  const history = createHistory(facts, fileFrames(facts));
  let heard: Heard | undefined;
  for await (const piece of listening.classifySound(handle, wav(), "a.wav")) heard = history.add(piece);
  check(heard as Heard, wanted.length);

  const listener = await listening.beginListening(handle, 8000);
  for (let round = 0; round < 2; round++) {
    const recent = createHistory(facts, 1000);
    for (let at = 0; at < second.samples.length; at += 777)
      heard = recent.add(await listening.hear(listener, second.samples.slice(at, at + 777), true));
    // The last samples wait for a moment of 20 ms to be whole.
    check(heard as Heard, wholeMoments);
    await listening.forgetHeard(listener);
  }
  await listening.endListening(listener);
  await expect(listening.hear(listener, new Float32Array(9), true)).rejects.toThrow("It listens no longer.");
});

/** Sounds with half a second of quiet noise before, between and after them, at 8 kHz. */
function spoken(...sounds: readonly Float32Array[]): Float32Array {
  const random = createRandom(5);
  const quiet = () => Array.from({ length: 4000 }, () => 0.001 * random.normal());
  return Float32Array.from([...sounds.flatMap((sound) => [...quiet(), ...sound]), ...quiet()]);
}

test("after a pause it begins anew, with what came shortly before, and tells what it took each sound for once that is over", async () => {
  const listener = await listening.beginListening(handle, 8000);
  const sounds = examples.slice(0, 2).map(({ samples }) => samples);
  const all = spoken(...sounds);
  const words: Heard["words"][number][] = [];
  let heard: Heard | undefined;
  for (let at = 0; at < all.length; at += 1000) {
    heard = await listening.hear(listener, all.slice(at, at + 1000), true);
    words.push(...heard.words);
  }
  expect(heard?.since).toBeLessThan((heard?.frames ?? 0) / 2);
  const wanted: (readonly number[])[] = [];
  for (const [k, sound] of sounds.entries()) {
    const begin = 4000 * (k + 1) + sounds.slice(0, k).reduce((sum, { length }) => sum + length, 0);
    const session = await classifySession(made);
    // What comes shortly before is five moments of 20 ms; a moment need not begin where the sound does.
    const from = 160 * (Math.floor(begin / 160) - 5);
    const said = session.push(all.subarray(from, begin + sound.length + 160));
    wanted.push(said.slice(-6).map(({ probability }) => probability));
    session.dispose();
  }
  expect(words.length).toBe(2);
  words.forEach(({ probability }, k) => {
    expect(wanted[k]).toContain(probability);
  });
  for (let at = 0; at < all.length; at += 1000) {
    heard = await listening.hear(listener, all.slice(at, at + 1000), false);
    expect(heard.words).toEqual([]);
  }
  await listening.endListening(listener);
});

test("pauses: each sound begins and ends once, at the same place whatever the pieces; noise alone never begins", () => {
  const all = spoken(...examples.slice(0, 3).map(({ samples }) => samples));
  const moments = (sound: Float32Array, piece: number) => {
    const push = createPauses(8000);
    return Array.from({ length: Math.ceil(sound.length / piece) }, (_, k) =>
      push(sound.subarray(k * piece, (k + 1) * piece)),
    ).flat();
  };
  const whole = moments(all, all.length);
  expect(whole.filter(({ lead }) => lead !== undefined).map(({ lead }) => lead?.length)).toEqual([800, 800, 800]);
  expect(whole.filter(({ ends }) => ends).length).toBe(3);
  for (const piece of [1, 128, 777]) expect(moments(all, piece)).toEqual(whole);
  const random = createRandom(6);
  for (const level of [0, 1e-6, 0.01, 1]) {
    const noise = Float32Array.from({ length: 40_000 }, () => level * random.normal());
    expect(moments(noise, 4000).some(({ lead, loud, ends }) => lead !== undefined || loud || ends)).toBe(false);
  }
});

test("the last rows are the last rows, whatever the pieces", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 4 }),
      fc.integer({ min: 1, max: 9 }),
      fc.array(fc.integer({ min: 0, max: 25 }), { maxLength: 30 }),
      (size, most, pieces) => {
        const add = createLastRows(size, most);
        const all: number[] = [];
        for (const rows of pieces) {
          const piece = Float32Array.from({ length: rows * size }, (_, k) => all.length + k);
          all.push(...piece);
          expect([...add(piece)]).toEqual(all.slice(Math.max(0, all.length - most * size)));
        }
      },
    ),
  );
});
