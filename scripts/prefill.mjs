/**
 * What reading a prompt costs, token by token and many at once, in turn; and how soon `unrolled serve` writes its first token
 * after one, for several builds in turn.
 *
 *   node scripts/prefill.mjs [MODEL.safetensors] [--characters 2000] [--rounds 9] [--server dist/cli/main.js]...
 *
 * Without a model an untrained LSTM of 512 units over 65 characters. Times are medians with their range.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { languageModel, readLanguageModel, writeLanguageModel } from "../dist/tasks/language-model.js";
import { createPrefill } from "../dist/tasks/prefill.js";
import { createSlots } from "../dist/tasks/slots.js";
import { encode } from "../dist/text/tokenizer.js";

const { values: given, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    characters: { type: "string", default: "2000" },
    rounds: { type: "string", default: "9" },
    server: { type: "string", multiple: true, default: [] },
  },
});
const [characters, rounds] = [Number(given.characters), Number(given.rounds)];

const alphabet = Array.from({ length: 65 }, (_, k) => String.fromCharCode(48 + k)).join("");
const lm =
  positionals[0] === undefined
    ? languageModel(alphabet, { units: 512 })
    : readLanguageModel(readFileSync(positionals[0]), positionals[0]);
const prompt = (positionals[0] === undefined ? alphabet : "the whale and the sea ")
  .repeat(characters)
  .slice(0, characters);
const tokens = encode(lm.tokenizer, prompt);

const inTurn = async (acts) => {
  const times = acts.map(() => []);
  for (let round = -1; round < rounds; round++) {
    for (const [k, act] of acts.entries()) {
      const ms = await act();
      if (round >= 0) times[k].push(ms);
    }
  }
  return times.map((all) => all.sort((a, b) => a - b));
};
const shown = (times) =>
  `${times[times.length >> 1].toFixed(1)} ms (${times[0].toFixed(1)} to ${times.at(-1).toFixed(1)})`;

for (const threads of [1, 2]) {
  const slots = await createSlots(lm.model, 1, { threads });
  const prefill = await createPrefill(lm.model, { threads });
  const [one, many] = await inTurn([
    () => {
      const start = performance.now();
      slots.restore(0);
      for (const token of tokens) {
        slots.tokens[0] = token;
        slots.step();
      }
      return performance.now() - start;
    },
    () => {
      const start = performance.now();
      slots.restore(0);
      let state = slots.state(0);
      let at = 0;
      for (; at + prefill.steps < tokens.length; at += prefill.steps) {
        state = prefill.read(state, tokens.subarray(at, at + prefill.steps));
      }
      slots.restore(0, state);
      for (; at < tokens.length; at++) {
        slots.tokens[0] = tokens[at];
        slots.step();
      }
      return performance.now() - start;
    },
  ]);
  const ratio = (one[one.length >> 1] / many[many.length >> 1]).toFixed(2);
  console.log(
    `${tokens.length} tokens, ${threads} thread${threads > 1 ? "s" : ""}: one by one ${shown(one)}, ` +
      `${prefill.steps} at once ${shown(many)}: ${ratio} times as fast`,
  );
  slots.dispose();
  prefill.dispose();
}

const folder = mkdtempSync(join(tmpdir(), "prefill-"));
const servers = [];
try {
  // An earlier build reads only its own version of the file.
  const file = positionals[0] ?? join(folder, "model.safetensors");
  if (positionals[0] === undefined) writeFileSync(file, writeLanguageModel(lm));
  for (const main of given.server) {
    const child = spawn(process.execPath, [main, "serve", file, "--port", "0"], { stdio: ["ignore", "pipe", "pipe"] });
    servers.push(child);
    const address = await new Promise((resolve, reject) => {
      let text = "";
      const hear = (data) => {
        text += data;
        const found = /http:\/\/[\d.]+:\d+/.exec(text);
        if (found) resolve(found[0]);
      };
      child.stdout.on("data", hear);
      child.stderr.on("data", hear);
      child.on("exit", () => reject(new Error(`${main} ended: ${text}`)));
    });
    child.address = address;
    const { data } = await (await fetch(`${address}/v1/models`)).json();
    child.model = data[0].id;
  }
  let asked = 0;
  const first =
    ({ address, model }) =>
    async () => {
      // Another prompt each time, so that nothing can be remembered.
      const body = { model, prompt: prompt.slice(asked++ % 7), max_tokens: 1, temperature: 0 };
      const start = performance.now();
      const answer = await fetch(`${address}/v1/completions`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body),
      });
      if (!answer.ok) throw new Error(await answer.text());
      await answer.text();
      return performance.now() - start;
    };
  if (servers.length > 0) {
    const times = await inTurn(servers.map(first));
    for (const [k, all] of times.entries()) console.log(`${given.server[k]}: first token after ${shown(all)}`);
  }
} finally {
  for (const child of servers) child.kill();
  rmSync(folder, { recursive: true, force: true });
}
