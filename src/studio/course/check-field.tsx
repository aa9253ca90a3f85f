/** A check of a course: what is asked, a field for the answer, and what is to be said of it. */
import type { ComponentChildren } from "preact";
import { useId, useState } from "preact/hooks";
import { fill, texts } from "../texts/texts.ts";
import type { Check } from "./course-file.ts";
import { plainOf } from "./marks.ts";
import { Inline } from "./prose.tsx";
import { verdictOf } from "./verdict.ts";

const own = texts.course;

export type CheckFieldProps = {
  readonly check: Check;
  readonly answer: string | undefined;
  readonly onGive: (answer: string) => void;
};

export function CheckField({ check, answer, onGive }: CheckFieldProps) {
  const id = useId();
  const { done } = verdictOf(check, answer);
  return (
    <fieldset class={done ? "course-check done" : "course-check"}>
      <legend>
        <Inline text={check.asks} />
      </legend>
      <Field {...{ check, answer, onGive, id }} />
      {check.kind !== "done" && (
        <p class="course-verdict" role="status">
          {said(check, answer)}
        </p>
      )}
    </fieldset>
  );
}

/** What a reader answers with; nothing where the page itself sees what was done. */
function Field({ check, answer, onGive, id }: CheckFieldProps & { readonly id: string }) {
  if (check.kind === "choice") {
    return (
      <>
        {check.answers.map(({ text }) => (
          <label key={text} class="course-option">
            <input type="radio" name={id} checked={answer === text} onChange={() => onGive(text)} />
            <span>
              <Inline text={text} />
            </span>
          </label>
        ))}
      </>
    );
  }
  if (check.kind === "number") return <NumberField {...{ answer, onGive }} asks={check.asks} />;
  if (check.kind === "text") {
    return (
      <textarea
        rows={2}
        maxLength={4000}
        aria-label={plainOf(check.asks)}
        value={answer ?? ""}
        onInput={({ currentTarget: { value } }) => onGive(value)}
      />
    );
  }
  if (check.kind === "done") {
    return (
      <label class="course-option">
        <input
          type="checkbox"
          checked={answer === "done"}
          onChange={({ currentTarget: { checked } }) => onGive(checked ? "done" : "")}
        />
        <span>{own.isDone}</span>
      </label>
    );
  }
  return null;
}

type NumberFieldProps = Omit<CheckFieldProps, "check"> & { readonly asks: string };

function NumberField({ asks, answer, onGive }: NumberFieldProps) {
  const [typed, setTyped] = useState(answer ?? "");
  return (
    <form
      class="row"
      onSubmit={(event) => {
        event.preventDefault();
        onGive(typed);
      }}
    >
      <input
        aria-label={fill(own.yourNumber, { asks: plainOf(asks) })}
        inputMode="decimal"
        autocomplete="off"
        value={typed}
        onInput={({ currentTarget: { value } }) => setTyped(value)}
      />
      <button type="submit">{own.check}</button>
    </form>
  );
}

/** What is to be said of an answer. */
function said(check: Check, answer: string | undefined): ComponentChildren {
  const { done, right, why } = verdictOf(check, answer);
  if (check.kind === "text") return done && own.noted;
  if (check.kind !== "choice" && check.kind !== "number" && check.kind !== "done") {
    return done ? <strong class="right">{reached(check.kind, answer ?? "")}</strong> : own.byPage;
  }
  if (right === undefined) return check.kind === "number" && answer !== undefined && own.noNumber;
  return (
    <>
      <strong class={right ? "right" : "wrong"}>{right ? own.right : own.wrong}</strong>{" "}
      {why !== undefined && (right || check.kind === "choice") && <Inline text={why} />}
    </>
  );
}

/** What the page saw, in words. */
function reached(kind: "questions" | "toy" | "model" | "address", answer: string): string {
  const [right = "", of = ""] = answer.split("/");
  if (kind === "questions") return fill(own.reached.questions, { right, of });
  if (kind === "toy") return fill(own.reached.toy, { percent: (100 * Number(answer)).toFixed(1) });
  if (kind === "model") return fill(own.reached.model, { nats: Number(answer).toFixed(2) });
  return own.reached.address;
}
