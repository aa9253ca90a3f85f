import { describe, expect, test } from "vitest";
import { InputError } from "../../../src/graph/input-error.ts";
import { languageModel } from "../../../src/tasks/language-model.ts";

describe("options that make no model", () => {
  const train = { batch: 4, steps: 8 };
  test.each([
    [
      "a text too short for a batch",
      "ab",
      { training: train },
      "the text has 2 tokens to train on, and a batch of 4 x",
    ],
    ["a text without a character", "\uFFFD".repeat(99), {}, "the text has no character to learn"],
    ["no layers", "abc", { layers: 0 }, "layers must be a whole number from 1 to 100, got 0"],
    ["a cell that there is not", "abc", { cell: "lstn" }, 'cell "lstn" is not known'],
    ["an inherited name as a cell", "abc", { cell: "toString" }, 'cell "toString" is not known'],
    ["half a unit", "abc", { units: 0.5 }, "units must be a whole number"],
    [
      "a billion units",
      "abc",
      { units: 1e9 },
      "the model needs 1.6e19 bytes of memory, and the engine wasm has at most",
    ],
    [
      "units whose values fit, and whose training does not",
      "abc".repeat(99),
      { units: 8000, training: { ...train, engine: "wasm" as const } },
      /^training this model needs [5-9],[\d,]+ bytes of memory, and the engine wasm has at most 4,294,967,296\./,
    ],
  ])("%s", (_, text, options, message) => {
    const before = process.memoryUsage().arrayBuffers;
    expect(() => languageModel(text, options)).toThrow(InputError);
    expect(() => languageModel(text, options)).toThrow(message);
    expect(process.memoryUsage().arrayBuffers - before, "bytes of values that nobody gets").toBeLessThan(50e6);
  });
});
