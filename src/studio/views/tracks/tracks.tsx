/** The Tracks view: a model of trajectories, a table of tracks, and where each may go on. */
import { useEffect, useRef, useState } from "preact/hooks";
import { decimalsFor, shownScore } from "../../../tasks/trajectories/scores.ts";
import { type Address, go, linkTo, type View } from "../../address.ts";
import { Choice, chosen } from "../../components/choice.tsx";
import { queryOfTable, TableChoice, tableNames, textOf, useTable } from "../../components/table-choice.tsx";
import { useNewest } from "../../engine/engine.ts";
import type { CsvText } from "../../engine/forecasting.ts";
import type { PredictedTable } from "../../engine/tracking.ts";
import { messageOf } from "../../loading.ts";
import type { OpenModel } from "../../models/open-model.ts";
import { WithTaskModel } from "../../models/task-models.tsx";
import { createTaskTraining } from "../../models/task-training.ts";
import { type ExampleTraining, TrainExample } from "../../models/train-example.tsx";
import { TrackGatesPanel } from "./track-gates.tsx";
import { TrackPanel } from "./track-panel.tsx";
import "./tracks.css";
import { fill, texts } from "../../texts/texts.ts";
import { examples, trainingSizes, trainingWalkers } from "./walkers.ts";

const own = texts.tracks;

type Query = Address["query"];
const perPage = 12;
const { parts } = own;

const Tracks: View = ({ address }) => {
  const { path, query } = address;
  const [id] = path;
  const table = useTable(query, examples);
  const [problem, setProblem] = useState("");
  const choose = (asked: Query): void => {
    setProblem("");
    const { part, futures } = query;
    const kept = { ...(part !== undefined && { part }), ...(futures !== undefined && { futures }) };
    go(linkTo("tracks", path, { ...kept, ...asked }));
  };
  const take = async (file: File | undefined): Promise<void> => {
    if (file === undefined) return;
    try {
      choose(queryOfTable(await textOf(file), file.name));
    } catch (error) {
      setProblem(messageOf(error));
    }
  };
  return (
    <>
      <h1>{own.title}</h1>
      <p class="soft">{own.lead}</p>
      <TableChoice {...{ query, examples, table, onChoose: choose, onFile: take, onProblem: setProblem }} />
      {table === undefined && <p role="alert">{own.noTable}</p>}
      {problem !== "" && (
        <p class="error" role="alert">
          {problem}
        </p>
      )}
      <WithTaskModel
        address={address}
        what={own.what}
        command="unrolled trajectories walks.csv --seen 8 --predict 12 --out walks.safetensors"
        onOther={([first]) => take(first)}
        onText={(text) => {
          try {
            choose(queryOfTable(text, undefined));
          } catch (error) {
            setProblem(messageOf(error));
          }
        }}
      >
        {(model) => table !== undefined && <Predicted {...{ model, table, query }} />}
      </WithTaskModel>
      {id === undefined && (
        <TrainExample
          {...{ training }}
          label={own.train}
          about={own.trainAbout}
          onTrain={() =>
            void training.train(own.trained, (engine) =>
              engine.run("trainOnTracks", { name: "walkers.csv", text: trainingWalkers() }, trainingSizes),
            )
          }
          onTrained={(trained) => go(linkTo("tracks", [trained], query))}
        />
      )}
    </>
  );
};
export default Tracks;

const training: ExampleTraining = createTaskTraining({ kind: "trajectories", title: "a model of trajectories" });

/** What is said of columns, without the options that a page does not have. */
const inPage = (message: string): string =>
  message
    .replace(/ Name it by the option (\w+)\.$/, " Call it “$1” in the first line.")
    .replace(/, or name the column\.$/, ".");

type PredictedProps = { readonly model: OpenModel; readonly table: CsvText; readonly query: Query };

