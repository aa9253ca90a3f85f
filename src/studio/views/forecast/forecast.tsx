/** The Forecast view: a table of numbers, a forecaster that is trained on it here or comes from a file, and its forecast. */
import { useEffect, useState } from "preact/hooks";
import { bases, forms, heads } from "../../../tasks/forecast/settings.ts";
import { type Address, go, linkTo, type View } from "../../address.ts";
import { queryOfTable, TableChoice, tableNames, textOf, useTable } from "../../components/table-choice.tsx";
import { engine, useNewest } from "../../engine/engine.ts";
import type { CsvText, ForecastReport, TableFacts, TrainedFile } from "../../engine/forecasting.ts";
import { messageOf } from "../../loading.ts";
import { freeName } from "../../models/free-name.ts";
import { type EpochReport, LiveEpochs } from "../../models/live-epochs.tsx";
import { type StoredModel, useModels } from "../../models/model-store.ts";
import { FileButton, haveModel, keepFiles, useDroppedFiles } from "../../models/picker.tsx";
import { OpenedOfTask } from "../../models/task-models.tsx";
import { createTaskTraining } from "../../models/task-training.ts";
import { viewOfTask } from "../../models/task-views.ts";
import { fill, texts } from "../../texts/texts.ts";
import { Columns } from "./columns.tsx";
import { examples } from "./examples.ts";
import { inPage, readingNames, readingOf } from "./reading.ts";
import { Result } from "./result.tsx";
import {
  askedOf,
  baseTitles,
  formTitles,
  headTitles,
  listed,
  type NumberName,
  numbers,
  settingNames,
} from "./settings.ts";
import { TableSettings } from "./table-settings.tsx";
import "./forecast.css";

const own = texts.forecast.view;
const settings = texts.forecast.settings;
const trainer = createTaskTraining<ForecastReport, TrainedFile>({ kind: "forecast", title: "a forecaster" });

type Query = Address["query"];
const only = (query: Query, names: readonly string[]): Query =>
  Object.fromEntries(Object.entries(query).filter(([name]) => names.includes(name)));

