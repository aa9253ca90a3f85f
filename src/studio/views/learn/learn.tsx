/** The Learn view: chapters in their order, one at a time, each loaded when it is opened. */
import type { ComponentType } from "preact";
import { useRef } from "preact/hooks";
import { linkTo, type View } from "../../address.ts";
import { Failed } from "../../components/failed.tsx";
import { isEmbedded } from "../../embedded.ts";
import { useLoaded } from "../../loading.ts";
import { fill, rich, texts } from "../../texts/texts.ts";
import { EmbeddingCode } from "./embedding-code.tsx";
import { reading, useReadingPlace } from "./reading-place.ts";
import { WordReader } from "./word-reader.tsx";
import "./learn.css";

const own = texts.learn.contents;

type Chapter = {
  /** As it stands in the address, and in the texts. */
  readonly name: keyof typeof own.chapters;
  readonly load: () => Promise<{ readonly default: ComponentType }>;
};

const chapters: readonly Chapter[] = [
  { name: "perceptron", load: () => import("./perceptron.tsx") },
  { name: "learning", load: () => import("./learning.tsx") },
  { name: "feedback", load: () => import("./feedback.tsx") },
  { name: "memory", load: () => import("./memory.tsx") },
  { name: "forgetting", load: () => import("./forgetting.tsx") },
  { name: "lstm", load: () => import("./lstm.tsx") },
  { name: "variants", load: () => import("./variants.tsx") },
  { name: "text", load: () => import("./text.tsx") },
];

const titleOf = ({ name }: Chapter): string => own.chapters[name].title;

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
          <h1>{own.title}</h1>
          <p class="lead">{fill(own.lead, { n: chapters.length })}</p>
          <p>
            <a class="button main" href={linkTo("learn", [next.name])}>
              {fill(last === undefined || unread.length === 0 ? own.begin : own.goOn, { title: titleOf(next) })}
            </a>
          </p>
        </div>
        <WordReader />
      </section>
      <h2>{own.list}</h2>
      <ol class="contents">
        {chapters.map(({ name }) => (
          <li key={name}>
            <a href={linkTo("learn", [name])}>
              <strong>{own.chapters[name].title}</strong>
              <span>{own.chapters[name].about}</span>
            </a>
            {finished.includes(name) && <span class="small soft">{own.read}</span>}
          </li>
        ))}
      </ol>
    </>
  );
}

function Opened({ at }: { readonly at: number }) {
  const chapter = chapters[at] as Chapter;
  const { name, load } = chapter;
  const { value: Body, error, retry } = useLoaded(name, async () => (await load()).default);
  const article = useRef<HTMLElement>(null);
  useReadingPlace(name, Body !== undefined && !isEmbedded, article);
  return (
    <article class="chapter" ref={article}>
      {!isEmbedded && (
        <p class="soft small">
          {rich(own.place, {
            link: (inside) => <a href={linkTo("learn")}>{inside}</a>,
            n: at + 1,
            all: chapters.length,
          })}
        </p>
      )}
      <h1>{titleOf(chapter)}</h1>
      {error !== undefined && <Failed error={own.notLoaded} onRetry={retry} />}
      {Body !== undefined && <Body />}
      {!isEmbedded && (
        <>
          <EmbeddingCode {...{ name }} title={titleOf(chapter)} />
          <nav class="turn" aria-label={own.list}>
            <Turn to={chapters[at - 1]} rel="prev" />
            <Turn to={chapters[at + 1]} rel="next" />
          </nav>
        </>
      )}
    </article>
  );
}

function Turn({ to, rel }: { readonly to: Chapter | undefined; readonly rel: "prev" | "next" }) {
  if (to === undefined) return <span />;
  return (
    <a class="button" rel={rel} href={linkTo("learn", [to.name])}>
      {rel === "prev" ? `← ${titleOf(to)}` : `${titleOf(to)} →`}
    </a>
  );
}
