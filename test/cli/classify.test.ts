import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import { classify } from "../../src/cli/classify.ts";
import { detect } from "../../src/cli/detect.ts";
import { evaluate } from "../../src/cli/evaluate.ts";
import { type Command, helpOf } from "../../src/cli/options.ts";
import { runCommand } from "../../src/cli/run.ts";
import { writeWav } from "../../src/formats/wav.ts";
import { readClassifier } from "../../src/tasks/classify.ts";
import { lines, said, written } from "../helpers/command-output.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";
import { slopes, tones } from "../tasks/classify/made.ts";
import { reviews } from "../tasks/classify/made-reviews.ts";

const folder = temporaryFolder();
const at = (...names: string[]): string => join(folder, ...names);
mkdirSync(at("tones"));
tones(30).forEach(({ samples, label }, k) => {
  writeFileSync(at("tones", `${label}_${k}.wav`), writeWav(samples, 8000));
});
const table = (count: number, seed: number): string =>
  [
    "id,label,height,noise",
    ...slopes(count, seed).flatMap(({ rows, label }, k) => rows.map((row) => [k, label, ...row].join(","))),
  ].join("\n");
writeFileSync(at("slopes.csv"), table(40, 1));
writeFileSync(at("more.csv"), table(10, 2));

const small = ["--units", "8", "--bands", "12", "--epochs", "12", "--rate", "0.02", "--threads", "1", "--dropout", "0"];

const model = at("tones.safetensors");
const trained = await lines(classify, at("tones"), "--out", model, "--one-way", "--augment", "none", ...small);

