/** The two questions at the end of a chapter. They check themselves; the browser remembers what was answered. */
import { useEffect, useId, useState } from "preact/hooks";
import { remember, remembered } from "../../components/remembered.ts";
import { reportFact } from "../../facts.ts";
import { fill, texts } from "../../texts/texts.ts";
import { type ChapterName, isRight, type Question, questions } from "./chapter-questions.ts";
import "./questions.css";

const own = texts.learn.questions;

/** An answer as it was given: the option's number, or what was typed. */
type Answers = Readonly<Record<string, string>>;
const key = "unrolled.learn.answers";
function answers(): Answers {
  try {
    return { ...JSON.parse(remembered(key) ?? "{}") };
  } catch {
    return {};
  }
}

/** How many of a chapter's questions are answered rightly. */
function report(chapter: ChapterName): void {
  const given = answers();
  const all = questions[chapter];
  const right = all.filter((question, k) => isRight(question, given[`${chapter}.${k + 1}`] ?? "")).length;
  reportFact({ kind: "questions", chapter, right, of: all.length });
}

export function Questions({ chapter }: { readonly chapter: ChapterName }) {
  useEffect(() => report(chapter), [chapter]);
  return (
    <section class="questions" aria-label={own.label}>
      <h2>{own.title}</h2>
      {questions[chapter].map((question, k) => (
        <Asked key={question.asks} {...{ question }} name={`${chapter}.${k + 1}`} onGive={() => report(chapter)} />
      ))}
    </section>
  );
}

type AskedProps = { readonly question: Question; readonly name: string; readonly onGive: () => void };

function Asked({ question, name, onGive }: AskedProps) {
  const id = useId();
  const [answer, setAnswer] = useState<string | undefined>(() => answers()[name]);
  const give = (text: string): void => {
    setAnswer(text);
    remember(key, JSON.stringify({ ...answers(), [name]: text }));
    onGive();
  };
  return (
    <fieldset class="card">
      <legend>{question.asks}</legend>
      {"options" in question ? (
        question.options.map((option, k) => (
          <label key={option} class="option">
            <input type="radio" name={id} checked={answer === `${k}`} onChange={() => give(`${k}`)} />
            {option}
          </label>
        ))
      ) : (
        <NumberField asks={question.asks} answer={answer} onGive={give} />
      )}
      <p class="answer" role="status">
        {answer !== undefined && <Verdict {...{ question, answer }} />}
      </p>
    </fieldset>
  );
}

type NumberFieldProps = {
  readonly asks: string;
  readonly answer: string | undefined;
  readonly onGive: (text: string) => void;
};

function NumberField({ asks, answer, onGive }: NumberFieldProps) {
  const [text, setText] = useState(answer ?? "");
  return (
    <form
      class="row"
      onSubmit={(event) => {
        event.preventDefault();
        onGive(text);
      }}
    >
      <input
        aria-label={fill(own.number, { asks })}
        inputMode="decimal"
        autocomplete="off"
        value={text}
        onInput={(event) => setText(event.currentTarget.value)}
      />
      <button type="submit">{own.check}</button>
    </form>
  );
}

function Verdict({ question, answer }: { readonly question: Question; readonly answer: string }) {
  const right = isRight(question, answer);
  if (right === undefined) return "options" in question ? null : own.noNumber;
  return (
    <>
      <strong class={right ? "right" : "wrong"}>{right ? own.right : own.wrong}</strong> {question.why}
    </>
  );
}
