/** A sequence of a task, step by step: what is read, what should be answered, and what the model answers. */
import type { ComponentChild } from "preact";
import { useState } from "preact/hooks";
import { blank, drawToy, type ToySizes, type ToyTask, type ToyTaskName, toyTasks } from "../../../data/toy-tasks.ts";
import { createRandom } from "../../../nn/random.ts";
import type { ToyExample } from "../../engine/toys.ts";
import { fill, texts } from "../../texts/texts.ts";

const own = texts.toys.example;

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
      {fill(own.sample, { inputs: line(inputs), targets: line(targets) })}
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
    <section aria-label={own.heldOut}>
      <h3>{own.title}</h3>
      <div class="row small">
        <span class="numbers">
          {fill(own.right, { updates: updates.toLocaleString("en-US"), right, count: counts.length })}
        </span>
        <button type="button" onClick={() => setAt((at + 1) % examples.length)}>
          {own.another}
        </button>
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls can be scrolled by keys */}
      <section class="scroll" tabIndex={0} aria-label={own.steps}>
        <table class="validation numbers">
          <tbody>
            {row(own.reads, (t) => shown(example.inputs[t]), false)}
            {row(own.should, (t) => (counts.includes(t) ? shown(example.targets[t]) : ""), false)}
            {row(own.answers, (t) =>
              counts.includes(t) ? `${shown(example.guesses[t]?.[0]?.symbol)} ${isRight(t) ? "✓" : "✗"}` : "",
            )}
            {row(own.likeliest, guess(0))}
            {row(own.second, guess(1))}
            {row(own.third, guess(2))}
          </tbody>
        </table>
      </section>
      <p class="small soft">{fill(own.blank, { blank })}</p>
    </section>
  );
}
