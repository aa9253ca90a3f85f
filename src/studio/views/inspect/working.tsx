/** The progress of a job, with a button that cancels it; what became of one that has failed or was cancelled. */
import { Failed } from "../../components/failed.tsx";
import { texts } from "../../texts/texts.ts";
import type { UsedWork } from "./job.ts";

const own = texts.inspect.working;

type WorkingProps = { readonly label: string; readonly work: UsedWork<unknown> };

export function Working({ label, work: { share, error, cancelled, cancel, again } }: WorkingProps) {
  if (error !== undefined) return <Failed error={error} onRetry={again} />;
  if (cancelled) {
    return (
      <p class="row" role="status">
        {own.cancelled}{" "}
        <button type="button" onClick={again}>
          {own.again}
        </button>
      </p>
    );
  }
  if (share === undefined) return null;
  return (
    <p class="row working">
      <progress value={share} aria-label={label} />
      <button type="button" class="quiet" onClick={cancel}>
        {own.cancel}
      </button>
    </p>
  );
}
