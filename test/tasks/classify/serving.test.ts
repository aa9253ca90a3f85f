import { expect, test } from "vitest";
import { writeWav } from "../../../src/formats/wav.ts";
import { openModels } from "../../../src/studio/engine/open-models.ts";
import { classifier, classify, writeClassifier } from "../../../src/tasks/classify.ts";
import { serving } from "../../server/serving.ts";
import { slopes, smallFeatures, tones } from "./made.ts";

const digits = classifier(tones(6), { units: 4, features: smallFeatures, seed: 1 });
const series = classifier(slopes(6), { units: 4, seed: 1 });
const here = await serving({}, { digits, series });
const ask = async (body: object): Promise<[number, unknown]> => {
  const answer = await here.post("/v1/classifications", body);
  return [answer.status, await answer.json()];
};
const sound = tones(1)[0] as ReturnType<typeof tones>[number];
const audio = Buffer.from(writeWav(sound.samples, 8000)).toString("base64");
const refused = (message: string) => [400, { error: expect.objectContaining({ message }) }];

test("a server gives the class of a WAV file in base64, and of rows of numbers, as the library does", async () => {
  const samples = sound.samples.map((one) => Math.max(-32768, Math.min(32767, Math.round(32768 * one))) / 32768);
  const [{ label, probability, probabilities }] = (await classify(digits, [{ samples, sampleRate: 8000 }])) as [
    { label: string; probability: number; probabilities: object },
  ];
  expect(await ask({ model: "digits", audio })).toEqual([200, { label, probability, probabilities }]);
  const rows = [
    [1, 2],
    [2, 3],
  ];
  const [wanted] = await classify(series, [{ rows }]);
  expect(await ask({ model: "series", rows })).toEqual([200, wanted]);
});

test("what a model does not read is told to the client in a line", async () => {
  const either = "audio: give one of audio, a WAV file in base64, rows of numbers, and text";
  expect(await ask({ model: "digits" })).toEqual(refused(either));
  expect(await ask({ model: "digits", audio, rows: [[1]] })).toEqual(refused(either));
  expect(await ask({ model: "digits", audio: "***" })).toEqual(refused("audio: is not base64"));
  expect(await ask({ model: "digits", audio: audio.slice(0, 400) })).toMatchObject([
    400,
    { error: { message: expect.stringMatching(/^audio: it is cut: its header says/) } },
  ]);
  expect(await ask({ model: "digits", rows: [[1]] })).toEqual(
    refused("rows: it is rows of numbers, and the model reads sound"),
  );
  expect(await ask({ model: "series", rows: [[1, 2], [3]] })).toEqual(refused("rows: row 1 has 1 numbers, expected 2"));
  expect(await ask({ model: "series", rows: [] })).toEqual(refused("rows: has no rows. Leave it out."));
});

test("a field of another type, and sound of too low a rate, are told in a line", async () => {
  for (const [body, message] of [
    [{ audio: 5 }, "audio: needs text, got 5."],
    [{ rows: "1,2" }, 'rows: needs a list, got "1,2".'],
    [{ rows: [1, 2] }, "rows.0: needs a list, got 1."],
    [{ rows: [[1, null]] }, "rows.0.1: needs a number, got null."],
  ] as const) {
    expect(await ask({ model: "series", ...body })).toEqual(refused(message));
  }
  expect(await ask({ model: "series", rows: [[1e300, 2]] })).toEqual(
    refused("rows: row 0, column 0: 1e+300 is too far from the numbers of the training. Correct it."),
  );
  expect(await ask({ model: "series", audio: null, rows: [[1, 2]] })).toMatchObject([200, {}]);
  const slow = Buffer.from(writeWav(sound.samples, 1000)).toString("base64");
  expect(await ask({ model: "digits", audio: slow })).toMatchObject([
    400,
    { error: { message: expect.stringMatching(/^audio: its 1000 samples a second have no sound above 500 Hz/) } },
  ]);
});

test("the studio opens its file with what it is", async () => {
  const facts = await openModels.openModel(91, writeClassifier(digits), "digits");
  expect(facts).toMatchObject({ task: { kind: "classify", title: "a classifier of sequences" } });
  await openModels.closeModel(91);
});
