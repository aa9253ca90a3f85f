/** Train a small model of Moby-Dick in about a minute, for a reader without a model. */
import { useEffect, useState } from "preact/hooks";
import type { TrainingSettings } from "../engine/training.ts";
import { messageOf } from "../loading.ts";
import { fill, texts } from "../texts/texts.ts";
import { mobyDick } from "./book.ts";
import { InterruptedRuns } from "./interrupted-runs.tsx";
import { dismissOutcome, finishTraining, startTraining, type Training, useTrainingStatus } from "./training-driver.ts";

const minutes = 1;
const settings: TrainingSettings = {
  ...{ cell: "lstm", units: 128, layers: 1, tokens: "char", dropout: 0 },
  ...{ batch: 32, steps: 64, learningRate: 0.003, seed: 0 },
  ...{ until: { minutes }, sample: 160 },
};
const words = texts.models.trainSmall;
const { name } = words;

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
        {words.train}
      </button>{" "}
      <span class="soft small">{words.about}</span>
    </div>
  );
}

/** The training that is running, whichever it is. */
function Live({ training: { name: its, phase, latest, sample } }: { readonly training: Training }) {
  const ending = phase === "stopping";
  return (
    <div class="train-small">
      {its !== name && <p class="small">{fill(words.other, { name: its })}</p>}
      <progress value={ending ? 1 : (latest?.done ?? 0)} aria-label={words.progress} />
      <p class="numbers small">
        {ending
          ? words.finishing
          : latest === undefined
            ? words.making
            : fill(words.told, {
                step: latest.step.toLocaleString("en"),
                bits: (latest.loss / Math.LN2).toFixed(2),
                rate: Math.round(latest.tokensPerSecond).toLocaleString("en"),
              })}
      </p>
      {!ending && sample !== undefined && (
        <>
          <p class="soft small">{words.sample}</p>
          <pre>{sample.text}</pre>
        </>
      )}
      <button type="button" onClick={finishTraining} disabled={ending || latest === undefined}>
        {words.stop}
      </button>
    </div>
  );
}
