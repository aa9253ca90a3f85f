/** What a page loads to train and to run a network of its own. */
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "vite";
import { expect, test } from "vitest";

const dist = join(import.meta.dirname, "../../dist");

test("what a page loads, from equations to a trainer and a session on WASM, is below 66 KiB gzipped", async () => {
  const entry = `
    export { cell } from "${dist}/graph/cell.js";
    export { dense, embedding, recurrent } from "${dist}/nn/layers.js";
    export { sequential } from "${dist}/nn/model.js";
    export { createSession } from "${dist}/nn/session.js";
    export { createTrainer } from "${dist}/train/trainer.js";
  `;
  const name = "virtual:engine";
  const plugin = {
    name: "engine",
    resolveId: (id: string) => (id === name ? name : undefined),
    load: (id: string) => (id === name ? entry : undefined),
  };
  const built = await build({
    configFile: false,
    logLevel: "error",
    plugins: [plugin],
    build: { write: false, modulePreload: false, rolldownOptions: { input: name, preserveEntrySignatures: "strict" } },
  });
  const { output } = built as Extract<typeof built, { output: unknown }>;
  // The engine "reference" is loaded by who asks for it, as weights of 8 bits and what several processes share are; of "native" there is
  // what says that pages have none.
  const loaded = output.filter(
    (file) =>
      file.type === "chunk" &&
      !Object.keys(file.modules).some((id) =>
        /\/engines\/(reference|native)\/|\/(eight-bits|precision|ranks)\./.test(id),
      ),
  );
  const code = loaded.map((file) => (file.type === "chunk" ? file.code : "")).join("");
  expect(code.includes("createTrainer") && code.length < 185_000, "all of it, minified").toBe(true);
  expect(gzipSync(code, { level: 9 }).length).toBeLessThan(66 * 1024);
});
