/** The route of a server for models of trajectories. */
import { z } from "zod";
import { InputError } from "../../graph/input-error.ts";
import type { TaskServing } from "../task.ts";
import { predictTrajectories } from "./predict.ts";
import type { TrajectoryModel } from "./settings.ts";
import type { Track } from "./tracks.ts";

const places = z.array(z.number()).max(10_000);
const track = z.strictObject({
  id: z.string().nullish().meta({ description: "A name that comes back with its futures; by default its number." }),
  x: places.meta({ description: "The places of successive steps, the newest last." }),
  y: places.meta({ description: "As many as x." }),
});
const path = z.object({ x: z.array(z.number()), y: z.array(z.number()) });
/** The largest number of futures in one answer. */
const mostFutures = 20_000;

export const serving: TaskServing<TrajectoryModel> = {
  routes: {
    trajectories: {
      ...{ path: "/v1/trajectories", summary: "Where tracks go on: several futures for each." },
      body: z.object({
        tracks: z.array(track).min(1).max(1000).meta({ description: "Tracks with the step of the model's training." }),
        futures: z.int().min(1).max(1000).nullish().meta({ description: "Futures for each track. Default 20." }),
        sample: z.boolean().nullish().meta({ description: "Draw futures in place of the likeliest. Default false." }),
        seed: z.int().nullish().meta({ description: "The seed of the draws. Default 0." }),
      }),
      answer: z.object({
        tracks: z.array(
          z.object({
            id: z.string(),
            path: path.meta({ description: "One path, the median of the futures." }),
            futures: z.array(path.extend({ probability: z.number() })).meta({ description: "The likeliest first." }),
          }),
        ),
      }),
    },
  },
  start: async (content, host) => ({
    answers: {
      async trajectories(body) {
        const { tracks, futures = 20, sample = false, seed = 0 } = body as Body;
        if (tracks.length * futures > mostFutures) {
          throw new InputError(
            `futures: ${tracks.length} tracks of ${futures} futures are more than ${mostFutures}. Ask for fewer, or for some ` +
              "of the tracks at a time.",
          );
        }
        const { seen, step } = content.settings;
        const given = tracks.map(({ id, x, y }, n): Track => {
          if (x.length !== y.length) {
            throw new InputError(
              `tracks: track ${n} has ${x.length} numbers x and ${y.length} numbers y, expected as many`,
            );
          }
          if (x.length < seen) {
            throw new InputError(`tracks: track ${n} has ${x.length} places, and the model sees ${seen}`);
          }
          return { id: id ?? String(n), start: 0, x: Float64Array.from(x), y: Float64Array.from(y) };
        });
        const options = { futures, sample, seed, ...host };
        const found = await predictTrajectories(content, { step, tracks: given, gaps: [] }, options).catch(
          (error: unknown) => {
            if (!(error instanceof InputError)) throw error;
            throw new InputError(
              error.message.replace(/^predictTrajectories: (track .*) up to frame \d+/, "tracks: $1"),
            );
          },
        );
        const plain = (of: { readonly x: Float64Array; readonly y: Float64Array }) => ({ x: [...of.x], y: [...of.y] });
        return {
          tracks: found.map((one) => ({
            id: one.id,
            path: plain(one.path),
            futures: one.futures.map((future) => ({ ...plain(future), probability: future.probability })),
          })),
        };
      },
    },
    dispose: () => {},
  }),
};
type Body = {
  readonly tracks: readonly {
    readonly id?: string | null;
    readonly x: readonly number[];
    readonly y: readonly number[];
  }[];
  readonly futures?: number;
  readonly sample?: boolean;
  readonly seed?: number;
};
