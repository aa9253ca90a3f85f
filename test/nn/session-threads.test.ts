import { expect, test } from "vitest";
import { dense, embedding, lstm } from "../../src/nn/layers.ts";
import { sequential } from "../../src/nn/model.ts";
import { createSession, type Session } from "../../src/nn/session.ts";
import { createTrainer } from "../../src/train/trainer.ts";
import { pause } from "../helpers/waiting.ts";

const all = { returnSequences: true };
const [vocabulary, units] = [11, 33];
const make = () =>
  sequential([embedding(vocabulary, 20), lstm(units, all), lstm(units, all), dense(vocabulary)], { seed: 1 });
const read = (session: Session, from: number, count: number): number[] =>
  Array.from({ length: count }, (_, k) => [...session.next((from + 3 * k) % vocabulary)]).flat();

test("a session gives the same bits with 1, 2, 3 and 5 threads, also after pauses and anew", async () => {
  const wanted = read(await createSession(make(), { threads: 1 }), 0, 40);
  for (const threads of [2, 3, 5]) {
    const session = await createSession(make(), { threads });
    const got = read(session, 0, 10);
    // Longer than workers wait for the next step.
    await pause(30);
    got.push(...read(session, 30, 30));
    expect(got).toEqual(wanted);
    session.reset();
    expect(read(session, 0, 40)).toEqual(wanted);
  }
});

test("sessions in turn, of different numbers of threads, and training beside them do not disturb each other", async () => {
  const model = make();
  const wanted = read(await createSession(model, { threads: 1 }), 0, 60);
  const sessions = await Promise.all([1, 2, 2, 3].map((threads) => createSession(model, { threads })));
  const trainer = await createTrainer(make(), { batch: 4, steps: 6, threads: 2 });
  const alone = await createTrainer(make(), { batch: 4, steps: 6, threads: 1 });
  const tokens = Int32Array.from({ length: 24 }, (_, k) => k % vocabulary);
  const got = sessions.map((): number[] => []);
  for (let k = 0; k < 60; k++) {
    const update = k % 10 === 0 ? trainer.update(tokens, tokens) : undefined;
    sessions.forEach((session, s) => got[s]?.push(...session.next((3 * k) % vocabulary)));
    if (update !== undefined) expect(await update).toBe(await alone.update(tokens, tokens));
  }
  for (const one of got) expect(one).toEqual(wanted);
});
