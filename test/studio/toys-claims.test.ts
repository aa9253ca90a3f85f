/** What the Toy tasks view says of its runs, with the settings of its links: with a seed or two, and with `FUZZ=10` with ten. */
import { describe, expect } from "vitest";
import { type ToyReport, toys } from "../../src/studio/engine/toys.ts";
import { askedOf } from "../../src/studio/views/toys/settings.ts";
import { toTry } from "../../src/studio/views/toys/what-to-try.tsx";
import { cases } from "../helpers/cases.ts";
import { claim, seeds, toItsEnd } from "./claims.ts";

/** The last report of a link's run, with each of so many seeds. */
async function lastReports(name: keyof typeof toTry, count = 1): Promise<readonly ToyReport[]> {
  const { task, query } = toTry[name];
  const found: ToyReport[] = [];
  for (const seed of seeds.slice(0, cases(count))) {
    const { settings } = askedOf({ path: [task], query: { ...query, seed: String(seed) } });
    if (settings === undefined) throw new Error(`the link ${name} has a setting that is not valid`);
    const { values } = await toItsEnd(toys.trainToy(settings));
    found.push(values.at(-1) as ToyReport);
  }
  return found;
}
const exactAt = ({ byLength }: ToyReport, length: number): number =>
  byLength.scores.find((score) => score.length === length)?.exact ?? Number.NaN;
const page = "what-to-try";

describe("toy tasks", () => {
  claim(
    page,
    "A GRU that learns parity on up to 8 bits is right on 24. A minGRU is not, and not on 8 either:",
    async () => {
      for (const report of await lastReports("parityByGru")) expect(exactAt(report, 24)).toBeGreaterThan(0.95);
      for (const report of await lastReports("parityByMinGru")) {
        expect(exactAt(report, 8)).toBeLessThan(0.5);
        expect(exactAt(report, 24)).toBeLessThan(0.05);
      }
    },
  );
  claim(
    page,
    "an LSTM that sees sequences of 20 alone goes on guessing with most seeds: less than a hundredth of its error arrives at the first letter.",
    async () => {
      const reports = await lastReports("firstOfLong");
      const guessing = reports.filter(({ held }) => held.exact < 0.4);
      expect(guessing.length).toBeGreaterThan(reports.length / 2);
      for (const { watched } of guessing) {
        const [{ norms }] = watched.reach as [(typeof watched.reach)[number]];
        expect((norms[20] as number) / (norms[0] as number)).toBeLessThan(0.01);
      }
    },
  );
  claim(page, "With sequences of 1 to 20 letters it learns the task, and is right on 60.", async () => {
    for (const report of await lastReports("firstOfAll")) {
      expect(report.held.exact).toBeGreaterThan(0.98);
      expect(exactAt(report, 60)).toBeGreaterThan(0.95);
    }
  });
  claim(page, "Trained on up to 10 letters, an LSTM counts to 15 with most seeds, and a GRU with none:", async () => {
    const share = async (name: keyof typeof toTry): Promise<number> => {
      const reports = await lastReports(name, 2);
      return reports.filter((one) => exactAt(one, 10) === 1 && exactAt(one, 15) === 1).length / reports.length;
    };
    // Of two seeds, with the first an LSTM does not.
    expect(await share("countByLstm")).toBeGreaterThanOrEqual(0.5);
    expect(await share("countByGru")).toBe(0);
  });
});
