/**
 * Dates as people write them, to dates as tables have them: an encoder reads the letters, a decoder looks at the ones that its next
 * letter needs. The picture shows where. Takes about 15 seconds.
 */
import { createRandom, evaluateTranslator, type TextPair, trainTranslator, translate, translator } from "unrolled";

const random = createRandom(1);
const months = "January February March April May June July August September October November December".split(" ");

/** "March 7, 1985" or "7 Mar 85", and 1985-03-07. */
function dates(count: number): TextPair[] {
  return Array.from({ length: count }, () => {
    const [year, month, day] = [1950 + random.integer(70), random.integer(12), 1 + random.integer(28)];
    const name = months[month]!;
    const source = [
      `${name} ${day}, ${year}`,
      `${day} ${name} ${year}`,
      `${day} ${name.slice(0, 3)} ${year}`,
      `${name.slice(0, 3)} ${day}, ${year}`,
      `${day}.${month + 1}.${year}`,
    ][random.integer(5)]!;
    const two = (n: number): string => String(n).padStart(2, "0");
    return { source, target: `${year}-${two(month + 1)}-${two(day)}` };
  });
}

const of = translator(dates(2000), { units: 64, embedding: 16, seed: 1 });
await trainTranslator(of, dates(4000), { epochs: 16, batchSize: 32, learningRate: 0.006, seed: 1, threads: 1 });
const { exact, pairs } = await evaluateTranslator(of, dates(200), { threads: 1 });
console.log(`Of ${pairs} dates that it was not trained on, ${Math.round(100 * exact)} % are right.\n`);

const [date] = await translate(of, ["7 March 1985"], { attention: true, threads: 1 });
const { source, target, shares } = date!.attention!;
console.log(`    ${source.join("")}`);
for (const [k, row] of shares.slice(0, -1).entries()) {
  const marks = row.map((share) => (share > 0.5 ? "█" : share > 0.2 ? "▓" : share > 0.05 ? "░" : " "));
  console.log(`  ${target[k]} ${marks.join("").trimEnd()}`);
}
