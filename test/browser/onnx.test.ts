/** Models as ONNX files in Chromium, as ONNX Runtime's WebAssembly runs them there. */
import { copyFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { writeOnnx } from "../../src/formats/onnx/index.ts";
import { fedAndWanted, models } from "../formats/onnx/models.ts";
import { expectClose } from "../helpers/models.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";
import { withPage } from "./harness.ts";

type Runtime = typeof import("onnxruntime-web");

test("every cell, and models of several layers, to 1e-5", { timeout: 120_000 }, async () => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, "index.html"), "<!doctype html><title>Test</title>");
  for (const name of ["ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm"]) {
    copyFileSync(join(import.meta.dirname, "../../node_modules/onnxruntime-web/dist", name), join(folder, name));
  }
  const all = await Promise.all(
    models.map(async ({ name, model }, k) => {
      writeFileSync(join(folder, `${k}.onnx`), writeOnnx(model));
      const { fed, wanted, dims } = await fedAndWanted(model);
      const feeds = Object.entries(fed).map(([input, { values, dims }]) => ({
        ...{ input, dims, values: [...values], tokens: values instanceof Int32Array },
      }));
      return { name, feeds, wanted, dims };
    }),
  );
  const given = await withPage({ isolated: false, folder }, (page) =>
    page.evaluate(
      async (asked) => {
        const at = "/ort.wasm.min.mjs";
        const { env, InferenceSession, Tensor } = (await import(at)) as Runtime;
        env.wasm.wasmPaths = "/";
        env.wasm.numThreads = 1;
        env.logLevel = "error";
        const outputs: { dims: readonly number[]; values: number[] }[] = [];
        for (const [k, feeds] of asked.entries()) {
          const session = await InferenceSession.create(`/${k}.onnx`);
          const inputs = feeds.map(({ input, dims, values, tokens }) => [
            input,
            tokens
              ? new Tensor("int64", BigInt64Array.from(values, BigInt), dims)
              : new Tensor("float32", Float32Array.from(values), dims),
          ]);
          const { output } = await session.run(Object.fromEntries(inputs));
          if (output === undefined) throw new Error("no output");
          outputs.push({ dims: output.dims, values: [...(output.data as Float32Array)] });
          await session.release();
        }
        return outputs;
      },
      all.map(({ feeds }) => feeds),
    ),
  );
  all.forEach(({ name, wanted, dims }, k) => {
    expect([name, given[k]?.dims]).toEqual([name, dims]);
    expectClose(given[k]?.values ?? [], wanted, { within: 1e-5 });
  });
});
