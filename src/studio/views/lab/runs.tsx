/** The runs that the browser stores: open, download, continue, delete and compare them. */
import { useMemo, useState } from "preact/hooks";
import { linkTo } from "../../address.ts";
import { download } from "../../download.ts";
import { engine } from "../../engine/engine.ts";
import { messageOf } from "../../loading.ts";
import { dateAndTime, lossesAsCsv } from "../../models/losses.ts";
import { forgetModel, keepModel, readModelFile, type StoredModel } from "../../models/model-store.ts";
import { rounded, shownFacts } from "../../models/training-facts.ts";
import { fill, language, texts } from "../../texts/texts.ts";
import { LossChart } from "./loss-chart.tsx";
import type { GoingOn } from "./training-panel.tsx";

const own = texts.lab.runs;

/** A model that was trained here. */
export type Run = StoredModel & { readonly training: NonNullable<StoredModel["training"]> };

export type RunsProps = {
  readonly runs: readonly Run[];
  /** Only one training can run at a time. */
  readonly busy: boolean;
  readonly onGoOn: (model: GoingOn) => void;
};

export function Runs({ runs, busy, onGoOn }: RunsProps) {
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [problem, setProblem] = useState("");
  const [forgotten, setForgotten] = useState<{ readonly run: Run; readonly file: Uint8Array<ArrayBuffer> }>();
  const compared = useMemo(() => runs.filter(({ id }) => chosen.has(id)), [runs, chosen]);
  const withFile = (run: Run, use: (file: Uint8Array<ArrayBuffer>) => unknown): void => {
    setProblem("");
    readModelFile(run.id)
      .then(use)
      .catch((error: Error) => setProblem(error.message));
  };
  const forget = (run: Run): void =>
    withFile(run, async (file) => {
      await forgetModel(run.id);
      setForgotten({ run, file });
    });
  const bringBack = async (): Promise<void> => {
    if (forgotten === undefined) return;
    const { run, file } = forgotten;
    setForgotten(undefined);
    await keepModel({ name: run.name, training: run.training }, file).catch((error) => setProblem(messageOf(error)));
  };
  return (
    <>
      <div role="status">
        {forgotten !== undefined && (
          <p class="row small">
            {fill(own.forgotten, { name: forgotten.run.name })}
            <button type="button" onClick={bringBack}>
              {own.bringBack}
            </button>
          </p>
        )}
      </div>
      {problem !== "" && (
        <p class="error small" role="alert">
          {problem}
        </p>
      )}
      {runs.length === 0 && <p class="soft">{own.none}</p>}
      <ul class="runs">
        {runs.map((run) => (
          <li key={run.id} class="card">
            <label class="row name">
              <input
                type="checkbox"
                checked={chosen.has(run.id)}
                onChange={({ currentTarget: { checked } }) => {
                  const next = new Set(chosen);
                  if (checked) next.add(run.id);
                  else next.delete(run.id);
                  setChosen(next);
                }}
              />
              <strong>{run.name}</strong>
            </label>
            <p class="small soft numbers">
              {[
                lossOf(run),
                fill(own.updates, { n: run.training.facts.updates ?? "?" }),
                dateOf(run),
                fill(own.megabytes, { n: (run.bytes / 1e6).toFixed(1) }),
              ].join(" · ")}
            </p>
            <div class="row small">
              <a href={linkTo("write", [run.id])}>{own.write}</a>
              <a href={linkTo("inspect", [run.id])}>{own.inspect}</a>
              <button
                type="button"
                disabled={busy}
                onClick={() =>
                  withFile(run, async (file) => {
                    const made = await engine().ask("madeOf", file, run.name);
                    onGoOn({ model: run, file, made });
                  })
                }
              >
                {own.goOn}
              </button>
              <button type="button" onClick={() => withFile(run, (file) => download(`${run.id}.safetensors`, file))}>
                {own.download}
              </button>
              <button
                type="button"
                onClick={() => download(`${run.id}.csv`, lossesAsCsv(run.training.losses), "text/csv")}
              >
                {own.csv}
              </button>
              <button type="button" onClick={() => forget(run)}>
                {own.forget}
              </button>
            </div>
          </li>
        ))}
      </ul>
      {runs.length > 1 && compared.length < 2 && <p class="small soft">{own.tick}</p>}
      {compared.length > 1 && <Comparison runs={compared} />}
    </>
  );
}

const dateOf = ({ madeMs }: Run): string => (madeMs === undefined ? "" : dateAndTime(madeMs));

function lossOf({ training: { facts } }: Run): string {
  const { loss, validationLoss } = facts;
  if (validationLoss !== undefined) return fill(own.validationLoss, { loss: rounded(validationLoss) });
  return fill(own.loss, { loss: loss === undefined ? "?" : rounded(loss) });
}

function Comparison({ runs }: { readonly runs: readonly Run[] }) {
  const curves = useMemo(() => runs.map(({ name, training: { losses } }) => ({ name, losses })), [runs]);
  const columns = runs.map(({ training }) => new Map(shownFacts(training.facts).map((fact) => [fact.title, fact])));
  const rows = [...new Set(columns.flatMap((facts) => [...facts.keys()]))]
    .map((title) => ({ title, facts: columns.map((column) => column.get(title)) }))
    .filter(({ facts }) => new Set(facts.map((fact) => fact?.value)).size > 1);
  return (
    <section aria-label={own.comparison.label}>
      <h3>{own.comparison.title}</h3>
      <LossChart curves={curves} height={320} />
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls can be scrolled by keys */}
      <section class="scroll" tabIndex={0} aria-label={own.comparison.differs}>
        <table class="compared">
          <caption class="small soft">{own.comparison.differs}</caption>
          <thead>
            <tr>
              <td />
              {runs.map(({ id, name }) => (
                <th key={id} scope="col">
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map(({ title, facts }) => (
              <tr key={title}>
                <th scope="row">{title}</th>
                {facts.map(({ value, code } = { title, value: "–" }, k) => (
                  <td key={runs[k]?.id} class={code ? "equations" : undefined}>
                    {typeof value === "number" ? value.toLocaleString(language, { maximumFractionDigits: 6 }) : value}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    </section>
  );
}
