/** The runs that the browser stores: open, download, continue, delete and compare them. */
import { useMemo, useState } from "preact/hooks";
import { linkTo } from "../../address.ts";
import { engine } from "../../engine/engine.ts";
import { messageOf } from "../../loading.ts";
import { dateAndTime, lossesAsCsv } from "../../models/losses.ts";
import { download, forgetModel, keepModel, readModelFile, type StoredModel } from "../../models/model-store.ts";
import { rounded, shownFacts } from "../../models/training-facts.ts";
import { LossChart } from "./loss-chart.tsx";
import type { GoingOn } from "./training-panel.tsx";

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
            {forgotten.run.name} is forgotten.
            <button type="button" onClick={bringBack}>
              Bring it back
            </button>
          </p>
        )}
      </div>
      {problem !== "" && (
        <p class="error small" role="alert">
          {problem}
        </p>
      )}
      {runs.length === 0 && (
        <p class="soft">No runs yet. The models that you train are stored in this browser and appear here.</p>
      )}
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
              {[lossOf(run), `${run.training.facts.updates ?? "?"} updates`, dateOf(run), megabytes(run.bytes)].join(
                " · ",
              )}
            </p>
            <div class="row small">
              <a href={linkTo("write", [run.id])}>Write</a>
              <a href={linkTo("inspect", [run.id])}>Inspect</a>
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
                Go on training
              </button>
              <button type="button" onClick={() => withFile(run, (file) => download(`${run.id}.safetensors`, file))}>
                Download
              </button>
              <button
                type="button"
                onClick={() => download(`${run.id}.csv`, lossesAsCsv(run.training.losses), "text/csv")}
              >
                Losses as CSV
              </button>
              <button type="button" onClick={() => forget(run)}>
                Forget
              </button>
            </div>
          </li>
        ))}
      </ul>
      {runs.length > 1 && compared.length < 2 && (
        <p class="small soft">Tick two runs or more to compare their losses and settings.</p>
      )}
      {compared.length > 1 && <Comparison runs={compared} />}
    </>
  );
}

const dateOf = ({ madeMs }: Run): string => (madeMs === undefined ? "" : dateAndTime(madeMs));
const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;
function lossOf({ training: { facts } }: Run): string {
  const { loss, validationLoss } = facts;
  if (validationLoss !== undefined) return `loss ${rounded(validationLoss)} on the validation text`;
  return `loss ${loss === undefined ? "?" : rounded(loss)}`;
}

function Comparison({ runs }: { readonly runs: readonly Run[] }) {
  const curves = useMemo(() => runs.map(({ name, training: { losses } }) => ({ name, losses })), [runs]);
  const columns = runs.map(({ training }) => new Map(shownFacts(training.facts).map((fact) => [fact.title, fact])));
  const rows = [...new Set(columns.flatMap((facts) => [...facts.keys()]))]
    .map((title) => ({ title, facts: columns.map((column) => column.get(title)) }))
    .filter(({ facts }) => new Set(facts.map((fact) => fact?.value)).size > 1);
  return (
    <section aria-label="Comparison">
      <h3>Side by side</h3>
      <LossChart curves={curves} height={320} />
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls can be scrolled by keys */}
      <section class="scroll" tabIndex={0} aria-label="What differs">
        <table class="compared">
          <caption class="small soft">What differs</caption>
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
                    {typeof value === "number" ? value.toLocaleString("en-US", { maximumFractionDigits: 6 }) : value}
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
