/** Sessions that travel: each answer has the state, sealed, and any server with the same key and model goes on from it. */
import { describe, expect, test, vi } from "vitest";
import { dense, embedding, lstm } from "../../src/nn/layers.ts";
import { sequential } from "../../src/nn/model.ts";
import { createServer } from "../../src/server/app.ts";
import { createSealing } from "../../src/server/sealing.ts";
import { type LanguageModel, languageModel, languageModelFrom } from "../../src/tasks/language-model.ts";
import { lively } from "../helpers/models.ts";
import { rejection } from "../helpers/refusal.ts";
import { book, type Serving, serving, tiny } from "./serving.ts";

const odd = `${book}€€€ é☃`;
const characters = ["\uFFFD", ...new Set(odd)];
const last = sequential([embedding(characters.length, 5), lstm(8), dense(characters.length)], { seed: 3 });
for (const values of Object.values(last.values)) for (let k = 0; k < values.length; k++) values[k]! *= 3;
const models: Record<string, LanguageModel> = {
  windows: languageModelFrom(last, { vocabulary: characters, window: 6 }),
  chars: lively(odd),
  words: lively(odd, { tokens: "word", cell: "mlstm" }),
  pairs: lively(odd, { tokens: "bpe", maxVocabulary: 300, cell: "gru", layers: 2 }),
};
const [key, otherKey] = ["k".repeat(32), "o".repeat(32)] as const;
const sessions = "/v1/unrolled/sessions";
const sealed = `${sessions}/sealed/completions`;
const [quiet, one, two] = await Promise.all([
  serving({}, models),
  // While keys are replaced: each seals with one and opens both.
  serving({ sessionKeys: [key, otherKey] }, models),
  serving({ sessionKeys: [otherKey, key] }, models),
]);

type Answer = {
  choices: { text: string; logprobs: unknown }[];
  usage: object;
  session: { token: string; tokens: number };
};
const begin = async (of: Serving, body: object) => {
  const answer = await of.post(sessions, { sealed: true, ...body });
  expect(answer.status).toBe(201);
  return answer.json();
};
const goOn = async (of: Serving, body: object, at = sealed): Promise<Answer> => {
  const answer = await of.post(at, body);
  expect(answer.status, await answer.clone().text()).toBe(200);
  return answer.json();
};
const errorOf = async (asked: Promise<Response>) => {
  const answer = await asked;
  const { error } = await answer.json();
  expect(error.message).not.toMatch(/\n|internal|undefined/);
  return [answer.status, error.code, error.message];
};

/** What is asked of a session, of every kind that leaves another kind of state behind. */
const turns = [
  { prompt: " sat", max_tokens: 7, seed: 1, temperature: 1.5, logprobs: 3 },
  { max_tokens: 9, seed: 2, stop: ["t", "e"] },
  { prompt: " do", max_tokens: 0 },
  { prompt: "€", max_tokens: 5, seed: 3, repetition_penalty: 1.3, stream: true },
  { max_tokens: 6, seed: 4, temperature: 1.8, logprobs: 0 },
  { prompt: "é the c", max_tokens: 8, temperature: 0 },
];

describe.each(Object.keys(models))("%s: a session that hops between two servers with each request", (model) => {
  test.each(["", "the cat", "the ca"])(
    "answers what one quiet server answers, to the bit, after %o",
    async (prompt) => {
      const { id } = await (await quiet.post(sessions, { model, prompt })).json();
      let { token, ...about } = await begin(one, { model, prompt });
      expect(about).toMatchObject({ id: "sealed", object: "session", model });
      for (const [k, turn] of [...turns, ...turns].entries()) {
        const of = k % 2 === 0 ? two : one;
        const wanted = await quiet.post(`${sessions}/${id}/completions`, turn);
        if (turn.stream) {
          const [expected, got] = await Promise.all([wanted, of.post(sealed, { ...turn, token })].map(eventsOf));
          const session = got?.find((event) => event.session !== undefined);
          expect(session).toMatchObject({ object: "text_completion", choices: [] });
          expect(got?.at(-1)).toEqual({ done: true });
          token = session?.session?.token;
          expect(textIn(got)).toBe(textIn(expected));
          continue;
        }
        const { choices, usage } = await wanted.json();
        const got = await goOn(of, { ...turn, token });
        expect({ choices: got.choices, usage: got.usage }).toEqual({ choices, usage });
        ({ token } = got.session);
      }
      // What the model remembers is the same, too: stored, it is read to the bit.
      const stored = await (await one.post(sessions, { model, token })).json();
      const [state, wanted] = await Promise.all([
        (await one.get(`${sessions}/${stored.id}/state`)).json(),
        (await quiet.get(`${sessions}/${id}/state`)).json(),
      ]);
      expect(state).toEqual(wanted);
    },
  );
});

type Event = { choices: { text: string }[]; session?: { token: string }; object?: string; done?: boolean };
const eventsOf = async (asked: Promise<Response> | Response): Promise<Event[]> =>
  (await (await asked).text())
    .split("\n\n")
    .slice(0, -1)
    .map((event) => event.slice("data: ".length))
    .map((data) => (data === "[DONE]" ? { done: true } : JSON.parse(data)));
