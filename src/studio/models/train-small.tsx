/** Train a small model of Moby-Dick in about a minute, for a reader without a model. */
import { useEffect, useState } from "preact/hooks";
import type { TrainingSettings } from "../engine/training.ts";
import { messageOf } from "../loading.ts";
import { mobyDick } from "./book.ts";
import { InterruptedRuns } from "./interrupted-runs.tsx";
import { dismissOutcome, finishTraining, startTraining, type Training, useTrainingStatus } from "./training-driver.ts";

const minutes = 1;
const settings: TrainingSettings = {
  ...{ cell: "lstm", units: 128, layers: 1, tokens: "char", dropout: 0 },
  ...{ batch: 32, steps: 64, learningRate: 0.003, seed: 0 },
  ...{ until: { minutes }, sample: 160 },
};
const name = "Moby-Dick, a small LSTM";

export function TrainSmall({ onKept }: { readonly onKept: (id: string) => void }) {
  const { training, outcome } = useTrainingStatus();
  const [problem, setProblem] = useState("");
  const own = outcome?.place === "small" ? outcome : undefined;
  useEffect(() => {
    if (own?.kind !== "kept") return;
    dismissOutcome();
    onKept(own.id);
  }, [own]);
  const train = async (): Promise<void> => {
    setProblem("");
    try {
      const text = await mobyDick();
      startTraining({ place: "small", name, text, origin: { kind: "book" }, settings });
    } catch (error) {
      setProblem(messageOf(error));
    }
  };
  if (training !== undefined) return <Live training={training} />;
  const wrong = problem || (own?.kind === "failed" ? own.message : "");
  return (
    <div class="train-small">
      <InterruptedRuns place="small" />
      {wrong !== "" && (
        <p class="error" role="alert">
          {wrong}
        </p>
      )}
      <button type="button" class="main" onClick={train}>
        Train a small one now
      </button>{" "}
      <span class="soft small">An LSTM of 128 units on characters, about a minute.</span>
    </div>
  );
}

/** The training that is running, whichever it is. */
function Live({ training: { name: its, phase, latest, sample } }: { readonly training: Training }) {
  const ending = phase === "stopping";
  return (
    <div class="train-small">
      {its !== name && <p class="small">{its} is being trained.</p>}
      <progress value={ending ? 1 : (latest?.done ?? 0)} aria-label="The training" />
      <p class="numbers small">
        {ending
          ? "Finishing …"
          : latest === undefined
            ? "Making the model …"
            : `Step ${latest.step.toLocaleString("en")}: ${(latest.loss / Math.LN2).toFixed(2)} bits a token, ` +
              `${Math.round(latest.tokensPerSecond).toLocaleString("en")} tokens a second`}
      </p>
      {!ending && sample !== undefined && (
        <>
          <p class="soft small">Sample of its text:</p>
          <pre>{sample.text}</pre>
        </>
      )}
      <button type="button" onClick={finishTraining} disabled={ending || latest === undefined}>
        Stop early and keep it
      </button>
    </div>
  );
}