describe("classify", () => {
  test("trains on a folder: start, an epoch a line, done with measures; the file has the classifier", () => {
    expect(trained[0]).toMatchObject({ event: "start", examples: 30, labels: ["down", "up"] });
    expect(trained.slice(1, -1).map(({ event, epoch }) => [event, epoch])).toEqual(
      Array.from({ length: trained.length - 2 }, (_, k) => ["progress", k + 1]),
    );
    expect(trained.at(-1)).toMatchObject({
      event: "done",
      file: model,
      validation: {
        examples: 6,
        confusion: [
          [3, 0],
          [0, 3],
        ],
      },
    });
    const of = readClassifier(readFileSync(model), model);
    expect([of.labels, of.input]).toMatchObject([
      ["down", "up"],
      { kind: "audio", features: { melBands: 12, sampleRate: 8000 } },
    ]);
    expect(of.options).toMatchObject({ epochs: 12, learningRate: 0.02 });
  });

  test("prints measures and the confusion matrix for people", async () => {
    const out = await written(
      classify,
      at("slopes.csv"),
      "--out",
      at("s.safetensors"),
      "--units",
      "6",
      "--epochs",
      "30",
      "--rate",
      "0.02",
      "--threads",
      "1",
    );
    expect(out).toMatch(
      /^Of 8 examples held out, by the model of epoch \d+:\n\n[\d.]+ % right \(\d of 8\), loss [\d.]+ nats, F1 [\d.]+ %\n/,
    );
    expect(out).toMatch(/\nclass +examples +precision +recall +F1\nfall +4 +[\d.]+ %/);
    expect(out).toMatch(/\n {6}fall {2}rise\nfall +\S +\S\nrise +\S +\S\n$/);
  });

  test("says which columns are constant, and trains with their values as 0", async () => {
    const rows = slopes(10, 3).flatMap(({ rows: all, label }, k) => all.map((row) => [k, label, row[0], 7, row[1], 0]));
    writeFileSync(at("flat.csv"), ["id,label,height,gain,noise,off", ...rows.map((row) => row.join(","))].join("\n"));
    let said = "";
    const err = vi.spyOn(process.stderr, "write").mockImplementation((text) => {
      said += text;
      return true;
    });
    const args = [at("flat.csv"), "--units", "2", "--epochs", "1", "--threads", "1", "--out", at("flat.safetensors")];
    const out = vi.spyOn(process.stdout, "write").mockReturnValue(true);
    await runCommand(classify, args).finally(() => {
      err.mockRestore();
      out.mockRestore();
    });
    expect(said).toContain(
      `\n${at("flat.csv")}: the 2 columns "gain", "off" have one value each in all rows and say nothing of the class; ` +
        "they are not scaled. Leave them out if that is not meant.\n",
    );
    expect(said).toMatch(/\nSaved \S+flat\.safetensors after 1 epoch\.\n$/);
    const { scaling } = readClassifier(readFileSync(at("flat.safetensors")), "flat").input;
    expect([scaling.mean[1], scaling.deviation[1], scaling.mean[3], scaling.deviation[3]]).toEqual([7, 1, 0, 1]);
    expect((await lines(classify, ...args, "--overwrite"))[0]).toMatchObject({ constantColumns: ["gain", "off"] });
    expect(trained[0]).not.toHaveProperty("constantColumns");
  });

  test("Ctrl-C before the end of the first epoch replaces nothing", async () => {
    const before = readFileSync(model);
    const once = vi.spyOn(process, "on").mockImplementation((event, listener) => {
      if (event === "SIGINT") listener();
      return process;
    });
    try {
      const all = await lines(classify, at("tones"), "--out", model, "--overwrite", ...small);
      expect([all.map(({ event }) => event), process.exitCode]).toEqual([["start"], 130]);
    } finally {
      process.exitCode = undefined;
      once.mockRestore();
    }
    expect(readFileSync(model)).toEqual(before);
  });

  test("classifies files, a folder and a table with --model: a line a file", async () => {
    const [one, two] = await lines(classify, "--model", model, at("tones/up_0.wav"), at("tones/down_1.wav"));
    expect([one, two]).toMatchObject([
      { file: at("tones/up_0.wav"), label: "up" },
      { file: at("tones/down_1.wav"), label: "down" },
    ]);
    const { up, down } = (one as { probabilities: Record<string, number> }).probabilities as {
      up: number;
      down: number;
    };
    expect([up, up + down]).toEqual([one?.probability, expect.closeTo(1, 6)]);
    expect(await lines(classify, "--model", model, at("tones"))).toHaveLength(30);
    expect(await lines(classify, "--model", at("s.safetensors"), at("more.csv"))).toHaveLength(10);
    const people = await written(classify, "--model", model, at("tones/up_0.wav"));
    expect(people).toMatch(/^file +class {2}probability {2}next\n\S+up_0\.wav {2}up +[\d.]+ % +down [\d.]+ %\n$/);
  });

  test("evaluate measures it", async () => {
    expect(await lines(evaluate, model, at("tones"))).toMatchObject([
      {
        examples: 30,
        accuracy: 1,
        labels: ["down", "up"],
        confusion: [
          [15, 0],
          [0, 15],
        ],
      },
    ]);
    expect(await lines(evaluate, at("s.safetensors"), at("more.csv"))).toMatchObject([{ examples: 10 }]);
    expect(await written(evaluate, model, at("tones"))).toContain("100.0 % right (30 of 30)");
  });

  test("help fits 80 columns", () => {
    for (const command of [classify, detect, evaluate])
      for (const line of helpOf(command).split("\n")) expect(line.length, line).toBeLessThan(80);
  });
});

test("classify, detect and evaluate read a table's columns by their names", async () => {
  const own = at("s2.safetensors");
  const how = ["--units", "4", "--epochs", "2", "--threads", "1"];
  await lines(classify, at("slopes.csv"), "--out", own, ...how);
  const [head = "", ...rows] = table(4, 3).split("\n");
  const turned = (line: string): string => {
    const [id, label, height, noise] = line.split(",");
    return [noise, label === "label" ? "more" : 7, id, height, label].join(",");
  };
  writeFileSync(at("straight.csv"), [head, ...rows].join("\n"));
  writeFileSync(at("turned.csv"), [head, ...rows].map(turned).join("\n"));
  for (const command of [classify, detect] as const) {
    const least = command === detect ? ["--threshold", "0", "--least", "1"] : [];
    const of = async (name: string) =>
      (await lines(command, "--model", own, at(name), ...least)).map(({ file: _, ...rest }) => rest);
    expect(await of("turned.csv")).toEqual(await of("straight.csv"));
  }
});

