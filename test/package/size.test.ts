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
  // The engines "reference" and "webgpu" are loaded by who asks for them, as weights of 8 bits and what several processes share are; of
  // "native" there is what says that pages have none.
  const later = /\/engines\/(reference|native|webgpu)\/|\/(eight-bits|precision|ranks)\./;
  const chunks = output.filter((file) => file.type === "chunk");
  const codeOf = (wanted: (ids: readonly string[]) => boolean): string =>
    chunks.flatMap(({ modules, code }) => (wanted(Object.keys(modules)) ? [code] : [])).join("");
  const code = codeOf((ids) => !ids.some((id) => later.test(id)));
  expect(code.includes("createTrainer") && code.length < 186_000, "all of it, minified").toBe(true);
  expect(gzipSync(code, { level: 9 }).length).toBeLessThan(66 * 1024);
  const webgpu = codeOf((ids) => ids.some((id) => id.includes("/engines/webgpu/")));
  expect(webgpu, "the engine, without what asks Node for a graphics card").toContain("this browser has no WebGPU");
  expect(webgpu).not.toContain("createRequire");
  expect(gzipSync(webgpu, { level: 9 }).length, "the engine webgpu, in bytes").toBeLessThan(25_000);
});
