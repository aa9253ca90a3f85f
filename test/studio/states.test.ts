/** What Inspect asks about many states: as jobs, with reports, ended by who does not want them any more; rows of an embedding. */
import { expect, test } from "vitest";
import { createRandom } from "../../src/nn/random.ts";
import { characterKinds, kindOf } from "../../src/studio/components/character-kinds.ts";
import {
  columnAt,
  createLinkedScrolling,
  offsetsOf,
  positionAt,
} from "../../src/studio/components/linked-scrolling.ts";
import { openModels } from "../../src/studio/engine/open-models.ts";
import { states } from "../../src/studio/engine/states.ts";
import { languageModel, writeLanguageModel } from "../../src/tasks/language-model.ts";
import { principalComponents } from "../../src/tasks/principal-components.ts";
import { connected } from "../helpers/remote-jobs.ts";

test("the axes of many states: reports of progress, then what is computed here; a job that is left ends", async () => {
  const random = createRandom(1);
  const [rows, size] = [6000, 256];
  const data = Float32Array.from({ length: rows * size }, random.uniform);
  const left = connected(states).run("principalComponents", data, size, 2);
  expect((await left.next()).done).toBe(false);
  await left.return(undefined as never);
  expect(await left.next()).toEqual({ done: true, value: undefined });

  const few = data.subarray(0, 800);
  const work = principalComponents(few, 8, 2);
  let own = work.next();
  while (!own.done) own = work.next();
  expect(await connected(states).ask("principalComponents", few.slice(), 8, 2)).toEqual(own.value);
});

test("the rows of an embedding have the names of their tokens; a model without one has none", async () => {
  const lm = languageModel("the cat sat\n".repeat(20), { units: 4, embedding: 3, tokens: "word" });
  await openModels.openModel(1, writeLanguageModel(lm), "words");
  const { size, names, data } = (await states.embeddingRows(1)) ?? { size: 0, names: [], data: [] };
  expect(size).toBe(3);
  expect(names).toContain(" cat");
  expect([...data]).toEqual([...(lm.model.values["embedding.weight"] as Float32Array)]);
  expect(data).toHaveLength(3 * names.length);
});

test("a position in a text and a place among columns are each other's, whatever the tokens", () => {
  const offsets = offsetsOf(["the", "", " ca", "t"]);
  expect([...offsets]).toEqual([0, 3, 3, 6, 7]);
  for (const position of [0, 1.5, 3, 4, 6.25, 7]) {
    expect(positionAt(offsets, columnAt(offsets, position))).toBeCloseTo(position, 10);
  }
  expect([columnAt(offsets, 1.5), columnAt(offsets, 4.5), columnAt(offsets, 7)]).toEqual([0.5, 2.5, 4]);
});

test("what one map has scrolled to is told to the others alone, as long as they are there", () => {
  const linked = createLinkedScrolling();
  const told: [string, number][] = [];
  const [a, b, c] = ["a", "b", "c"].map((name) => linked.join((position) => told.push([name, position])));
  b?.moved(5);
  c?.leave();
  a?.moved(7);
  expect(told).toEqual([
    ["a", 5],
    ["c", 5],
    ["b", 7],
  ]);
});

test("a token's kind is that of its first character that is no blank", () => {
  const kinds = ["a", " The", "42", " ", "\n", "—", "\n\n", "é", "", "Ж"].map((token) => characterKinds[kindOf(token)]);
  expect(kinds).toEqual([
    ...["small letter", "capital", "digit", "blank", "end of a line", "other sign"],
    ...["end of a line", "small letter", "other sign", "capital"],
  ]);
});
