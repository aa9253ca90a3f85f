/** The route of a server for models of music: notes that prime are posted, notes that are written come back. */
import { z } from "zod";
import { inOrder, type Note } from "../../data/piece.ts";
import { InputError } from "../../graph/input-error.ts";
import { checkFiniteValues } from "../../nn/finite-values.ts";
import type { TaskServing } from "../task.ts";
import { generateMusic } from "./predict.ts";
import type { MusicModel } from "./settings.ts";

const note = z.object({
  pitch: z.int().min(0).max(127).meta({ description: "MIDI number; 60 is middle C." }),
  start: z.number().min(0).meta({ description: "When it begins, in quarters." }),
  duration: z.number().gt(0).meta({ description: "How long it sounds, in quarters." }),
  velocity: z.int().min(1).max(127),
});
const body = z.object({
  length: z.number().gt(0).max(1024).nullish().meta({ description: "Quarters to write. Default 32." }),
  prime: z.array(note).max(10_000).nullish().meta({ description: "Notes that are read first. Default none." }),
  hold: z.array(z.int().min(0).max(127)).max(128).nullish().meta({ description: "Pitches that sound all the time." }),
  temperature: z.number().min(0).nullish().meta({ description: "Below 1 it is more predictable. Default 1." }),
  seed: z.int().nullish().meta({ description: "The seed of the draws. Default 0." }),
});
type Asked = { readonly [Name in keyof z.infer<typeof body>]: Exclude<z.infer<typeof body>[Name], null> };
/** Ticks of a quarter of notes that are posted. */
const ticksPerQuarter = 960;

export const serving: TaskServing<MusicModel> = {
  routes: {
    music: {
      ...{ path: "/v1/music", summary: "Music that goes on from silence or from given notes." },
      body,
      answer: z.object({
        quartersPerMinute: z.number(),
        notes: z.array(note).meta({ description: "What is written, in the order of starts, without what primed it." }),
      }),
    },
  },
  async start(mm, host) {
    checkFiniteValues(mm.model, "the model");
    return {
      answers: {
        async music(asked) {
          const { length = 32, prime = [], hold = [], temperature = 1, seed = 0 } = asked as Asked;
          const options = { length, hold, temperature, seed, prime: pieceOf(prime), ...host };
          const written = await generateMusic(mm, options).catch((error: unknown) => {
            if (!(error instanceof InputError)) throw error;
            throw new InputError(error.message.replace(/^generateMusic: /, ""));
          });
          const quarters = (ticks: number): number => ticks / written.ticksPerQuarter;
          return {
            quartersPerMinute: 6e7 / mm.settings.microsecondsPerQuarter,
            notes: written.notes.map(({ pitch, start, duration, velocity }) => ({
              ...{ pitch, start: quarters(start), duration: quarters(duration), velocity },
            })),
          };
        },
      },
      dispose: () => {},
    };
  },
};

function pieceOf(notes: readonly z.infer<typeof note>[]) {
  const ticks = (quarters: number): number => Math.round(quarters * ticksPerQuarter);
  const placed = notes.map(({ pitch, start, duration, velocity }, k): Note => {
    if (start > 100_000 || duration > 100_000) throw new InputError(`prime: note ${k} is beyond 100000 quarters`);
    return { pitch, start: ticks(start), duration: Math.max(1, ticks(duration)), velocity, track: 0, channel: 0 };
  });
  return { ticksPerQuarter, tempos: [], notes: inOrder(placed) };
}
