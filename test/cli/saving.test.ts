/** A training's file, where something else has written one at its place. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createSaving, savingBest } from "../../src/cli/saving.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";

const folder = temporaryFolder();
const never = (warning: string) => expect.fail(warning);

test("the last model of a training that broke goes beside what has appeared at its name, under the first that is free", async () => {
  const path = join(folder, "m.x.safetensors");
  const saving = createSaving(path, { over: null }, never);
  writeFileSync(path, "another's");
  writeFileSync(join(folder, "m.x-2.safetensors"), "a third one's");
  await expect(saving.finish(Uint8Array.of(1, 2), undefined)).rejects.toThrow(
    `${path}: another program has written this file meanwhile, so it was not replaced. The model was saved as ` +
      `${join(folder, "m.x-3.safetensors")} instead: continue from it with --resume --out ${join(folder, "m.x-3.safetensors")}.`,
  );
  expect(readFileSync(path, "utf8")).toBe("another's");
  expect([...readFileSync(join(folder, "m.x-3.safetensors"))]).toEqual([1, 2]);
  expect(readdirSync(folder)).toHaveLength(3);
});

test("--overwrite replaces what is there once, and what it wrote itself from then on", async () => {
  const path = join(folder, "o.safetensors");
  writeFileSync(path, "old");
  const saving = createSaving(path, { over: undefined }, never);
  expect(await saving.save(Uint8Array.of(1), 1)).toBe(true);
  expect(await saving.save(Uint8Array.of(2), 2)).toBe(true);
  writeFileSync(path, "another's");
  await expect(saving.save(Uint8Array.of(3), 3)).rejects.toThrow("The model of update 3 was saved as");
  expect(readFileSync(path, "utf8")).toBe("another's");
});

test("a folder that is gone at the end: nothing is said to be in a file that is not there", async () => {
  const gone = join(folder, "gone");
  mkdirSync(gone);
  const saving = createSaving(join(gone, "m.safetensors"), { over: null }, () => {});
  await saving.save(Uint8Array.of(1), 1);
  rmSync(gone, { recursive: true });
  await expect(saving.finish(Uint8Array.of(2), 2)).rejects.toThrow(
    /there is no folder .*The model of update 2 could not be saved\. Nothing is saved\.$/,
  );
}, 15_000);

test("of a task's model each epoch that is better is saved; what cannot be written is told, and tried again", () => {
  const path = join(folder, "later", "best.safetensors");
  let epoch = 0;
  const warnings: string[] = [];
  const save = savingBest(
    path,
    () => Uint8Array.of(epoch),
    (warning) => warnings.push(warning),
  );
  const after = (validationLoss: number | undefined): number | undefined => {
    epoch++;
    save(validationLoss);
    return existsSync(path) ? readFileSync(path)[0] : undefined;
  };
  expect(after(3)).toBeUndefined();
  expect(warnings).toEqual([expect.stringMatching(/best\.safetensors: .* Saving is tried again after the next epoch/)]);
  mkdirSync(join(folder, "later"));
  expect([after(4), after(2), after(Number.NaN), after(2), after(1)]).toEqual([undefined, 3, 3, 3, 6]);
  // Without validation each is the best.
  expect([after(undefined), after(undefined)]).toEqual([7, 8]);
});
