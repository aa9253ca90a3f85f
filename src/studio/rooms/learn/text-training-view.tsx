/** A training that the reader starts, watches and stops; its model goes to the shelf. */
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { linkTo } from "../../address.ts";
import { type Engine, startEngine } from "../../engine/engine.ts";
import type { TrainingReport } from "../../engine/training.ts";
import { keepModel } from "../../models/shelf.ts";
import { Choice } from "../../parts/choice.tsx";
import { Plot, type PlotProps } from "../../parts/plot.tsx";
import { rhyme, settingsFor, type TextName, textNames, textOf } from "./text-training.ts";

const lengths = { 1: "1 minute", 3: "3 minutes", 10: "10 minutes" } as const;

type State =
  | { readonly kind: "idle" | "training" | "ending" }
  | { readonly kind: "kept"; readonly id: string }
  | { readonly kind: "failed"; readonly message: string };

export function TextTraining({ onKept }: { readonly onKept: (id: string) => void }) {
  const [textName, setTextName] = useState<TextName>("book");
  const [own, setOwn] = useState(rhyme);
  const [minutes, setMinutes] = useState<keyof typeof lengths>(1);
  const [state, setState] = useState<State>({ kind: "idle" });
  const [reports, setReports] = useState<readonly TrainingReport[]>([]);
  const worker = useRef<Engine | undefined>(undefined);
  const wanted = useRef(true);
  useEffect(() => () => worker.current?.end(), []);

  const train = async (): Promise<void> => {
    wanted.current = true;
    setState({ kind: "training" });
    setReports([]);
    const its = startEngine();
    worker.current = its;
    try {
      const text = await textOf[textName](own);
      const settings = settingsFor(text, minutes);
      const job = its.run("train", text, settings);
      const all: TrainingReport[] = [];
      for (;;) {
        const { done, value } = await job.next(wanted.current ? undefined : "finish");
        if (done) {
          const { parameters, vocabulary, validationLoss, steps } = value;
          const facts = {
            ...{ text: textNames[textName], cell: "lstm", units: settings.units, layers: settings.layers },
            ...{ vocabulary, parameters, steps, batch: settings.batch, "learning rate": settings.learningRate },
            ...(validationLoss !== null && { "validation loss": validationLoss }),
          };
          const losses = all.map(({ step, loss, validationLoss, elapsedMs }) => ({
            ...{ step, loss, validationLoss, elapsedMs },
          }));
          const id = await keepModel(
            { name: `${names[textName]}, from Learn`, training: { facts, losses } },
            value.bytes,
          );
          setState({ kind: "kept", id });
          onKept(id);
          return;
        }
        all.push(value);
        setReports([...all]);
      }
    } catch (error) {
      setState({ kind: "failed", message: (error as Error).message });
    } finally {
      its.end();
    }
  };
  const stop = (): void => {
    wanted.current = false;
    setState({ kind: "ending" });
  };

  const busy = state.kind === "training" || state.kind === "ending";
  return (
    <section class="card text-training" aria-label="Training">
      {!busy && (
        <div class="text-choices">
          <Choice label="Text" value={textName} options={textNames} onChoose={setTextName} />
          <Choice
            label="How long"
            value={`${minutes}`}
            options={lengths}
            onChoose={(chosen) => setMinutes(Number(chosen) as keyof typeof lengths)}
          />
        </div>
      )}
      {!busy && textName === "own" && (
        <label class="field">
          Your text
          <textarea rows={6} value={own} onInput={(event) => setOwn(event.currentTarget.value)} />
        </label>
      )}
      <div class="row">
        {busy ? (
          <button type="button" class="main" disabled={state.kind === "ending" || reports.length === 0} onClick={stop}>
            Stop and keep it
          </button>
        ) : (
          <button type="button" class="main" onClick={train}>
            {reports.length === 0 ? "Train" : "Train another"}
          </button>
        )}
        <p class="text-said" role="status">
          {said(state)}
        </p>
        {state.kind === "kept" && (
          <>
            <a class="button" href={linkTo("write", [state.id])}>
              Write with it
            </a>
            <a class="button" href={linkTo("inspect", [state.id])}>
              Look inside
            </a>
          </>
        )}
      </div>
      {state.kind === "failed" && (
        <p class="error" role="alert">
          {state.message}
        </p>
      )}
      {reports.length > 0 && <Progress reports={reports} />}
    </section>
  );
}

const names: { readonly [Name in TextName]: string } = { book: "Moby-Dick", chapter: "Loomings", own: "My text" };

function said(state: State): string {
  switch (state.kind) {
    case "training":
      return "It trains …";
    case "ending":
      return "Finishing …";
    case "kept":
      return "The model is on the shelf.";
    case "idle":
    case "failed":
      return "";
  }
}

/** Losses as bits a character, and samples, the newest first. */
function Progress({ reports }: { readonly reports: readonly TrainingReport[] }) {
  const last = reports.at(-1) as TrainingReport;
  const options = useCallback<PlotProps["options"]>(
    (plot) => {
      const points = reports.map(({ elapsedMs, loss, validationLoss }) => ({
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
    [reports],
  );
  const samples = reports.filter(({ sample }) => sample !== undefined);
  return (
    <div class="figure text-progress">
      <div>
        <Plot label="Loss in bits per character over time" height={220} options={options} />
        <p class="small">
          <span class="text-key line">training</span> <span class="text-key dot">text kept back</span>
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
          {samples.toReversed().map(({ step, sample }) => (
            <li key={step}>
              <span class="small soft">step {step.toLocaleString("en-US")}</span>
              <pre>{sample}</pre>
            </li>
          ))}
        </ol>
      </div>
    </div>
  );
}
