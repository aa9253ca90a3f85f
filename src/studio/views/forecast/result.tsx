/** What an open forecaster says of the table: pictures, scores, numbers. */
import type { Address } from "../../address.ts";
import { download } from "../../download.ts";
import { useNewest } from "../../engine/engine.ts";
import type { CsvText, ForecastedTable, Scored, ShownForecast } from "../../engine/forecasting.ts";
import { readModelFile } from "../../models/model-store.ts";
import type { OpenModel } from "../../models/open-model.ts";
import { fill, texts } from "../../texts/texts.ts";
import { ForecastChart, outerQuantiles } from "./forecast-chart.tsx";
import { GatesUnderCurve } from "./gates-under-curve.tsx";
import { inPage } from "./reading.ts";
import { baseTitles, calendarTitles, formTitles, headTitles, queryOfShown, shownOf } from "./settings.ts";

const own = texts.forecast.result;
const figure = new Intl.NumberFormat("en", { maximumSignificantDigits: 4 });
const percent = (share: number): string => `${(100 * share).toFixed(0)} %`;

export type ResultProps = {
  readonly model: OpenModel;
  readonly table: CsvText;
  /** A number or text that changes with the table. */
  readonly tableKey: string;
  readonly query: Address["query"];
  /** Called with what changes in the address; "" takes a setting away. */
  readonly onChange: (changed: Address["query"]) => void;
  readonly onProblem: (problem: string) => void;
};

export function Result({ model, table, tableKey, query, onChange, onProblem }: ResultProps) {
  const { value, error } = useNewest(() => model.ask("forecastTable", table), JSON.stringify([model.id, tableKey]));
  const save = (): void => {
    readModelFile(model.id).then(
      (bytes) => download(`${model.id}.safetensors`, bytes),
      (problem: Error) => onProblem(problem.message),
    );
  };
  return (
    <section aria-labelledby="forecast-result" aria-busy={value === undefined && error === undefined}>
      <h2 id="forecast-result">{fill(own.title, { model: model.name })}</h2>
      {error !== undefined && (
        <p class="error" role="alert">
          {inPage(error)}
        </p>
      )}
      {value === undefined && error === undefined && <p class="soft">{own.forecasting}</p>}
      {value !== undefined && error === undefined && <Found {...{ value, model, table, tableKey, query, onChange }} />}
      <p>
        <button type="button" onClick={save}>
          {own.download}
        </button>
      </p>
    </section>
  );
}

type FoundProps = Omit<ResultProps, "onProblem"> & { readonly value: ForecastedTable };

