/** Workers of a page give memory back as Node's do. Resident memory of Chromium's processes, as Linux counts it. */
import { readFileSync } from "node:fs";
import type { Browser } from "playwright-core";
import { expect, test } from "vitest";
import { withPage } from "./harness.ts";

test.skipIf(process.platform !== "linux")(
  "programs in a page that nobody uses any more leave no memory taken",
  async () => {
    await withPage({ isolated: true }, async (page) => {
      const devtools = await (page.context().browser() as Browser).newBrowserCDPSession();
      const megabytes = async (): Promise<number> => {
        const { processInfo } = await devtools.send("SystemInfo.getProcessInfo");
        const pages = processInfo.map(({ id }) => Number(readFileSync(`/proc/${id}/statm`, "utf8").split(" ")[1]));
        return (pages.reduce((a, b) => a + b, 0) * 4096) / 2 ** 20;
      };
      const run = (kind: string, count: number) =>
        page.evaluate(
          async ([kind, count]) => {
            const { dense, embedding, lstm } = await import("/src/nn/layers.ts");
            const { sequential } = await import("/src/nn/model.ts");
            const { predict } = await import("/src/train/predict.ts");
            const { createTrainer } = await import("/src/train/trainer.ts");
            const model = sequential([embedding(5, 16), lstm(400, { returnSequences: true }), dense(5)]);
            for (let k = 0; k < count; k++) {
              if (kind === "predict") await predict(model, [[1, 2, 3, 4]], { threads: 2 });
              else {
                const trainer = await createTrainer(model, { batch: 1, steps: 4, threads: 2 });
                await trainer.update([1, 2, 3, 4], [2, 3, 4, 0]);
                if (kind === "trainer, disposed of") trainer.dispose();
              }
            }
          },
          [kind, count] as const,
        );
      // By 5 MB a prediction and 17 MB a trainer it would grow without an end.
      const most = { predict: 60, "trainer, disposed of": 120, "trainer, left": 500 };
      for (const [kind, limit] of Object.entries(most)) {
        await run(kind, 3);
        const before = await megabytes();
        await run(kind, 80);
        expect((await megabytes()) - before, kind).toBeLessThan(limit);
      }
    });
  },
);