test("detect finds a class in a long recording: a line an event, or a table", async () => {
  const [{ samples }] = tones(1, 7) as [ReturnType<typeof tones>[number]];
  writeFileSync(at("long.wav"), writeWav(samples, 8000));
  const events = await lines(detect, "--model", model, at("long.wav"), "--least", "1", "--threshold", "0.3");
  expect(events.some(({ label, start, end }) => label === "up" && (start as number) < (end as number))).toBe(true);
  expect(await written(detect, "--model", model, at("long.wav"), "--least", "1", "--threshold", "0.3")).toMatch(
    /^file +start +end +class +probability\n/,
  );
  expect(await written(detect, "--model", model, at("long.wav"), "--threshold", "0.9999", "--window", "0.05")).toBe(
    "No class was found. Give a lower --threshold.\n",
  );
  const seconds = Number((samples.length / 8000).toFixed(2));
  const whole = [at("long.wav"), "--threshold", "0.9999", "--window", "100"];
  expect(await written(detect, "--model", model, ...whole)).toBe(
    `No class was found: --window 100 is longer than ${at("long.wav")} (${seconds} s). Give a shorter one.\n`,
  );
  expect(await written(detect, "--model", model, ...whole, at("tones/up_0.wav"))).toContain(" s) and 1 more. Give a");
});

