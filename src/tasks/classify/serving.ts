/** The route of a server for classifiers: sound in base64, rows of numbers or a text, to a label and probabilities. */
import { z } from "zod";
import { InputError } from "../../graph/input-error.ts";
import type { TaskServing } from "../task.ts";
import type { Sequence } from "./examples.ts";
import type { Classifier } from "./file.ts";
import { classify } from "./predict.ts";

export const serving: TaskServing<Classifier> = {
  routes: {
    classification: {
      path: "/v1/classifications",
      summary: "The class of a sound, of a series of numbers or of a text.",
      body: z.object({
        audio: z.string().nullish().meta({ description: "A WAV file in base64, for a model of sound." }),
        rows: z
          .array(z.array(z.number()))
          .nullish()
          .meta({ description: "Numbers, a row a step, for a model of numbers." }),
        text: z.string().min(1).nullish().meta({ description: "A text, for a model of texts." }),
      }),
      answer: z.object({
        label: z.string().meta({ description: "The likeliest class." }),
        probability: z.number(),
        probabilities: z.record(z.string(), z.number()).meta({ description: "By class." }),
      }),
    },
  },
  async start(content, host) {
    return {
      answers: {
        async classification({ audio, rows, text }) {
          const [one] = await classify(content, [await sequenceOf(audio, rows, text)], host);
          if (one === undefined) throw new Error("internal: no answer to a sequence");
          const { label, probability, probabilities } = one;
          return { label, probability, probabilities };
        },
      },
      dispose() {},
    };
  },
};

async function sequenceOf(audio: unknown, rows: unknown, text: unknown): Promise<Sequence> {
  const given = [audio, rows, text].filter((one) => one !== undefined).length;
  if (typeof text === "string" && given === 1) return { text, name: "text" };
  if (typeof audio === "string" && given === 1) {
    // Servers of other models do without.
    const { mixDown, readWav } = await import("../../formats/wav.ts");
    const wav = readWav(bytesOf(audio), "audio");
    return { samples: mixDown(wav), sampleRate: wav.sampleRate, name: "audio" };
  }
  if (Array.isArray(rows) && given === 1) return { rows, name: "rows" };
  throw new InputError("audio: give one of audio, a WAV file in base64, rows of numbers, and text");
}

function bytesOf(text: string): Uint8Array {
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch {
    throw new InputError("audio: is not base64");
  }
}