function Found({ value, query, onChange, ...asked }: FoundProps) {
  const names = [...new Set(value.forecasts.flatMap(({ baselines }) => Object.keys(baselines)))];
  const seen = shownOf(query, names, value.forecasts.map(nameOf));
  const { forecasts, count, settings, parameters } = value;
  const { form, head, relative, horizon, lookback, season, test, past, future, calendar } = settings;
  const facts = [
    fill(own.form, { form: formTitles[form] }),
    fill(own.head, { head: headTitles[head] }),
    fill(own.relative, { base: baseTitles[relative] }),
    fill(own.horizon, { horizon }),
    fill(own.lookback, { lookback }),
    ...(season > 1 ? [fill(own.season, { season })] : []),
    ...(past.length > 0 ? [fill(own.past, { columns: past.join(", ") })] : []),
    ...(future.length > 0 ? [fill(own.future, { columns: future.join(", ") })] : []),
    ...(calendar.length > 0
      ? [fill(own.calendar, { parts: calendar.map((part) => calendarTitles[part]).join(", ") })]
      : []),
    fill(own.parameters, { parameters: parameters.toLocaleString("en") }),
  ];
  return (
    <>
      <p class="soft small">{facts.join(" · ")}</p>
      {names.length > 0 && (
        <label class="field beside">
          {own.beside}
          <select
            value={seen.beside}
            onChange={({ currentTarget: { value } }) => onChange(queryOfShown({ ...seen, beside: value }))}
          >
            <option value="">{own.nothing}</option>
            {names.map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </label>
      )}
      {forecasts.map((shown) => (
        <Picture
          key={`${shown.series}\n${shown.target}`}
          {...{ shown, settings, baseline: seen.beside, ...asked }}
          hasGates={seen.gates.includes(nameOf(shown))}
          onGates={(wanted) => {
            const others = seen.gates.filter((name) => name !== nameOf(shown));
            onChange(queryOfShown({ ...seen, gates: wanted ? [...others, nameOf(shown)] : others }));
          }}
        />
      ))}
      {count > forecasts.length && <p class="soft small">{fill(own.first, { shown: forecasts.length, count })}</p>}
      {test === 0 && (
        <p class="small" role="status">
          {own.untested}
        </p>
      )}
      <Scores value={value} />
    </>
  );
}

const nameOf = ({ series, target }: ShownForecast): string =>
  series === "" ? target : fill(own.named, { series, target });

type PictureProps = Omit<FoundProps, "value" | "query" | "onChange"> & {
  readonly shown: ShownForecast;
  readonly settings: ForecastedTable["settings"];
  readonly baseline: string;
  readonly hasGates: boolean;
  readonly onGates: (wanted: boolean) => void;
};

function Picture({ shown, baseline, hasGates, onGates, ...asked }: PictureProps) {
  const { tested, future } = shown;
  const outer = future[0] && outerQuantiles(future[0]);
  const name = nameOf(shown);
  const dated = future[0]?.date !== undefined;
  return (
    <figure class="forecast">
      <figcaption>
        <strong>{name}</strong>
        <span class="key known">{own.known}</span>
        {tested.length > 0 && <span class="key tested">{fill(own.tested, { steps: tested.length })}</span>}
        <span class="key future">{fill(own.next, { steps: future.length })}</span>
        {Object.hasOwn(shown.baselines, baseline) && <span class="key baseline">{baseline}</span>}
        {outer !== undefined && <span class="soft">{fill(own.shaded, { low: outer[0], high: outer[1] })}</span>}
      </figcaption>
      <label class="with-gates small">
        <input type="checkbox" checked={hasGates} onChange={({ currentTarget: { checked } }) => onGates(checked)} />{" "}
        {own.withGates}
      </label>
      {hasGates ? (
        <GatesUnderCurve {...{ shown, baseline, ...asked }} />
      ) : (
        <ForecastChart
          label={fill(own.chart, { name, known: shown.past.length, ahead: future.length })}
          {...{ shown, baseline }}
        />
      )}
      <details>
        <summary>{fill(own.numbers, { steps: future.length })}</summary>
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls can be scrolled by keys */}
        <div class="scroll" tabIndex={0}>
          <table class="numbers">
            <thead>
              <tr>
                <th scope="col">{dated ? own.date : own.step}</th>
                <th scope="col" class="number">
                  {own.forecast}
                </th>
                {outer?.map((level) => (
                  <th key={level} scope="col" class="number">
                    {fill(own.quantile, { level })}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {future.map(({ step, date, value, quantiles }) => (
                <tr key={step}>
                  <th scope="row">{date ?? step}</th>
                  <td class="number">{figure.format(value)}</td>
                  {outer?.map((level) => (
                    <td key={level} class="number">
                      {figure.format(quantiles[level] as number)}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </details>
    </figure>
  );
}

function Scores({ value: { scores, unscored, nominal, origins, settings } }: { readonly value: ForecastedTable }) {
  if (unscored !== undefined) {
    return (
      <p class="small" role="status">
        {fill(own.scores.none, { why: inPage(unscored) })}
      </p>
    );
  }
  const best = Math.min(...scores.map(({ mae }) => mae));
  const cell = (score: number | undefined, show: (score: number) => string = figure.format): string =>
    score === undefined || !Number.isFinite(score) ? "" : show(score);
  return (
    <>
      <h3>{own.scores.title}</h3>
      <p class="soft small">
        {fill(own.scores.about, {
          ...{ steps: settings.test > 0 ? settings.test : settings.horizon, origins },
          nominal: nominal === undefined ? "none" : percent(nominal),
        })}
      </p>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls can be scrolled by keys */}
      <div class="scroll" tabIndex={0}>
        <table class="scores">
          <thead>
            <tr>
              <th scope="col">{own.forecast}</th>
              {Object.values(own.scores.columns).map((name) => (
                <th key={name} scope="col" class="number">
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {scores.map(({ name, mae, rmse, smape, mase, crps, coverage }: Scored, k) => (
              <tr key={name} class={k === 0 ? "own" : undefined}>
                <th scope="row">{name}</th>
                <td class={mae === best ? "number best" : "number"}>{cell(mae)}</td>
                <td class="number">{cell(rmse)}</td>
                <td class="number">{cell(smape, (one) => `${one.toFixed(1)} %`)}</td>
                <td class="number">{cell(mase, (one) => one.toFixed(2))}</td>
                <td class="number">{cell(crps)}</td>
                <td class="number">{cell(coverage, percent)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}
