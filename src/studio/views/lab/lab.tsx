/** The Lab view: write a cell, see what the compiler makes of it, train it, compare the runs. */
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { View } from "../../address.ts";
import { InterruptedRuns } from "../../models/interrupted-runs.tsx";
import { useModels } from "../../models/model-store.ts";
import { useTrainingStatus } from "../../models/training-driver.ts";
import { rich, texts } from "../../texts/texts.ts";
import { CellPanel } from "./cell-panel.tsx";
import { builtInName, useCellText } from "./cell-text.ts";
import { useCompiling } from "./compiling.ts";
import { keepSource, keptSource } from "./kept-source.ts";
import { ProjectPanel } from "./project-panel.tsx";
import { type Run, Runs } from "./runs.tsx";
import {
  type Form,
  formOfFacts,
  numberOf,
  problemOf,
  queryOf,
  rememberedForm,
  rememberForm,
  withQuery,
} from "./settings.ts";
import { type Source, sourceFrom } from "./source.ts";
import { type GoingOn, TrainingPanel } from "./training-panel.tsx";
import "./lab.css";

const own = texts.lab;

/** The default size of a model's embedding. */
const maxEmbedding = 64;

/** The text stays as long as the page; the browser stores it for the next visit. */
let lastSource: Source | undefined;

const Lab: View = ({ address }) => {
  const status = useTrainingStatus();
  const models = useModels();
  const [form, setFormNow] = useState(() => withQuery(rememberedForm(), address.query));
  const [source, setSourceNow] = useState(lastSource);
  const [goingOn, setGoingOn] = useState<GoingOn>();
  const heading = useRef<HTMLHeadingElement>(null);
  const setForm = (next: Form): void => {
    setFormNow(next);
    rememberForm(next);
  };
  const setSource = (next: Source): void => {
    lastSource = next;
    setSourceNow(next);
    void keepSource(next);
  };
  useEffect(() => {
    if (source !== undefined) return;
    void keptSource().then((kept) => {
      lastSource ??= kept;
      setSourceNow(lastSource);
    });
  }, []);

  const units = numberOf(form, "units");
  const given = useCellText(address, { query: queryOf(form), read: (query) => setForm(withQuery(form, query)) });
  const compiling = useCompiling(given.text, {
    ...{ units, input: Math.min(units, maxEmbedding), layers: numberOf(form, "layers") },
    ...{ batch: numberOf(form, "batch"), steps: numberOf(form, "steps") },
  });
  const assumed = (["units", "batch", "steps"] as const).some((name) => problemOf(name, form[name]) !== undefined);
  const cell = compiling.phase === "mistake" ? undefined : (builtInName(given.text) ?? { equations: given.text });
  const runs = useMemo(() => models?.filter((model): model is Run => model.training !== undefined) ?? [], [models]);
  const goOn = (next: GoingOn): void => {
    const { facts = {} } = next.model.training ?? {};
    const its = sourceFrom(facts.text);
    if (its !== undefined) setSource(its);
    setForm(formOfFacts({ ...facts, ...next.made }, form));
    setGoingOn(next);
    show(heading.current);
  };
  return (
    <div class="lab">
      <h1>{own.title}</h1>
      <p>{own.about}</p>
      {status.training !== undefined && (
        <p class="card row badge">
          <span>
            {rich(status.training.phase === "paused" ? own.busy.paused : own.busy.running, {
              name: status.training.name,
              percent: Math.floor(100 * (status.training.latest?.done ?? 0)),
            })}
          </span>
          <button type="button" onClick={() => show(heading.current)}>
            {own.busy.go}
          </button>
        </p>
      )}
      <h2>{own.cell.title}</h2>
      <CellPanel {...{ given, compiling, assumed }} />
      <h2 ref={heading} tabIndex={-1}>
        {own.training.title}
      </h2>
      <InterruptedRuns />
      {source === undefined ? (
        <p class="soft">…</p>
      ) : (
        <TrainingPanel
          {...{ status, form, setForm, source, setSource, goingOn, setGoingOn }}
          taken={models?.map(({ name }) => name) ?? []}
          cell={cell}
        />
      )}
      <h2>{own.runs.title}</h2>
      {models === undefined ? (
        <p class="soft">…</p>
      ) : (
        <Runs runs={runs} busy={status.training !== undefined} onGoOn={goOn} />
      )}
      <h2>{own.project.title}</h2>
      {source !== undefined && (
        <ProjectPanel
          {...{ form, source, runs }}
          cell={given.text}
          onOpen={(project) => {
            given.open(project.cell);
            setForm(project.form);
            setSource(project.source);
            setGoingOn(undefined);
          }}
        />
      )}
    </div>
  );
};
export default Lab;

/** Scroll there, and move the keyboard focus. */
function show(heading: HTMLElement | null): void {
  heading?.scrollIntoView();
  heading?.focus({ preventScroll: true });
}
