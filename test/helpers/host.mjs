/**
 * Runs programs of Node one after the other in one process: what they load, and what the machine code of it costs, is paid once. For
 * each message `{ folder, program, args }` it writes a line `{ ends, ended: { code, signal, out, err } }` on its standard output. Knows
 * nothing about what is tested.
 *
 * As in a process of its own, a program has its own arguments, folder and output, and nothing on standard input; one that ends its
 * process ends this one. It is answered once nothing is left that would keep its process alive.
 */
import { writeSync } from "node:fs";
import { Readable, Writable } from "node:stream";
import { pathToFileURL } from "node:url";

const signals = ["SIGINT", "SIGTERM", "SIGHUP"];
const exit = process.exit.bind(process);
/** How long a program may keep its process after its work. */
const longestMs = Number(process.argv[2]);

const none = { out: "", err: "" };
let text = none;
const define = (name, value) => Object.defineProperty(process, name, { value, configurable: true, writable: true });
for (const [stream, name] of Object.entries({ stdout: "out", stderr: "err" })) {
  const write = (chunk, _, done) => {
    text[name] += chunk;
    done();
  };
  define(stream, new Writable({ decodeStrings: false, write }));
}
const answer = (code, ends = false) => {
  writeSync(1, `${JSON.stringify({ ends, ended: { code, signal: null, ...text } })}\n`);
  if (ends) exit(0);
};

process.exit = (code = process.exitCode) => answer(Number(code ?? 0), true);
process.on("uncaughtException", (error) => {
  text.err += `${error?.stack ?? error}\n`;
  answer(1, true);
});
process.on("warning", ({ name, message }) => {
  text.err += `(node:${process.pid}) ${name}: ${message}\n`;
});

/** What keeps this process alive but its channel: what a program left. */
function left() {
  const all = process.getActiveResourcesInfo();
  const channel = all.indexOf("PipeWrap");
  return all.filter((_, k) => k !== channel).join(", ");
}

let count = 0;
process.on("message", async ({ folder, program, args }) => {
  text = { ...none };
  process.chdir(folder);
  process.argv = [process.execPath, program, ...args];
  process.exitCode = undefined;
  define("stdin", Readable.from([]));
  for (const stream of [process.stdout, process.stderr]) stream.removeAllListeners("error");
  const before = signals.map((signal) => process.rawListeners(signal));
  // Another name is another module, so its work is done again; what it imports is there already.
  await import(`${pathToFileURL(program).href}?${count++}`);
  const start = performance.now();
  while (left() !== "") {
    await new Promise((done) => setImmediate(done));
    if (performance.now() - start < longestMs) continue;
    text.err += `${args.join(" ")}: the process does not end, there is ${left()}\n`;
    answer(null, true);
  }
  signals.forEach((signal, k) => {
    for (const one of process.rawListeners(signal)) if (!before[k].includes(one)) process.off(signal, one);
  });
  answer(Number(process.exitCode ?? 0));
});
process.on("disconnect", () => exit(0));
