/** One of two threads at a barrier that the other, the system's thread GONE, never reaches; prints the number of threads after that. */

import { lstm } from "../../../src/cells/index.ts";
import type { Isa } from "../../../src/engines/native/assembler.ts";
import { meetingAt } from "../../../src/engines/native/barrier.ts";
import { instructionSets } from "../../../src/engines/native/cpu.ts";
import { type NativeHost, nativeHost } from "../../../src/engines/native/executable-memory.ts";
import { emit } from "../../../src/engines/native/program.ts";
import { targetFor } from "../../../src/engines/native/target.ts";
import { numbersOfMeeting, threadsAt, tidsAt } from "../../../src/engines/threads/meeting.ts";
import { schedule } from "../../../src/schedule/schedule.ts";
import { trainingGraph } from "../../helpers/networks.ts";

const host: NativeHost = await nativeHost();
const isa = instructionSets(host)[0] as Isa;
const plan = schedule(trainingGraph(lstm, { units: 8, input: 3 }), {
  ...{ target: targetFor(isa, "native"), steps: 4, batch: 4 },
});
const { code, parts, bytes } = emit(plan, isa, { fma: true }, 2);
const memory = new Uint8Array(bytes + 64);
const start = Number((64n - (host.addressOf(memory) % 64n)) % 64n);
const numbers = new Int32Array(new SharedArrayBuffer(4 * numbersOfMeeting));
new BigInt64Array(memory.buffer, start + meetingAt, 1)[0] = host.addressOf(numbers);
numbers[threadsAt] = 2;
numbers[tidsAt + 1] = Number(process.env.GONE);
const { address } = host.place(code);
host.callable(address + BigInt(parts[0]?.runs[0] as number), 2)(host.addressOf(memory) + BigInt(start), 1);
console.log(numbers[threadsAt]);