describe("one line for", () => {
  const bytes = readFileSync(at("tones/up_0.wav"));
  writeFileSync(at("cut.wav"), bytes.subarray(0, 500));
  writeFileSync(at("empty.wav"), "");
  writeFileSync(at("huge.csv"), "id,label,a\n1,up,1\n3,down,1e999\n");
  writeFileSync(at("strange.csv"), "id,label,height,noise\n1,rise,1,2\n2,flat,1,2\n2,flat,1,2\n");
  writeFileSync(at("slow.wav"), writeWav(tones(1)[0]?.samples ?? [], 1000));
  writeFileSync(at("groups.csv"), "id,label,group,a\n1,up,x,1\n2,up,x,3\n3,down,y,2\n4,down,y,4\n");
  writeFileSync(at("up.sound"), bytes);
  writeFileSync(at("listed.csv"), "file,label\nup.sound,up\ntones/down_1.wav,down\n");
  const packed = new Uint8Array(bytes);
  packed[20] = 85;
  writeFileSync(at("packed.wav"), packed);
  mkdirSync(at("one"));
  mkdirSync(at("rare"));
  mkdirSync(at("strange"));
  for (const name of [
    "one/up_1.wav",
    "one/up_2.wav",
    "rare/up_1.wav",
    "rare/up_2.wav",
    "rare/down_1.wav",
    "strange/left_1.wav",
  ]) {
    writeFileSync(at(name), bytes);
  }
  const out = at("never.safetensors");
  test.each<[string, Command, string[], RegExp]>([
    [
      "a cut file",
      classify,
      ["--model", model, at("cut.wav")],
      /cut\.wav: it is cut: its header says [\d,]+ bytes of samples, 456 are there\./,
    ],
    ["an empty file", classify, ["--model", model, at("empty.wav")], /empty\.wav: the file is empty\./],
    ["a compressed file", classify, ["--model", model, at("packed.wav")], /packed\.wav: it is compressed \(MP3\);/],
    ["a file that is not there", classify, ["--model", model, at("no.wav")], /no\.wav: there is no such file\./],
    [
      "a single class",
      classify,
      [at("one"), "--out", out],
      /one: all 2 examples have the label "up"\. Give examples of at least 2 classes\./,
    ],
    [
      "a class of one example",
      classify,
      [at("rare"), "--out", out],
      /down_1\.wav: it is the only example with the label "down"; .* leave it out,/,
    ],
    [
      "a label never seen in training",
      evaluate,
      [model, at("strange")],
      /left_1\.wav: the label "left" was never seen in training; the model knows down, up\./,
    ],
    [
      "such a label in a table",
      evaluate,
      [at("s.safetensors"), at("strange.csv")],
      /strange\.csv: line 3, column "label": the label "flat" was never seen in training; the model knows fall, rise\./,
    ],
    [
      "mel bands that there are not at a rate",
      classify,
      [at("tones"), "--out", out, "--sample-rate", "1000"],
      /^--bands: 40 mel bands from 0 to 500 Hz are narrower than .* Give at most 30 mel bands, or a higher --sample-rate\.$/,
    ],
    [
      "sound of too low a rate to classify",
      classify,
      ["--model", model, at("slow.wav")],
      /slow\.wav: its 1000 samples a second have no sound above 500 Hz, where \d+ of the model's 12 mel bands are\. .* train a model with --sample-rate 1000\.$/,
    ],
    ["such sound to detect in", detect, ["--model", model, at("slow.wav")], /slow\.wav: its 1000 samples a second/],
    [
      "groups that leave a class without examples",
      classify,
      [at("groups.csv"), "--out", out],
      /groups\.csv: all examples with the label "(up|down)" are of groups that are kept for validation\. Give another --seed\.$/,
    ],
    [
      "a model of sound for a table",
      evaluate,
      [model, at("more.csv")],
      /more\.csv: is a table of numbers, and \S+tones\.safetensors reads sound\. Give a folder of WAV files, or a CSV file with the columns file and label\.$/,
    ],
    [
      "such a table to classify",
      classify,
      ["--model", model, at("more.csv")],
      /more\.csv: is a table of numbers, and \S+tones\.safetensors reads sound\. Give a WAV file, a folder/,
    ],
    [
      "such a table to detect in",
      detect,
      ["--model", model, at("more.csv")],
      /more\.csv: it is text, not a WAV file\./,
    ],
    ...([classify, detect] as const).map((command): [string, Command, string[], RegExp] => [
      `a model of numbers for sound: ${command.name}`,
      command,
      ["--model", at("s.safetensors"), at("tones", "up_0.wav")],
      /up_0\.wav: is sound, and \S+s\.safetensors reads numbers\. Give a CSV file with the columns id, height, noise\.$/,
    ]),
    [
      "a model of numbers for a folder",
      evaluate,
      [at("s.safetensors"), at("tones")],
      /tones: is a folder, and \S+s\.safetensors reads numbers\. Give a CSV file with the columns id, label, height, noise\.$/,
    ],
    [
      "options of sound for a table",
      classify,
      [at("slopes.csv"), "--out", out, "--bands", "8"],
      /this is a table of numbers\. Leave them out\./,
    ],
    ["neither --out nor --model", classify, [at("tones")], /^give --out MODEL\.safetensors to train/],
    [
      "both",
      classify,
      [at("tones"), "--out", out, "--model", model],
      /^--model: classifies, and --out trains\. Give one of the two\./,
    ],
    [
      "a model that is there",
      classify,
      [at("tones"), "--out", model],
      /exists already\. Give another name, or --overwrite/,
    ],
    [
      "a model that would replace a recording",
      classify,
      [at("tones"), "--out", at("tones/up_0.wav"), "--overwrite"],
      /^--out: \S+up_0\.wav ends with \.wav, as a recording\. Give a name that ends with \.safetensors\.$/,
    ],
    [
      "a model that would replace a recording of a table",
      classify,
      [at("listed.csv"), "--out", at("up.sound"), "--overwrite"],
      /up\.sound: is the file that is read\./,
    ],
    [
      "a model that would replace the table",
      classify,
      [at("slopes.csv"), "--out", at("slopes.csv"), "--overwrite"],
      /slopes\.csv: is the file that is read\./,
    ],
    [
      "a number that is too large",
      classify,
      [at("huge.csv"), "--out", out],
      /huge\.csv: line 3, column "a": 1e999 is too large, expected at most 1e\+100\. Correct it\.$/,
    ],
    ["no model", detect, [at("cut.wav")], /^--model is missing\./],
    [
      "a class to ignore that there is not",
      detect,
      ["--model", model, at("tones/up_0.wav"), "--ignore", "x"],
      /^--ignore: the model has no label "x"; it has down, up$/,
    ],
  ])("%s", async (_, command, args, message) => {
    const error = await written(command, ...args).then(
      () => undefined,
      (one: unknown) => one as Error,
    );
    expect(error?.message).toMatch(message);
    expect(error?.name).toMatch(/^(InputError|FormatError)$/);
    expect(error?.message).not.toContain("\n");
    // Nor a summary before it.
    expect(said).toBe("");
  });
});

