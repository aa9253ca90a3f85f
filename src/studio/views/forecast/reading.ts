/** How a table is to be read, in the address and in the words of the page: what `unrolled forecast` takes as options. */
import type { Address } from "../../address.ts";
import type { Reading } from "../../engine/forecasting.ts";
import { fill, texts } from "../../texts/texts.ts";

const own = texts.forecast.reading;

type Query = Address["query"];

/** The names of the settings in addresses, and their labels; what messages call them is the same but for `missing`, `fill`. */
export const readingLabels = own.labels;
export type ReadingName = keyof typeof readingLabels;
export const readingNames = Object.keys(readingLabels) as readonly ReadingName[];

/** What can be chosen, by the value in the address; the first is what is done where nothing is said. */
export const readingChoices = {
  delimiter: { "": own.found, ",": own.comma, ";": own.semicolon, tab: own.tab },
  decimal: { "": own.plain, ".": own.point, ",": own.decimalComma },
  duplicates: { "": own.refuse, mean: own.mean, first: own.first },
  missing: { "": own.linear, last: own.last, zero: own.zero },
} as const;

/** What an address says of it; what it cannot mean is left to be found. */
export function readingOf(query: Query): Reading {
  const one = <Name extends keyof typeof readingChoices>(name: Name): string | undefined => {
    const said = query[name];
    return said !== undefined && said !== "" && Object.hasOwn(readingChoices[name], said) ? said : undefined;
  };
  const [delimiter, filling] = [one("delimiter"), one("missing")];
  const { date, dateFormat, frequency, id } = query;
  const given = {
    ...{ dateFormat, frequency, id, decimal: one("decimal"), duplicates: one("duplicates"), fill: filling },
    delimiter: delimiter === "tab" ? "\t" : delimiter,
    date: date === "none" ? false : date,
  };
  const said = Object.entries(given).filter(([, value]) => value !== undefined && value !== "");
  return Object.fromEntries(said) as Reading;
}

const labelOf: Readonly<Record<string, string>> = { ...readingLabels, fill: readingLabels.missing };
const quoted = (name: string): string => fill(own.quoted, { label: `${labelOf[name]}` });
/** A message about a table in the words of the page: “Decimal” where the library has `decimal`. */
export const inPage = (message: string): string =>
  message
    .replace("leave it empty and choose fill, or name the columns of numbers with columns.", "or leave it empty.")
    .replace(/\bdate false\b/g, `${quoted("date")} ${own.none}`)
    .replace(/^frequency (?=")/, `${quoted("frequency")} `)
    .replace(/\bIs decimal (?=")/, `Is ${quoted("decimal")} `)
    .replace(
      /(\b(?:[Gg]ive|[Cc]hoose|or|with|and|longer) |\()(decimal|frequency|duplicates|delimiter|id|fill|dateFormat)(?=[ ,.:]|$)/g,
      (_, before: string, name: string) => `${before}${quoted(name)}`,
    );
