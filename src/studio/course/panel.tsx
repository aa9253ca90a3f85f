/**
 * The panel of a course above the view: the present stop, its text, tasks and checks, the way to other stops, and the
 * reader's answers. Loaded where a course is on, and the only part of the page that knows of one.
 */
import { useEffect, useId, useState } from "preact/hooks";
import { go, readAddress, useAddress } from "../address.ts";
import { download } from "../download.ts";
import { followFacts } from "../facts.ts";
import { useLoaded } from "../loading.ts";
import { createShared } from "../shared.ts";
import { fill, texts } from "../texts/texts.ts";
import { type AnswerStore, openAnswers } from "./answers.ts";
import { CheckField } from "./check-field.tsx";
import type { Course, Stop } from "./course-file.ts";
import { fetchCourse } from "./loading.ts";
import { Inline, Paragraphs } from "./prose.tsx";
import { answersFile, Sheet } from "./sheet.tsx";
import { type Answers, answerAt, answerBy, keyOf, progressOf, stopAt } from "./verdict.ts";
import "./course.css";

const own = texts.course;

type Opened = { readonly course: Course; readonly store: AnswerStore };
/** The course that is on, for both parts of the page. */
const opened = createShared<Opened | "left" | undefined>(undefined);

function leave(): void {
  const url = new URL(location.href);
  url.searchParams.delete("course");
  history.replaceState(null, "", url);
  opened.set("left");
}

