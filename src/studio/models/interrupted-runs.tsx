/** Runs that a reload or a crash interrupted: to continue, to save as they are, or to delete. */
import { useState } from "preact/hooks";
import { messageOf } from "../loading.ts";
import { forgetRun, type InterruptedRun, useInterrupted } from "./interrupted.ts";
import { dateAndTime } from "./losses.ts";
import { goOnWith, keepInterrupted, type TrainingPlace, useTrainingStatus } from "./training-driver.ts";

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
    <section class="card row interrupted" aria-label={`Interrupted: ${name}`}>
      <span>
        <strong>{name}</strong> was interrupted on {dateAndTime(savedMs)}, after {step.toLocaleString("en-US")} updates,{" "}
        {Math.floor(100 * done)} % of its training.
      </span>
      <button type="button" class="main" onClick={() => attempt(goOnWith(run))}>
        Continue it
      </button>
      <button type="button" onClick={() => attempt(keepInterrupted(run))}>
        Keep it as it is
      </button>
      <button type="button" class="quiet" onClick={() => attempt(forgetRun(id))}>
        Forget it
      </button>
    </section>
  );
}
