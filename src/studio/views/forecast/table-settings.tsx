/** How the table is read, where that is not to be found: what messages about tables name. It stays where a table is refused. */
import type { Address } from "../../address.ts";
import { engine, useNewest } from "../../engine/engine.ts";
import type { CsvText } from "../../engine/forecasting.ts";
import { texts } from "../../texts/texts.ts";
import { type ReadingName, readingChoices, readingLabels, readingNames } from "./reading.ts";

const own = texts.forecast.reading;

export type TableSettingsProps = {
  readonly table: CsvText;
  /** A text that changes with the table. */
  readonly tableKey: string;
  readonly query: Address["query"];
  /** Whether the table cannot be read as it is. */
  readonly refused: boolean;
  readonly onChange: (query: Address["query"]) => void;
};

export function TableSettings({ table, tableKey, query, refused, onChange }: TableSettingsProps) {
  const { value: columns = [] } = useNewest(() => engine().ask("tableColumns", table), tableKey);
  const said = readingNames.filter((name) => (query[name] ?? "") !== "");
  const select = (name: ReadingName, options: Readonly<Record<string, string>>) => (
    <label class="field">
      {readingLabels[name]}
      <select value={query[name] ?? ""} onChange={({ currentTarget: { value } }) => onChange({ [name]: value })}>
        {Object.entries(options).map(([value, title]) => (
          <option key={value} value={value}>
            {title}
          </option>
        ))}
      </select>
    </label>
  );
  const choice = (name: keyof typeof readingChoices) => select(name, readingChoices[name]);
  const column = (name: "date" | "id", others: Readonly<Record<string, string>>) =>
    select(name, { ...others, ...Object.fromEntries(columns.map((one) => [one, one])) });
  /** Read when it is complete: each letter would be read as a table of its own. */
  const text = (name: "dateFormat" | "frequency") => (
    <label class="field">
      {readingLabels[name]}
      <input
        value={query[name] ?? ""}
        placeholder={own.found}
        onChange={({ currentTarget: { value } }) => onChange({ [name]: value.trim() })}
      />
    </label>
  );
  return (
    <details open={refused || said.length > 0}>
      <summary>
        {own.title} <span class="soft small">{said.map((name) => readingLabels[name]).join(", ")}</span>
      </summary>
      <div class="row fields">
        {choice("decimal")}
        {choice("delimiter")}
        {column("date", { "": own.found, none: own.none })}
        {text("dateFormat")}
        {text("frequency")}
        {column("id", { "": own.foundOrOne })}
        {choice("duplicates")}
        {choice("missing")}
      </div>
    </details>
  );
}
