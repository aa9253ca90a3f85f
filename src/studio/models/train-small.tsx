/** A small model of Moby-Dick in about a minute, for who has none yet. */
import { useEffect, useRef, useState } from "preact/hooks";
import { type Engine, startEngine } from "../engine/engine.ts";
import type { TrainingReport, TrainingSettings } from "../engine/training.ts";
import { mobyDick } from "./book.ts";
import { keepModel, type LossPoint } from "./shelf.ts";

const minutes = 1;
const settings: TrainingSettings = {
  ...{ cell: "lstm", units: 128, layers: 1, tokens: "char", dropout: 0 },
  ...{ batch: 32, steps: 64, learningRate: 0.003, seed: 0 },
  ...{ until: { minutes }, sample: 160 },
};
const name = "Moby-Dick, a small LSTM";

type State =
  | { readonly kind: "idle" | "ending" }
  | { readonly kind: "training"; readonly report?: TrainingReport; readonly sample?: string }
  | { readonly kind: "failed"; readonly message: string };

export function TrainSmall({ onKept }: { readonly onKept: (id: string) => void }) {
  const [state, setState] = useState<State>({ kind: "idle" });
  const own = useRef<Engine | undefined>(undefined);
  const finish = useRef(false);
  useEffect(() => () => own.current?.end(), []);

  const train = async (): Promise<void> => {
    finish.current = false;
    setState({ kind: "training" });
    const engine = startEngine();
    own.current = engine;
    try {
      const job = engine.run("train", await mobyDick(), settings);
      const losses: LossPoint[] = [];
      for (;;) {
        const { done, value } = await job.next(finish.current ? "finish" : undefined);
        if (done) {
          const { parameters, vocabulary, loss, validationLoss, steps } = value;
          const facts = {
            ...{ text: "Moby-Dick", cell: settings.cell as string, units: settings.units, layers: settings.layers },
            ...{ tokens: settings.tokens, vocabulary, parameters, steps, batch: settings.batch, loss },
            ...(validationLoss !== null && { "validation loss": validationLoss }),
          };
          onKept(await keepModel({ name, training: { facts, losses } }, value.bytes));
          return;
        }
        const { step, loss, validationLoss, elapsedMs } = value;
        losses.push({ step, loss, validationLoss, elapsedMs });
        setState((before) => {
          if (before.kind === "ending") return before;
          const sample = value.sample ?? (before.kind === "training" ? before.sample : undefined);
          return { kind: "training", report: value, ...(sample !== undefined && { sample }) };
        });
      }
    } catch (error) {
      setState({ kind: "failed", message: (error as Error).message });
    } finally {
      engine.end();
    }
  };
  const stop = (): void => {
    finish.current = true;
    setState({ kind: "ending" });
  };

  if (state.kind === "idle" || state.kind === "failed") {
    return (
      <div class="train-small">
        {state.kind === "failed" && (
          <p class="error" role="alert">
            {state.message}
          </p>
        )}
        <button type="button" class="main" onClick={train}>
          Train a small one now
        </button>{" "}
        <span class="soft small">An LSTM of 128 units on characters, about a minute.</span>
      </div>
    );
  }
  const report = state.kind === "training" ? state.report : undefined;
  const share = report === undefined ? 0 : Math.min(1, report.elapsedMs / (minutes * 60_000));
  return (
    <div class="train-small">
      <progress value={state.kind === "ending" ? 1 : share} aria-label="The training" />
      <p class="numbers small">
        {state.kind === "ending"
          ? "Finishing …"
          : report === undefined
            ? "Making the model …"
            : `Step ${report.step.toLocaleString("en")}: ${(report.loss / Math.LN2).toFixed(2)} bits a character, ` +
              `${Math.round(report.tokensPerSecond).toLocaleString("en")} characters a second`}
      </p>
      {state.kind === "training" && state.sample !== undefined && (
        <>
          <p class="soft small">What it writes by now:</p>
          <pre>{state.sample}</pre>
        </>
      )}
      <button type="button" onClick={stop} disabled={report === undefined}>
        Stop early and keep it
      </button>
    </div>
  );
}
