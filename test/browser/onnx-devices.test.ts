/**
 * Models as ONNX files in Chromium, on ONNX Runtime's providers for other devices: "webgpu", here on SwiftShader, and "webnn", which takes
 * nodes alone whose sizes are fixed.
 */
import { copyFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { writeOnnx } from "../../src/formats/onnx/index.ts";
import { createSession } from "../../src/nn/session.ts";
import { fedAndWanted, models } from "../formats/onnx/models.ts";
import { expectClose } from "../helpers/models.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";
import { withPage } from "./harness.ts";

type Runtime = typeof import("onnxruntime-web");
type Fed = {
  readonly name: string;
  readonly dims: readonly number[];
  readonly values: readonly number[];
  readonly tokens: boolean;
};
/** A file, what is asked of it in one call, on what. */
type Asked = {
  readonly file: string;
  readonly provider: "webgpu" | "webnn";
  readonly sizes: Readonly<Record<string, number>>;
  readonly feeds: readonly Fed[];
};
/** What comes out by name, or what was said in place of it. */
type Given = { readonly outputs: Readonly<Record<string, readonly number[]>>; readonly problem?: string };

const folder = temporaryFolder();
writeFileSync(join(folder, "index.html"), "<!doctype html><title>Test</title>");
for (const name of [
  "ort.all.min.mjs",
  ...["jsep", "asyncify"].flatMap((kind) => [
    `ort-wasm-simd-threaded.${kind}.mjs`,
    `ort-wasm-simd-threaded.${kind}.wasm`,
  ]),
]) {
  copyFileSync(join(import.meta.dirname, "../../node_modules/onnxruntime-web/dist", name), join(folder, name));
}
const flags = [
  ...["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader", "--ignore-gpu-blocklist"],
  "--enable-features=WebMachineLearningNeuralNetwork,Vulkan",
];

const run = (asked: readonly Asked[]): Promise<Given[]> =>
  withPage({ isolated: false, folder, flags }, (page) =>
    page.evaluate(async (asked) => {
      const at = "/ort.all.min.mjs";
      const { env, InferenceSession, Tensor } = (await import(at)) as Runtime;
      env.wasm.wasmPaths = "/";
      env.wasm.numThreads = 1;
      env.logLevel = "error";
      const given: { outputs: Record<string, number[]>; problem?: string }[] = [];
      for (const { file, provider, sizes, feeds } of asked) {
        try {
          const session = await InferenceSession.create(`/${file}`, {
            ...{ executionProviders: [provider], freeDimensionOverrides: sizes },
          });
          const inputs = feeds.map(({ name, dims, values, tokens }) => [
            name,
            tokens
              ? new Tensor("int64", BigInt64Array.from(values, BigInt), dims)
              : new Tensor("float32", Float32Array.from(values), dims),
          ]);
          const outputs = await session.run(Object.fromEntries(inputs));
          const numbers = Object.entries(outputs).map(([name, { data }]) => [name, [...(data as Float32Array)]]);
          given.push({ outputs: Object.fromEntries(numbers) });
          await session.release();
        } catch (error) {
          given.push({ outputs: {}, problem: String(error) });
        }
      }
      return given;
    }, asked),
  );

const of = (names: readonly string[]) => models.filter(({ name }) => names.includes(name));

test("whole sequences: operators and a Scan on webgpu; on webnn, whose sizes are open, wasm runs them", {
  timeout: 120_000,
}, async () => {
  const chosen = of(["lstm", "gruResetAfter", "mgu", "both ways"]);
  const all = await Promise.all(
    chosen.map(async ({ name, model }) => {
      const file = `${name}.onnx`;
      writeFileSync(join(folder, file), writeOnnx(model));
      const { fed, wanted } = await fedAndWanted(model);
      const feeds = Object.entries(fed).map(([name, { values, dims }]) => ({
        ...{ name, dims, values: [...values], tokens: values instanceof Int32Array },
      }));
      return (["webgpu", "webnn"] as const).map((provider) => ({ file, provider, sizes: {}, feeds, wanted }));
    }),
  );
  const asked = all.flat();
  const given = await run(asked.map(({ wanted: _, ...one }) => one));
  given.forEach(({ outputs, problem }, k) => {
    const { file, provider, wanted } = asked[k] as (typeof asked)[number];
    expect([file, provider, problem]).toEqual([file, provider, undefined]);
    expectClose(outputs.output as number[], wanted, { within: 2e-6 });
  });
});

test("a step in plain operators, on webgpu and, with fixed sizes, on webnn", { timeout: 120_000 }, async () => {
  const chosen = of(["gruResetAfter", "peepholeLstm", "mgu", "tokens"]);
  const all = await Promise.all(
    chosen.map(async ({ name, model }) => {
      const own = await createSession(model);
      const [{ name: input, features }] = model.inputs as [(typeof model.inputs)[number]];
      const first =
        features === "tokens" ? 1 : Float32Array.from({ length: features as number }, (_, k) => 0.3 - 0.2 * k);
      own.next(first);
      const states = Object.entries(own.state()).map(([state, values]) => ({
        ...{ name: state, dims: [1, values.length], values: [...values], tokens: false },
      }));
      const values = typeof first === "number" ? [first] : [...first];
      const tokens = typeof first === "number";
      const feeds = [{ name: input, dims: tokens ? [1] : [1, values.length], values, tokens }, ...states];
      const output = [...own.next(first)];
      const next = Object.entries(own.state()).map(([state, numbers]) => [`next.${state}`, [...numbers]] as const);
      own.dispose();
      const file = `${name}.step.onnx`;
      writeFileSync(join(folder, file), writeOnnx(model, { form: "steps", plain: true }));
      const wanted: Record<string, readonly number[]> = { output, ...Object.fromEntries(next) };
      return (["webgpu", "webnn"] as const).map((provider) => ({ file, provider, sizes: { batch: 1 }, feeds, wanted }));
    }),
  );
  const asked = all.flat();
  const given = await run(asked.map(({ wanted: _, ...one }) => one));
  given.forEach(({ outputs, problem }, k) => {
    const { file, provider, wanted } = asked[k] as (typeof asked)[number];
    expect([file, provider, problem]).toEqual([file, provider, undefined]);
    for (const [name, numbers] of Object.entries(wanted))
      expectClose(outputs[name] as number[], numbers, { within: 2e-6 });
  });
});
