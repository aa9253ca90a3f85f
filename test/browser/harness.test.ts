/** The harness itself: what its two kinds of page can do. */
import { expect, test } from "vitest";
import { withBrowser, withPage } from "./harness.ts";

/** (func (param v128 v128 v128) (result v128) local.get 0, 1, 2; an instruction), the result dropped to its type. */
const moduleWith = (...instruction: number[]) =>
  [0, 97, 115, 109, 1, 0, 0, 0, 1, 8, 1, 96, 3, 123, 123, 123, 1, 123, 3, 2, 1, 0].concat(
    [10, instruction.length + 10, 1, instruction.length + 8, 0, 32, 0, 32, 1, 32, 2],
    instruction,
    [11],
  );
const relaxedMadd = moduleWith(0xfd, 0x85, 0x02); // f32x4.relaxed_madd
const bitselect = moduleWith(0xfd, 0x52); // v128.bitselect, in plain SIMD

/** What a page says of itself, run in the page. */
function abilities([simd, relaxed]: number[][]) {
  return {
    isolated: crossOriginIsolated,
    shared: typeof SharedArrayBuffer === "function",
    simd: WebAssembly.validate(new Uint8Array(simd as number[])),
    relaxed: WebAssembly.validate(new Uint8Array(relaxed as number[])),
    broken: WebAssembly.validate(new Uint8Array((simd as number[]).slice(0, -1))),
  };
}

test("Chromium is version 120 or later", async () => {
  await withBrowser(async (browser) => {
    expect(Number.parseInt(browser.version(), 10)).toBeGreaterThanOrEqual(120);
  });
});

test("an isolated page has shared memory, SIMD and relaxed SIMD", async () => {
  await withPage({ isolated: true }, async (page) => {
    expect(await page.evaluate(abilities, [bitselect, relaxedMadd])).toEqual({
      isolated: true,
      shared: true,
      simd: true,
      relaxed: true,
      broken: false,
    });
  });
});

test("a page that is not isolated has no shared memory", async () => {
  await withPage({ isolated: false }, async (page) => {
    expect(await page.evaluate(abilities, [bitselect, relaxedMadd])).toEqual({
      isolated: false,
      shared: false,
      simd: true,
      relaxed: true,
      broken: false,
    });
  });
});

test("a page imports TypeScript from src", async () => {
  await withPage({ isolated: true }, async (page) => {
    const features = await page.evaluate(async () => {
      const { opClass } = await import("/src/graph/operations.ts");
      return opClass.matmul;
    });
    expect(features).toBe("product");
  });
});

test("an error that a page leaves is thrown", async () => {
  await expect(
    withPage({ isolated: false }, async (page) => {
      await page.evaluate(() => {
        setTimeout(() => {
          throw new Error("left behind");
        });
      });
      await page.waitForTimeout(100);
    }),
  ).rejects.toThrow("left behind");
});
