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
import { fill, texts } from "../../texts/texts.ts";
import { rhyme, settingsFor, type TextName, textOf, textTitles } from "./text-training.ts";

const own = texts.learn.textTraining;

/** What the reader's own text is remembered by. */
const ownName = "unrolled.learn.text";
const lengths = { 1: own.minutes.one, 3: own.minutes.three, 10: own.minutes.ten } as const;

export function TextTraining({ onKept }: { readonly onKept: (id: string) => void }) {
  const [textName, setTextName] = useState<TextName>("book");
  const [ownText, setOwnTextNow] = useState(() => remembered(ownName) ?? rhyme);
  const setOwnText = (text: string): void => {
    setOwnTextNow(text);
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
      const text = await textOf[textName](ownText);
      const settings = settingsFor(text, minutes);
      const origin = { kind: textName };
      startTraining({ place: "learn", name: fill(own.modelName, { text: names[textName] }), text, origin, settings });
    } catch (error) {
      setProblem(messageOf(error));
    }
  };

  const busy = training !== undefined;
  const wrong = problem || (outcome?.kind === "failed" ? outcome.message : "");
  return (
    <section class="card text-training" aria-label={own.title}>
      <InterruptedRuns place="learn" />
      {!busy && (
        <div class="text-choices">
          <Choice label={own.text} value={textName} options={textTitles} onChoose={setTextName} />
          <Choice
            label={own.howLong}
            value={`${minutes}`}
            options={lengths}
            onChoose={(chosen) => setMinutes(Number(chosen) as keyof typeof lengths)}
          />
        </div>
      )}
      {!busy && textName === "own" && (
        <TextArea label={own.yourText} rows={6} most={100_000} value={ownText} onText={setOwnText} />
      )}
      <div class="row">
        {busy ? (
          <button
            type="button"
            class="main"
            disabled={training.phase === "stopping" || training.latest === undefined}
            onClick={finishTraining}
          >
            {own.stop}
          </button>
        ) : (
          <button type="button" class="main" onClick={train}>
            {shown === undefined ? own.train : own.trainAnother}
          </button>
        )}
        <p class="text-said" role="status">
          {said(training, outcome)}
        </p>
        {!busy && outcome?.kind === "kept" && (
          <>
            <a class="button" href={linkTo("write", [outcome.id])}>
              {own.write}
            </a>
            <a class="button" href={linkTo("inspect", [outcome.id])}>
              {own.look}
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

const names: { readonly [Name in TextName]: string } = own.names;

function said(training: Training | undefined, outcome: TrainingStatus["outcome"]): string {
  if (training !== undefined) {
    if (training.phase === "stopping") return own.finishing;
    return training.place === "learn" ? own.trains : fill(own.otherTrains, { name: training.name });
  }
  if (outcome?.kind !== "kept") return "";
  return outcome.inPage ? own.keptInPage : own.kept;
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
        x: { label: own.progress.seconds },
        y: { label: own.progress.bits, domain: [0, 6], grid: true, ticks: 6 },
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
        <Plot label={own.progress.label} height={220} options={options} />
        <p class="small">
          <span class="text-key line">{own.progress.training}</span>{" "}
          <span class="text-key dot">{own.progress.validation}</span>
        </p>
        <dl class="text-figures">
          <dt>{own.progress.bits}</dt>
          <dd>{(last.loss / Math.LN2).toFixed(2)}</dd>
          <dt>{own.progress.perplexity}</dt>
          <dd>{Math.exp(last.loss).toFixed(2)}</dd>
          <dt>{own.progress.steps}</dt>
          <dd>{last.step.toLocaleString("en-US")}</dd>
          <dt>{own.progress.speed}</dt>
          <dd>{Math.round(last.tokensPerSecond).toLocaleString("en-US")}</dd>
        </dl>
      </div>
      <div>
        <p class="small soft">{own.progress.samples}</p>
        {samples.length === 0 && <p class="small soft">{own.progress.noSample}</p>}
        <ol class="text-samples">
          {samples.toReversed().map(({ step, text }) => (
            <li key={step}>
              <span class="small soft">{fill(own.progress.step, { n: step.toLocaleString("en-US") })}</span>
              <pre>{text}</pre>
            </li>
          ))}
        </ol>
      </div>
    </div>
  );
}
