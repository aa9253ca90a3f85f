/**
 * Sounds as files, a classifier of them, and a session that listens: tones that rise and tones that fall, with noise. The model is saved
 * and read again, and then hears a new tone piece by piece, as from a microphone, saying after each piece what it has heard so far. Takes
 * about 5 seconds.
 */
import {
  classifier,
  classifySession,
  createRandom,
  evaluateClassifier,
  readClassifier,
  trainClassifier,
  writeClassifier,
} from "unrolled";

const random = createRandom(1);
const [sampleRate, seconds] = [8000, 0.3];

/** A tone that goes from one frequency to another, in noise. */
function tone(label: string) {
  const [low, high] = [300 + 300 * random.uniform(), 900 + 600 * random.uniform()];
  const [from, to] = label === "rises" ? [low, high] : [high, low];
  let phase = 0;
  const samples = Float32Array.from({ length: sampleRate * seconds }, (_, n) => {
    phase += (2 * Math.PI * (from + ((to - from) * n) / (sampleRate * seconds))) / sampleRate;
    return 0.3 * Math.sin(phase) + 0.2 * random.normal();
  });
  return { samples, sampleRate, label };
}
const tones = (count: number) => Array.from({ length: count }, (_, k) => tone(k % 2 === 0 ? "rises" : "falls"));

const examples = tones(80);
const made = classifier(examples, { units: 16, bidirectional: false, features: { melBands: 20 }, seed: 1 });
await trainClassifier(made, examples, {
  epochs: 15,
  learningRate: 0.01,
  augment: { shiftMs: 30, gainDb: 6 },
  onEpoch: ({ epoch, validationLoss = 0, validationAccuracy = 0 }) => {
    if (epoch % 5 === 0)
      console.log(
        `epoch ${epoch}  held out: loss ${validationLoss.toFixed(3)}, ${(100 * validationAccuracy).toFixed(0)} % right`,
      );
  },
});
const heard = readClassifier(writeClassifier(made)); // What a file would hold.
const { accuracy, confusion } = await evaluateClassifier(heard, tones(100));
console.log(`${(100 * accuracy).toFixed(0)} of 100 new tones right; confusion ${JSON.stringify(confusion)}`);

const session = await classifySession(heard);
const { samples, label } = tone("rises");
console.log(`\nA tone that ${label}, 60 milliseconds at a time`);
for (let at = 0; at < samples.length; at += 480) {
  const last = session.push(samples.subarray(at, at + 480)).at(-1);
  if (last)
    console.log(
      `  after ${(at + 480) / 8} ms  ${last.label} ${"#".repeat(Math.round(20 * last.probability))} ${last.probability.toFixed(2)}`,
    );
}
session.dispose();
