/** What models of many units do, in whatever thread this is called. Without imports, so that it can be sent as its text. */

type Library = typeof import("../../src/index.ts");

export const works = ["session", "inspectModel", "generateMany", "beamSearch", "predict", "training"] as const;
export type Work = (typeof works)[number];

/** The numbers that one work comes to, with so many threads; without it, with as many as the library takes. */
export async function largeModel(library: Library, work: Work, units: number, threads?: number): Promise<number[]> {
  const lm = library.languageModel("the quick brown fox jumps", { units, embedding: 16, seed: 3 });
  const tokens = [3, 1, 4, 1, 5, 9, 2, 6];
  const texts = async (all: AsyncIterable<{ readonly text: string }>): Promise<number[]> => {
    let text = "";
    for await (const piece of all) text += piece.text;
    return Array.from(text, (character) => character.charCodeAt(0));
  };
  switch (work) {
    case "session": {
      const session = await library.createSession(lm.model, { threads });
      return tokens.flatMap((token) => [...session.next(token)]);
    }
    case "inspectModel": {
      const all: number[] = [];
      for await (const { output, values } of library.inspectModel(lm.model, tokens, { threads })) {
        all.push(...output, ...Object.values(values).map((value) => value.reduce((sum, number) => sum + number, 0)));
      }
      return all;
    }
    case "generateMany":
      return texts(library.generateMany(lm, Array(32).fill("the "), { length: 3, threads }));
    case "beamSearch": {
      const [best] = await library.beamSearch(lm, { prompt: "fox", length: 4, threads });
      return [best?.logProbability ?? Number.NaN, ...Array.from(best?.text ?? "", (one) => one.charCodeAt(0))];
    }
    case "predict":
      return [...(await library.predict(lm.model, [tokens, tokens.toReversed()], { threads })).data];
    case "training": {
      const trainer = await library.createTrainer(lm.model, { batch: 2, steps: 4, threads });
      return [await trainer.update(tokens, tokens.toReversed()), await trainer.update(tokens, tokens.toReversed())];
    }
  }
}
