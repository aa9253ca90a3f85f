/** `npm start`: install and build what is missing, train a model on Moby-Dick unless it is there, write with it. */
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { build, ensureInstalled, fail, isBuilt, root, runNode } from "./steps.mjs";

const model = "models/moby-dick.safetensors";
const cli = "dist/cli/main.js";

ensureInstalled();
if (!isBuilt()) {
  console.log("Building ...");
  const code = await build();
  if (code !== 0) fail("The build failed; the lines above say where.", code);
}
if (existsSync(join(root, model))) {
  console.log(`Using ${model}. Delete it to train anew.`);
} else {
  mkdirSync(join(root, "models"), { recursive: true });
  unrolled("train", "--out", model);
}
unrolled("generate", model, "--prompt", "Call me Ishmael.", "--temperature", "0.7", "--length", "1600");
console.log(`
What to try next:
  npx unrolled generate ${model} --prompt "The whale" --temperature 0.5
  npx unrolled evaluate ${model} your-own.txt
  npx unrolled studio ${model}
  npx unrolled serve ${model}
  npx unrolled explain lstm
  npx unrolled train your-own.txt --out models/yours.safetensors
  npx unrolled --help`);

function unrolled(...args) {
  const code = runNode(cli, ...args);
  if (code !== 0) fail(`unrolled ${args.join(" ")} ended with exit code ${code}.`, code);
}
