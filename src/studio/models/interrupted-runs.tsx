/** Runs that a reload or a crash interrupted: to continue, to save as they are, or to delete. */
import { useState } from "preact/hooks";
import { messageOf } from "../loading.ts";
import { fill, rich, texts } from "../texts/texts.ts";
import { forgetRun, type InterruptedRun, useInterrupted } from "./interrupted.ts";
import { dateAndTime } from "./losses.ts";
import { goOnWith, keepInterrupted, type TrainingPlace, useTrainingStatus } from "./training-driver.ts";

const own = texts.models.interruptedRuns;

/** Only the runs that were started in this place; all runs if absent. */
export function InterruptedRuns({ place }: { readonly place?: TrainingPlace }) {
  const runs = useInterrupted().filter((run) => place === undefined || run.place === place);
  const { training } = useTrainingStatus();
  const [problem, setProblem] = useState("");
  const attempt = (work: Promise<void>): void => {
    setProblem("");
    work.catch((error) => setProblem(messageOf(error)));
  };
  if (training !== undefined || (runs.length === 0 && problem === "")) return null;
  return (
    <>
      {runs.map((run) => (
        <InterruptedRunCard key={run.id} run={run} attempt={attempt} />
      ))}
      {problem !== "" && (
        <p class="error" role="alert">
          {problem}
        </p>
      )}
    </>
  );
}

function InterruptedRunCard({
  run,
  attempt,
}: {
  readonly run: InterruptedRun;
  readonly attempt: (work: Promise<void>) => void;
}) {
  const { id, name, step, done, savedMs } = run;
  return (
    <section class="card row interrupted" aria-label={fill(own.label, { name })}>
      <span>
        {rich(own.told, {
          ...{ name, when: dateAndTime(savedMs), steps: step.toLocaleString("en-US"), done: Math.floor(100 * done) },
        })}
      </span>
      <button type="button" class="main" onClick={() => attempt(goOnWith(run))}>
        {own.continue}
      </button>
      <button type="button" onClick={() => attempt(keepInterrupted(run))}>
        {own.keep}
      </button>
      <button type="button" class="quiet" onClick={() => attempt(forgetRun(id))}>
        {own.forget}
      </button>
    </section>
  );
}
