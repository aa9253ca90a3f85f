/**
 * The program of the bench's page: training steps of our engines and of what else trains on a graphics card, in turns, shown while they are
 * measured and sent to the command that serves the page. It runs in browsers alone.
 */
import { availableThreads } from "../engines/threads/pool.ts";
import { relaxedSimd } from "../engines/wasm/features.ts";
import { gpu } from "../engines/webgpu/device.ts";
import {
  type PageMessage,
  type PageOrders,
  type PagePeer,
  type PageSetting,
  type Place,
  pagePeers,
} from "./page-messages.ts";
import { ownSetting, type ShapeTable, showDoing, showPlace, showShape } from "./page-table.ts";
import { lossWatch, type Peer, startEach } from "./peer.ts";
import { type BenchRow, measureRow, type Unmeasured } from "./row.ts";
import type { Shape } from "./shapes.ts";
import { installOf, titleOf } from "./titles.ts";
import type { Contestant } from "./turns.ts";
import { type OwnPeer, startUnrolled } from "./unrolled.ts";

/** Without an answer for so long, a peer has failed: a first step may compile. */
const patienceSeconds = 120;
/** A browser's clock has no finer ticks. */
const clockMs = 0.005;
/** The command hears from the page at least so often, as long as steps end. */
const wordEveryMs = 10_000;

/** The command has ended, or another page measures: there is nobody to measure for. */
class Ended extends Error {}

/** Measure all that the command asks for. Resolves when it has the last row, or does not listen any more. */
export async function measureInPage(): Promise<void> {
  try {
    await measureAll(await openCommand());
  } catch (error) {
    showDoing(messageOf(error));
  }
}

type WithoutPage<M> = M extends unknown ? Omit<M, "page"> : never;
type Command = {
  readonly orders: PageOrders;
  readonly tell: (message: WithoutPage<PageMessage>) => Promise<void>;
  /** @throws Ended once it is not there any more */
  readonly check: () => void;
  /** It may end now. */
  readonly leave: () => void;
};

async function openCommand(): Promise<Command> {
  const orders = (await (await post("pages", {})).json()) as PageOrders;
  const { page } = orders;
  let ended: Ended | undefined;
  const leaving = new AbortController();
  // Answered with the reason when it ends: so both sides know as soon as one of them is gone.
  fetch(`connections/${page}`, { signal: leaving.signal })
    .then((answer) => answer.text())
    .then(
      (why) => {
        ended = new Ended(why);
      },
      () => {
        ended = new Ended(commandHasEnded);
      },
    );
  return {
    orders,
    async tell(message) {
      await post("messages", { page, ...message });
    },
    check() {
      if (ended !== undefined) throw ended;
    },
    leave: () => leaving.abort(),
  };
}

const commandHasEnded =
  "The command does not answer: it has ended. Start it again, and open the address that it prints.";

/** @throws Ended where the command does not answer, or answers that another page measures */
async function post(path: string, body: object): Promise<Response> {
  const init = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  const answer = await fetch(path, init).catch(() => {
    throw new Ended(commandHasEnded);
  });
  if (answer.ok) return answer;
  const text = await answer.text();
  throw answer.status === 409 ? new Ended(text) : new Error(text);
}

const messageOf = (error: unknown): string => {
  const message = (error as { readonly message?: unknown } | undefined)?.message ?? error;
  return String(message).replace(/\s+/g, " ").trim().slice(0, 600) || "it failed without a word";
};

async function measureAll(command: Command): Promise<void> {
  const { orders, tell, leave } = command;
  try {
    const place = await placeHere();
    await tell({ event: "place", place });
    showPlace(place, orders);
    for (const { index, shape } of orders.todo) {
      const table = showShape(shape);
      const row = await measureShape(shape, { command, place, table, index });
      table.finish(row);
      await tell({ event: "row", index, row });
    }
    leave();
    showDoing("All shapes are measured, and the command has the figures. This page can be closed.");
  } catch (error) {
    if (!(error instanceof Ended)) await tell({ event: "failed", message: messageOf(error) });
    throw error;
  }
}

/** The machine as this page has it. */
async function placeHere(): Promise<Place> {
  const adapter = await gpu().then(
    ({ name }) => name || "without a name",
    () => null,
  );
  const insecure =
    "The browser takes this address for an insecure one and gives it neither threads nor WebGPU. Open it as localhost, or by HTTPS.";
  const software = "This adapter is a program on the processor: its figures say nothing about graphics cards.";
  const isSoftware = adapter !== null && /swiftshader|llvmpipe|lavapipe|software|basic render/i.test(adapter);
  return {
    adapter,
    threads: crossOriginIsolated ? Math.min(availableThreads(), 64) : 1,
    notes: [...(isSecureContext ? [] : [insecure]), ...(isSoftware ? [software] : [])],
  };
}

type Watchers = {
  readonly command: Command;
  readonly place: Place;
  readonly table: ShapeTable;
  readonly index: number;
};

