/** A training that `mpirun` has started in several processes: they begin alike, and the first one alone prints and writes. */
import { connect, type MpiCommunicator } from "../distributed/index.ts";
import { InputError } from "../graph/input-error.ts";
import { version } from "../server/version.ts";
import { checkSame } from "../train/ranks.ts";
import { fingerprint } from "../train/stream.ts";
import type { Tokens } from "../train/token-source.ts";
import { launch } from "./launch.ts";
import type { Given, Options } from "./options.ts";

export const processOptions: Options = {
  gradients: { value: "TYPE", help: "of processes: how they travel [f32]", choices: ["f32", "bf16", "int8"] },
  "sync-every": {
    value: "N",
    help: "of processes: updates between exchanges [1]",
    number: { whole: true, min: 1 },
  },
  patience: { value: "X", help: "of processes: seconds without an answer [60]", number: { above: 0 } },
};

/** Options that start the processes, which do not have them. */
export const launchOptions: Options = {
  launch: { value: "COMMAND", help: 'start processes by it: "mpirun -n 4"' },
  restart: { value: "N", help: "of --launch: starts again after a fault [0]", number: { whole: true, min: 0 } },
};

/**
 * Where the command is to start processes of itself: do so, to their end.
 * @returns whether it was
 */
export async function startProcesses(given: Given, out: string): Promise<boolean> {
  const [launcher, restarts] = [given.text("launch"), given.number("restart")];
  if (launcher === undefined) {
    if (restarts === undefined) return false;
    throw new InputError('--restart: is for processes that the command starts. Add --launch "mpirun -n N".');
  }
  const args = process.argv.slice(2).filter((word, k, all) => {
    const isOption = (one: string | undefined): boolean => one === "--launch" || one === "--restart";
    return !isOption(word) && !isOption(all[k - 1]) && !/^--(launch|restart)=/.test(word);
  });
  const say = (line: string): void => void process.stderr.write(`${line}\n`);
  process.exitCode = await launch({ launcher, restarts: restarts ?? 0, out, args, say });
  return true;
}

/** Options in which processes may differ. */
const ofThisProcess = ["out", "field", "threads", "validation-file", "sample", "json"];

/**
 * @param options those of the command
 * @returns undefined where this process is alone
 * @throws InputError where processes have other versions of the program or other options, with what differs
 */
export async function joinProcesses(given: Given, options: Options): Promise<MpiCommunicator | undefined> {
  const packing = given.text("gradients") as "f32" | "bf16" | "int8" | undefined;
  const patienceSeconds = given.number("patience");
  const together = await connect({ packing, patienceSeconds });
  if (together === undefined) {
    const odd = ["gradients", "sync-every", "patience"].find((name) => given.text(name) !== undefined);
    if (odd === undefined) return undefined;
    throw new InputError(
      `--${odd}: is for a training by several processes, and this one is alone. Start it by mpirun -n N, or leave it out.`,
    );
  }
  // A file may lie elsewhere on another machine: what is in it is compared.
  const same = Object.keys(options).filter((name) => !ofThisProcess.includes(name));
  const facts = same.map((name) => [`--${name}`, given.flag(name) || given.text(name)]);
  const validates = given.text("validation-file") === undefined ? undefined : "a file";
  await checkSame(together, "train", { version, ...Object.fromEntries(facts), "--validation-file": validates });
  return together;
}

/**
 * The texts are the same, though they may lie elsewhere on other machines.
 * @throws InputError in every process where they are not
 */
export async function checkSameTexts(
  together: MpiCommunicator | undefined,
  texts: Readonly<Record<string, Tokens | undefined>>,
): Promise<void> {
  if (together === undefined) return;
  const facts = Object.entries(texts).map(([name, tokens]) => {
    // So much of a digest tells texts apart, and can be read.
    const [count = 0, digest = ""] = tokens === undefined ? [] : fingerprint(tokens).split(" tokens ");
    return [name, tokens && `${count} tokens (${digest.slice(0, 8)})`];
  });
  await checkSame(together, "train", Object.fromEntries(facts));
}

/** Whether this process prints and writes. */
export const isFirst = (together: MpiCommunicator | undefined): boolean =>
  together === undefined || together.rank === 0;

/** What the first process has made, for all of them. */
export async function fromFirst<Value>(
  together: MpiCommunicator | undefined,
  make: () => Value,
  encode: (value: Value) => Uint8Array,
  decode: (bytes: Uint8Array) => Value,
): Promise<Value> {
  if (together === undefined) return make();
  if (together.rank > 0) return decode(await together.broadcast(new Uint8Array()));
  const value = make();
  await together.broadcast(encode(value));
  return value;
}
