/** oneDNN's program: the same numbers as our layers with equal weights, where it can be compiled; and where it cannot. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { compileLayers } from "../../src/bench/layer.ts";
import { compileOneDnn, layerArguments, oneDnnOf } from "../../src/bench/onednn.ts";
import { startProcess } from "../../src/bench/peer-process.ts";
import { type Shape, shapes } from "../../src/bench/shapes.ts";
import { createRandom } from "../../src/nn/random.ts";
import type { Program } from "../../src/runtime/program.ts";
import { standInsIn } from "../helpers/stand-in.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";

const folder = temporaryFolder();
const compiled = await compileOneDnn();

/** Our gates in oneDNN's order. Of "gru" it has one bias less: those of the update and reset gates are one each. */
const gatesOf: Partial<Record<Shape["kind"], readonly string[]>> = {
  lstm: ["_i", "_f", "_g", "_o"],
  gru: ["_z", "_r", "_g"],
  "gru-reset-before": ["_z", "_r", "_g"],
  "simple-rnn": [""],
};

/** Matrices (H,columns), one a gate, as (columns,gates,H). */
function joined(matrices: readonly Float32Array[], units: number): number[] {
  const columns = (matrices[0] as Float32Array).length / units;
  return Array.from({ length: columns }, (_, k) =>
    matrices.map((matrix) => Array.from({ length: units }, (_, j) => matrix[j * columns + k] as number)),
  ).flat(2);
}

/** W, U and b of each layer in oneDNN's layout, or their gradients. */
function inTheirLayout({ kind, units, layers }: Shape, read: (parameter: string) => Float32Array): number[] {
  const gates = gatesOf[kind] as readonly string[];
  return Array.from({ length: layers }, (_, k) => {
    const each = (name: string): Float32Array[] => gates.map((gate) => read(`${k}.${name}${gate}`));
    const biases = [...each("b"), ...(kind === "gru" ? [read(`${k}.d_g`)] : [])];
    return [joined(each("W"), units), joined(each("U"), units), biases.flatMap((bias) => [...bias])];
  }).flat(2);
}

const base = { name: "small", task: "layer", vocabulary: 0, embedding: 7, units: 10, steps: 6, batch: 3 } as const;

function fill(program: Program, { kind, steps, batch, embedding, units }: Shape) {
  const random = createRandom(3);
  const draw = (length: number): Float32Array => Float32Array.from({ length }, () => random.normal());
  for (const [name, { size }] of Object.entries(program.plan.parameters)) {
    const none = kind === "gru" && /d_[zr]$/.test(name);
    program.setParameter(name, none ? new Float32Array(size) : draw(size));
  }
  const [x, dy] = [draw(steps * batch * embedding), draw(steps * batch * units)];
  program.setInput("x", x);
  program.setInput("d y", dy);
  return { x, dy };
}

