/**
 * Who and where: names in sentences, with labels in the columns of CoNLL. Some towns have the names of people, and most names of the
 * test are new: characters and the words beside them have to tell. Takes about 5 seconds.
 */
import { createRandom, evaluateTagger, parseConll, tag, tagger, trainTagger } from "unrolled";

const random = createRandom(1);
const pick = (from: readonly string[]): string => from[random.integer(from.length)] as string;
const starts = ["An", "Bel", "Cor", "Do", "El", "Fi", "Gor", "Ha", "Il", "Jo", "Ka", "Lo", "Mar", "Ne", "Ol", "Pa"];
const first = (): string => pick(starts) + pick(["na", "ra", "rin", "ton", "vis"]);
const last = (): string => pick(starts) + pick(["berg", "feld", "mann", "son", "stein"]);
const town = (): string => pick(starts) + pick(["burg", "berg", "ham", "ville", "stein"]);

/** A sentence by rule, a line a word. */
function sentence(): string {
  const person = () => (random.uniform() < 0.7 ? `${first()} B-PER\n${last()} I-PER\n` : `${last()} B-PER\n`);
  const forms = [
    () => `${person()}lives O\nin O\n${town()} B-LOC\n`,
    () => `${town()} B-LOC\nis O\nfar O\nfrom O\n${town()} B-LOC\n`,
    () => `${person()}wrote O\nto O\n${person()}`,
    () => `${pick(["Yesterday", "Today"])} O\n${person()}left O\n${town()} B-LOC\n`,
  ];
  return (pick(["0", "1", "2", "3"]) === "0" ? forms[1] : forms[random.integer(4)])?.() as string;
}
const made = (count: number, name: string) => parseConll(Array.from({ length: count }, sentence).join("\n"), { name });
const [training, test] = [made(200, "training"), made(300, "test")];

for (const input of ["words", "words+characters"] as const) {
  const names = tagger(training, { input, units: 24, embedding: 16, seed: 1 });
  await trainTagger(names, training, { epochs: 10, learningRate: 0.01, seed: 1 });
  const { accuracy, entities } = await evaluateTagger(names, test);
  const [a, f] = [accuracy, entities?.f1 ?? 0].map((share) => `${(100 * share).toFixed(1)} %`);
  console.log(`${input}: ${a} of the words right, F1 of the names ${f}`);
  const asked = ["Marna Dostein wrote to Olstein", "Belham is far from Gorstein", "Today Pason left Nestein"];
  for (const { tokens, entities } of await tag(
    names,
    asked.map((text) => text.split(" ")),
  )) {
    const found = entities.map(({ type, start, end }) => `${tokens.slice(start, end).join(" ")} (${type})`);
    console.log(`  ${tokens.join(" ")}: ${found.join(", ")}`);
  }
}
