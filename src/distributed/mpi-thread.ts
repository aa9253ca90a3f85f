/**
 * The thread that talks to Open MPI, so that messages move while the others compute: what it does, as one function. The thread gets it as
 * text: it uses nothing but its parameters. Knows nothing about models.
 */

/** How numbers travel: as they are, or as fewer bits. */
export type Packing = "f32" | "bf16" | "int8";

/** What the thread is asked. `address` and `count`: numbers in the memory of the process, which is left alone until the answer. */
export type Command =
  | {
      readonly kind: "sum";
      readonly address: bigint;
      readonly count: number;
      readonly bytesEach: 4 | 8;
      readonly packing: Packing;
    }
  | { readonly kind: "gather"; readonly bytes: Uint8Array }
  | { readonly kind: "broadcast"; readonly bytes: Uint8Array }
  | { readonly kind: "close" };
export type Asked = { readonly id: number } & Command;
/** `ready`: MPI has started. `failed`: nothing can be asked any more. */
export type Answer =
  | { readonly kind: "ready"; readonly rank: number; readonly size: number }
  | { readonly kind: "done"; readonly id: number; readonly result?: readonly Uint8Array[] }
  | { readonly kind: "failed"; readonly why: string };

/** What of Node and koffi the thread uses. */
type Require = (name: string) => unknown;
type Func = (...values: readonly unknown[]) => number;

/**
 * @param koffi where koffi lies
 * @param library the file of Open MPI
 * @param signal shared memory: index 0 changes with each question
 * @param patienceMs how long a process may not answer
 */