describe.skipIf(compiled === undefined)("oneDNN (skipped where g++ or dnnl.hpp is not installed)", () => {
  test.each([
    ["lstm", 1],
    ["lstm", 2],
    ["gru", 1],
    ["gru-reset-before", 1],
    ["simple-rnn", 2],
  ] as const)("%s, %i layers: outputs and all gradients are ours to 2e-5", async (kind, layers) => {
    const shape: Shape = { ...base, kind, layers };
    const program = await compileLayers(shape, { engine: "reference" });
    const { x, dy } = fill(program, shape);
    await program.run();
    await program.fetch();
    const parameters = inTheirLayout(shape, (name) => program.parameter(name));
    const expected = Float32Array.from([
      ...[...program.output("y"), ...program.output("d x")],
      ...inTheirLayout(shape, (name) => program.gradient(name)),
    ]);
    const [given, results] = [join(folder, "values"), join(folder, `results-${kind}-${layers}`)];
    writeFileSync(given, Float32Array.from([...parameters, ...x, ...dy]));
    const { greeting, step, end } = await startProcess(compiled as string, [...layerArguments(shape), given, results], {
      env: { OMP_NUM_THREADS: "2", OMP_WAIT_POLICY: "PASSIVE" },
    });
    expect(greeting).toMatch(/^\d+\.\d+\.\d+$/);
    expect(await step()).toBeGreaterThan(0);
    end();
    const bytes = readFileSync(results);
    const got = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
    expect(got).toHaveLength(expected.length);
    let [largest, at] = [0, 0];
    expected.forEach((value, k) => {
      const error = Math.abs(value - (got[k] as number)) / (1 + Math.abs(value));
      if (!(error <= largest)) [largest, at] = [error, k];
    });
    expect(largest, `number ${at} of ${expected.length}: ${expected[at]} and ${got[at]}`).toBeLessThan(2e-5);
  });

  test("it refuses kinds that it does not have, and too few values, in a line", async () => {
    const shape: Shape = { ...base, kind: "lstm", layers: 1 };
    await expect(
      startProcess(compiled as string, layerArguments({ ...shape, kind: "layer-norm-lstm" })),
    ).rejects.toThrow("there is no layer layer-norm-lstm");
    const short = join(folder, "short");
    writeFileSync(short, new Float32Array(9));
    await expect(
      startProcess(compiled as string, [...layerArguments(shape), short, join(folder, "none")]),
    ).rejects.toThrow("the file of values is too short");
  });

  test("it takes part with each number of threads, which spin or sleep", async () => {
    const peers = (await oneDnnOf(async () => compiled, [1, 2])({ ...base, kind: "lstm", layers: 1 })) ?? [];
    // Threads that spin take each other's cores where other work is about.
    for (const k of [0, 2]) expect(await peers[k]?.step()).toBeGreaterThan(0);
    for (const peer of peers) peer.end();
    expect(peers.map(({ setting }) => setting.replace(/\d+\.\d+\.\d+/, "N"))).toEqual([
      "oneDNN N, 1 thread",
      "oneDNN N, 2 threads",
      "oneDNN N, 2 threads, passive",
    ]);
  });
});

/** In the compiler's place. */
const standIn = standInsIn(folder);
const shape = shapes.find(({ task }) => task === "layer") as Shape;

test.skipIf(process.platform === "win32")("without a compiler, its header or the library it is missing", async () => {
  const header = `echo "layers.cpp:24:10: fatal error: dnnl.hpp: No such file or directory" >&2; exit 1`;
  const library = `echo "/usr/bin/ld: cannot find -ldnnl: No such file or directory" >&2; exit 1`;
  for (const compiler of ["/unrolled/has/no/such/g++", standIn("header", header), standIn("library", library)]) {
    expect(await oneDnnOf(() => compileOneDnn(compiler), [1])(shape)).toBeUndefined();
  }
});

test.skipIf(process.platform === "win32")("what a compiler complains about otherwise is said in a line", async () => {
  const compiler = standIn("old", `echo "In file included\nlayers.cpp:9:1: error: unknown type name" >&2; exit 1`);
  await expect(oneDnnOf(() => compileOneDnn(compiler), [1])(shape)).rejects.toThrow(
    "layers.cpp:9:1: error: unknown type name",
  );
});

test.skipIf(process.platform === "win32")("it is compiled once for all shapes", async () => {
  const log = join(folder, "log");
  // The fifth argument is the program's file.
  const program = `#!/bin/sh\\necho ready 1.2.3\\nwhile read line; do echo 5; done\\n`;
  const compiler = standIn("once", `echo compiled >> ${log}; printf '${program}' > "$5"; chmod +x "$5"`);
  const start = oneDnnOf(() => compileOneDnn(compiler), [1]);
  for (let k = 0; k < 2; k++) {
    const [peer] = (await start(shape)) ?? [];
    expect(peer?.setting).toBe("oneDNN 1.2.3, 1 thread");
    expect(await peer?.step()).toBe(5);
    peer?.end();
  }
  expect(readFileSync(log, "utf8")).toBe("compiled\n");
});