const Forecast: View = ({ address: { path, query } }) => {
  const [id] = path;
  const models = useModels();
  const ofForecasts = models?.filter(({ task }) => task?.kind === "forecast") ?? [];
  const found = models?.find((model) => model.id === id);
  const text = useTable(query, examples);
  const table = text && { ...text, reading: readingOf(query) };
  const tableKey = JSON.stringify(only(query, [...tableNames, ...readingNames]));
  const facts = useNewest(() => engine().ask("tableFacts", table as CsvText), table && tableKey);
  const [problem, setProblem] = useState("");
  const { trained } = trainer.use();
  const open = (model: string | undefined, replace = false): void =>
    go(linkTo("forecast", model === undefined ? [] : [model], query), { replace });
  useEffect(() => {
    if (trained === undefined || trained.isShown) return;
    trainer.showed();
    open(trained.id);
  }, [trained]);
  const change = (changed: Query): void => {
    const next = Object.entries({ ...query, ...changed }).filter(([, value]) => value !== "");
    go(linkTo("forecast", path, Object.fromEntries(next)), { replace: true });
  };
  /** Another table is for another model, and has columns of its own. */
  const choose = (chosen: Query): void => {
    setProblem("");
    trainer.dismiss();
    go(linkTo("forecast", [], { ...only(query, settingNames), ...chosen }));
  };
  const take = async (files: readonly File[]): Promise<void> => {
    const [file] = files;
    if (file === undefined) return;
    setProblem("");
    try {
      if (haveModel(files)) {
        const kept = await keepFiles(files);
        const view = viewOfTask(kept.task)?.view ?? "inspect";
        if (view === "forecast") open(kept.id);
        else go(linkTo(view, [kept.id]));
      } else choose(queryOfTable(await textOf(file), file.name));
    } catch (error) {
      setProblem(messageOf(error));
    }
  };
  useDroppedFiles(take, (text) => {
    try {
      choose(queryOfTable(text, undefined));
    } catch (error) {
      setProblem(messageOf(error));
    }
  });
  const wrong = problem || (facts.error && inPage(facts.error));
  return (
    <>
      <h1>{own.title}</h1>
      <p class="soft">{own.about}</p>
      <TableChoice
        {...{
          query,
          examples,
          table,
          onChoose: choose,
          onFile: (file) => take(file === undefined ? [] : [file]),
          onProblem: setProblem,
        }}
      />
      {table === undefined && <p role="alert">{own.tableElsewhere}</p>}
      {wrong !== undefined && wrong !== "" && (
        <p class="error" role="alert">
          {wrong}
        </p>
      )}
      {table !== undefined && (
        <TableSettings {...{ table, tableKey, query, refused: facts.error !== undefined }} onChange={change} />
      )}
      {table !== undefined && facts.error === undefined && facts.value !== undefined && (
        <>
          <Described facts={facts.value} />
          <Training {...{ facts: facts.value, table, tableKey, query, models: models ?? [], id }} />
        </>
      )}
      <div class="row models">
        {ofForecasts.length > 0 && (
          <label class="field">
            {own.model}
            <select value={found?.id ?? ""} onChange={({ currentTarget: { value } }) => open(value || undefined)}>
              <option value="">{own.choose}</option>
              {ofForecasts.map(({ id, name }) => (
                <option key={id} value={id}>
                  {name}
                </option>
              ))}
            </select>
          </label>
        )}
        <FileButton onFiles={take} label={own.open} />
      </div>
      {id !== undefined && models !== undefined && found === undefined && <p role="alert">{fill(own.lost, { id })}</p>}
      {found !== undefined && (
        <OpenedOfTask key={found.id} model={found} view="forecast" what={own.forecasters}>
          {(model) =>
            table !== undefined &&
            facts.error === undefined && (
              <Result {...{ model, table, tableKey, query, onChange: change, onProblem: setProblem }} />
            )
          }
        </OpenedOfTask>
      )}
    </>
  );
};
export default Forecast;

function Described({ facts }: { readonly facts: TableFacts }) {
  const { series, dates, length, notes } = facts;
  const columns = [...facts.columns, ...facts.textColumns];
  const told = [
    ...(series > 1 ? [fill(own.table.series, { count: series.toLocaleString("en") })] : []),
    length,
    ...(dates === undefined ? [] : [fill(own.table.dates, { first: dates[0], last: dates[1] })]),
    fill(own.table.columns, {
      ...{ count: columns.length, names: columns.slice(0, 8).join(", "), more: columns.length > 8 ? "yes" : "no" },
    }),
  ];
  return (
    <>
      <p class="soft small">{told.join(" · ")}</p>
      {notes.length > 0 && (
        <details class="small">
          <summary>{own.table.notes}</summary>
          <ul>
            {notes.slice(0, 20).map((note) => (
              <li key={note}>{inPage(note)}</li>
            ))}
          </ul>
        </details>
      )}
    </>
  );
}

type TrainingProps = {
  readonly facts: TableFacts;
  readonly table: CsvText;
  readonly tableKey: string;
  readonly query: Query;
  readonly models: readonly StoredModel[];
  /** Of the model that is shown. */
  readonly id: string | undefined;
};