export function CoursePanel({ file }: { readonly file: string }) {
  const { value: course, error, retry } = useLoaded(file, () => fetchCourse(file));
  const on = opened.use();
  useEffect(() => {
    if (course === undefined) return;
    const store = openAnswers(course.id);
    opened.set({ course, store });
    // A page that was opened without a place begins at the reader's stop.
    const at = stopOf({ course, store });
    if (/^#?\/?$/.test(location.hash)) go((course.stops[at] as Stop).address, { replace: true });
    return store.end;
  }, [course]);
  if (on === "left") return null;
  if (on !== undefined) return <Panel {...on} />;
  return (
    <aside class="course" aria-label={own.loading}>
      {error === undefined ? (
        <p class="soft course-line">{own.loading}</p>
      ) : (
        <div class="row course-line">
          <span class="error" role="alert">
            {fill(own.failed, { problem: error })}
          </span>
          <button type="button" onClick={retry}>
            {own.retry}
          </button>
          <button type="button" class="quiet" onClick={leave}>
            {own.leave}
          </button>
        </div>
      )}
    </aside>
  );
}

/** The present stop's number: of a course that changed meanwhile the first, if the stop is gone. */
const stopOf = ({ course, store }: Opened, at = store.get().at): number =>
  Math.max(
    0,
    course.stops.findIndex(({ title }) => title === at),
  );

/** Go to a stop. Where the reader is there already, only the panel changes. */
function goTo({ course, store }: Opened, k: number): void {
  const { title, address } = course.stops[k] as Stop;
  store.goTo(title);
  go(address);
}

const panelId = "course";

function Panel({ course, store }: Opened) {
  const { at, answers, stored } = store.use();
  const k = stopOf({ course, store }, at);
  const stop = course.stops[k] as Stop;
  const [isOpen, setOpen] = useState(true);
  const id = useId();
  useFollowing({ course, store });
  const { done, all } = progressOf(course.stops, answers);
  const said = fill(own.stop, { k: k + 1, n: course.stops.length, title: stop.title });
  return (
    <aside class="course" aria-label={course.title} id={panelId}>
      <div class="course-bar">
        <button
          type="button"
          class="quiet course-title"
          aria-expanded={isOpen}
          aria-controls={id}
          onClick={() => setOpen(!isOpen)}
        >
          <span aria-hidden="true">{isOpen ? "▾" : "▸"}</span>
          <span>
            <span class="small soft">{course.title}</span>
            <strong>{said}</strong>
          </span>
        </button>
        {all > 0 && (
          <span class="course-progress small numbers">
            <progress value={done} max={all} aria-label={own.progress} />
            {fill(own.done, { done, all })}
          </span>
        )}
        <span class="course-turn">
          <Turn to={k - 1} {...{ course, store }} label={own.previous} sign="←" />
          <Turn to={k + 1} {...{ course, store }} label={own.next} sign="→" />
        </span>
      </div>
      <div id={id} class="course-body" hidden={!isOpen}>
        <StopBody key={stop.title} {...{ stop, answers, course, store }} />
        <Contents {...{ course, store, answers, k }} />
        <OwnAnswers {...{ course, store, answers, stored }} />
      </div>
      <p class="visually-hidden" role="status">
        {said}
      </p>
    </aside>
  );
}

/** Keep the stop with the reader's place, and note what the reader did. */
function useFollowing({ course, store }: Opened): void {
  const address = useAddress();
  const give = (answerOf: (check: NonNullable<Stop["checks"]>[number]) => string | undefined): void => {
    for (const stop of course.stops) {
      for (const check of stop.checks ?? []) {
        const key = keyOf(stop, check);
        const answer = store.get().answers[key] === undefined ? answerOf(check) : undefined;
        if (answer !== undefined) store.give(key, answer);
      }
    }
  };
  useEffect(() => followFacts((fact) => give((check) => answerBy(check, fact))), [course, store]);
  const place = [address.view, ...address.path].join("/");
  useEffect(() => {
    const present = stopOf({ course, store });
    const next = stopAt(course, address, present);
    if (next !== present) store.goTo((course.stops[next] as Stop).title);
  }, [place]);
  const { hash } = location;
  useEffect(() => give((check) => answerAt(check, readAddress(hash), hash)), [hash, course, store]);
}

type TurnProps = Opened & { readonly to: number; readonly label: string; readonly sign: string };

/** A button that has no stop to go to stays, so that the focus does. */
function Turn({ to, label, sign, ...on }: TurnProps) {
  const isThere = on.course.stops[to] !== undefined;
  return (
    <button type="button" aria-label={label} aria-disabled={!isThere} onClick={() => isThere && goTo(on, to)}>
      <span aria-hidden="true">{sign}</span>
    </button>
  );
}

type StopProps = Opened & { readonly stop: Stop; readonly answers: Answers };

function StopBody({ stop, answers, course, store }: StopProps) {
  const address = useAddress();
  const { title, text, tasks = [], checks = [] } = stop;
  const k = course.stops.indexOf(stop);
  // Of two stops at one place the address says nothing: the reader is there.
  const isHere = stopAt({ ...course, stops: [stop] }, address, -1) === 0;
  return (
    <section class="course-stop" aria-label={title}>
      <div>
        {k === 0 && course.text !== undefined && <Paragraphs text={course.text} />}
        {text !== undefined && <Paragraphs text={text} />}
        {tasks.length > 0 && (
          <ol>
            {tasks.map((task) => (
              <li key={task}>
                <Inline text={task} />
              </li>
            ))}
          </ol>
        )}
        {!isHere && (
          <p>
            <button type="button" onClick={() => goTo({ course, store }, k)}>
              {own.goThere}
            </button>
          </p>
        )}
      </div>
      {checks.length > 0 && (
        <div>
          {checks.map((check) => {
            const key = keyOf(stop, check);
            return (
              <CheckField key={key} check={check} answer={answers[key]} onGive={(answer) => store.give(key, answer)} />
            );
          })}
        </div>
      )}
    </section>
  );
}

function Contents({ course, store, answers, k }: Opened & { readonly answers: Answers; readonly k: number }) {
  return (
    <details>
      <summary>{own.all}</summary>
      <ol class="course-contents">
        {course.stops.map((stop, each) => {
          const { done, all } = progressOf([stop], answers);
          return (
            <li key={stop.title}>
              <button
                type="button"
                class="quiet"
                aria-current={each === k ? "step" : undefined}
                onClick={() => goTo({ course, store }, each)}
              >
                {stop.title}
              </button>
              {all > 0 && <span class="small soft numbers">{fill(own.done, { done, all })}</span>}
            </li>
          );
        })}
      </ol>
    </details>
  );
}

type OwnAnswersProps = Opened & { readonly answers: Answers; readonly stored: boolean };

function OwnAnswers({ course, store, answers, stored }: OwnAnswersProps) {
  const [undo, setUndo] = useState<{ readonly run: () => void }>();
  const [isPrinting, setPrinting] = useState(false);
  useEffect(() => {
    if (!isPrinting) return;
    const end = (): void => setPrinting(false);
    addEventListener("afterprint", end);
    document.documentElement.classList.add("course-printing");
    print();
    return () => {
      removeEventListener("afterprint", end);
      document.documentElement.classList.remove("course-printing");
    };
  }, [isPrinting]);
  return (
    <details>
      <summary>{own.answers}</summary>
      <p class="small">{stored ? own.kept : own.unkept}</p>
      <div class="row">
        <button
          type="button"
          onClick={() =>
            download(`${course.id}-answers.json`, answersFile(course, answers, new Date()), "application/json")
          }
        >
          {own.save}
        </button>
        <button type="button" onClick={() => setPrinting(true)}>
          {own.print}
        </button>
        <button type="button" onClick={() => setUndo({ run: store.forget() })}>
          {own.delete}
        </button>
        <button type="button" class="quiet" onClick={leave}>
          {own.leave}
        </button>
      </div>
      <div role="status">
        {undo !== undefined && (
          <p class="row">
            {own.deleted}
            <button
              type="button"
              onClick={() => {
                undo.run();
                setUndo(undefined);
              }}
            >
              {own.undo}
            </button>
          </p>
        )}
      </div>
      {isPrinting && <Sheet course={course} answers={answers} />}
    </details>
  );
}

/** Below a view, which can be long: back to the tasks, and on to the next stop. */
export function CourseEnd() {
  const on = opened.use();
  return on === undefined || on === "left" ? null : <End {...on} />;
}

function End(on: Opened) {
  const { at } = on.store.use();
  const k = stopOf(on, at);
  const next = on.course.stops[k + 1];
  return (
    <nav class="course-end" aria-label={own.end}>
      <button type="button" onClick={backToPanel}>
        {own.toTasks}
      </button>
      {next !== undefined && (
        <button
          type="button"
          onClick={() => {
            backToPanel();
            goTo(on, k + 1);
          }}
        >
          {fill(own.nextTitled, { title: next.title })}
        </button>
      )}
    </nav>
  );
}

function backToPanel(): void {
  scrollTo(0, 0);
  document.getElementById(panelId)?.querySelector("button")?.focus({ preventScroll: true });
}
