/** The panel of training: the text, the settings, the button, and then the progress. */
import { useEffect, useMemo, useState } from "preact/hooks";
import { fitDefaults } from "../../../train/fit-stream-options.ts";
import { linkTo } from "../../address.ts";
import { Watch } from "../../components/watch.tsx";
import { messageOf } from "../../loading.ts";
import { freeName } from "../../models/free-name.ts";
import { duration } from "../../models/losses.ts";
import { download, readModelFile, type StoredModel } from "../../models/model-store.ts";
import { textTitle } from "../../models/text-origin.ts";
import {
  dismissOutcome,
  endTraining,
  finishTraining,
  type Outcome,
  pauseTraining,
  resumeTraining,
  startTraining,
  type Training,
  type TrainingStatus,
} from "../../models/training-driver.ts";
import type { ModelSettings } from "../../models/training-facts.ts";
import { LossChart } from "./loss-chart.tsx";
import { programOf } from "./program.ts";
import { type Form, settingsOf, standardForm } from "./settings.ts";
import { SettingsForm } from "./settings-form.tsx";
import { originOf, readSource, type Source } from "./source.ts";
import { SourceChoice } from "./source-choice.tsx";

/** A stored run to continue. */
export type GoingOn = {
  readonly model: StoredModel;
  readonly file: Uint8Array<ArrayBuffer>;
  /** The settings in the file. */
  readonly made: ModelSettings;
};

export type TrainingPanelProps = {
  readonly status: TrainingStatus;
  /** A built-in cell's name, or equations; undefined while they have an error. */
  readonly cell: string | { readonly equations: string } | undefined;
  readonly form: Form;
  readonly setForm: (form: Form) => void;
  readonly source: Source;
  readonly setSource: (source: Source) => void;
  readonly goingOn: GoingOn | undefined;
  readonly setGoingOn: (model: GoingOn | undefined) => void;
  /** The names of all models, because a run needs a different one. */
  readonly taken: readonly string[];
};

export function TrainingPanel(props: TrainingPanelProps) {
  const { status, form, setForm, source, setSource, goingOn, setGoingOn } = props;
  const [problem, setProblem] = useState("");
  const settings = settingsOf(form);
  const standardName = goingOn === undefined ? nameOf(props.cell, form, source) : `${goingOn.model.name}, continued`;
  const ready = settings !== undefined && (props.cell !== undefined || goingOn !== undefined);
  const start = async (): Promise<void> => {
    const made = goingOn?.made ?? (props.cell === undefined ? undefined : { cell: props.cell });
    if (settings === undefined || made === undefined) return;
    setProblem("");
    try {
      const text = await readSource(source, settings.seed);
      const own = form.name.trim();
      startTraining({
        place: "lab",
        name: freeName(own || standardName, props.taken),
        text,
        origin: originOf(source),
        settings: { ...settings, ...made },
        ...(goingOn !== undefined && { from: { file: goingOn.file, losses: goingOn.model.training?.losses ?? [] } }),
      });
      setGoingOn(undefined);
      setForm({ ...form, name: "" });
    } catch (error) {
      setProblem(messageOf(error));
    }
  };
  if (status.training !== undefined) return <Live training={status.training} />;
  return (
    <div>
      {status.outcome !== undefined && <Ended outcome={status.outcome} />}
      {goingOn !== undefined && (
        <p class="card row">
          <span>
            Going on with <strong>{goingOn.model.name}</strong>: its cell, units, layers, tokens, dropout and optimizer
            are in its file.
          </span>
          <button type="button" onClick={() => setGoingOn(undefined)}>
            Train a new one instead
          </button>
        </p>
      )}
      <SourceChoice source={source} onChange={setSource} />
      <SettingsForm form={form} onChange={setForm} made={goingOn !== undefined} />
      {settings !== undefined && props.cell !== undefined && goingOn === undefined && (
        <Program text={programOf({ ...settings, cell: props.cell })} />
      )}
      <div class="row go">
        <label class="field text">
          Name of the run
          <input
            value={form.name}
            placeholder={freeName(standardName, props.taken)}
            maxLength={80}
            onInput={({ currentTarget: { value } }) => setForm({ ...form, name: value })}
          />
        </label>
        <button type="button" class="main" disabled={!ready} onClick={start}>
          {goingOn === undefined ? "Train" : "Go on training"}
        </button>
        <button type="button" class="quiet" onClick={() => setForm(standardForm)}>
          Standard settings
        </button>
      </div>
      <p role="alert" class="error small">
        {problem ||
          (!ready &&
            (settings === undefined ? "A setting above needs another value." : "The equations have a mistake."))}
      </p>
    </div>
  );
}

function Program({ text }: { readonly text: string }) {
  return (
    <details class="program">
      <summary>This training as a program</summary>
      <p class="small soft">
        It trains the same model, to the bit where the length is in epochs and the processor computes, on a file{" "}
        <code>text.txt</code>:{" "}
        <button type="button" class="quiet small" onClick={() => download("train.ts", text, "text/plain")}>
          Download train.ts
        </button>
      </p>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls can be scrolled by keys */}
      <pre class="scroll small" tabIndex={0}>
        {text}
      </pre>
    </details>
  );
}

