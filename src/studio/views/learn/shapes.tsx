/** The four shapes of sequence problems, each with a task, drawn through time. */
import { go, linkTo, useAddress } from "../../address.ts";
import { Choice, chosen, titlesOf } from "../../components/choice.tsx";
import { subscript } from "../../components/numbers.ts";
import { Unrolled, type UnrolledStep } from "../../components/unrolled.tsx";

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
    title: "Sequence to sequence",
    task: "The kind of each word: “the old man naps”.",
    about:
      "Every step has an input, and every output counts. Tagging words, forecasting the next value of a series, and language models, which answer each character with the next one, have this shape.",
    code: "lstm(32, { returnSequences: true }), dense(kinds)",
    steps: [
      { input: "the", output: "art" },
      { input: "old", output: "adj" },
      { input: "man", output: "noun" },
      { input: "naps", output: "verb" },
    ],
  },
  last: {
    title: "Sequence to vector",
    task: "Is this a good review? “not bad at all”.",
    about:
      "Only the last output counts: by then everything has been read. All outputs before it are ignored, yet they matter, because the state that made them is what the next step reads.",
    code: "lstm(32), dense(1)",
    steps: [{ input: "not" }, { input: "bad" }, { input: "at" }, { input: "all", output: "good" }],
  },
  first: {
    title: "Vector to sequence",
    task: "A caption for a picture.",
    about:
      "One input at the start, a sequence comes out. From the second step on the network reads what it has just said, or the same vector again at every step.",
    code: "repeatVector(4), lstm(32, { returnSequences: true }), dense(words)",
    steps: [
      { input: "▦", output: "a", goesBack: true },
      { input: "a", output: "red", goesBack: true },
      { input: "red", output: "boat", goesBack: true },
      { input: "boat", output: "end" },
    ],
  },
  two: {
    title: "Encoder and decoder",
    task: "Translation: “I see him” into “je le vois”.",
    about:
      "Two networks. The encoder reads all of the sentence and says nothing; its last state is what it has understood. The decoder starts from that state and writes, in another length and order if need be. Sutskever, Vinyals and Le, and Cho and others, 2014.",
    code: 'lstm(32, { name: "encoder" }), … lstm(32, { initialState: { from: "encoder" }, returnSequences: true })',
    steps: [
      { input: "I" },
      { input: "see" },
      { input: "him" },
      { input: "go", output: "je", second: true, goesBack: true },
      { input: "je", output: "le", second: true, goesBack: true },
      { input: "le", output: "vois", second: true },
    ],
  },
};

export function Shapes() {
  const { query } = useAddress();
  const name = chosen(shapes, query.shape, "each");
  const { title, task, about, code, steps } = shapes[name];
  const used = steps.filter(({ output }) => output !== undefined).length;
  return (
    <section class="card" aria-label="Shapes of sequence problems">
      <Choice
        label="The shape of the problem"
        value={name}
        options={titlesOf(shapes)}
        onChoose={(shape) => go(linkTo("learn", ["memory"], { ...query, shape }), { replace: true })}
      />
      <div class="figure shapes">
        <Unrolled
          label={`${title}: ${steps.length} steps, of which ${used} have an output that counts. ${task}`}
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
