/**
 * The training that goes on, whichever room the reader is in: one at a time, in a worker of its own. What it ends with goes
 * to the shelf.
 */
import { useEffect, useState } from "preact/hooks";
import { type Engine, EngineDied, startEngine } from "../../engine/engine.ts";
import type { TrainedModel, TrainingReport, TrainingSettings } from "../../engine/training.ts";
import { keepModel, type LossPoint } from "../../models/shelf.ts";
import { withPoint } from "./losses.ts";

export type Facts = Readonly<Record<string, string | number>>;

/** What is to be trained. */
export type TrainingRequest = {
  readonly name: string;
  readonly text: string;
  readonly settings: TrainingSettings;
  /** The settings, for people. */
  readonly facts: Facts;
  /** A kept model to go on with. */
  readonly from?: { readonly file: Uint8Array<ArrayBuffer>; readonly losses: readonly LossPoint[] };
};

export type Training = {
  readonly name: string;
  readonly facts: Facts;
  readonly phase: "preparing" | "running" | "pausing" | "paused" | "stopping";
  readonly losses: readonly LossPoint[];
  readonly latest?: TrainingReport;
  /** The newest sample, and the update after which it was written. */
  readonly sample?: { readonly text: string; readonly step: number };
};

/** What became of the last one. */
export type Outcome =
  | { readonly kind: "kept"; readonly id: string; readonly name: string; readonly note: string }
  /** It is trained, but the browser has no room for it. */
  | { readonly kind: "unkept"; readonly name: string; readonly file: Uint8Array<ArrayBuffer>; readonly message: string }
  | { readonly kind: "failed"; readonly name: string; readonly message: string };

export type Session = { readonly training?: Training; readonly outcome?: Outcome };

let session: Session = {};
const changed = new EventTarget();
function set(next: Session): void {
  session = next;
  changed.dispatchEvent(new Event("change"));
}
function update(change: Partial<Training>): void {
  if (session.training !== undefined) set({ training: { ...session.training, ...change } });
}

export function useSession(): Session {
  const [seen, setSeen] = useState(session);
  useEffect(() => {
    const follow = (): void => setSeen(session);
    follow();
    changed.addEventListener("change", follow);
    return () => changed.removeEventListener("change", follow);
  }, []);
  return seen;
}

let engine: Engine | undefined;
/** Of a pause: ends it. */
let goOn = (): void => {};

export function startTraining(request: TrainingRequest): void {
  if (session.training !== undefined) return;
  const { name, facts, from } = request;
  set({ training: { name, facts, phase: "preparing", losses: from?.losses ?? [] } });
  void train(request).then((outcome) => set({ outcome }));
}

/** Before the first report there is nothing to pause. */
export function pauseTraining(): void {
  if (session.training?.phase === "running") update({ phase: "pausing" });
}
export function resumeTraining(): void {
  if (session.training?.phase !== "paused") return;
  update({ phase: "running" });
  goOn();
}
/** Keep the model of now. */
export function finishTraining(): void {
  if (session.training?.phase === "preparing") endTraining();
  else {
    update({ phase: "stopping" });
    goOn();
  }
}
/** At once, whatever it does; nothing is kept. */
export function endTraining(): void {
  update({ phase: "stopping" });
  engine?.end();
  goOn();
}
export function dismissOutcome(): void {
  if (session.outcome !== undefined) set({});
}

async function train({ name, text, settings, facts, from }: TrainingRequest): Promise<Outcome> {
  const own = startEngine();
  engine = own;
  addEventListener("beforeunload", warn);
  const awake = new AbortController();
  stayAwake(awake.signal);
  const [beforeMs, beforeStep] = [from?.losses.at(-1)?.elapsedMs ?? 0, from?.losses.at(-1)?.step ?? 0];
  let pausedMs = 0;
  try {
    const job = own.run("train", text, settings, from?.file);
    for (;;) {
      const { done, value } = await job.next(session.training?.phase === "stopping" ? "finish" : undefined);
      if (done) return await kept(name, facts, value, session.training?.phase === "stopping");
      hear(value, beforeMs - pausedMs, beforeStep);
      if (session.training?.phase !== "pausing") continue;
      update({ phase: "paused" });
      const fromMs = performance.now();
      await new Promise<void>((resolve) => {
        goOn = resolve;
      });
      goOn = () => {};
      pausedMs += performance.now() - fromMs;
    }
  } catch (error) {
    return { kind: "failed", name, message: reasonOf(error) };
  } finally {
    own.end();
    awake.abort();
    removeEventListener("beforeunload", warn);
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof EngineDied && session.training?.phase === "stopping") {
    return "It was ended, and nothing of it is kept.";
  }
  const message = error instanceof Error ? error.message : String(error);
  // How browsers say that they give no more memory, outside of WebAssembly.
  const full = /allocation failed|invalid (typed )?array length|out of memory/i.test(message);
  return full ? "This machine has not enough memory for it. Take fewer units or layers, or a smaller batch." : message;
}

/** Pages ask before they are closed. */
function warn(event: BeforeUnloadEvent): void {
  event.preventDefault();
}

/** Browsers stop pages that nobody looks at, but none that holds a lock. */
function stayAwake(signal: AbortSignal): void {
  const until = new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
  navigator.locks?.request("unrolled.training", { mode: "shared" }, () => until).catch(() => {});
}

function hear(report: TrainingReport, offsetMs: number, beforeStep: number): void {
  const { training } = session;
  if (training === undefined) return;
  const { step, loss, validationLoss, sample } = report;
  const point = { step, loss, validationLoss, elapsedMs: report.elapsedMs + offsetMs };
  update({
    latest: report,
    ...(training.phase === "preparing" && { phase: "running" }),
    ...(Number.isFinite(loss) && step > beforeStep && { losses: withPoint(training.losses, point) }),
    ...(sample !== undefined && { sample: { text: sample, step } }),
  });
}

async function kept(name: string, facts: Facts, model: TrainedModel, stopped: boolean): Promise<Outcome> {
  const { training } = session;
  const { bytes, parameters, vocabulary, loss, validationLoss, tokensPerSecond, steps, broke } = model;
  const losses = training?.losses ?? [];
  const results = {
    Parameters: parameters,
    Vocabulary: vocabulary,
    Updates: steps,
    ...(Number.isFinite(loss) && { Loss: rounded(loss) }),
    ...(validationLoss !== null && { "Validation loss": rounded(validationLoss) }),
    ...(Number.isFinite(tokensPerSecond) && { "Tokens per second": Math.round(tokensPerSecond) }),
    "Seconds of training": Math.round((losses.at(-1)?.elapsedMs ?? 0) / 100) / 10,
    Ended: broke !== undefined ? "its loss was no number" : stopped ? "stopped by hand" : "at its end",
  };
  try {
    const id = await keepModel({ name, training: { facts: { ...facts, ...results }, losses } }, bytes);
    return {
      kind: "kept",
      id,
      name,
      note: broke ?? (stopped ? "It was stopped early; the model of that moment is kept." : ""),
    };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { kind: "unkept", name, file: bytes, message };
  }
}

const rounded = (value: number): number => Number(value.toFixed(4));
