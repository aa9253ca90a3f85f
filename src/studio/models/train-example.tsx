/** Train a small model of a task on an example, for a reader without one: a button, then the progress. */
import { useEffect } from "preact/hooks";
import { fill, texts } from "../texts/texts.ts";
import type { createTaskTraining } from "./task-training.ts";

const own = texts.models.trainExample;

export type ExampleTraining = ReturnType<
  typeof createTaskTraining<{ readonly done: number }, { readonly bytes: Uint8Array<ArrayBuffer> }>
>;
export type TrainExampleProps = {
  readonly training: ExampleTraining;
  readonly label: string;
  /** What is trained, and for how long. */
  readonly about: string;
  readonly onTrain: () => void;
  /** Called once with the stored model, when the training has ended or the view comes back. */
  readonly onTrained: (id: string) => void;
};

export function TrainExample({ training, label, about, onTrain, onTrained }: TrainExampleProps) {
  const { running, trained, failed } = training.use();
  useEffect(() => {
    if (trained === undefined || trained.isShown) return;
    training.showed();
    onTrained(trained.id);
  }, [trained]);
  return (
    <div>
      {failed !== undefined && (
        <p class="error" role="alert">
          {failed}
        </p>
      )}
      {running === undefined ? (
        <p>
          <button type="button" class="main" onClick={onTrain}>
            {label}
          </button>{" "}
          <span class="soft small">{about}</span>
        </p>
      ) : (
        <p class="row">
          <progress value={running.reports.at(-1)?.done ?? 0} aria-label={fill(own.progress, { label })} />
          <button type="button" onClick={training.stop} disabled={running.stopping || running.reports.length === 0}>
            {own.stop}
          </button>
        </p>
      )}
    </div>
  );
}