const textIn = (events: readonly Event[] | undefined): string =>
  (events ?? []).map(({ choices }) => choices?.[0]?.text ?? "").join("");

describe("a token", () => {
  test("can be used again: each use is a copy, and none changes another", async () => {
    const { token } = await begin(one, { model: "chars", prompt: "the cat" });
    const ask = (seed: number, of: Serving) => goOn(of, { token, seed, max_tokens: 12 });
    const texts = await Promise.all([1, 2, 1, 2].map((seed, k) => ask(seed, k < 2 ? one : two)));
    const [a, b, c, d] = texts.map(({ choices }) => choices[0]?.text);
    expect([c, d]).toEqual([a, b]);
    expect(a).not.toBe(b);
  });

  test("is what a new session begins from, stored or sealed, with more text", async () => {
    const first = await begin(one, { model: "chars", prompt: "the cat" });
    const [whole, more] = [
      await begin(two, { model: "chars", prompt: "the cat sat" }),
      await begin(two, { model: "chars", prompt: " sat", token: first.token }),
    ];
    const stored = await (await two.post(sessions, { model: "chars", prompt: " sat", token: first.token })).json();
    expect([more.tokens, stored.tokens]).toEqual([whole.tokens, whole.tokens]);
    expect(stored.token).toBeUndefined();
    const body = { max_tokens: 9, seed: 1 };
    const texts = await Promise.all([
      goOn(one, { ...body, token: whole.token }),
      goOn(one, { ...body, token: more.token }),
      goOn(two, body, `${sessions}/${stored.id}/completions`),
    ]);
    expect(new Set(texts.map(({ choices }) => choices[0]?.text)).size).toBe(1);
  });

  test("goes on under another name of its model, that which is asked for if two are the same", async () => {
    const { token } = await begin(one, { model: "chars" });
    const chars = models.chars as LanguageModel;
    const named = await serving({ sessionKeys: [key] }, { first: chars, second: chars });
    const nameOf = async (more: object) =>
      ((await goOn(named, { token, max_tokens: 1, ...more })) as unknown as { model: string }).model;
    expect([await nameOf({}), await nameOf({ model: "second" })]).toEqual(["first", "second"]);
    expect(await errorOf(named.post(sealed, { token, model: "third" }))).toEqual([
      ...[400, null, "model: the session's is first, got third."],
    ]);
  });

  test("takes no room: any number of sessions where none may be stored, whose refusal says so", async () => {
    const none = await serving({ sessionKeys: [key], sessions: 0 }, { tiny });
    const tokens = await Promise.all(Array.from({ length: 50 }, () => begin(none, { model: "tiny", prompt: "a" })));
    const answers = await Promise.all(tokens.map(({ token }) => goOn(none, { token, max_tokens: 3, seed: 1 })));
    expect(new Set(answers.map(({ choices }) => choices[0]?.text)).size).toBe(1);
    expect(await errorOf(none.post(sessions, { model: "tiny" }))).toEqual([
      ...[429, "session_limit"],
      'this server stores no sessions. Create it with "sealed": true: then each answer has a token, which the next request sends.',
    ]);
    expect(await none.figure("unrolled_sessions")).toBe(0);
  });

  test("has some hundred bytes more than the numbers that the model remembers", async () => {
    const large = languageModel(book, { units: 128, embedding: 8, seed: 1 });
    const of = await serving({ sessionKeys: [key], maxBodyBytes: 100 }, { large });
    const { token } = await begin(of, { model: "large", prompt: "the" });
    const bytes = (token.length * 3) / 4;
    expect(bytes).toBeGreaterThan(4 * 256);
    expect(bytes).toBeLessThan(4 * 256 + 400);
    // Though a body may have no more than 100 bytes, it comes beside the prompt.
    expect((await goOn(of, { token, max_tokens: 3 })).session.tokens).toBe(6);
  });
});

