/** What commands say where the engine that is asked for does not run, or has no such products: one line, before anything else. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { temporaryFolder } from "../helpers/temporary-folder.ts";
import { json, run, sampleText, start, tiny } from "./run.ts";

const folder = temporaryFolder();
beforeAll(async () => {
  writeFileSync(join(folder, "book.txt"), sampleText(100));
  await json(folder, "train", "book.txt", "--out", "m.safetensors", "--epochs", "0.2", ...tiny);
});

/** No process with this loads koffi's machine code. */
const without = ["--no-addons"];
const notHere = "cannot run here: ";
const evaluate = ["evaluate", "m.safetensors", "book.txt"];
const generate = ["generate", "m.safetensors", "--prompt", "The "];
const beams = [...generate, "--beams", "2"];
const serve = ["serve", "m.safetensors", "--port", "0"];
const train = ["train", "book.txt", "--out", "new.safetensors", ...tiny];
const int8 = ["--quantize", "int8"];
const bf16 = ["--precision", "bf16"];

describe("without native", () => {
  test.each<[string, string[], string, string]>([
    ...[evaluate, generate, beams, serve].map((command): [string, string[], string, string] => [
      `${command.join(" ")} of int8`,
      [...command, ...int8],
      `quantize "int8": it needs the engine "native", which ${notHere}`,
      'Leave it out, or take the engine "reference".',
    ]),
    [
      "train of bf16",
      [...train, ...bf16],
      `precision "bf16": it needs the engine "native", which ${notHere}`,
      'Take precision "f32", or the engine "reference".',
    ],
    ...[evaluate, generate, beams, serve, train].map((command): [string, string[], string, string] => [
      `${command.join(" ")} on native`,
      [...command, "--engine", "native"],
      `engine "native" ${notHere}`,
      'Use the engine "wasm"; for quantize or precision "bf16", "reference".',
    ]),
  ])("%s: it is said why, and what to do", async (_, command, begin, end) => {
    const { code, out, err } = await start(folder, command, without).ended;
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err.startsWith(`unrolled: ${begin}`) && err.endsWith(`. ${end}\n`), err).toBe(true);
    expect(err).not.toMatch(/not installed|\.\. /);
    if (process.arch === "x64") expect(err).toContain("the optional package koffi does not load: ");
  });

  test("train on webgpu: the graphics card that is missing is named, and what to do", async () => {
    const { code, out, err } = await start(folder, [...train, "--engine", "webgpu"], without).ended;
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toMatch(/^unrolled: engine "webgpu" cannot run here: .+[^.]\. Use the engine "wasm"\.\n$/);
  });

  test("what is advised works: the engine reference", async () => {
    const { code, err } = await start(folder, [...evaluate, ...int8, "--engine", "reference"], without).ended;
    expect({ code, err }).toEqual({ code: 0, err: "" });
  });
});

test.each([evaluate, generate, beams, serve].map((command) => [command.join(" "), command] as const))(
  "%s of int8 on wasm: nothing is printed but the error",
  async (_, command) => {
    const how = [...command, ...int8, "--engine", "wasm"];
    const said = /^unrolled: quantize "int8": the engine "wasm" has no products of int8[^\n]*\n$/;
    const { code, out, err } = await run(folder, ...how);
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toMatch(said);
    const inJson = await run(folder, ...how, "--json");
    expect({ code: inJson.code, out: inJson.out }).toEqual({ code: 2, out: "" });
    expect(JSON.parse(inJson.err)).toEqual({ error: expect.stringMatching(/^quantize "int8": the engine "wasm"/) });
  },
);

test("the prompt comes before the text, once, also where no text follows", async () => {
  const { out } = await run(folder, ...generate, "--length", "0");
  expect(out).toBe("The \n");
  for (const command of [generate, beams]) {
    const { out } = await run(folder, ...command, "--length", "5", "--seed", "1");
    expect(out).toMatch(/^The .+\n$/s);
    expect(out.split("The ").length).toBeLessThan(4);
  }
});

test("explain: the dispatches of an update on a graphics card, which need none, as text and as JSON", async () => {
  const command = ["explain", "min-gru", "--engine", "webgpu", "--steps", "8"];
  const { code, out, err } = await run(folder, ...command);
  expect({ code, err }).toEqual({ code: 0, err: "" });
  expect(out).toMatch(/^min-gru: 128 units, .+\n23 dispatches an update, 21 of them outside of time loops\n/);
  expect(out).toContain("A loop of 8 steps: 1\n");
  expect(out).toContain("all steps in one: each number depends on numbers at its own place alone\n");
  const facts = await json(folder, ...command);
  expect(facts).toEqual([
    expect.objectContaining({ name: "min-gru", dispatches: 23, outsideLoops: 21, kernels: expect.any(Array) }),
  ]);
  const both = await run(folder, ...command, "--asm");
  expect({ code: both.code, out: both.out }).toEqual({ code: 2, out: "" });
  expect(both.err).toBe("unrolled: --asm and --engine webgpu: one of them is printed. Leave one out.\n");
});
