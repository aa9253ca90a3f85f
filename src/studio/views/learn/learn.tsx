/** The Learn view: chapters in their order, one at a time, each loaded when it is opened. */
import type { ComponentType } from "preact";
import { useRef } from "preact/hooks";
import { linkTo, type View } from "../../address.ts";
import { Failed } from "../../components/failed.tsx";
import { useLoaded } from "../../loading.ts";
import { reading, useReadingPlace } from "./reading-place.ts";
import { WordReader } from "./word-reader.tsx";
import "./learn.css";

type Chapter = {
  /** As it stands in the address. */
  readonly name: string;
  readonly title: string;
  /** What one sees there, in a sentence. */
  readonly about: string;
  readonly load: () => Promise<{ readonly default: ComponentType }>;
};

const chapters: readonly Chapter[] = [
  {
    name: "perceptron",
    title: "The perceptron",
    about: "Weights, a sum and a threshold: a line between two kinds of points, found by being wrong.",
    load: () => import("./perceptron.tsx"),
  },
  {
    name: "learning",
    title: "How it learns",
    about:
      "A ball that rolls down a loss, numbers that run back through three neurons, and XOR solved before your eyes.",
    load: () => import("./learning.tsx"),
  },
  {
    name: "feedback",
    title: "A neuron that hears itself",
    about: "Feed the output back as an input, and there is memory: echoes, a latch, and a loop unrolled through time.",
    load: () => import("./feedback.tsx"),
  },
  {
    name: "memory",
    title: "Memory cells",
    about:
      "Many units, one state that stands for all that came before; four shapes of problems; counting, learned live.",
    load: () => import("./memory.tsx"),
  },
  {
    name: "forgetting",
    title: "Why simple networks forget",
    about: "How a message from the end fades on its way back, in a simple RNN and in an LSTM, and a test of memory.",
    load: () => import("./forgetting.tsx"),
  },
  {
    name: "lstm",
    title: "The LSTM, in its steps",
    about: "A memory with three gates: open and shut them, and walk a number through the cell.",
    load: () => import("./lstm.tsx"),
  },
  {
    name: "variants",
    title: "GRU and other relatives",
    about: "What can be left out of an LSTM: equations, costs and responses side by side.",
    load: () => import("./variants.tsx"),
  },
  {
    name: "text",
    title: "A network that writes",
    about:
      "Characters become numbers, an LSTM learns to guess the next one, and a temperature decides how boldly it writes.",
    load: () => import("./text.tsx"),
  },
];

const Learn: View = ({ address }) => {
  const name = address.path[0];
  const at = chapters.findIndex((chapter) => chapter.name === name);
  return at < 0 ? <Contents /> : <Opened key={name} at={at} />;
};
export default Learn;

function Contents() {
  const { last, finished } = reading();
  const unread = chapters.filter(({ name }) => !finished.includes(name));
  const next = unread.find(({ name }) => name === last) ?? unread[0] ?? (chapters[0] as Chapter);
  return (
    <>
      <section class="opening">
        <div>
          <h1>Recurrent networks, from the inside</h1>
          <p class="lead">
            From one artificial neuron to a network that writes, in {chapters.length} short chapters. Every picture is
            alive: its numbers come from the engine that trains real models in the Lab next door, and each cell’s
            formula is printed from the very equations that the engine runs.
          </p>
          <p>
            <a class="button main" href={linkTo("learn", [next.name])}>
              {last === undefined || unread.length === 0 ? "Begin" : "Go on"}: {next.title}
            </a>
          </p>
        </div>
        <WordReader />
      </section>
      <h2>Chapters</h2>
      <ol class="contents">
        {chapters.map(({ name, title, about }) => (
          <li key={name}>
            <a href={linkTo("learn", [name])}>
              <strong>{title}</strong>
              <span>{about}</span>
            </a>
            {finished.includes(name) && <span class="small soft">read</span>}
          </li>
        ))}
      </ol>
    </>
  );
}

function Opened({ at }: { readonly at: number }) {
  const { name, title, load } = chapters[at] as Chapter;
  const { value: Body, error, retry } = useLoaded(name, async () => (await load()).default);
  const article = useRef<HTMLElement>(null);
  useReadingPlace(name, Body !== undefined, article);
  return (
    <article class="chapter" ref={article}>
      <p class="soft small">
        <a href={linkTo("learn")}>Learn</a> · chapter {at + 1} of {chapters.length}
      </p>
      <h1>{title}</h1>
      {error !== undefined && <Failed error="The chapter did not load." onRetry={retry} />}
      {Body !== undefined && <Body />}
      <nav class="turn" aria-label="Chapters">
        <Turn to={chapters[at - 1]} rel="prev" />
        <Turn to={chapters[at + 1]} rel="next" />
      </nav>
    </article>
  );
}

function Turn({ to, rel }: { readonly to: Chapter | undefined; readonly rel: "prev" | "next" }) {
  if (to === undefined) return <span />;
  return (
    <a class="button" rel={rel} href={linkTo("learn", [to.name])}>
      {rel === "prev" ? `← ${to.title}` : `${to.title} →`}
    </a>
  );
}
