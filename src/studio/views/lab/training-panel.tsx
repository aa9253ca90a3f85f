/** The panel of training: the text, the settings, the button, and then the progress. */
import { useEffect, useMemo, useState } from "preact/hooks";
import { fitDefaults } from "../../../train/fit-stream-options.ts";
import { linkTo } from "../../address.ts";
import { Watch } from "../../components/watch.tsx";
import { download } from "../../download.ts";
import { messageOf } from "../../loading.ts";
import { freeName } from "../../models/free-name.ts";
import { duration } from "../../models/losses.ts";
import { readModelFile, type StoredModel } from "../../models/model-store.ts";
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
import { fill, language, rich, texts } from "../../texts/texts.ts";
import { LossChart } from "./loss-chart.tsx";
import { programOf } from "./program.ts";
import { type Form, settingsOf, standardForm } from "./settings.ts";
import { SettingsForm } from "./settings-form.tsx";
import { originOf, readSource, type Source } from "./source.ts";
import { SourceChoice } from "./source-choice.tsx";

const own = texts.lab.training;
const { live, ended } = own;

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
  const standardName =
    goingOn === undefined ? nameOf(props.cell, form, source) : fill(own.continued, { name: goingOn.model.name });
  const ready = settings !== undefined && (props.cell !== undefined || goingOn !== undefined);
  const start = async (): Promise<void> => {
    const made = goingOn?.made ?? (props.cell === undefined ? undefined : { cell: props.cell });
    if (settings === undefined || made === undefined) return;
    setProblem("");
    try {
      const text = await readSource(source, settings.seed);
      const given = form.name.trim();
      startTraining({
        place: "lab",
        name: freeName(given || standardName, props.taken),
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
          <span>{rich(own.goingOn, { name: goingOn.model.name })}</span>
          <button type="button" onClick={() => setGoingOn(undefined)}>
            {own.newOne}
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
          {own.name}
          <input
            value={form.name}
            placeholder={freeName(standardName, props.taken)}
            maxLength={80}
            onInput={({ currentTarget: { value } }) => setForm({ ...form, name: value })}
          />
        </label>
        <button type="button" class="main" disabled={!ready} onClick={start}>
          {goingOn === undefined ? own.train : own.goOn}
        </button>
        <button type="button" class="quiet" onClick={() => setForm(standardForm)}>
          {own.standard}
        </button>
      </div>
      <p role="alert" class="error small">
        {problem || (!ready && (settings === undefined ? own.badSetting : own.badCell))}
      </p>
    </div>
  );
}

function Program({ text }: { readonly text: string }) {
  return (
    <details class="program">
      <summary>{own.program.title}</summary>
      <p class="small soft">
        {rich(own.program.about)}{" "}
        <button type="button" class="quiet small" onClick={() => download("train.ts", text, "text/plain")}>
          {own.program.download}
        </button>
      </p>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls can be scrolled by keys */}
      <pre class="scroll small" tabIndex={0}>
        {text}
      </pre>
    </details>
  );
}

const cellName = (cell: TrainingPanelProps["cell"]): string => (typeof cell === "string" ? cell : own.ownCell);
const nameOf = (cell: TrainingPanelProps["cell"], form: Form, source: Source): string =>
  fill(form.layers.trim() === "1" ? own.standardName : own.standardNameLayers, {
    ...{ cell: cellName(cell), units: form.units, layers: form.layers },
    text: textTitle(originOf(source)),
  });

function Live({ training }: { readonly training: Training }) {
  const { name, phase, facts, resumed, losses, looks, latest, sample, computes } = training;
  const curves = useMemo(() => [{ name, losses }], [name, losses]);
  const silent = useSilence(training);
  const speed = latest?.tokensPerSecond ?? Number.NaN;
  const validated = losses.findLast(({ validationLoss }) => validationLoss !== null)?.validationLoss;
  return (
    <section class="card live" aria-label={live.label}>
      <h3>{name}</h3>
      <p class="small" role="status">
        {live.phases[phase]}
      </p>
      {computes !== undefined && (
        <p class="small soft" role="status">
          {fill(live.computedBy, { computes })}
        </p>
      )}
      <progress value={latest?.done ?? 0} aria-label={live.done} />
      <dl class="figures numbers">
        <Figure name={live.loss} value={losses.at(-1)?.loss.toFixed(3)} />
        <Figure name={live.validationLoss} value={validated?.toFixed(3)} />
        <Figure name={live.updates} value={latest?.step.toLocaleString(language)} />
        <Figure name={live.epoch} value={latest?.epoch.toFixed(2)} />
        <Figure
          name={live.tokensPerSecond}
          value={Number.isFinite(speed) ? Math.round(speed).toLocaleString(language) : undefined}
        />
        <Figure name={live.timeLeft} value={latest === undefined ? undefined : duration(latest.remainingMs)} />
      </dl>
      <div class="row">
        {phase === "paused" ? (
          <button type="button" class="main" onClick={resumeTraining}>
            {live.goOn}
          </button>
        ) : (
          <button type="button" disabled={phase !== "running"} onClick={pauseTraining}>
            {live.pause}
          </button>
        )}
        <button type="button" disabled={phase === "stopping" || phase === "ending"} onClick={finishTraining}>
          {phase === "preparing" ? live.stop : live.stopAndKeep}
        </button>
      </div>
      {silent && (
        <p class="small" role="status">
          {live.silent}{" "}
          <button type="button" onClick={endTraining}>
            {resumed ? live.end : live.endWithoutKeeping}
          </button>
        </p>
      )}
      {losses.length > 1 && <LossChart curves={curves} height={260} />}
      {looks.length > 0 && (
        <Watch looks={looks} last={live.lastToken} clipNorm={facts.clipNorm ?? fitDefaults.clipNorm} />
      )}
      {sample !== undefined && (
        <>
          <h3>{fill(live.sample, { step: sample.step })}</h3>
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
    <button type="button" class="quiet" aria-label={ended.dismiss} onClick={dismissOutcome}>
      ✕
    </button>
  );
  if (outcome.kind === "kept") {
    return (
      <div class="card row outcome" role="status">
        <span>
          {rich(outcome.inPage ? ended.savedInPage : ended.saved, { name: outcome.name })} {outcome.note}
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
            {ended.download}
          </button>
        )}
        <a class="button main" href={linkTo("write", [outcome.id])}>
          {ended.write}
        </a>
        <a class="button" href={linkTo("inspect", [outcome.id])}>
          {ended.inspect}
        </a>
        {close}
      </div>
    );
  }
  return (
    <div class="card row outcome" role="alert">
      <span class="error">{fill(ended.failed, { name: outcome.name, message: outcome.message })}</span>
      {close}
    </div>
  );
}
