/** The route of a server for translators. */
import { z } from "zod";
import { InputError } from "../../graph/input-error.ts";
import type { TaskServing } from "../task.ts";
import { translate } from "./predict.ts";
import type { Translator } from "./settings.ts";

const mostCharacters = 10_000;

export const serving: TaskServing<Translator> = {
  routes: {
    translations: {
      ...{ path: "/v1/translations", summary: "Texts, translated." },
      body: z.object({
        texts: z.array(z.string().min(1).max(mostCharacters)).min(1).max(256).meta({ description: "Sources." }),
        beams: z.int().min(1).max(64).nullish().meta({ description: "Translations kept at each token. Default 4." }),
        length_penalty: z.number().nullish().meta({ description: "More favours longer translations. Default 0." }),
        max_tokens: z.int().min(1).max(10_000).nullish().meta({ description: "The most tokens of a translation." }),
        attention: z.boolean().nullish().meta({ description: "Tell where the decoder looked. Default false." }),
      }),
      answer: z.object({
        translations: z.array(
          z.object({
            text: z.string(),
            log_probability: z.number(),
            ended: z.boolean().meta({ description: "Whether it came to its end, not to the largest length." }),
            attention: z
              .object({
                source: z.array(z.string()),
                target: z.array(z.string()),
                shares: z
                  .array(z.array(z.number()))
                  .meta({ description: "For each token of the target, of the source." }),
              })
              .optional(),
          }),
        ),
      }),
    },
  },
  start: async (content, host) => ({
    answers: {
      async translations(body) {
        const { texts, beams, length_penalty, max_tokens, attention } = body as Body;
        const said = await translate(content, texts, {
          ...host,
          ...(typeof beams === "number" && { beams }),
          ...(typeof length_penalty === "number" && { lengthPenalty: length_penalty }),
          ...(typeof max_tokens === "number" && { length: max_tokens }),
          ...(attention && { attention }),
        }).catch((error: unknown) => {
          if (!(error instanceof InputError)) throw error;
          throw new InputError(error.message.replace(/^translate: /, ""));
        });
        return {
          translations: said.map(({ logProbability, ...one }) => ({ ...one, log_probability: logProbability })),
        };
      },
    },
    dispose: () => {},
  }),
};
type Body = {
  readonly texts: readonly string[];
  readonly beams?: number | null;
  readonly length_penalty?: number | null;
  readonly max_tokens?: number | null;
  readonly attention?: boolean | null;
};
