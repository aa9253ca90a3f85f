/** The room Learn: chapters in their order, one at a time, each loaded when it is opened. */
import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { linkTo } from "../../address.ts";
import type { Room } from "../../shell.tsx";

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
];

const Learn: Room = ({ address }) => {
  const name = address.path[0];
  const at = chapters.findIndex((chapter) => chapter.name === name);
  return at < 0 ? <Contents /> : <Opened key={name} at={at} />;
};
export default Learn;

function Contents() {
  return (
    <>
      <h1>Recurrent networks, from the inside</h1>
      <p>
        From one artificial neuron to a network that writes. Every picture is alive: the numbers come from the same
        engine, and every formula from the same equations, that train real models in the Lab next door.
      </p>
      <ol class="contents">
        {chapters.map(({ name, title, about }) => (
          <li key={name}>
            <a href={linkTo("learn", [name])}>{title}</a>
            <span>{about}</span>
          </li>
        ))}
      </ol>
    </>
  );
}

function Opened({ at }: { readonly at: number }) {
  const { title, load } = chapters[at] as Chapter;
  const [Body, setBody] = useState<ComponentType>();
  const [failed, setFailed] = useState(false);
  useEffect(() => {
    load().then(
      ({ default: body }) => setBody(() => body),
      () => setFailed(true),
    );
  }, [load]);
  return (
    <article class="chapter">
      <p class="soft small">
        <a href={linkTo("learn")}>Learn</a> · chapter {at + 1} of {chapters.length}
      </p>
      <h1>{title}</h1>
      {failed && <p role="alert">The chapter did not load. Reload the page.</p>}
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