export function communicate(
  {
    koffi: path,
    library: file,
    signal,
    patienceMs,
  }: { koffi: string; library: string; signal: Int32Array; patienceMs: number },
  require: Require,
): void {
  type Port = { postMessage: (message: object) => void };
  const { parentPort, receiveMessageOnPort } = require("node:worker_threads") as {
    parentPort: Port;
    receiveMessageOnPort: (port: Port) => { message: Asked } | undefined;
  };
  type Library = { func: (prototype: string) => Func; symbol: (name: string, type: string) => bigint };
  const koffi = require(path) as { load: (file: string | null) => Library };
  const tell = (answer: Answer): void => parentPort.postMessage(answer);

  const mpi = koffi.load(file);
  const memcpy = koffi.load(null).func("void *memcpy(void *, int64_t, size_t)");
  const memcpyTo = koffi.load(null).func("void *memcpy(int64_t, void *, size_t)");
  const world = mpi.symbol("ompi_mpi_comm_world", "void *");
  const byte = mpi.symbol("ompi_mpi_byte", "void *");
  const errorsReturn = mpi.symbol("ompi_mpi_errors_return", "void *");
  const initialize = mpi.func("int MPI_Init_thread(void *, void *, int, void *)");
  const setErrors = mpi.func("int MPI_Comm_set_errhandler(int64_t, int64_t)");
  const rankOf = mpi.func("int MPI_Comm_rank(int64_t, void *)");
  const sizeOf = mpi.func("int MPI_Comm_size(int64_t, void *)");
  const sendTo = mpi.func("int MPI_Isend(void *, int, int64_t, int, int, int64_t, void *)");
  const sendAddressTo = mpi.func("int MPI_Isend(int64_t, int, int64_t, int, int, int64_t, void *)");
  const receiveFrom = mpi.func("int MPI_Irecv(void *, int, int64_t, int, int, int64_t, void *)");
  const testOne = mpi.func("int MPI_Test(void *, void *, void *)");
  const textOf = mpi.func("int MPI_Error_string(int, void *, void *)");
  const finalize = mpi.func("int MPI_Finalize()");

  const word = new Int32Array(1);
  const check = (code: number): void => {
    if (code === 0) return;
    const text = new Uint8Array(512);
    textOf(code, text, word);
    throw new Error(new TextDecoder().decode(text.subarray(0, word[0])));
  };
  const funneled = 1;
  check(initialize(null, null, funneled, word));
  check(setErrors(world, errorsReturn));
  check(rankOf(world, word));
  const rank = word[0] as number;
  check(sizeOf(world, word));
  const size = word[0] as number;
  const others = Array.from({ length: size - 1 }, (_, k) => (rank + 1 + k) % size);

  /** A message under way. What lies in memory of JavaScript's is held by it. */
  type Message = { readonly request: BigInt64Array; readonly with: number; readonly held: unknown };
  const flag = new Int32Array(1);
  const statusIgnore = null;
  const isDone = (message: Message): boolean => {
    if (message.request[0] === done) return true;
    check(testOne(message.request, flag, statusIgnore));
    if (flag[0] === 0) return false;
    message.request[0] = done;
    return true;
  };
  const done = -1n;
  const send = (bytes: Uint8Array, to: number, tag: number): Message => {
    const request = new BigInt64Array(1);
    check(sendTo(bytes, bytes.length, byte, to, tag, world, request));
    return { request, with: to, held: bytes };
  };
  const sendAddress = (address: bigint, length: number, to: number, tag: number): Message => {
    const request = new BigInt64Array(1);
    check(sendAddressTo(address, length, byte, to, tag, world, request));
    return { request, with: to, held: undefined };
  };
  const receive = (bytes: Uint8Array, from: number, tag: number): Message => {
    const request = new BigInt64Array(1);
    check(receiveFrom(bytes, bytes.length, byte, from, tag, world, request));
    return { request, with: from, held: bytes };
  };

  /**
   * Work of several messages: it yields those that it waits for, and goes on when they are all done. Tags keep those of different works
   * apart; all processes begin works in the same order.
   */
  type Work = Generator<readonly Message[], readonly Uint8Array[] | undefined>;
  const bytesOf = (array: Float32Array | Float64Array): Uint8Array =>
    new Uint8Array(array.buffer, array.byteOffset, array.byteLength);

  /** Numbers as fewer bits. int8: a scale for each 256 numbers, the largest of them at 127. */
  const block = 256;
  const packedBytes = (count: number, bytesEach: number, packing: Packing): number =>
    packing === "bf16" ? 2 * count : packing === "int8" ? 4 * Math.ceil(count / block) + count : bytesEach * count;
  const pack = (numbers: Float32Array | Float64Array, packing: Packing): Uint8Array => {
    if (packing === "f32" || numbers instanceof Float64Array) return bytesOf(numbers);
    const packed = new Uint8Array(packedBytes(numbers.length, 4, packing));
    if (packing === "bf16") {
      const bits = new Uint32Array(numbers.buffer, numbers.byteOffset, numbers.length);
      const halves = new Uint16Array(packed.buffer);
      for (let k = 0; k < bits.length; k++) {
        const bit = bits[k] as number;
        // To the nearest, ties to even; what is not finite stays so.
        const isSpecial = (bit & 0x7f800000) === 0x7f800000;
        halves[k] = isSpecial
          ? (bit >>> 16) | ((bit & 0xffff) === 0 ? 0 : 0x40)
          : (bit + 0x7fff + ((bit >>> 16) & 1)) >>> 16;
      }
      return packed;
    }
    const scales = new Float32Array(packed.buffer, 0, Math.ceil(numbers.length / block));
    const whole = new Int8Array(packed.buffer, scales.byteLength);
    for (let from = 0, b = 0; from < numbers.length; from += block, b++) {
      const to = Math.min(numbers.length, from + block);
      let most = 0;
      let sum = 0;
      for (let k = from; k < to; k++) {
        most = Math.max(most, Math.abs(numbers[k] as number));
        sum += numbers[k] as number;
      }
      scales[b] = Number.isFinite(sum) ? most / 127 : Number.NaN;
      const scale = scales[b] as number;
      if (!(scale > 0)) continue;
      const inverse = 1 / scale;
      for (let k = from; k < to; k++) {
        const value = (numbers[k] as number) * inverse;
        // To the nearest: what makes a whole number of it cuts off.
        whole[k] = value >= 0 ? value + 0.5 : value - 0.5;
      }
    }
    return packed;
  };
  const unpack = (packed: Uint8Array, numbers: Float32Array, packing: Packing): void => {
    if (packing === "bf16") {
      const halves = new Uint16Array(packed.buffer, packed.byteOffset, numbers.length);
      const bits = new Uint32Array(numbers.buffer, numbers.byteOffset, numbers.length);
      for (let k = 0; k < bits.length; k++) bits[k] = (halves[k] as number) << 16;
      return;
    }
    const scales = new Float32Array(packed.buffer, packed.byteOffset, Math.ceil(numbers.length / block));
    const whole = new Int8Array(packed.buffer, packed.byteOffset + scales.byteLength, numbers.length);
    for (let from = 0, b = 0; from < numbers.length; from += block, b++) {
      const scale = scales[b] as number;
      const to = Math.min(numbers.length, from + block);
      for (let k = from; k < to; k++) numbers[k] = (whole[k] as number) * scale;
    }
  };

  /** Each process sums one part, in the order of ranks, and gives it to the others. */
  function* sum({ address, count, bytesEach, packing }: Asked & { kind: "sum" }, tag: number): Work {
    const start = (part: number): number => Math.floor((count * part) / size);
    const countOf = (part: number): number => start(part + 1) - start(part);
    const at = (part: number): bigint => address + BigInt(bytesEach * start(part));
    const make = (length: number): Float32Array | Float64Array =>
      bytesEach === 4 ? new Float32Array(length) : new Float64Array(length);
    const how = bytesEach === 4 ? packing : "f32";
    const own = countOf(rank);
    const wire = (part: number): number => packedBytes(countOf(part), bytesEach, how);
    const received = others.map(() => new Uint8Array(wire(rank)));
    const receives = own === 0 ? [] : others.map((other, k) => receive(received[k] as Uint8Array, other, tag));
    const sends = others
      .filter((other) => countOf(other) > 0)
      .map((other) => {
        if (how === "f32") return sendAddress(at(other), bytesEach * countOf(other), other, tag);
        const numbers = make(countOf(other));
        memcpy(numbers, at(other), numbers.byteLength);
        return send(pack(numbers, how), other, tag);
      });
    yield receives;
    const total = make(own);
    const mine = make(own);
    memcpy(mine, at(rank), mine.byteLength);
    for (let part = 0; part < size; part++) {
      let numbers = mine;
      if (part !== rank) {
        const bytes = received[others.indexOf(part)] as Uint8Array;
        if (how === "f32") {
          const { buffer } = bytes;
          numbers = bytesEach === 4 ? new Float32Array(buffer) : new Float64Array(buffer);
        } else {
          numbers = new Float32Array(own);
          unpack(bytes, numbers, how);
        }
      } else if (how !== "f32") {
        // Its own, as the others would have got them.
        unpack(pack(mine, how), mine as Float32Array, how);
      }
      if (part === 0) total.set(numbers);
      else for (let k = 0; k < own; k++) total[k] = (total[k] as number) + (numbers[k] as number);
    }
    // What is sent is read from where the sums of others go.
    yield sends;
    const packed = pack(total, how);
    if (how !== "f32") unpack(packed, total as Float32Array, how);
    const back = others.map((other) => new Uint8Array(wire(other)));
    const answers = others.map((other, k) =>
      countOf(other) > 0 ? [receive(back[k] as Uint8Array, other, tag + 1)] : [],
    );
    const given = own === 0 ? [] : others.map((other) => send(packed, other, tag + 1));
    memcpyTo(at(rank), total, total.byteLength);
    yield [...answers.flat(), ...given];
    others.forEach((other, k) => {
      if (countOf(other) === 0) return;
      if (how === "f32") memcpyTo(at(other), back[k], (back[k] as Uint8Array).length);
      else {
        const numbers = new Float32Array(countOf(other));
        unpack(back[k] as Uint8Array, numbers, how);
        memcpyTo(at(other), numbers, numbers.byteLength);
      }
    });
    return undefined;
  }
  const lengthOf = (bytes: Uint8Array): Uint8Array => bytesOf(Float64Array.of(bytes.length));
  const readLength = (bytes: Uint8Array): number => new Float64Array(bytes.buffer)[0] as number;
  /** The first process gets the bytes of all. */
  function* gather({ bytes }: Asked & { kind: "gather" }, tag: number): Work {
    if (rank > 0) {
      yield [send(lengthOf(bytes), 0, tag), ...(bytes.length > 0 ? [send(bytes, 0, tag + 1)] : [])];
      return [];
    }
    const lengths = others.map(() => new Uint8Array(8));
    yield others.map((other, k) => receive(lengths[k] as Uint8Array, other, tag));
    const all = lengths.map((length) => new Uint8Array(readLength(length)));
    yield others.flatMap((other, k) =>
      (all[k] as Uint8Array).length > 0 ? [receive(all[k] as Uint8Array, other, tag + 1)] : [],
    );
    return [bytes, ...all];
  }
  /** The bytes of the first process go from process to process: those that have them double. */
  function* broadcast({ bytes: own }: Asked & { kind: "broadcast" }, tag: number): Work {
    let bytes = own;
    let reach = 1;
    while (reach < size) reach *= 2;
    // Of a process k, the one that has k without its lowest bit.
    const lowest = rank === 0 ? reach : rank & -rank;
    if (rank > 0) {
      const length = new Uint8Array(8);
      yield [receive(length, rank - lowest, tag)];
      bytes = new Uint8Array(readLength(length));
      if (bytes.length > 0) yield [receive(bytes, rank - lowest, tag + 1)];
    }
    const sent: Message[] = [];
    for (let step = lowest / 2; step >= 1; step /= 2) {
      if (rank + step >= size) continue;
      sent.push(send(lengthOf(bytes), rank + step, tag));
      if (bytes.length > 0) sent.push(send(bytes, rank + step, tag + 1));
    }
    yield sent;
    return [bytes];
  }

  // Who closes tells the others: what they still wait for from it never comes. Its other messages are before this one.
  const leaving = 2 ** 30;
  const leaves = others.map((other) => {
    const failed = new Uint8Array(1);
    return { other, failed, message: receive(failed, other, leaving), sinceMs: 0 };
  });
  const leave = (failed: 0 | 1): readonly Message[] =>
    others.map((other) => send(Uint8Array.of(failed), other, leaving));
  const graceMs = 1000;
  const gone = (waits: readonly Message[]): number | undefined =>
    leaves.find(({ other, message, sinceMs }, k) => {
      if (!waits.some((one) => one.with === other && !isDone(one)) || !isDone(message)) return false;
      if (sinceMs === 0) (leaves[k] as { sinceMs: number }).sinceMs = performance.now();
      return sinceMs > 0 && performance.now() - sinceMs > graceMs;
    })?.other;

  type Running = { readonly id: number; readonly work: Work; waits: readonly Message[]; sinceMs: number };
  const running: Running[] = [];
  let works = 0;
  let closing: number | undefined;
  const begin = (asked: Asked): void => {
    // Two tags each, which come again once those before are long done. What differs in kind or size never meets: MPI may write more than
    // was asked for.
    const [kinds, counts] = [["sum", "gather", "broadcast"], 2 ** 14];
    const count = asked.kind === "sum" ? (2 * asked.count + (asked.bytesEach === 8 ? 1 : 0)) % counts : 0;
    const tag = 2 * (count + counts * (Math.max(0, kinds.indexOf(asked.kind)) + 3 * (works++ % 8192)));
    if (asked.kind === "close") {
      closing = asked.id;
      return;
    }
    const work =
      asked.kind === "sum" ? sum(asked, tag) : asked.kind === "gather" ? gather(asked, tag) : broadcast(asked, tag);
    advance({ id: asked.id, work, waits: [], sinceMs: performance.now() }, true);
  };
  /** Go on as far as it can; returns whether it did. */
  function advance(one: Running, isNew = false): boolean {
    let moved = isNew;
    while (one.waits.every(isDone)) {
      moved = true;
      one.sinceMs = performance.now();
      const { done: isOver, value } = one.work.next();
      if (isOver) {
        if (!isNew) running.splice(running.indexOf(one), 1);
        tell({ kind: "done", id: one.id, ...(value && { result: value }) });
        return true;
      }
      one.waits = value;
    }
    if (isNew) running.push(one);
    return moved;
  }

  tell({ kind: "ready", rank, size });
  let idle = 0;
  let left: readonly Message[] | undefined;
  const fail = (why: string): void => {
    tell({ kind: "failed", why });
    // Those that are well should not wait for this one; those that are not do not get it.
    const told = leave(1);
    for (const untilMs = performance.now() + 200; performance.now() < untilMs; ) {
      if (told.filter((one) => !isDone(one)).length === 0) return;
    }
  };
  for (;;) {
    const seen = Atomics.load(signal, 0);
    let moved = false;
    for (let next = receiveMessageOnPort(parentPort); next !== undefined; next = receiveMessageOnPort(parentPort)) {
      begin(next.message);
      moved = true;
    }
    for (const one of [...running]) moved = advance(one) || moved;
    if (closing !== undefined && running.length === 0) {
      left ??= leave(0);
      if ([...left, ...leaves.map(({ message }) => message)].every(isDone)) break;
    }
    if (running.length === 0) Atomics.wait(signal, 0, seen, closing === undefined ? 1000 : 1);
    else if (moved) idle = 0;
    else {
      // It looks often at first; then it leaves the core to threads that compute.
      idle++;
      if (idle > 20) Atomics.wait(signal, 0, seen, Math.min(1, 0.02 * (idle - 20)));
      const away = running.map(({ waits }) => gone(waits)).find((other) => other !== undefined);
      if (away !== undefined) {
        fail(`process ${away} has ended its part before this one`);
        return;
      }
      const late = running.find(({ sinceMs }) => performance.now() - sinceMs > patienceMs);
      if (late !== undefined) {
        const silent = [...new Set(late.waits.filter((message) => !isDone(message)).map((message) => message.with))];
        const names = silent.toSorted((a, b) => a - b).join(", ");
        const whose = silent.length === 1 ? `process ${names} has` : `processes ${names} have`;
        fail(`${whose} not answered for ${Math.round(patienceMs / 1000)} seconds`);
        return;
      }
    }
  }
  // With one that has failed it would wait for ever.
  if (leaves.every(({ failed }) => failed[0] === 0)) check(finalize());
  tell({ kind: "done", id: closing });
}