function Predicted({ model, table, query }: PredictedProps) {
  const part = chosen(parts, query.part, "known");
  const whole = (text: string | undefined, most: number): number | undefined =>
    text !== undefined && /^\d+$/.test(text) && Number(text) >= 1 && Number(text) <= most ? Number(text) : undefined;
  const futures = whole(query.futures, 100) ?? 3;
  const page = whole(query.page, 100_000) ?? 1;
  const question = { part, futures, from: (page - 1) * perPage, count: perPage };
  const tableKey = JSON.stringify(tableNames.map((name) => query[name] ?? null));
  const { value, error } = useNewest(
    () => model.ask("predictTracks", table, question),
    JSON.stringify([model.id, tableKey, question]),
  );
  const set = (changed: Query): void => {
    const { page: _, track: __, ...others } = query;
    go(linkTo("tracks", [model.id], { ...others, ...changed }), { replace: true });
  };
  const kept: Query = query.track === undefined ? {} : { track: query.track };
  // The one whose gates are shown, by its number among all tracks.
  const inside = whole(query.track, 1_000_000);
  const insideTrack = inside === undefined ? undefined : value?.shown[inside - 1 - question.from];
  const gatesPlace = useRef<HTMLDivElement>(null);
  const [asked, setAsked] = useState<number>();
  useEffect(() => {
    // Where it was chosen here, and is not at the end of a link.
    if (asked === inside && insideTrack !== undefined) gatesPlace.current?.scrollIntoView({ block: "nearest" });
  }, [asked, inside]);
  const look = (track: number | undefined): void => {
    setAsked(track);
    const { track: _, ...others } = query;
    const next = track === undefined ? others : { ...others, track: String(track) };
    go(linkTo("tracks", [model.id], next), { replace: true });
  };
  const pages = value === undefined ? 1 : Math.max(1, Math.ceil(value.count / perPage));
  return (
    <section aria-labelledby="predicted">
      <h2 id="predicted">{own.predicted}</h2>
      <div class="row choices">
        <Choice label={own.part} value={part} options={parts} onChoose={(part) => set({ part })} />
        <label class="field">
          {own.futures}
          <input
            type="number"
            min={1}
            max={100}
            value={query.futures ?? "3"}
            onInput={({ currentTarget: { value } }) => set({ futures: value, ...kept })}
          />
        </label>
      </div>
      {error !== undefined && (
        <p class="error" role="alert">
          {inPage(error)}
        </p>
      )}
      {value !== undefined && error === undefined && (
        <>
          <p class="legend small">
            <span class="key seen">{fill(own.legend.seen, { n: value.settings.seen })}</span>
            <span class="key future">{fill(own.legend.futures, { n: value.settings.predicted })}</span>
            {part === "known" && <span class="key truth">{own.legend.came}</span>}
          </p>
          {inside !== undefined && insideTrack !== undefined && (
            <div ref={gatesPlace}>
              <TrackGatesPanel
                key={inside}
                {...{ model, table, tableKey, part, track: insideTrack, number: inside - 1 }}
                onClose={() => look(undefined)}
              />
            </div>
          )}
          <div class="tracks">
            {value.shown.map((track, k) => {
              const number = question.from + k + 1;
              return (
                <TrackPanel key={`${track.id} ${track.frame}`} track={track}>
                  <button
                    type="button"
                    class="quiet gates-of"
                    aria-pressed={number === inside}
                    aria-label={fill(own.gatesOf, { id: track.id })}
                    onClick={() => look(number === inside ? undefined : number)}
                  >
                    {own.gates}
                  </button>
                </TrackPanel>
              );
            })}
          </div>
          {value.shown.length === 0 && <p role="status">{fill(own.noPage, { page })}</p>}
          {pages > 1 && (
            <p class="row">
              <button type="button" disabled={page <= 1} onClick={() => set({ page: String(page - 1) })}>
                {own.before}
              </button>
              <span class="numbers">{fill(own.page, { page, pages })}</span>
              <button type="button" disabled={page >= pages} onClick={() => set({ page: String(page + 1) })}>
                {own.next}
              </button>
            </p>
          )}
          {value.scores !== undefined && <Scores scores={value.scores} futures={futures} />}
        </>
      )}
    </section>
  );
}

type ScoresProps = { readonly scores: NonNullable<PredictedTable["scores"]>; readonly futures: number };

function Scores({ scores: { model, constantVelocity }, futures }: ScoresProps) {
  const decimals = decimalsFor(Math.max(model.ade, constantVelocity.ade), 3);
  const rows = [
    [own.scores.path, model.ade, model.fde],
    [fill(own.scores.best, { n: futures }), model.minAde, model.minFde],
    [own.scores.velocity, constantVelocity.ade, constantVelocity.fde],
  ] as const;
  return (
    <>
      <h3>{own.scores.title}</h3>
      <p class="soft small">{fill(own.scores.about, { n: model.windows.toLocaleString("en") })}</p>
      <table>
        <thead>
          <tr>
            <th scope="col">{own.scores.prediction}</th>
            <th scope="col" class="number">
              ADE
            </th>
            <th scope="col" class="number">
              FDE
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map(([name, ade, fde]) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              <td class="number">{shownScore(ade, decimals)}</td>
              <td class="number">{shownScore(fde, decimals)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}
