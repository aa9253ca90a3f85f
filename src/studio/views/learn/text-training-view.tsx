/** A training that the reader starts, watches and stops; its model is kept. */
import { useCallback, useEffect, useState } from "preact/hooks";
import { linkTo } from "../../address.ts";
import { Choice } from "../../components/choice.tsx";
import { Plot, type PlotProps } from "../../components/plot.tsx";
import { remember, remembered } from "../../components/remembered.ts";
import { TextArea } from "../../components/text-area.tsx";
import type { TrainingReport } from "../../engine/training.ts";
import { messageOf } from "../../loading.ts";
import { InterruptedRuns } from "../../models/interrupted-runs.tsx";
import {
  finishTraining,
  startTraining,
  type Training,
  type TrainingStatus,
  useTrainingStatus,
} from "../../models/training-driver.ts";
import { rhyme, settingsFor, type TextName, textOf, textTitles } from "./text-training.ts";

/** What the reader's own text is remembered by. */
const ownName = "unrolled.learn.text";
const lengths = { 1: "1 minute", 3: "3 minutes", 10: "10 minutes" } as const;

export function TextTraining({ onKept }: { readonly onKept: (id: string) => void }) {
  const [textName, setTextName] = useState<TextName>("book");
  const [own, setOwnNow] = useState(() => remembered(ownName) ?? rhyme);
  const setOwn = (text: string): void => {
    setOwnNow(text);
    remember(ownName, text);
  };
  const [minutes, setMinutes] = useState<keyof typeof lengths>(1);
  const [problem, setProblem] = useState("");
  const { training, outcome: last } = useTrainingStatus();
  const outcome = last?.place === "learn" ? last : undefined;
  // What was trained here stays to be looked at.
  const [shown, setShown] = useState<Training>();
  useEffect(() => {
    if (training?.place === "learn") setShown(training);
  }, [training]);
  useEffect(() => {
    if (outcome?.kind === "kept") onKept(outcome.id);
  }, [outcome]);
  const train = async (): Promise<void> => {
    setProblem("");
    setShown(undefined);
    try {
      const text = await textOf[textName](own);
      const settings = settingsFor(text, minutes);
      const origin = { kind: textName };
      startTraining({ place: "learn", name: `${names[textName]}, from Learn`, text, origin, settings });
    } catch (error) {
      setProblem(messageOf(error));
    }
  };

  const busy = training !== undefined;
  const wrong = problem || (outcome?.kind === "failed" ? outcome.message : "");
  return (
    <section class="card text-training" aria-label="Training">
      <InterruptedRuns place="learn" />
      {!busy && (
        <div class="text-choices">
          <Choice label="Text" value={textName} options={textTitles} onChoose={setTextName} />
          <Choice
            label="How long"
            value={`${minutes}`}
            options={lengths}
            onChoose={(chosen) => setMinutes(Number(chosen) as keyof typeof lengths)}
          />
        </div>
      )}
      {!busy && textName === "own" && (
        <TextArea label="Your text" rows={6} most={100_000} value={own} onText={setOwn} />
      )}
      <div class="row">
        {busy ? (
          <button
            type="button"
            class="main"
            disabled={training.phase === "stopping" || training.latest === undefined}
            onClick={finishTraining}
          >
            Stop and keep it
          </button>
        ) : (
          <button type="button" class="main" onClick={train}>
            {shown === undefined ? "Train" : "Train another"}
          </button>
        )}
        <p class="text-said" role="status">
          {said(training, outcome)}
        </p>
        {!busy && outcome?.kind === "kept" && (
          <>
            <a class="button" href={linkTo("write", [outcome.id])}>
              Write with it
            </a>
            <a class="button" href={linkTo("inspect", [outcome.id])}>
              Look inside
            </a>
          </>
        )}
      </div>
      {wrong !== "" && (
        <p class="error" role="alert">
          {wrong}
        </p>
      )}
      {shown?.latest !== undefined && <Progress training={shown} last={shown.latest} />}
    </section>
  );
}

const names: { readonly [Name in TextName]: string } = { book: "Moby-Dick", chapter: "Loomings", own: "My text" };

function said(training: Training | undefined, outcome: TrainingStatus["outcome"]): string {
  if (training !== undefined) {
    if (training.phase === "stopping") return "Finishing …";
    return training.place === "learn" ? "It trains …" : `${training.name} is being trained.`;
  }
  if (outcome?.kind !== "kept") return "";
  return outcome.inPage ? "The model is kept until the page is closed." : "The model is kept.";
}

/** Losses as bits a character, and samples, the newest first. */
function Progress({ training, last }: { readonly training: Training; readonly last: TrainingReport }) {
  const { losses, samples } = training;
  const options = useCallback<PlotProps["options"]>(
    (plot) => {
      const points = losses.map(({ elapsedMs, loss, validationLoss }) => ({
        seconds: elapsedMs / 1000,
        bits: loss / Math.LN2,
        kept: validationLoss === null ? null : validationLoss / Math.LN2,
      }));
      return {
        ...{ marginLeft: 36, marginTop: 28, style: { fontSize: "12px" } },
        x: { label: "seconds" },
        y: { label: "bits per character", domain: [0, 6], grid: true, ticks: 6 },
        marks: [
          plot.line(points, { x: "seconds", y: "bits", stroke: "var(--c1)", strokeWidth: 2, clip: true }),
          plot.dot(
            points.filter(({ kept }) => kept !== null),
            { x: "seconds", y: "kept", fill: "var(--c2)", r: 4, clip: true },
          ),
        ],
      };
    },
    [losses],
  );
  return (
    <div class="figure text-progress">
      <div>
        <Plot label="Loss in bits per character over time" height={220} options={options} />
        <p class="small">
          <span class="text-key line">training</span> <span class="text-key dot">validation</span>
        </p>
        <dl class="text-figures">
          <dt>bits per character</dt>
          <dd>{(last.loss / Math.LN2).toFixed(2)}</dd>
          <dt>perplexity</dt>
          <dd>{Math.exp(last.loss).toFixed(2)}</dd>
          <dt>steps</dt>
          <dd>{last.step.toLocaleString("en-US")}</dd>
          <dt>characters a second</dt>
          <dd>{Math.round(last.tokensPerSecond).toLocaleString("en-US")}</dd>
        </dl>
      </div>
      <div>
        <p class="small soft">What it writes, at a temperature of 0.7; the newest first</p>
        {samples.length === 0 && <p class="small soft">The first sample comes in a moment.</p>}
        <ol class="text-samples">
          {samples.toReversed().map(({ step, text }) => (
            <li key={step}>
              <span class="small soft">step {step.toLocaleString("en-US")}</span>
              <pre>{text}</pre>
            </li>
          ))}
        </ol>
      </div>
    </div>
  );
}
