/** Models of other programs in the studio, chosen or dropped. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { readModel } from "../../src/formats/model-file.ts";
import { writeOnnx } from "../../src/formats/onnx/index.ts";
import { dense, embedding, lstm } from "../../src/nn/layers.ts";
import { sequential } from "../../src/nn/model.ts";
import { generate } from "../../src/tasks/generate.ts";
import { type LanguageModel, languageModel } from "../../src/tasks/language-model.ts";
import { collect } from "../helpers/models.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";
import { withStudio } from "./studio.ts";

const folder = temporaryFolder();
const keras = join(import.meta.dirname, "../fixtures/keras");
const real = join(import.meta.dirname, "../../../shared/data/models");
const missing = !existsSync(real);

const lm = languageModel("the cat sat here", { units: 6, embedding: 4, seed: 3 });
const vocabulary = (lm.tokenizer as Extract<LanguageModel["tokenizer"], { kind: "char" | "word" }>).vocabulary;
writeFileSync(join(folder, "cat.onnx"), writeOnnx(lm.model));
writeFileSync(join(folder, "characters.json"), JSON.stringify(vocabulary));

/** Drop files into the page. */
const drop = (page: Page, paths: readonly string[]): Promise<void> =>
  page.evaluate(
    (files) => {
      const dataTransfer = new DataTransfer();
      for (const { name, bytes } of files) {
        dataTransfer.items.add(new File([Uint8Array.from(atob(bytes), (one) => one.charCodeAt(0))], name));
      }
      document.body.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true }));
    },
    paths.map((path) => ({ name: path.split("/").at(-1) as string, bytes: readFileSync(path).toString("base64") })),
  );

async function write(page: Page, prompt: string, length: number): Promise<string | null> {
  await page.getByRole("textbox", { name: "Prompt" }).fill(prompt);
  await page.getByRole("spinbutton", { name: "Length" }).fill(String(length));
  await page.getByRole("spinbutton", { name: "Seed" }).fill("7");
  await page.getByRole("button", { name: "Write", exact: true }).click();
  await page.waitForSelector(`[role=status] >> text="${length} tokens"`);
  return page.textContent(".coloured-text");
}