function Training({ facts, table, tableKey, query, models, id }: TrainingProps) {
  const { running, failed, trained } = trainer.use();
  const { training, usual, calendar, problems } = askedOf(query, facts);
  const asked = JSON.stringify([tableKey, training]);
  const check = useNewest(
    async () => {
      const refusal = await engine()
        .ask("checkForecaster", table, training)
        .then(() => undefined, messageOf);
      return { asked, refusal };
    },
    problems.length > 0 ? undefined : asked,
  );
  const refusal = problems.length === 0 && check.value?.asked === asked ? check.value.refusal : undefined;
  const wrong = refusal === undefined ? problems : [inPage(refusal)];
  /** Settings are of the next training: the model that is shown stays. */
  const change = (changed: Query): void => {
    const next = Object.entries({ ...query, ...changed }).filter(([, value]) => value !== "");
    go(linkTo("forecast", id === undefined ? [] : [id], Object.fromEntries(next)), { replace: true });
  };
  const set = (name: string, value: string): void => change({ [name]: value });
  const { targets, past = [], future = [] } = training;
  const [target = "", ...others] = targets;
  /** Another one in its place, which then has no other role. */
  const setTarget = (column: string): void => {
    const without = (names: readonly string[]): string => listed(names.filter((name) => name !== column));
    change({
      ...{ column: listed([column, ...others.filter((name) => name !== column)]) },
      ...{ past: without(past), future: without(future) },
    });
  };
  const choice = (
    name: "form" | "head" | "relative",
    label: string,
    titles: Readonly<Record<string, string>>,
    names: readonly string[],
    otherwise: string,
  ) => (
    <label class="field">
      {label}
      <select value={query[name] ?? ""} onChange={({ currentTarget: { value } }) => set(name, value)}>
        <option value="">{otherwise}</option>
        {names.map((one) => (
          <option key={one} value={one}>
            {titles[one]}
          </option>
        ))}
      </select>
    </label>
  );
  const number = (name: NumberName) => (
    <label class="field">
      {numbers[name].label}
      <input
        type="number"
        {...{ min: numbers[name].min, max: numbers[name].max, step: 1, placeholder: usual[name] }}
        value={query[name] ?? ""}
        onInput={({ currentTarget: { value } }) => set(name, value)}
      />
    </label>
  );
  const begin = (): void => {
    const stem = table.name.replace(/\.\w+$/, "");
    const what = others.length === 0 ? target : fill(own.training.targets, { target, more: others.length });
    const { horizon } = training;
    const name = freeName(
      stem === "the table"
        ? fill(own.training.name, { what, horizon })
        : fill(own.training.nameOfTable, { table: stem, what, horizon }),
      models.map((model) => model.name),
    );
    void trainer.train(name, (engine) => engine.run("trainForecaster", table, training));
  };
  return (
    <form
      class="card"
      onSubmit={(event) => {
        event.preventDefault();
        begin();
      }}
    >
      <div class="row fields">
        <label class="field">
          {settings.column}
          <select value={target} onChange={({ currentTarget: { value } }) => setTarget(value)}>
            {facts.columns.map((column) => (
              <option key={column}>{column}</option>
            ))}
          </select>
        </label>
        {number("horizon")}
        {choice("form", settings.form, formTitles, forms, formTitles.direct)}
        {choice("head", settings.head, headTitles, heads, headTitles.quantiles)}
        {choice("relative", settings.relative, baseTitles, bases, settings.whatFits)}
      </div>
      <Columns {...{ facts, training, calendar, onChange: change }} />
      <details>
        <summary>{settings.more}</summary>
        <div class="row fields">
          {number("test")}
          {number("season")}
          {number("units")}
          {number("epochs")}
          {number("seed")}
        </div>
      </details>
      {wrong.length > 0 && (
        <p class="error small" role="alert">
          {wrong.join(" ")}
        </p>
      )}
      {failed !== undefined && (
        <p class="error" role="alert">
          {failed}
        </p>
      )}
      {running === undefined ? (
        <p class="row go">
          <button type="submit" class="main" disabled={wrong.length > 0}>
            {own.training.train}
          </button>
          {trained !== undefined && (
            <span role="status" class="small soft">
              {fill(own.training.trained, { epoch: trained.result.epoch, epochs: trained.result.epochs })}
            </span>
          )}
        </p>
      ) : (
        <LiveEpochs
          {...running}
          unit={own.training.loss}
          held={own.training.validation}
          say={said}
          onStop={trainer.stop}
        />
      )}
    </form>
  );
}

const said = ({ epoch, epochs, loss, validationLoss }: EpochReport): string =>
  fill(own.training.said, {
    ...{ epoch, epochs, loss: loss.toFixed(4), validation: validationLoss?.toFixed(4) ?? "none" },
  });