describe("texts", () => {
  const texts = reviews(60, 1);
  const csv = ["stars,review", ...texts.map(({ label, text }) => `${label},${text}`)].join("\n");
  writeFileSync(at("reviews.csv"), csv);
  for (const label of ["good", "bad"] as const) {
    const own = texts.filter((one) => one.label === label).map(({ text }) => text);
    writeFileSync(at(`${label}.txt`), own.join("\n"));
  }
  const file = at("reviews.safetensors");
  const options = [
    ...["--dropout", "0.1", "--epochs", "16", "--patience", "16", "--units", "8", "--embedding", "8"],
    ...["--min-count", "1", "--rate", "0.02", "--batch", "8", "--threads", "1"],
  ];

  test("a table whose columns are named; texts from the command line, a table and lines", async () => {
    const made = await lines(
      classify,
      at("reviews.csv"),
      "--text",
      "review",
      "--label",
      "stars",
      "--out",
      file,
      ...options,
    );
    expect(made[0]).toMatchObject({ event: "start", examples: 60, labels: ["bad", "good"] });
    const [said] = await lines(classify, "--model", file, "the plot was awful");
    expect(said).toMatchObject({ text: "the plot was awful", label: "bad" });
    const tokens = said?.tokens as { token: string; saliency: number }[];
    expect(tokens.map(({ token }) => token)).toEqual(["the", "plot", "was", "awful"]);
    expect(await written(classify, "--model", file, "a lovely film", "an awful film")).toMatch(/good[\s\S]*bad/);
    expect(await lines(classify, "--model", file, at("reviews.csv"), "--text", "review")).toHaveLength(60);
    expect(await lines(classify, "--model", file, at("good.txt"))).toHaveLength(30);
    const missing = await written(classify, "--model", file, "nofile.txt").catch(({ message }) => message);
    expect(missing).toMatch(/^nofile\.txt: /);
  });
  test("a file of texts for each label; evaluate measures them", async () => {
    const model = at("two.safetensors");
    const made = await lines(classify, at("good.txt"), at("bad.txt"), "--out", model, ...options);
    expect(made[0]).toMatchObject({ labels: ["bad", "good"] });
    const [measured] = await lines(evaluate, model, at("reviews.csv"), "--text", "review", "--label", "stars");
    expect(measured?.accuracy).toBeGreaterThan(0.9);
    const [ofFiles] = await lines(evaluate, model, at("good.txt"), at("bad.txt"));
    expect(ofFiles).toMatchObject({ examples: 60, confusion: measured?.confusion });
    const refused = (...args: string[]) => written(classify, ...args).catch(({ message }) => message);
    writeFileSync(at("quoted.pos"), 'it is "good"\nanother\n');
    expect(await refused(at("quoted.pos"), "--out", at("x"))).toMatch(
      /If it is a file of texts.*one for each label\.$/,
    );
    expect(await refused("--model", model, " ")).toBe("a text to classify is empty. Give one, or a file.");
    expect(await refused(at("reviews.csv"), "--text", "review", "--out", at("x"))).toContain(
      'line 1 has no column "label"; it has stars, review.',
    );
    const unused = written(classify, "--model", model, at("good.txt"), "--epochs", "3");
    await expect(unused).rejects.toThrow("--epochs: is for training; the model of --model has its own. Leave it out.");
  });
});
