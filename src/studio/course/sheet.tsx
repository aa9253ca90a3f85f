/** A reader's answers to hand in: as a file of JSON, and as a sheet that is printed in place of the page. */
import { fill, language, texts } from "../texts/texts.ts";
import type { Check, Course, Stop } from "./course-file.ts";
import { Inline } from "./prose.tsx";
import { type Answers, keyOf, type Verdict, verdictOf } from "./verdict.ts";

const own = texts.course.sheet;

type Row = { readonly check: Check; readonly answer: string | undefined; readonly verdict: Verdict };
const rowsOf = (stop: Stop, answers: Answers): readonly Row[] =>
  (stop.checks ?? []).map((check) => {
    const answer = answers[keyOf(stop, check)];
    return { check, answer, verdict: verdictOf(check, answer) };
  });

/** The answers as text: what was asked, what was answered and, where the course can say, whether it is right. */
export function answersFile({ id, title, stops }: Course, answers: Answers, date: Date): string {
  const content = {
    ...{ course: id, title, saved: date.toISOString() },
    stops: stops.map((stop) => ({
      title: stop.title,
      checks: rowsOf(stop, answers).map(({ check, answer, verdict: { done, right } }) => ({
        ...{ kind: check.kind, asks: check.asks, answer: answer ?? null, done },
        ...(right !== undefined && { right }),
      })),
    })),
  };
  return `${JSON.stringify(content, null, 2)}\n`;
}

export function Sheet({ course, answers }: { readonly course: Course; readonly answers: Answers }) {
  const date = new Intl.DateTimeFormat(language, { dateStyle: "long", timeStyle: "short" }).format(new Date());
  return (
    <section class="course-sheet">
      <h2>{fill(own.title, { course: course.title })}</h2>
      <p>{fill(own.date, { date })}</p>
      {course.stops
        .filter(({ checks = [] }) => checks.length > 0)
        .map((stop) => (
          <div key={stop.title}>
            <h3>{stop.title}</h3>
            <dl>
              {rowsOf(stop, answers).map((row) => (
                <div key={row.check.asks}>
                  <dt>
                    <Inline text={row.check.asks} />
                  </dt>
                  <dd>{inWords(row)}</dd>
                </div>
              ))}
            </dl>
          </div>
        ))}
    </section>
  );
}

function inWords({ check: { kind }, answer, verdict: { done, right } }: Row): string {
  if (kind === "choice" || kind === "number" || kind === "text") {
    if (answer === undefined || answer === "") return own.none;
    return right === undefined ? answer : `${answer} (${right ? own.right : own.wrong})`;
  }
  if (!done) return own.notDone;
  return kind === "done" || kind === "address" ? own.done : `${own.done} (${answer})`;
}
