/** The route of a server for taggers: words of sentences to labels and entities. */
import { z } from "zod";
import type { TaskServing } from "../task.ts";
import type { Tagger } from "./file.ts";
import { tag } from "./predict.ts";

const words = z.array(z.string().min(1)).min(1).max(10_000);
export const serving: TaskServing<Tagger> = {
  routes: {
    tags: {
      path: "/v1/tags",
      summary: "A label for each word of sentences, and the entities that the labels mark.",
      body: z.object({
        sentences: z.array(words).min(1).max(1000).meta({ description: "The words of each sentence." }),
      }),
      answer: z.object({
        sentences: z.array(
          z.object({
            labels: z.array(z.string()).meta({ description: "A label for each word." }),
            entities: z
              .array(z.object({ type: z.string(), start: z.int(), end: z.int() }))
              .meta({ description: "From word `start` up to, without, word `end`; none for labels that mark none." }),
          }),
        ),
      }),
    },
  },
  start: async (content, host) => ({
    answers: {
      async tags({ sentences }) {
        const found = await tag(content, sentences as string[][], host);
        return { sentences: found.map(({ labels, entities }) => ({ labels, entities })) };
      },
    },
    dispose() {},
  }),
};
