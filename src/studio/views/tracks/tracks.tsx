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
import { examples, trainingSizes, trainingWalkers } from "./walkers.ts";

type Query = Address["query"];
const perPage = 12;
const parts = { known: "Their last steps, beside what came", end: "What comes after their end" } as const;

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
      <h1>Tracks</h1>
      <p class="soft">
        A model of trajectories sees the first steps of a track and says where it may go on: several futures, each with
        its probability. A table has a row for each thing and frame: frame, id, x, y. Drop a CSV file anywhere here, or
        paste a table.
      </p>
      <TableChoice {...{ query, examples, table, onChoose: choose, onFile: take, onProblem: setProblem }} />
      {table === undefined && (
        <p role="alert">
          This table is stored in another tab and is not in the link. Paste it here, open its file, or choose another
          one.
        </p>
      )}
      {problem !== "" && (
        <p class="error" role="alert">
          {problem}
        </p>
      )}
      <WithTaskModel
        address={address}
        what="models of trajectories"
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
          label="Train a small one on walkers"
          about="A GRU of 32 units on 600 other walkers, a few seconds."
          onTrain={() =>
            void training.train("walkers at a fork", (engine) =>
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
      <h2 id="predicted">Where they go on</h2>
      <div class="row choices">
        <Choice label="What is predicted" value={part} options={parts} onChoose={(part) => set({ part })} />
        <label class="field">
          Futures
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
            <span class="key seen">seen: {value.settings.seen} steps</span>
            <span class="key future">futures, likelier ones stronger: {value.settings.predicted} steps</span>
            {part === "known" && <span class="key truth">what came</span>}
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
                    aria-label={`The gates of track ${track.id}`}
                    onClick={() => look(number === inside ? undefined : number)}
                  >
                    Gates
                  </button>
                </TrackPanel>
              );
            })}
          </div>
          {value.shown.length === 0 && <p role="status">There is no page {page}.</p>}
          {pages > 1 && (
            <p class="row">
              <button type="button" disabled={page <= 1} onClick={() => set({ page: String(page - 1) })}>
                Before
              </button>
              <span class="numbers">
                Page {page} of {pages}
              </span>
              <button type="button" disabled={page >= pages} onClick={() => set({ page: String(page + 1) })}>
                Next
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
    ["the model's one path", model.ade, model.fde],
    [`the best of its ${futures} futures`, model.minAde, model.minFde],
    ["constant velocity", constantVelocity.ade, constantVelocity.fde],
  ] as const;
  return (
    <>
      <h3>How far off</h3>
      <p class="soft small">
        Mean distance to what came, in the table's unit, on the last steps of {model.windows.toLocaleString("en")}{" "}
        tracks: over all predicted steps (ADE), and at the last of them (FDE).
      </p>
      <table>
        <thead>
          <tr>
            <th scope="col">Prediction</th>
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
