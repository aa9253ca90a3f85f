/** A sequence of a task, step by step: what is read, what should be answered, and what the model answers. */
import type { ComponentChild } from "preact";
import { useState } from "preact/hooks";
import { blank, drawToy, type ToySizes, type ToyTask, type ToyTaskName, toyTasks } from "../../../data/toy-tasks.ts";
import { createRandom } from "../../../nn/random.ts";
import type { ToyExample } from "../../engine/toys.ts";

const percent = (share: number): string => `${Math.round(100 * share)} %`;

/** Two lines: what a sequence reads, and below each symbol what should be answered there. */
export function Sample({
  task,
  sizes,
  seed,
}: {
  readonly task: ToyTaskName;
  readonly sizes: ToySizes;
  readonly seed: number;
}) {
  const symbols = (toyTasks[task] as ToyTask).symbols(sizes.alphabet);
  const { inputs, targets } = drawToy(task, createRandom(seed), sizes);
  const line = (all: readonly number[]): string => all.map((index) => symbols[index] ?? " ").join(" ");
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls can be scrolled by keys
    <pre class="sample scroll" tabIndex={0}>
      {`reads   ${line(inputs)}\nanswers ${line(targets)}`}
    </pre>
  );
}

/** The number of steps without those that fill up a shorter sequence. */
function lengthOf({ inputs, targets }: ToyExample): number {
  const last = targets.findLastIndex((target) => target >= 0);
  return (
    Math.max(
      last,
      inputs.findLastIndex((input) => input > 0),
    ) + 1
  );
}

export type ValidationProps = {
  readonly task: ToyTaskName;
  readonly alphabet: number;
  readonly examples: readonly ToyExample[];
  readonly updates: number;
};

/** A held-out sequence, token by token. */
export function Validation({ task, alphabet, examples, updates }: ValidationProps) {
  const [at, setAt] = useState(0);
  const symbols = (toyTasks[task] as ToyTask).symbols(alphabet);
  const example = examples[at % examples.length] as ToyExample;
  const steps = Array.from({ length: lengthOf(example) }, (_, t) => t);
  const counts = steps.filter((t) => (example.targets[t] as number) >= 0);
  const isRight = (t: number): boolean => example.guesses[t]?.[0]?.symbol === example.targets[t];
  const right = counts.filter(isRight).length;
  const shown = (symbol: number | undefined): string => (symbol === undefined ? "" : (symbols[symbol] ?? ""));
  const row = (title: string, cell: (t: number) => ComponentChild, judged = true) => (
    <tr>
      <th scope="row">{title}</th>
      {steps.map((t) => (
        <td key={t} class={judged && counts.includes(t) ? (isRight(t) ? "right" : "wrong") : undefined}>
          {cell(t)}
        </td>
      ))}
    </tr>
  );
  const guess = (rank: number) => (t: number) => {
    const one = example.guesses[t]?.[rank];
    if (one === undefined || !counts.includes(t)) return "";
    return (
      <>
        {shown(one.symbol)} <span class="small soft">{percent(one.probability)}</span>
      </>
    );
  };
  return (
    <section aria-label="A held-out sequence">
      <h3>One sequence, answer by answer</h3>
      <div class="row small">
        <span class="numbers">
          After {updates.toLocaleString("en-US")} updates: {right} of {counts.length} right.
        </span>
        <button type="button" onClick={() => setAt((at + 1) % examples.length)}>
          Another sequence
        </button>
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls can be scrolled by keys */}
      <section class="scroll" tabIndex={0} aria-label="The sequence, step by step">
        <table class="validation numbers">
          <tbody>
            {row("Reads", (t) => shown(example.inputs[t]), false)}
            {row("Should answer", (t) => (counts.includes(t) ? shown(example.targets[t]) : ""), false)}
            {row("Answers", (t) =>
              counts.includes(t) ? `${shown(example.guesses[t]?.[0]?.symbol)} ${isRight(t) ? "✓" : "✗"}` : "",
            )}
            {row("Likeliest", guess(0))}
            {row("Second", guess(1))}
            {row("Third", guess(2))}
          </tbody>
        </table>
      </section>
      <p class="small soft">
        {blank} stands for nothing to read. Only the steps that should answer count, in the loss and in what is right.
      </p>
    </section>
  );
}
