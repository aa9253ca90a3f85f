/** `unrolled bench --page`: serve a page that measures training in a browser, and print what it tells. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Place, pagePeers } from "../bench/page-messages.ts";
import { installedPeers } from "../bench/page-peers.ts";
import { threadCount } from "../bench/peer.ts";
import type { BenchRow, Unmeasured } from "../bench/row.ts";
import { pageShapes, type Shape, shapeOf } from "../bench/shapes.ts";
import { missingLines, shapeHeader, shapeLines } from "../bench/tables.ts";
import { InputError } from "../graph/input-error.ts";
import { benchPageApp, type Listener } from "./bench-page-app.ts";
import { hostOf, listen, sayAddress } from "./local-page.ts";
import type { Given } from "./options.ts";
import { printable, warn, writeJson } from "./output.ts";
import { clearStatus, showStatus } from "./status-line.ts";

/** What all steps of one contestant may take, but for its first: six of them and three shapes take less than two minutes. */
const seconds = 6;

const print = (...lines: readonly string[]): void => {
  process.stdout.write(`${lines.map(printable).join("\n")}\n`);
};

/** Ends when a page has measured the last shape. */
export async function benchInPage(given: Given, usualPort: number): Promise<void> {
  const shapes = shapesOf(given);
  const json = given.flag("json");
  const root = fileURLToPath(new URL("../..", import.meta.url));
  if (!existsSync(join(root, "dist/bench/page.js"))) throw new Error("the page is missing in this installation");
  const rounds = given.number("rounds") ?? 11;
  const page = { root, host: hostOf(given), shapes, rounds, seconds, peers: installedPeers() };
  let address = "";
  let finish = (): void => {};
  const finished = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const listener = teller({ shapes, json, address: () => address, finish });
  const served = await listen(await benchPageApp(page, listener), given, usualPort);
  address = served.address;
  sayAddress(address, ["Open this page in a browser:", "it measures there; Ctrl-C ends it"], json);
  await finished;
  listener.end();
  served.close();
  if (!listener.measured()) throw new InputError("bench: no shape was measured. The line of each says why.");
}

/** @throws InputError in a line that names what a page does not measure */
function shapesOf(given: Given): readonly Shape[] {
  if (given.text("engine") !== undefined) {
    throw new InputError("--engine: a page measures the engines webgpu and wasm, each beside the other. Leave it out.");
  }
  const shapes = given.positionals.map((name) => {
    if (name === "scaling" || name === "kernels") {
      throw new InputError(`bench ${name}: is not measured in a page. Leave out --page.`);
    }
    return shapeOf(name);
  });
  const other = shapes.find(({ task }) => task !== "train");
  if (other !== undefined) {
    throw new InputError(
      `bench --page: a page measures training of models of tokens alone, as ${pageShapes[0]?.name}, and ${other.name} is another task.`,
    );
  }
  return shapes.length > 0 ? shapes : pageShapes;
}

type Told = {
  readonly shapes: readonly Shape[];
  readonly json: boolean;
  readonly address: () => string;
  readonly finish: () => void;
  readonly silenceMs?: number;
  /** A page that is loaded anew is there in this time. */
  readonly reloadMs?: number;
};

/** Says what a page tells: rows on standard output, the rest on standard error. */
export function teller({ shapes, json, address, finish, silenceMs = 180_000, reloadMs = 2000 }: Told): Listener & {
  readonly measured: () => boolean;
  readonly end: () => void;
} {
  const columns = ["webgpu", "wasm", ...pagePeers];
  const missing = new Set<string>();
  let [printed, measured] = [0, false];
  let shownPlace = "";
  let lastWord = "";
  let closing: ReturnType<typeof setTimeout> | undefined;
  let silence: ReturnType<typeof setTimeout> | undefined;
  const left = (): string => `${printed} of ${shapes.length} shapes ${printed === 1 ? "is" : "are"} measured`;
  const say = (line: string): void => {
    clearStatus();
    warn(line, json);
  };
  const heard = (): void => {
    clearTimeout(silence);
    silence = setTimeout(() => {
      say(
        `The page has said nothing for ${silenceMs / 60_000} minutes; its last word was "${lastWord}". Load it again to go on: ${left()}.`,
      );
    }, silenceMs);
  };
  const end = (): void => {
    for (const timer of [closing, silence]) clearTimeout(timer);
    clearStatus();
  };
  return {
    opened(again) {
      clearTimeout(closing);
      if (again) say(`The page was opened again: ${left()}, and it goes on with the others.`);
      lastWord = "it was opened";
      heard();
    },
    place(place: Place, browser) {
      heard();
      const text = JSON.stringify(place);
      if (text === shownPlace) return;
      shownPlace = text;
      clearStatus();
      const { adapter, threads, notes } = place;
      if (json) return writeJson({ event: "place", ...place, browser });
      const card = adapter === null ? "No graphics card is offered to the page." : `Graphics card: ${adapter}.`;
      print(`${card} WASM with ${threadCount(threads)}.`, ...notes, "", shapeHeader(columns, "tokens", true));
    },
    doing(line) {
      heard();
      lastWord = line;
      showStatus(line);
    },
    row(row: BenchRow | Unmeasured) {
      heard();
      printed++;
      measured ||= !("unmeasured" in row);
      clearStatus();
      if (json) writeJson(row);
      else print(...shapeLines(row, columns), ...missingLines(row, missing, true));
      if (printed < shapes.length) return;
      clearTimeout(silence);
      // The page says goodbye; where it does not, the command ends all the same.
      closing = setTimeout(finish, reloadMs);
    },
    failed(message) {
      clearTimeout(silence);
      say(`The page failed: ${message} Load it again to go on: ${left()}.`);
    },
    closed() {
      for (const timer of [closing, silence]) clearTimeout(timer);
      if (printed === shapes.length) return finish();
      closing = setTimeout(() => {
        say(`The page was closed: ${left()}. Open ${address()} to measure the others, or end with Ctrl-C.`);
      }, reloadMs);
    },
    measured: () => measured,
    end,
  };
}
