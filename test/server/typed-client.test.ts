/** A typed client, generated from /openapi.json as anybody would do it, compiled and run. */
import { spawnSync } from "node:child_process";
import { symlinkSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { generateSource } from "oazapfts";
import { beforeAll, expect, test } from "vitest";
import { temporaryFolder } from "../helpers/temporary-folder.ts";
import { serving } from "./serving.ts";

const here = await serving({ apiKeys: ["key"], sessionKeys: ["k".repeat(32)] });
const folder = temporaryFolder();

/** What a program does with it: it compiles because the types are right, and where they are not it says so. */
const program = `
import * as client from "./client.js";

export async function use(baseUrl: string): Promise<readonly unknown[]> {
  Object.assign(client.defaults, { baseUrl, headers: { Authorization: "Bearer key" } });
  const models = await client.listModels();
  if (models.status !== 200) throw new Error(models.data.error.message);
  const id: string | undefined = models.data.data[0]?.id;
  if (id === undefined) throw new Error("no models");
  const written = await client.complete({ model: id, prompt: ["the cat", "a"], max_tokens: 4, seed: 1, logprobs: 2 });
  if (written.status !== 200) throw new Error(written.data.error.message);
  const texts: readonly string[] = written.data.choices.map(({ text }) => text);
  const ended: "stop" | "length" | undefined = written.data.choices[0]?.finish_reason;
  const nats: number | null | undefined = written.data.choices[0]?.logprobs?.token_logprobs[0];
  const refused = await client.complete({ model: "none" });
  const reason: string | null = refused.status === 404 ? refused.data.error.code : "found";
  const session = await client.createSession({ model: id, prompt: "the" });
  if (session.status !== 201) throw new Error("no session");
  const more = await client.completeSession(session.data.id, { max_tokens: 3, seed: 1 });
  if (more.status !== 200) throw new Error("no text");
  const state = await client.readSession(session.data.id);
  const sizes: readonly number[] = state.status === 200 ? Object.values(state.data.state).map(({ length }) => length) : [];
  const deleted = await client.deleteSession(session.data.id);
  const sealed = await client.createSession({ model: id, prompt: "the", sealed: true });
  const token: string | undefined = sealed.status === 201 ? sealed.data.token : undefined;
  const there = await client.completeSession("sealed", { token, max_tokens: 3, seed: 1 });
  const next: string | undefined = there.status === 200 ? there.data.session?.token : undefined;
  const altered = await client.completeSession("sealed", { token: token?.slice(0, -9) });
  const why: string | null = altered.status === 400 ? altered.data.error.code : "opened";
  const inspected = await client.inspect({ model: id, text: "cat" });
  const tokens: readonly string[] = inspected.status === 200 ? inspected.data.tokens.map(({ token }) => token) : [];
  const health = await client.health();
  const status: "ok" | "shutting down" | undefined = health.status === 200 ? health.data.status : undefined;
  return [texts.length, ended, typeof nats, reason, more.data.choices[0]?.text.length, sizes.length > 0, deleted.status, next !== token, why, tokens, status];
}

// @ts-expect-error: a model is needed
void (() => client.complete({ prompt: "a" }));
// @ts-expect-error: there is no such field of a completion
void (async () => { const { data, status } = await client.complete({ model: "a" }); return status === 200 && data.nothing; });
// @ts-expect-error: a number is wanted
void (() => client.complete({ model: "a", max_tokens: "5" }));
`;

let compiled: ReturnType<typeof spawnSync>;
beforeAll(async () => {
  symlinkSync(resolve("node_modules"), join(folder, "node_modules"), "junction");
  const headers = { Authorization: "Bearer key" };
  writeFileSync(join(folder, "openapi.json"), await (await here.get("/openapi.json", { headers })).text());
  writeFileSync(join(folder, "client.ts"), await generateSource(join(folder, "openapi.json")));
  writeFileSync(join(folder, "program.ts"), program);
  const compilerOptions = {
    ...{ target: "ES2022", lib: ["ES2023", "DOM", "DOM.Iterable"], module: "NodeNext", strict: true, types: [] },
    ...{ skipLibCheck: true, rootDir: ".", outDir: "out" },
  };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["program.ts"] }));
  writeFileSync(join(folder, "package.json"), JSON.stringify({ type: "module" }));
  compiled = spawnSync(process.execPath, [resolve("node_modules/typescript/bin/tsc"), "-p", folder], {
    encoding: "utf8",
  });
}, 60_000);

test("the compiler takes it, and refuses what is no request and no answer", () => {
  expect([compiled.status, compiled.stdout]).toEqual([0, ""]);
});

test("it asks each route, and gets what its types say", async () => {
  const { use } = await import(pathToFileURL(join(folder, "out/program.js")).href);
  expect(await use(here.url)).toEqual([
    ...[2, "length", "number", "model_not_found", 3, true, 200, true, "session_token_altered", ["c", "a", "t"], "ok"],
  ]);
});