const cellName = (cell: TrainingPanelProps["cell"]): string => (typeof cell === "string" ? cell : "own cell");
const nameOf = (cell: TrainingPanelProps["cell"], form: Form, source: Source): string =>
  `${cellName(cell)} ${form.units}${form.layers.trim() === "1" ? "" : ` × ${form.layers}`}, ${textTitle(originOf(source))}`;

const phases: Readonly<Record<Training["phase"], string>> = {
  preparing: "Making the model and compiling its program …",
  running: "Training. It continues while you use other views.",
  pausing: "Pausing after the current updates …",
  paused: "Paused.",
  stopping: "Stopping: the current model is being saved …",
  ending: "Ending …",
};

function Live({ training }: { readonly training: Training }) {
  const { name, phase, facts, resumed, losses, looks, latest, sample, computes } = training;
  const curves = useMemo(() => [{ name, losses }], [name, losses]);
  const silent = useSilence(training);
  const speed = latest?.tokensPerSecond ?? Number.NaN;
  const validated = losses.findLast(({ validationLoss }) => validationLoss !== null)?.validationLoss;
  return (
    <section class="card live" aria-label="The current training">
      <h3>{name}</h3>
      <p class="small" role="status">
        {phases[phase]}
      </p>
      {computes !== undefined && (
        <p class="small soft" role="status">
          Computed by {computes}.
        </p>
      )}
      <progress value={latest?.done ?? 0} aria-label="Done" />
      <dl class="figures numbers">
        <Figure name="loss" value={losses.at(-1)?.loss.toFixed(3)} />
        <Figure name="validation loss" value={validated?.toFixed(3)} />
        <Figure name="updates" value={latest?.step.toLocaleString("en-US")} />
        <Figure name="epoch" value={latest?.epoch.toFixed(2)} />
        <Figure
          name="tokens a second"
          value={Number.isFinite(speed) ? Math.round(speed).toLocaleString("en-US") : undefined}
        />
        <Figure name="time left" value={latest === undefined ? undefined : duration(latest.remainingMs)} />
      </dl>
      <div class="row">
        {phase === "paused" ? (
          <button type="button" class="main" onClick={resumeTraining}>
            Go on
          </button>
        ) : (
          <button type="button" disabled={phase !== "running"} onClick={pauseTraining}>
            Pause
          </button>
        )}
        <button type="button" disabled={phase === "stopping" || phase === "ending"} onClick={finishTraining}>
          {phase === "preparing" ? "Stop" : "Stop and keep the model"}
        </button>
      </div>
      {silent && (
        <p class="small" role="status">
          No news for a while: the model may be too large for this machine.{" "}
          <button type="button" onClick={endTraining}>
            {resumed ? "End it" : "End it without keeping"}
          </button>
        </p>
      )}
      {losses.length > 1 && <LossChart curves={curves} height={260} />}
      {looks.length > 0 && (
        <Watch looks={looks} last="the last token of a sequence" clipNorm={facts.clipNorm ?? fitDefaults.clipNorm} />
      )}
      {sample !== undefined && (
        <>
          <h3>Sample after {sample.step.toLocaleString("en-US")} updates</h3>
          <pre class="sample">{sample.text}</pre>
        </>
      )}
    </section>
  );
}

function Figure({ name, value }: { readonly name: string; readonly value: string | undefined }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value ?? "–"}</dd>
    </div>
  );
}

/** An update of a model that fits into memory takes less time. */
const longMs = 20_000;

function useSilence({ phase, latest }: Training): boolean {
  const [silent, setSilent] = useState(false);
  useEffect(() => {
    setSilent(false);
    if (phase === "paused") return;
    const timer = setTimeout(() => setSilent(true), longMs);
    return () => clearTimeout(timer);
  }, [phase, latest]);
  return silent;
}

function Ended({ outcome }: { readonly outcome: Outcome }) {
  const close = (
    <button type="button" class="quiet" aria-label="Dismiss" onClick={dismissOutcome}>
      ✕
    </button>
  );
  if (outcome.kind === "kept") {
    return (
      <div class="card row outcome" role="status">
        <span>
          <strong>{outcome.name}</strong> is trained and saved{outcome.inPage && ", until the page is closed"}.{" "}
          {outcome.note}
        </span>
        {outcome.inPage && (
          <button
            type="button"
            onClick={() =>
              readModelFile(outcome.id).then(
                (file) => download(`${outcome.id}.safetensors`, file),
                () => {},
              )
            }
          >
            Download it
          </button>
        )}
        <a class="button main" href={linkTo("write", [outcome.id])}>
          Write with it
        </a>
        <a class="button" href={linkTo("inspect", [outcome.id])}>
          Look inside
        </a>
        {close}
      </div>
    );
  }
  return (
    <div class="card row outcome" role="alert">
      <span class="error">
        {outcome.name}: {outcome.message}
      </span>
      {close}
    </div>
  );
}