test("an ONNX file and its characters, dropped together, write what our model writes; it is shown gate by gate, and kept", async () => {
  const wanted = (await collect(generate(lm, { prompt: "the", length: 20, seed: 7 }))).join("");
  await withStudio({}, async (page, address) => {
    await page.goto(`${address}#/write`);
    await page.getByText("There is no model yet").waitFor();
    await drop(page, [join(folder, "characters.json"), join(folder, "cat.onnx")]);
    await page.waitForURL(/#\/write\/cat$/);
    expect(await write(page, "the", 20)).toBe(`the${wanted}`);
    await page.goto(`${address}#/inspect/cat?text=the+cat`);
    await page.waitForSelector("button:has-text('Find units'):not([disabled])");
    expect(await page.textContent(".coloured-text")).toBe("the cat");
    await page.goto(`${address}#/models`);
    await page.getByRole("heading", { name: "cat" }).waitFor();
  });
});

test("a model of windows writes and is inspected; what a token hangs on is within its window", async () => {
  const { model } = lm;
  const size = model.outputSize;
  const last = sequential([embedding(size, 4), lstm(6), dense(size)], { seed: 5 });
  writeFileSync(join(folder, "window.onnx"), writeOnnx(last));
  const started = [join(folder, "window.onnx"), "--vocabulary", join(folder, "characters.json"), "--window", "4"];
  await withStudio({ models: started }, async (page, address) => {
    await page.goto(`${address}#/write/window`);
    expect(await write(page, "the", 12)).toHaveLength(15);
    await page.goto(`${address}#/inspect/window?text=the+cat+sat+here`);
    await page.waitForSelector("button:has-text('Find units'):not([disabled])");
  });
});

test("HDF5 is read in the page; a model without tokens is shown with its layers; files without a model are told in a line", async () => {
  await withStudio({}, async (page, address) => {
    await page.goto(`${address}#/models`);
    const input = page.getByLabel("Open a file …");
    await input.setInputFiles(join(keras, "keras2.h5"));
    const card = page.getByRole("region", { name: "keras2.h5" });
    await card.waitFor();
    expect(await card.getByRole("status").textContent()).toMatch(/^A model of Keras 2\.2\.4, with [\d,]+ parameters\./);
    expect(await card.getByRole("row").count()).toBeGreaterThan(2);
    const downloading = page.waitForEvent("download");
    await card.getByRole("button", { name: "Download as keras2.safetensors" }).click();
    const { model } = readModel(readFileSync(await (await downloading).path()));
    expect(model.inputs[0]?.name).toBe("words");
    if (process.env.PICTURES) await page.screenshot({ path: join(process.env.PICTURES, "untold.png") });
    // Elsewhere a line says where its layers are.
    await page.goto(`${address}#/inspect`);
    await page.getByText("There is no model yet").waitFor();
    await drop(page, [join(keras, "keras2.h5")]);
    await page
      .getByRole("alert")
      .filter({ hasText: "keras2.h5: it is a model of Keras 2.2.4, and nothing says what it reads." })
      .waitFor();
    await page.goto(`${address}#/models`);
    await input.setInputFiles(join(folder, "characters.json"));
    await page
      .getByRole("alert")
      .filter({ hasText: "characters.json: it is no model file of a known format." })
      .waitFor();
  });
});

test.skipIf(missing)(
  "ml5's files, dropped together, write text; so do Keras 1's model with its characters, and textgenrnn",
  async () => {
    const bronte = join(real, "ml5-bronte-raw");
    const all = readdirSync(bronte).filter((name) => name !== "reference.json");
    await withStudio({}, async (page, address) => {
      await page.goto(`${address}#/write`);
      await page.getByText("There is no model yet").waitFor();
      await drop(
        page,
        all.map((name) => join(bronte, name)),
      );
      await page.waitForURL(/#\/write\/manifest$/);
      expect(await write(page, "It was a ", 60)).toMatch(/^It was a .{60}$/s);
      const old = join(real, "charrnn-web-keras1");
      await drop(
        page,
        ["char_rnn_59.hdf5", "char_rnn_59.json", "char_indices.json"].map((name) => join(old, name)),
      );
      await page.waitForURL(/#\/write\/char-rnn-59/);
      expect(await write(page, "the same thing is ", 30)).toMatch(/^the same thing is .{30}$/s);
      const guide = readFileSync(join(import.meta.dirname, "../../docs/models-of-others.md"), "utf8");
      const [, architecture] = /As `textgenrnn\.json` .*?```json\n(.*?)```/s.exec(guide) as RegExpExecArray;
      writeFileSync(join(folder, "textgenrnn.json"), architecture as string);
      const titles = join(real, "textgenrnn");
      const files = ["textgenrnn_weights.hdf5", "textgenrnn_vocab.json"].map((name) => join(titles, name));
      await drop(page, [...files, join(folder, "textgenrnn.json")]);
      await page.waitForURL(/#\/write\/textgenrnn-weights/);
      expect(await write(page, "What is ", 40)).toMatch(/^What is .+$/s);
      // Spelling to phonemes: tensors, how they are wired, and both vocabularies, in any order.
      const spelling = join(real, "g2p-en-npz");
      const { graphemes, phonemes, greedy } = JSON.parse(readFileSync(join(spelling, "reference.json"), "utf8"));
      const [, wiring] = /As `g2p\.json`:\n\n```json\n(.*?)```/s.exec(guide) as RegExpExecArray;
      writeFileSync(join(folder, "wiring.json"), wiring as string);
      writeFileSync(join(folder, "sounds.json"), JSON.stringify(phonemes));
      writeFileSync(join(folder, "letters.json"), JSON.stringify(graphemes));
      await drop(page, [
        ...["sounds.json", "wiring.json", "letters.json"].map((name) => join(folder, name)),
        join(spelling, "checkpoint20.npz"),
      ]);
      await page.getByRole("link", { name: "Translate with this one" }).click();
      await page.waitForURL(/#\/sentences\/checkpoint20/);
      await page.getByRole("textbox").first().fill("unrolled");
      await page.waitForSelector(`.translation >> text="${greedy.join(" ")}"`);
    });
  },
);
