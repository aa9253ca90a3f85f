/** The same cell, seed and data in a page as in Node. */
import { describe, expect, test } from "vitest";
import { cells } from "../../src/cells/index.ts";
import { trainingLosses } from "../helpers/losses.ts";
import { swiftShader, withPage } from "./harness.ts";

describe.each([true, false])("in Chromium, cross-origin isolated: %s", (isolated) => {
  test("training losses of LSTM, GRU and simple RNN equal Node's to 1e-5", async () => {
    const names = ["lstm", "gru", "gru-reset-after", "simple-rnn"];
    const inNode = await Promise.all(names.map((name) => trainingLosses(name)));
    await withPage({ isolated }, async (page) => {
      expect(await page.evaluate(() => crossOriginIsolated)).toBe(isolated);
      // Where the page has shared memory, with two threads; where not, two are one.
      const inPage = await page.evaluate(async (wanted) => {
        const { trainingLosses: run } = await import("/test/helpers/losses.ts");
        return Promise.all(wanted.map((name: string) => run(name, { threads: 2 })));
      }, names);
      names.forEach((name, k) => {
        const [page_, node] = [inPage[k] as number[], inNode[k] as number[]];
        expect(node[19]).toBeLessThan(node[0] as number);
        const worst = Math.max(...node.map((loss, step) => Math.abs(loss - (page_[step] as number)) / loss));
        expect(worst, name).toBeLessThan(1e-5);
      });
    });
  });
});

// At a larger rate an mLSTM's losses jump within 50 updates, and then WASM's and machine code's part too. Chromium takes minutes to compile them all. Node's tests train by the same kernels each time.
test.runIf(process.env.FUZZ)(
  "in Chromium on a graphics card, which is SwiftShader here: the losses of 50 updates of every cell are WASM's to 1e-4",
  async () => {
    await withPage({ isolated: false, flags: swiftShader }, async (page) => {
      for (const name of Object.keys(cells)) {
        const [onCard, byWasm] = await page.evaluate(async (cell) => {
          const { trainingLosses: run } = await import("/test/helpers/losses.ts");
          const how = { count: 50, rate: 0.002 };
          return [await run(cell, { ...how, engine: "webgpu" }), await run(cell, { ...how, engine: "wasm" })];
        }, name);
        const worst = Math.max(
          ...(byWasm as number[]).map((loss, k) => Math.abs(loss - (onCard?.[k] as number)) / loss),
        );
        console.log(`${name}: ${worst.toExponential(1)}`);
        expect(worst, name).toBeLessThan(1e-4);
      }
    });
  },
  1_200_000,
);
