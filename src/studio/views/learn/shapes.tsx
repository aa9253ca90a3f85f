/** The four shapes of sequence problems, each with a task, drawn through time. */
import { go, linkTo, useAddress } from "../../address.ts";
import { Choice, chosen, titlesOf } from "../../components/choice.tsx";
import { subscript } from "../../components/numbers.ts";
import { Unrolled, type UnrolledStep } from "../../components/unrolled.tsx";
import { fill, texts } from "../../texts/texts.ts";

const own = texts.learn.shapes;

type ShapeName = "each" | "last" | "first" | "two";
type Shape = {
  readonly title: string;
  readonly task: string;
  /** What is read and what is not, in words. */
  readonly about: string;
  readonly code: string;
  readonly steps: readonly UnrolledStep[];
};

const shapes: Readonly<Record<ShapeName, Shape>> = {
  each: {
    title: own.each.title,
    task: own.each.task,
    about: own.each.about,
    code: "lstm(32, { returnSequences: true }), dense(kinds)",
    steps: own.each.reads.map((input, t) => ({ input, output: own.each.says[t] as string })),
  },
  last: {
    title: own.last.title,
    task: own.last.task,
    about: own.last.about,
    code: "lstm(32), dense(1)",
    steps: own.last.reads.map((input, t, all) => ({ input, ...(t === all.length - 1 && { output: own.last.says }) })),
  },
  first: {
    title: own.first.title,
    task: own.first.task,
    about: own.first.about,
    code: "repeatVector(4), lstm(32, { returnSequences: true }), dense(words)",
    // What is said is the next input.
    steps: own.first.says.map((output, t, all) => ({
      input: t === 0 ? "▦" : (all[t - 1] as string),
      output,
      goesBack: t < all.length - 1,
    })),
  },
  two: {
    title: own.two.title,
    task: own.two.task,
    about: own.two.about,
    code: 'lstm(32, { name: "encoder" }), … lstm(32, { initialState: { from: "encoder" }, returnSequences: true })',
    steps: [
      ...own.two.reads.map((input) => ({ input })),
      ...own.two.says.map((output, t, all) => ({
        input: t === 0 ? own.two.begin : (all[t - 1] as string),
        output,
        second: true,
        goesBack: t < all.length - 1,
      })),
    ],
  },
};

export function Shapes() {
  const { query } = useAddress();
  const name = chosen(shapes, query.shape, "each");
  const { title, task, about, code, steps } = shapes[name];
  const used = steps.filter(({ output }) => output !== undefined).length;
  return (
    <section class="card" aria-label={own.title}>
      <Choice
        label={own.shape}
        value={name}
        options={titlesOf(shapes)}
        onChoose={(shape) => go(linkTo("learn", ["memory"], { ...query, shape }), { replace: true })}
      />
      <div class="figure shapes">
        <Unrolled
          label={fill(own.label, { title, n: steps.length, used, task })}
          steps={steps.map((step, t) => ({ ...step, inside: `h${subscript(t + 1)}` }))}
        />
        <div role="status">
          <p>
            <strong>{task}</strong>
          </p>
          <p>{about}</p>
          <p class="small">
            <code>{code}</code>
          </p>
        </div>
      </div>
    </section>
  );
}