describe("is refused, with a line and a code of its own:", () => {
  const keyed = { apiKeys: ["mine", "yours"], sessionKeys: [key] };
  const as = (name: string) => ({ headers: { Authorization: `Bearer ${name}` } });

  test("a token that is altered, none, too long, of another version or key", async () => {
    const { token } = await begin(one, { model: "chars", prompt: "the" });
    const refused = (token: string, of = one) => errorOf(of.post(sealed, { token, max_tokens: 1 }));
    const middle = token.length >> 1;
    const altered = token.slice(0, middle) + (token[middle] === "A" ? "B" : "A") + token.slice(middle + 1);
    expect((await refused(altered)).slice(0, 2)).toEqual([400, "session_token_altered"]);
    expect((await refused("sess-1")).slice(0, 2)).toEqual([400, "session_token_malformed"]);
    expect((await refused(token.replace("us1", "us7"))).slice(0, 2)).toEqual([400, "session_token_version"]);
    expect(await refused(`us1.${"A".repeat(200_000)}`)).toEqual([
      ...[
        413,
        "session_token_too_long",
        expect.stringMatching(/^token: needs at most \d+ characters, got 200004: no model/),
      ],
    ]);
    const stranger = await serving({ sessionKeys: ["s".repeat(32)] }, { tiny });
    expect((await refused(token, stranger)).slice(0, 2)).toEqual([400, "session_token_key"]);
    // In a request that begins a session as well.
    expect((await errorOf(stranger.post(sessions, { model: "tiny", token })))[1]).toBe("session_token_key");
  });

  test("one that has expired; each answer has a new lifetime", async () => {
    const brief = await serving({ sessionKeys: [key], sessionMs: 60_000 }, { tiny });
    const startMs = Date.now();
    const now = vi.spyOn(Date, "now").mockReturnValue(startMs);
    const { token, expires } = await begin(brief, { model: "tiny" });
    expect(expires).toBe(Math.ceil((startMs + 60_000) / 1000));
    now.mockReturnValue(startMs + 59_999);
    const next = (await goOn(brief, { token, max_tokens: 1 })).session;
    now.mockReturnValue(startMs + 60_000);
    const when = new Date(startMs + 60_000).toISOString();
    expect(await errorOf(brief.post(sealed, { token }))).toEqual([
      ...[410, "session_token_expired", `token: it expired at ${when} (see --session-minutes). Begin a new session.`],
    ]);
    await goOn(brief, { token: next.token, max_tokens: 1 });
  });

  test("one of another model", async () => {
    const { token } = await begin(one, { model: "chars" });
    const retrained = await serving({ sessionKeys: [key] }, { chars: lively(odd, { seed: 5 }) });
    expect(await errorOf(retrained.post(sealed, { token }))).toEqual([
      ...[400, "session_token_model"],
      "token: it belongs to a model that is not served here, or no longer (served: chars). Send it to a server with that model, or begin a new session.",
    ]);
    expect(await errorOf(one.post(sessions, { model: "pairs", token }))).toEqual([
      ...[400, null, "model: the session's is chars, got pairs."],
    ]);
  });

  test("one of another client: of another API key, of none, whatever the order of the keys", async () => {
    const [here, there] = [
      await serving(keyed, { tiny }),
      await serving({ ...keyed, apiKeys: ["yours", "mine"] }, { tiny }),
    ];
    const open = await serving({ sessionKeys: [key] }, { tiny });
    const { token } = await (await here.post(sessions, { model: "tiny", sealed: true }, as("mine"))).json();
    expect((await there.post(sealed, { token, max_tokens: 1 }, as("mine"))).status).toBe(200);
    const wrong = "token: it belongs to the client of another API key. Send that key, or begin a new session.";
    const refused = [403, "session_token_client", wrong];
    expect(await errorOf(there.post(sealed, { token }, as("yours")))).toEqual(refused);
    expect(await errorOf(open.post(sealed, { token }))).toEqual(refused);
    const { token: free } = await begin(open, { model: "tiny" });
    expect(await errorOf(here.post(sealed, { token: free }, as("mine")))).toEqual(refused);
  });

  test("one at a server without a key, one for a session that is stored, none for one that is sealed", async () => {
    const { token } = await begin(one, { model: "chars" });
    const instead = {
      sealed: "Leave it out: the session is then stored",
      token: "Send it to a server with the key of the first one",
    };
    for (const [param, asked] of [
      ["sealed", quiet.post(sessions, { model: "chars", sealed: true })],
      ["token", quiet.post(sessions, { model: "chars", token })],
      ["token", quiet.post(sealed, { token })],
    ] as const) {
      expect(await errorOf(asked)).toEqual([
        ...[400, "no_session_key"],
        `${param}: this server has no --session-key (sessionKeys), so it seals no sessions and opens none. ${instead[param]}.`,
      ]);
    }
    const { id } = await (await one.post(sessions, { model: "chars" })).json();
    expect((await errorOf(one.post(`${sessions}/${id}/completions`, { token })))[2]).toBe(
      'token: only the session "sealed" takes one, this one is stored. Leave it out.',
    );
    expect((await errorOf(one.post(sealed, {})))[2]).toBe(
      "token: needs the token of the session's last answer, got nothing.",
    );
    for (const path of ["", "/state"]) {
      expect((await errorOf(one.get(`${sessions}/sealed${path}`)))[2]).toMatch(/^a sealed session is not stored, /);
    }
  });
});

test("a key of few characters is refused, without showing it; what a token hides is not in it", async () => {
  const message = await rejection(createServer({ tiny }, { sessionKeys: [key, "short"] }));
  expect(message).toBe(
    'createServer: sessionKeys[1] must be 32 ASCII characters or more, without blanks, such as "openssl rand -base64 32" prints',
  );
  const { token } = await begin(one, { model: "pairs", prompt: "the ca" });
  expect(Buffer.from(token.slice(4), "base64url").toString("latin1")).not.toContain('"open"');
  expect(createSealing([key]).open(token).toString("latin1")).toContain('"open":" ca"');
});
