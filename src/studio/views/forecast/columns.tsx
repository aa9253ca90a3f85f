/** What the other columns of a table are for, and what a forecaster is told of the calendar: the roles of `unrolled forecast`. */
import type { Address } from "../../address.ts";
import type { ForecastTraining, TableFacts } from "../../engine/forecasting.ts";
import { fill, texts } from "../../texts/texts.ts";
import { type Asked, calendarTitles, columnNames, listed, type Role, roleTitles } from "./settings.ts";

const own = texts.forecast.columns;

export type ColumnsProps = {
  readonly facts: TableFacts;
  readonly training: ForecastTraining;
  readonly calendar: Asked["calendar"];
  readonly onChange: (query: Address["query"]) => void;
};

export function Columns({ facts, training, calendar, onChange }: ColumnsProps) {
  const { targets, past = [], future = [] } = training;
  const [target] = targets;
  const others = [...facts.columns.filter((column) => column !== target), ...facts.textColumns];
  if (others.length + facts.calendar.length === 0) return null;
  const lists: Readonly<Record<Exclude<Role, "none">, readonly string[]>> = { column: targets, past, future };
  const roleOf = (column: string): Role => columnNames.find((name) => lists[name].includes(column)) ?? "none";
  const setRole = (column: string, role: Role): void =>
    onChange(
      Object.fromEntries(
        columnNames.map((name) => [
          name,
          listed([...lists[name].filter((other) => other !== column), ...(name === role ? [column] : [])]),
        ]),
      ),
    );
  const used = others.filter((column) => roleOf(column) !== "none").length;
  const told = [
    ...(others.length > 0 ? [fill(own.others, { count: used })] : []),
    ...(facts.calendar.length > 0 ? [calendar.map((part) => calendarTitles[part]).join(", ") || own.noCalendar] : []),
  ];
  return (
    <details>
      <summary>
        {own.title} <span class="soft small">{told.join("; ")}</span>
      </summary>
      {others.length > 0 && (
        <>
          <p class="soft small">{fill(own.about, { target: `${target}` })}</p>
          <div class="row fields roles">
            {others.map((column) => (
              <label key={column} class="field">
                {column}
                <select
                  value={roleOf(column)}
                  onChange={({ currentTarget: { value } }) => setRole(column, value as Role)}
                >
                  {(Object.keys(roleTitles) as Role[])
                    .filter((role) => facts.columns.includes(column) || role === "none" || role === "future")
                    .map((role) => (
                      <option key={role} value={role}>
                        {roleTitles[role]}
                      </option>
                    ))}
                </select>
              </label>
            ))}
          </div>
        </>
      )}
      {facts.calendar.length > 0 && (
        <fieldset class="calendar">
          <legend class="soft small">{own.calendar}</legend>
          {facts.calendar.map((part) => (
            <label key={part}>
              <input
                type="checkbox"
                checked={calendar.includes(part)}
                onChange={({ currentTarget: { checked } }) => {
                  const next = facts.calendar.filter((one) => (one === part ? checked : calendar.includes(one)));
                  onChange({ calendar: listed(next) || "none" });
                }}
              />{" "}
              {calendarTitles[part]}
            </label>
          ))}
        </fieldset>
      )}
    </details>
  );
}
