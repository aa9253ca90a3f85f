/** Models as C, as the compiler that is installed makes programs of them, and as TypeScript, as its compiler checks them. */
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { writeSource } from "../../../src/formats/source/index.ts";
import { dense, lstm } from "../../../src/nn/layers.ts";
import { sequential } from "../../../src/nn/model.ts";
import { expectClose } from "../../helpers/models.ts";
import { temporaryFolder } from "../../helpers/temporary-folder.ts";
import { type Case, cases, expected, steps } from "./models.ts";

const folder = temporaryFolder();
const compiler = ["cc", "gcc", "clang"].find((name) => spawnSync(name, ["--version"]).status === 0);
const compile = (...args: readonly string[]): void => {
  const { status, stderr } = spawnSync(compiler as string, [...args], { cwd: folder, encoding: "utf8" });
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
};

/** A program that reads a sequence in two streams, one of them a step behind, and prints what both give. */
const mainOf = ({ model, input }: Case, k: number): string => {
  const tokens = model.input === "tokens";
  const width = tokens ? 1 : model.input;
  const x = (t: string): string => (tokens ? `x${k}[${t}]` : `x${k} + (${t}) * ${width}`);
  return `
static const ${tokens ? "int" : "float"} x${k}[] = { ${[...input].join(", ")} };
static void run${k}(void) {
  m${k} a, b;
  m${k}_reset(&a);
  m${k}_next(&a, ${x("0")});
  m${k}_reset(&a);
  m${k}_reset(&b);
  for (int t = 0; t <= ${steps}; t++) {
    if (t > 0) m${k}_next(&b, ${x("t - 1")});
    if (t == ${steps}) break;
    const float *y = m${k}_next(&a, ${x("t")});
    for (int j = 0; j < M${k}_OUTPUTS; j++) printf("%.9g ", y[j]);
  }
  printf("\\n");
}`;
};

test.skipIf(compiler === undefined)(
  "every cell in C: without a warning, and what the reference gives (skipped where there is no C compiler)",
  { timeout: 120_000 },
  () => {
    const names = cases.map(({ model }, k) => {
      writeFileSync(join(folder, `m${k}.c`), writeSource(model, { language: "c", name: `m${k}` }));
      return `m${k}`;
    });
    // Each file as a part of a program, in a scope of its own: names that do not begin with its own are static.
    const parts = names.map((name, k) => {
      const own = `weights sigmoid hard_sigmoid softplus lesser greater ${[0, 1, 2, 3, 4, 5, 6, 7].map((j) => `start${j}`).join(" ")}`;
      const defines = own.split(" ").map((word) => `#define ${word} ${name}_${word}`);
      const undefines = own.split(" ").map((word) => `#undef ${word}`);
      return [...defines, `#include "${name}.c"`, ...undefines, mainOf(cases[k] as Case, k)].join("\n");
    });
    const calls = names.map((_, k) => `  run${k}();`).join("\n");
    writeFileSync(
      join(folder, "main.c"),
      `#include <stdio.h>\n${parts.join("\n")}\nint main(void) {\n${calls}\n  return 0;\n}\n`,
    );
    compile("-std=c99", "-O1", "-Wall", "-Wextra", "-Werror", "-ffp-contract=off", "-o", "main", "main.c", "-lm");
    const { stdout, status } = spawnSync(join(folder, "main"), { encoding: "utf8" });
    expect(status).toBe(0);
    const lines = stdout.trim().split("\n");
    cases.forEach((one, k) => {
      expectClose((lines[k] as string).trim().split(" ").map(Number), expected(one), { within: 1e-5 });
    });
  },
);

test.skipIf(compiler === undefined)(
  "texts beside a model in C are what they are (skipped where there is no C compiler)",
  () => {
    const symbols = ['"\\', "é??/\n", "a\u0000b"];
    const model = sequential([lstm(3), dense(3)], { input: 2 });
    writeFileSync(
      join(folder, "texts.c"),
      `${writeSource(model, { language: "c", name: "texts", symbols })}
#include <stdio.h>
int main(void) { for (int k = 0; k < TEXTS_OUTPUTS; k++) printf("%s|", texts_symbols[k]); return 0; }
`,
    );
    compile("-std=c99", "-trigraphs", "-Wall", "-Wno-unused", "-Werror", "-o", "texts", "texts.c", "-lm");
    // A text ends at its first NUL in C.
    expect(spawnSync(join(folder, "texts"), { encoding: "utf8" }).stdout).toBe('"\\|é??/\n|a|');
  },
);

test.skipIf(compiler === undefined)(
  "names that the functions have within them, and others that look like taken ones (skipped where there is no C compiler)",
  () => {
    const model = sequential([lstm(3), dense(3)], { input: 2 });
    for (const name of ["stream", "memory", "x", "j", "Int", "model_int", "_book", "start", "M_", "index", "time"]) {
      writeFileSync(join(folder, "named.c"), writeSource(model, { language: "c", name, symbols: ["a", "b", "c"] }));
      for (const standard of ["c99", "gnu17"])
        compile(`-std=${standard}`, "-Wall", "-Wextra", "-Wno-unused", "-Werror", "-fsyntax-only", "named.c");
    }
  },
);

test("TypeScript: no error where elements of arrays may be absent, and the same numbers", {
  timeout: 60_000,
}, async () => {
  const files = cases.map(({ model }, k) => {
    writeFileSync(join(folder, `m${k}.ts`), writeSource(model, { language: "ts" }));
    return `m${k}.ts`;
  });
  const compilerOptions = {
    ...{
      strict: true,
      noUncheckedIndexedAccess: true,
      noUnusedLocals: true,
      exactOptionalPropertyTypes: true,
      types: [],
    },
    ...{ target: "es2022", module: "esnext", lib: ["es2022", "dom"], skipLibCheck: true, outDir: "out" },
  };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files }));
  const { stdout, status } = spawnSync(process.execPath, [resolve("node_modules/typescript/bin/tsc"), "-p", folder], {
    encoding: "utf8",
  });
  expect([status, stdout]).toEqual([0, ""]);
  writeFileSync(join(folder, "out/package.json"), '{ "type": "module" }');
  for (const [k, one] of cases.entries()) {
    const { model, input } = one;
    const { createModel } = await import(/* @vite-ignore */ join(folder, `out/m${k}.js`));
    const stream = createModel();
    const width = model.input === "tokens" ? 1 : model.input;
    const at = (t: number) => (model.input === "tokens" ? input[t] : input.subarray(t * width, (t + 1) * width));
    const got = Array.from({ length: steps }, (_, t) => [...stream.next(at(t))]).flat();
    expectClose(got, expected(one), { within: 2e-6 });
  }
});
