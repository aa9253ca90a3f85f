/** The same cell, seed and data in a page as in Node. */
import { describe, expect, test } from "vitest";
import { trainingLosses } from "../helpers/losses.ts";
import { withPage } from "./harness.ts";

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
