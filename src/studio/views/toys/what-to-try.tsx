/** What there is to find out with toy tasks. Each sentence about runs is a test with seeds, with these very settings. */
import type { ComponentChildren } from "preact";
import { linkTo } from "../../address.ts";
import { rich, texts } from "../../texts/texts.ts";

const own = texts.toys.whatToTry;

/** The settings of the runs that are spoken of, as parts of addresses. */
export const toTry = {
  parityByGru: { task: "parity", query: { cell: "gru", longest: "8", units: "16", batch: "16", updates: "250" } },
  parityByMinGru: {
    task: "parity",
    query: { cell: "min-gru", longest: "8", units: "16", batch: "16", updates: "250" },
  },
  firstOfLong: { task: "first", query: { shortest: "20", longest: "20", units: "16", batch: "16", updates: "300" } },
  firstOfAll: { task: "first", query: { longest: "20", units: "16", batch: "16", updates: "300" } },
  countByLstm: { task: "count", query: { units: "8", batch: "16", updates: "800" } },
  countByGru: { task: "count", query: { cell: "gru", units: "8", batch: "16", updates: "800" } },
} as const;

/** Each of them as a link, by its name. */
const links = Object.fromEntries(
  Object.entries(toTry).map(([name, { task, query }]) => [
    name,
    (inside: ComponentChildren) => <a href={linkTo("toys", [task], query)}>{inside}</a>,
  ]),
);

export function WhatToTry() {
  return (
    <>
      <h2>{own.title}</h2>
      <ul class="try">
        <li>{rich(own.parity, links)}</li>
        <li>{rich(own.first, links)}</li>
        <li>{rich(own.count, links)}</li>
      </ul>
      <p class="small soft">{own.sources}</p>
    </>
  );
}
