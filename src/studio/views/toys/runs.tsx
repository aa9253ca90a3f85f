/** The table of runs: compare, open, delete them, and save them as CSV. */
import { useMemo, useState } from "preact/hooks";
import { linkTo } from "../../address.ts";
import { Choice } from "../../components/choice.tsx";
import { Curves } from "../../components/curves.tsx";
import { significant } from "../../components/numbers.ts";
import { download } from "../../download.ts";
import { fill, texts } from "../../texts/texts.ts";
import { curvesAsCsv, runsAsCsv } from "./csv.ts";
import { forgetRun, type ToyPoint, type ToyRun } from "./running.ts";
import { cellTitle, queryOf } from "./settings.ts";
import { longestExact } from "./statistics.ts";

const own = texts.toys.runs;
const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
const measures = own.measures satisfies Partial<Record<keyof ToyPoint, string>>;
type Measure = keyof typeof measures;
const colours = ["--c1", "--c2", "--c3", "--c4", "--c5", "--c6"];

export function Runs({ runs }: { readonly runs: readonly ToyRun[] }) {
  const [chosen, setChosen] = useState<ReadonlySet<number>>(new Set());
  const [deleted, setDeleted] = useState<{ readonly id: number; readonly bringBack: () => void }>();
  const compared = useMemo(() => runs.filter(({ id }) => chosen.has(id)), [runs, chosen]);
  const toggle = (id: number, checked: boolean): void => {
    const next = new Set(chosen);
    if (checked) next.add(id);
    else next.delete(id);
    setChosen(next);
  };
  return (
    <>
      <h2>{own.title}</h2>
      <div role="status">
        {deleted !== undefined && (
          <p class="row small">
            {fill(own.deleted, { id: deleted.id })}
            <button
              type="button"
              onClick={() => {
                deleted.bringBack();
                setDeleted(undefined);
              }}
            >
              {own.bringBack}
            </button>
          </p>
        )}
      </div>
      {runs.length === 0 ? (
        <p class="soft">{own.none}</p>
      ) : (
        <>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls can be scrolled by keys */}
          <section class="scroll" tabIndex={0} aria-label={own.table}>
            <table class="runs numbers">
              <thead>
                <tr>
                  <th scope="col">{own.run}</th>
                  <th scope="col">{own.settings}</th>
                  <th scope="col" class="number">
                    {own.updates}
                  </th>
                  <th scope="col" class="number">
                    {own.loss}
                  </th>
                  <th scope="col" class="number">
                    {own.answers}
                  </th>
                  <th scope="col" class="number">
                    {own.whole}
                  </th>
                  <th scope="col" class="number">
                    {own.longer}
                  </th>
                  <th scope="col" class="number">
                    {own.seconds}
                  </th>
                  <td />
                </tr>
              </thead>
              <tbody>
                {runs.map((run) => (
                  <tr key={run.id}>
                    <th scope="row">
                      <label class="row">
                        <input
                          type="checkbox"
                          checked={chosen.has(run.id)}
                          onChange={({ currentTarget: { checked } }) => toggle(run.id, checked)}
                        />
                        {run.id}
                      </label>
                    </th>
                    <td class="small told">
                      {fill(own.told, {
                        ...{ task: texts.toys.tasks[run.settings.task].title, settings: inWords(run) },
                        stopped: run.stopped ? "yes" : "no",
                      })}
                    </td>
                    <td class="number">{run.latest.updates.toLocaleString("en-US")}</td>
                    <td class="number">{significant(run.latest.loss, 3)}</td>
                    <td class="number">{percent(run.latest.held.answers)}</td>
                    <td class="number">{percent(run.latest.held.exact)}</td>
                    <td class="number">{percent(longestExact(run))}</td>
                    <td class="number">{(run.latest.elapsedMs / 1000).toFixed(1)}</td>
                    <td class="small">
                      <div class="row">
                        <a
                          href={linkTo("toys", [run.settings.task], queryOf(run.settings))}
                          aria-label={fill(own.settingsOf, { id: run.id })}
                        >
                          {own.toSettings}
                        </a>
                        <button
                          type="button"
                          class="quiet"
                          aria-label={fill(own.deleteRun, { id: run.id })}
                          onClick={() => setDeleted({ id: run.id, bringBack: forgetRun(run.id) })}
                        >
                          {own.delete}
                        </button>
                      </div>
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </section>
          <div class="row small">
            <button type="button" onClick={() => download("toy-runs.csv", runsAsCsv(runs), "text/csv")}>
              {own.runsAsCsv}
            </button>
            <button type="button" onClick={() => download("toy-curves.csv", curvesAsCsv(runs), "text/csv")}>
              {own.curvesAsCsv}
            </button>
          </div>
        </>
      )}
      {runs.length > 1 && compared.length < 2 && <p class="small soft">{own.tick}</p>}
      {compared.length > 1 && <Comparison runs={compared} />}
    </>
  );
}

/** The settings of a run that its task does not say, in a line. */
export function inWords({ settings }: Pick<ToyRun, "settings">): string {
  const { shortest, longest, alphabet, units, layers, batch, learningRate, clipNorm, seed } = settings;
  return fill(own.inWords, {
    ...{ cell: cellTitle(settings), units, layers, shortest, longest, same: shortest === longest ? "yes" : "no" },
    ...{ alphabet, batch, rate: learningRate, clip: clipNorm, seed },
  });
}

function Comparison({ runs }: { readonly runs: readonly ToyRun[] }) {
  const [measure, setMeasure] = useState<Measure>("exact");
  const most = Math.max(...runs.map(({ latest }) => latest.updates), 1);
  const losses = runs.flatMap(({ points }) => points.map(({ loss }) => loss));
  return (
    <section aria-label={own.comparison.label}>
      <h3>{own.comparison.title}</h3>
      <Choice label={own.comparison.choice} value={measure} options={measures} onChoose={setMeasure} />
      <Curves
        label={fill(own.comparison.curves, {
          measure: measures[measure],
          runs: runs.map(({ id }) => fill(own.comparison.curve, { id })).join(", "),
        })}
        height={280}
        curves={runs.map(({ id, points }, k) => ({
          name: fill(own.comparison.curve, { id }),
          colour: colours[k % colours.length] as string,
          points: points.map((point) => ({ at: point.updates, value: point[measure] })),
        }))}
        x={{ label: own.comparison.updates, domain: [0, most] }}
        y={{ label: measures[measure], domain: [0, measure === "loss" ? Math.max(...losses, 0.1) : 1] }}
      />
      <ul class="small">
        {runs.map((run) => (
          <li key={run.id}>
            {fill(own.comparison.run, {
              ...{ id: run.id, task: texts.toys.tasks[run.settings.task].title, settings: inWords(run) },
            })}
          </li>
        ))}
      </ul>
    </section>
  );
}
