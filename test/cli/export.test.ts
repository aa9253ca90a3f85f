/** `unrolled export`: what it writes, what it refuses, and that every command reads it. */
import { mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { readModel, writeModel } from "../../src/formats/model-file.ts";
import { dense, lstm } from "../../src/nn/layers.ts";
import { sequential } from "../../src/nn/model.ts";
import { languageModelIn } from "../helpers/models.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";
import { said } from "../helpers/waiting.ts";
import { json, refusal, run, sampleText, start, tiny } from "./run.ts";

const folder = temporaryFolder();
const at = (name: string) => join(folder, name);

beforeAll(async () => {
  writeFileSync(at("text.txt"), sampleText(200));
  await json(folder, "train", "text.txt", "--out", "m.safetensors", "--epochs", "2", ...tiny);
  await Promise.all([
    json(folder, "export", "m.safetensors", "f32.safetensors"),
    json(folder, "export", "m.safetensors", "f16.safetensors", "--dtype", "f16"),
    json(folder, "export", "m.safetensors", "bf16.safetensors", "--dtype", "bf16"),
    json(folder, "export", "m.safetensors", "int8.safetensors", "--dtype", "int8"),
  ]);
});

describe("export", () => {
  test("writes the weights alone, and says how large the file is", async () => {
    const [line] = await json(folder, "export", "m.safetensors", "again.safetensors");
    const { model, training, tokenizer } = languageModelIn(folder, "m.safetensors");
    const exported = languageModelIn(folder, "again.safetensors");
    expect(training?.step).toBeGreaterThan(0);
    expect(exported).toEqual({ model: exported.model, tokenizer, training: undefined, optimizer: undefined });
    expect(exported.model.values).toEqual(model.values);
    const parameters = Object.values(model.values).reduce((sum, { length }) => sum + length, 0);
    const bytes = statSync(at("again.safetensors")).size;
    expect(line).toEqual({ file: "again.safetensors", dtype: "f32", parameters, bytes });
    // Weights and two numbers of Adam's each, and what the header says of them.
    expect(statSync(at("m.safetensors")).size - bytes).toBeGreaterThanOrEqual(8 * parameters);

    const { code, out, err } = await run(folder, "export", "m.safetensors", "said.safetensors", "--dtype", "bf16");
    expect({ code, out }).toEqual({ code: 0, out: "" });
    expect(err).toMatch(
      /^Saved said\.safetensors: 451 parameters in bf16, [\d,]+ bytes \(m\.safetensors: [\d,]+\)\.\n$/,
    );
  });

  test("of what was exported is the same file; f16 made f32 again has the rounded weights", async () => {
    await json(folder, "export", "f32.safetensors", "twice.safetensors");
    expect(readFileSync(at("twice.safetensors")).equals(readFileSync(at("f32.safetensors")))).toBe(true);
    await json(folder, "export", "f16.safetensors", "wide.safetensors", "--dtype", "f32");
    expect(languageModelIn(folder, "wide.safetensors").model.values).toEqual(
      languageModelIn(folder, "f16.safetensors").model.values,
    );
    expect(languageModelIn(folder, "wide.safetensors").model.values).not.toEqual(
      languageModelIn(folder, "f32.safetensors").model.values,
    );
  });

  test("takes a model without a tokenizer, and keeps what else its file says", async () => {
    const model = sequential([lstm(3), dense(2)], { input: 2 });
    writeFileSync(at("plain.safetensors"), writeModel({ model, extra: { note: { by: "me" } } }));
    await json(folder, "export", "plain.safetensors", "plain16.safetensors", "--dtype", "f16");
    expect(readModel(readFileSync(at("plain16.safetensors")), "m").extra).toEqual({ note: { by: "me" } });
  });

  test("replaces a file only with --overwrite, also the model's own", async () => {
    writeFileSync(at("old.safetensors"), readFileSync(at("m.safetensors")));
    const old = () => readFileSync(at("old.safetensors"));
    const [before, alone] = [old(), readFileSync(at("f32.safetensors"))];
    const message = "old.safetensors: exists already. Give another name, or --overwrite to replace it.";
    expect(await refusal(folder, "export", "m.safetensors", "old.safetensors")).toBe(message);
    expect(await refusal(folder, "export", "old.safetensors", "old.safetensors")).toBe(message);
    symlinkSync(at("old.safetensors"), at("link.safetensors"));
    expect(await refusal(folder, "export", "m.safetensors", "link.safetensors")).toContain(
      "link.safetensors: exists already.",
    );
    expect(old().equals(before)).toBe(true);
    await json(folder, "export", "old.safetensors", "old.safetensors", "--overwrite");
    expect(old().equals(alone)).toBe(true);
  });

  test.for<[string, string[], string | RegExp]>([
    ["no OUT", ["m.safetensors"], /^wrong number of arguments \(1\)\. Usage: unrolled export/],
    [
      "a type that is none",
      ["m.safetensors", "o", "--dtype", "f8"],
      '--dtype: needs one of f32, f16, bf16, int8, got "f8".',
    ],
    ["an OUT that is a folder", ["m.safetensors", "folder"], /^folder: is a folder/],
    ["an OUT in no folder", ["m.safetensors", "no/o"], /there is no folder no/],
    ["a MODEL that is none", ["text.txt", "o"], /^text\.txt: /],
    ["a missing MODEL", ["none", "o"], /^none: there is no such file/],
    [
      "a MODEL of NaN",
      ["nan.safetensors", "o"],
      "nan.safetensors: dense.b[1] is NaN, not a finite number. The model's weights have diverged: train anew at a lower rate.",
    ],
    [
      "a weight beyond f16",
      ["large.safetensors", "o", "--dtype", "f16"],
      /^dense\.b\[1\] is 70000, .* Store it as BF16 or F32\.$/,
    ],
  ])("%s is refused in one line", async ([, args, message]) => {
    mkdirSync(at("folder"), { recursive: true });
    const model = sequential([lstm(3), dense(2)], { input: 2 });
    for (const [name, value] of [
      ["nan", NaN],
      ["large", 7e4],
    ] as const) {
      const values = { ...model.values, "dense.b": Float32Array.of(0, value) };
      writeFileSync(at(`${name}.safetensors`), writeModel({ model: { ...model, values }, extra: {} }));
    }
    const said = await refusal(folder, "export", ...args);
    if (typeof message === "string") expect(said).toBe(message);
    else expect(said).toMatch(message);
  });
});

const twenty = ["--prompt", "the ", "--length", "20", "--seed", "1"];

test.each(["f32", "f16", "bf16", "int8"])(
  "a model of %s is read by evaluate, generate, inspect and serve",
  async (dtype) => {
    const file = `${dtype}.safetensors`;
    const [[of], [whole]] = (await Promise.all(
      [file, "m.safetensors"].map((name) => json(folder, "evaluate", name, "text.txt")),
    )) as unknown as [{ loss: number }[], { loss: number }[]];
    expect(Math.abs((of?.loss as number) - (whole?.loss as number))).toBeLessThan(
      dtype === "f32" ? 1e-12 : dtype === "f16" ? 0.001 : 0.02,
    );
    const [written] = await json(folder, "generate", file, ...twenty, "--temperature", "0.8");
    expect(written).toMatchObject({ tokens: 20, seed: 1 });
    expect(await json(folder, "inspect", file, "--text", "the cat")).toHaveLength(7);
    const server = start(folder, ["serve", file, "--port", "0", "--json"]);
    try {
      const { url } = JSON.parse(await said(server.stdout));
      const asked = { model: dtype, prompt: "the ", max_tokens: 20, seed: 1, temperature: 0.8 };
      const headers = { "Content-Type": "application/json" };
      const answer = await fetch(`${url}/v1/completions`, { method: "POST", body: JSON.stringify(asked), headers });
      expect((await answer.json()).choices[0].text).toBe(written?.text);
    } finally {
      server.kill("SIGKILL");
    }
  },
);

test("a training goes on with exported weights: the model's own options are accepted, others refused by both values", async () => {
  await json(folder, "export", "m.safetensors", "on.safetensors");
  const go = ["train", "text.txt", "--out", "on.safetensors", "--resume", "--epochs", "1"];
  for (const [name, other] of [
    ["units", "7"],
    ["layers", "2"],
    ["embedding", "5"],
    ["tokens", "word"],
  ] as const) {
    const own = { units: "6", layers: "1", embedding: "4", tokens: "char" }[name];
    expect(await refusal(folder, ...go, `--${name}`, other)).toContain(
      `--${name}: is ${own} in on.safetensors and cannot change with --resume, got ${other}.`,
    );
  }
  await json(folder, ...go, ...tiny, "--layers", "1", "--tokens", "char");
  expect(languageModelIn(folder, "on.safetensors").training?.step).toBeGreaterThan(0);
});

test("an exported model of int8 is for inference: it runs in 8 bits as the model itself does, and no training resumes from it", async () => {
  const how = ["--quantize", "int8", "--engine", "reference"];
  const evaluate = async (file: string, ...more: string[]) =>
    (await json(folder, "evaluate", file, "text.txt", ...more)) as unknown as [{ loss: number }];
  const [one] = await evaluate("m.safetensors", ...how);
  const [other] = await evaluate("int8.safetensors", ...how);
  expect(other).toEqual(one);
  const [exact] = await evaluate("m.safetensors", "--engine", "reference");
  expect(one.loss).not.toBe(exact.loss);
  expect(Math.abs(one.loss - exact.loss)).toBeLessThan(0.02);
  const write = async (file: string, ...more: string[]) => {
    const [line] = await json(folder, "generate", file, "--length", "30", "--seed", "4", ...more);
    return line?.text;
  };
  expect(await write("int8.safetensors", ...how)).toBe(await write("m.safetensors", ...how));

  expect(await refusal(folder, "train", "text.txt", "--out", "int8.safetensors", "--resume")).toBe(
    "int8.safetensors: its weights have 8 bits, for inference. Resume the training from the file that it was exported from.",
  );
  expect(await refusal(folder, "train", "text.txt", "--out", "n.safetensors", "--quantize", "int8")).toMatch(
    /^unknown option --quantize\. [^\n]+$/,
  );
  expect(await refusal(folder, "generate", "m.safetensors", "--quantize", "int4")).toBe(
    '--quantize: needs one of int8, got "int4".',
  );
  const server = start(folder, ["serve", "int8.safetensors", "--port", "0", "--json", ...how]);
  try {
    const { url } = JSON.parse(await said(server.stdout));
    const asked = { model: "int8", prompt: "the ", max_tokens: 20, seed: 1, temperature: 0.8 };
    const headers = { "Content-Type": "application/json" };
    const answer = await fetch(`${url}/v1/completions`, { method: "POST", body: JSON.stringify(asked), headers });
    const [line] = await json(folder, "generate", "int8.safetensors", ...twenty, ...how);
    expect((await answer.json()).choices[0].text).toBe(line?.text);
  } finally {
    server.kill("SIGKILL");
  }
});
