/** What there is to find out with toy tasks. Each sentence about runs is a test with seeds, with these very settings. */
import { linkTo } from "../../address.ts";

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

function Try({ name, text }: { readonly name: keyof typeof toTry; readonly text: string }) {
  const { task, query } = toTry[name];
  return <a href={linkTo("toys", [task], query)}>{text}</a>;
}

export function WhatToTry() {
  return (
    <>
      <h2>What to try</h2>
      <ul class="try">
        <li>
          <strong>A step that depends on the state.</strong> A GRU that learns parity on up to 8 bits is right on 24. A
          minGRU is not, and not on 8 either: its gates see the input alone, and parity asks for a step that depends on
          the state. <Try name="parityByGru" text="The GRU" />, <Try name="parityByMinGru" text="the minGRU" />
        </li>
        <li>
          <strong>Short sequences first.</strong> Asked for the first of 20 letters, an LSTM that sees sequences of 20
          alone goes on guessing with most seeds: less than a hundredth of its error arrives at the first letter. With
          sequences of 1 to 20 letters it learns the task, and is right on 60.{" "}
          <Try name="firstOfLong" text="20 alone" />, <Try name="firstOfAll" text="1 to 20" />
        </li>
        <li>
          <strong>Counting.</strong> Trained on up to 10 letters, an LSTM counts to 15 with most seeds, and a GRU with
          none: a cell state can grow with each step, and what a GRU keeps stays between −1 and 1.{" "}
          <Try name="countByLstm" text="The LSTM" />, <Try name="countByGru" text="the GRU" />
        </li>
      </ul>
      <p class="small soft">
        G. Weiss, Y. Goldberg and E. Yahav, “On the practical computational power of finite precision RNNs for language
        recognition”, 2018. L. Feng et al., “Were RNNs all we needed?”, 2024.
      </p>
    </>
  );
}
