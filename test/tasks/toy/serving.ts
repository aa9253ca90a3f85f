/** The toy's route of a server. */
import { z } from "zod";
import { InputError } from "../../../src/graph/input-error.ts";
import type { TaskServing } from "../../../src/tasks/task.ts";
import { createNextNumber, type NextNumber, steps } from "./task.ts";

export const serving: TaskServing<NextNumber> = {
  routes: {
    nextNumber: {
      ...{ path: "/v1/next-numbers", summary: "The next number of a series." },
      body: z.object({ series: z.array(z.number()).meta({ description: "Numbers, the newest last." }) }),
      answer: z.object({ next: z.number() }),
    },
  },
  async start(content, host) {
    const { next, dispose } = await createNextNumber(content, host);
    return {
      answers: {
        async nextNumber({ series }) {
          const numbers = series as readonly number[];
          if (numbers.length < steps)
            throw new InputError(`series: needs at least ${steps} numbers, got ${numbers.length}`);
          return { next: await next(numbers) };
        },
      },
      dispose,
    };
  },
};
