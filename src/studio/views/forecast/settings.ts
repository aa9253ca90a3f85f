/** The settings of a forecaster in the address, and what they are where it says nothing. */
import type { CalendarPart } from "../../../data/calendar.ts";
import { excerpt } from "../../../graph/excerpt.ts";
import { type Base, bases, type Form, forms, type Head, heads } from "../../../tasks/forecast/settings.ts";
import type { Address } from "../../address.ts";
import type { ForecastTraining, TableFacts } from "../../engine/forecasting.ts";
import { fill, texts } from "../../texts/texts.ts";

const own = texts.forecast.settings;

type Query = Address["query"];

/** The numbers, by their names in addresses. */
export const numbers = {
  horizon: { label: own.horizon, min: 1, max: 1000 },
  test: { label: own.test, min: 1, max: 100_000 },
  season: { label: own.season, min: 1, max: 100_000 },
  units: { label: own.units, min: 1, max: 512 },
  epochs: { label: own.epochs, min: 1, max: 10_000 },
  seed: { label: own.seed, min: 0, max: 2 ** 32 - 1 },
} as const;
export type NumberName = keyof typeof numbers;
/** What the columns of a table are for, by their names in addresses. */
export const columnNames = ["column", "past", "future"] as const;
/** The names of the settings that do not depend on the table: another one has columns and a calendar of its own. */
export const settingNames = ["form", "head", "relative", "beside", ...Object.keys(numbers)] as const;

/** The roles that a column can have, in the words of `unrolled forecast`. */
export const roleTitles = own.roles;
export type Role = keyof typeof roleTitles;
export const calendarTitles: Readonly<Record<CalendarPart, string>> = own.calendar.parts;

/** Names in an address, with commas between them. */
export const listed = (names: readonly string[]): string =>
  names.map((name) => name.replace(/[%,]/g, encodeURIComponent)).join(",");
function namesIn(text: string | undefined, known: readonly string[]): readonly string[] {
  if (text === undefined || text === "") return [];
  if (known.includes(text)) return [text];
  return text.split(",").map((name) => {
    try {
      return decodeURIComponent(name);
    } catch {
      return name;
    }
  });
}

/** What is shown of forecasts: the baseline in the curves, and the pictures with the gates under their curve. */
export type Shown = { readonly beside: string; readonly gates: readonly string[] };

/** What an address says of it; what is not there is left out. `pictures`: their names. */
export function shownOf(query: Query, baselines: readonly string[], pictures: readonly string[]): Shown {
  const gates = namesIn(query.gates, pictures);
  return {
    beside: baselines.find((name) => name === query.beside) ?? "",
    gates: pictures.filter((name) => gates.includes(name)),
  };
}
/** The same for an address; "" where nothing is to be said. */
export const queryOfShown = ({ beside, gates }: Shown): Query => ({ beside, gates: listed(gates) });

export const formTitles: Readonly<Record<Form, string>> = own.forms;
export const headTitles: Readonly<Record<Head, string>> = own.heads;
export const baseTitles: Readonly<Record<Base, string>> = own.bases;

/** What an address and a table make, and what is wrong with it, a line each. */
export type Asked = {
  readonly training: ForecastTraining;
  /** The parts of the calendar that are told, said or usual. */
  readonly calendar: readonly CalendarPart[];
  /** What stands where nothing is said. */
  readonly usual: Readonly<Record<NumberName, string>>;
  readonly problems: readonly string[];
};

export function askedOf(query: Query, facts: TableFacts): Asked {
  const problems: string[] = [];
  const number = (name: NumberName): number | undefined => {
    const said = query[name];
    if (said === undefined) return undefined;
    const { label, min, max } = numbers[name];
    const value = Number(said);
    if (said.trim() !== "" && Number.isInteger(value) && value >= min && value <= max) return value;
    problems.push(fill(own.wrong.number, { label, min, max: max.toLocaleString("en"), said: excerpt(said) }));
    return undefined;
  };
  const one = <Name extends string>(
    label: string,
    names: readonly Name[],
    said: string | undefined,
  ): Name | undefined => {
    const found = names.find((name) => name === said);
    if (said !== undefined && found === undefined)
      problems.push(fill(own.wrong.unknown, { label, said: excerpt(said) }));
    return found;
  };
  /** Those of the address that there are; a column has one role, the first that it is given. */
  const taken = new Set<string>();
  const some = <Name extends string>(label: string, names: readonly Name[], said: string | undefined): Name[] =>
    namesIn(said, names).flatMap((name) => {
      const found = one(label, names, name);
      if (found === undefined || taken.has(found)) return [];
      taken.add(found);
      return [found];
    });
  const asked = some(own.column, facts.columns, query.column);
  const targets = asked.length > 0 ? asked : facts.columns.slice(0, 1);
  for (const target of targets) taken.add(target);
  const past = some(own.past, facts.columns, query.past);
  const future = some(own.future, [...facts.columns, ...facts.textColumns], query.future);
  const told =
    query.calendar === undefined
      ? undefined
      : namesIn(query.calendar === "none" ? "" : query.calendar, facts.calendar).flatMap(
          (part) => one(own.calendar.label, facts.calendar, part) ?? [],
        );

  const ahead = Math.min(...targets.map((target) => facts.ahead[target] ?? 0));
  const known = facts.steps - ahead;
  const tenth = Math.max(1, Math.floor(known / 10));
  const most = future.length > 0 && ahead > 0 ? Math.min(tenth, ahead) : tenth;
  const usualHorizon = Math.min(facts.season > 1 ? facts.season : 12, most);
  const horizon = number("horizon") ?? usualHorizon;
  const [form, head, relative] = [
    one(own.form, forms, query.form),
    one(own.head, heads, query.head),
    one(own.relative, bases, query.relative),
  ];
  const [season, epochs] = [number("season"), number("epochs")];
  return {
    training: {
      ...{
        targets,
        past,
        future,
        horizon,
        test: number("test") ?? horizon,
        units: number("units") ?? 32,
        seed: number("seed") ?? 0,
      },
      ...(told !== undefined && { calendar: told }),
      ...(form !== undefined && { form }),
      ...(head !== undefined && { head }),
      ...(relative !== undefined && { relative }),
      ...(season !== undefined && { season }),
      ...(epochs !== undefined && { epochs }),
    },
    usual: {
      ...{ horizon: String(usualHorizon), test: String(horizon), season: String(facts.season) },
      ...{ units: "32", epochs: own.asNeeded, seed: "0" },
    },
    // Segments read targets alone, unless they are told to read more: then that is refused.
    calendar: told ?? (form === "segments" ? [] : facts.usualCalendar),
    problems,
  };
}