async function measureShape(
  shape: Shape,
  { command: { orders, tell, check }, place, table, index }: Watchers,
): Promise<BenchRow | Unmeasured> {
  const { rounds, peers, seconds, shapes } = orders;
  const failures: Record<string, string> = {};
  const fail = (name: string, setting: string, error: unknown): void => {
    if (error instanceof Ended) throw error;
    failures[name] = messageOf(error);
    table.failed(setting, failures[name]);
  };
  let lastWord = 0;
  const doing = async (line: string): Promise<void> => {
    lastWord = performance.now();
    const slow = document.hidden
      ? ". The page is in the background, where browsers slow it down: bring it to the front."
      : "";
    showDoing(`Shape ${index + 1} of ${shapes}, ${shape.name}: ${line}${slow}`);
    check();
    await tell({ event: "doing", line: `${shape.name}: ${line}${slow}` });
  };
  /** The same, with its steps shown. */
  const watched = <P extends Peer>(name: string, peer: P, budgetSeconds = seconds): P & Contestant => {
    const times: number[] = [];
    table.says(peer.setting, "Waits for its turn.");
    const step = async (): Promise<number> => {
      check();
      try {
        const ms = Math.max(await peer.step(), clockMs);
        times.push(ms);
        table.measured(peer.setting, times.slice(-rounds));
        return ms;
      } catch (error) {
        table.failed(peer.setting, messageOf(error));
        throw new Error(messageOf(error));
      } finally {
        if (performance.now() - lastWord > wordEveryMs) await doing(`${titleOf(name)}, step ${times.length}`);
      }
    };
    return { ...peer, step, budgetMs: 1000 * budgetSeconds };
  };

  const own: Record<string, (OwnPeer & Contestant)[]> = {};
  const started: Record<string, (Peer & Contestant)[]> = {};
  try {
    const isa = relaxedSimd() ? "relaxed-simd" : "simd128";
    const engines = [
      { name: "webgpu", isa: place.adapter ?? "none", counts: [1] },
      { name: "wasm", isa, counts: [...new Set([1, place.threads])] },
    ] as const;
    for (const { name, isa, counts } of engines) {
      try {
        await doing(`${titleOf(name)} starts`);
        own[name] = await startOwn(shape, { name, isa, counts }, (peer) => watched(name, peer));
      } catch (error) {
        fail(name, `Unrolled, ${titleOf(name)}`, error);
      }
    }
    for (const name of pagePeers) {
      const settings = peers[name];
      if (settings === undefined) {
        table.says(titleOf(name), `Missing: it needs ${installOf(name, true)}.`);
        continue;
      }
      try {
        if (place.adapter === null) throw new Error("it needs a graphics card");
        await doing(`${titleOf(name)} starts`);
        const all = await startEach(settings, (setting) => startInFrame(name, setting, shape));
        started[name] = all.map((peer) => watched(name, peer, seconds / Math.min(all.length, 2)));
      } catch (error) {
        fail(name, titleOf(name), error);
      }
    }
    if (Object.keys(own).length === 0) return { shape: shape.name, unmeasured: Object.values(failures).join(" ") };
    await doing(`${rounds} rounds of ${[...Object.keys(own), ...Object.keys(started)].map(titleOf).join(", ")}`);
    const asked = { rounds, engines, peers: pagePeers, failures, fastest: true };
    const row = await measureRow(shape, { own, peers: started }, asked);
    // What came of its end is no row.
    check();
    return row;
  } finally {
    for (const contestant of [...Object.values(own), ...Object.values(started)].flat()) contestant.end();
  }
}

type OwnEngine = { readonly name: "webgpu" | "wasm"; readonly isa: string; readonly counts: readonly number[] };

/** One of our engines with each of these numbers of threads, but those that it takes no more of than of one before. */
async function startOwn<C>(
  shape: Shape,
  { name, isa, counts }: OwnEngine,
  watched: (peer: OwnPeer) => C,
): Promise<C[]> {
  const started: OwnPeer[] = [];
  for (const wanted of counts) {
    const peer = await startUnrolled(shape, wanted, name);
    if (started.some(({ threads }) => threads === peer.threads)) peer.end();
    else started.push({ ...peer, setting: ownSetting({ engine: name, isa, threads: peer.threads }) });
  }
  return started.map(watched);
}

type PeerWindow = Window & {
  readonly start?: (shape: Shape, options: PageSetting["options"]) => Promise<() => Promise<number>>;
  readonly refused: readonly string[];
};

/**
 * A peer in a document of its own, whose memory and devices go with it.
 * @throws Error where it cannot start; so do steps, also where the card has refused something
 */
async function startInFrame(name: PagePeer, { setting, options }: PageSetting, shape: Shape): Promise<Peer> {
  const frame = document.createElement("iframe");
  frame.title = setting;
  frame.tabIndex = -1;
  frame.ariaHidden = "true";
  frame.src = `peers/${name}`;
  const end = (): void => frame.remove();
  try {
    const loaded = new Promise((resolve) => frame.addEventListener("load", resolve));
    document.body.append(frame);
    await answered(loaded);
    const { start, refused } = frame.contentWindow as PeerWindow;
    if (start === undefined) throw new Error("it could not be loaded: the browser's console says why");
    const step = await answered(start(shape, options));
    const watch = lossWatch();
    return {
      ...{ setting, end },
      async step() {
        const from = performance.now();
        const loss = await answered(step());
        const ms = performance.now() - from;
        if (refused.length > 0) throw new Error(refused[0]);
        watch(loss);
        return ms;
      },
    };
  } catch (error) {
    end();
    throw error;
  }
}

/** @throws Error where there is no answer in time */
async function answered<T>(work: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${patienceSeconds} s`)), 1000 * patienceSeconds);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}
