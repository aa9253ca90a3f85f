/** A track with the gates of the model that follows it: each place that is read is a column. */
import { useState } from "preact/hooks";
import { Gates } from "../../components/gates.tsx";
import { useNewest } from "../../engine/engine.ts";
import type { CsvText } from "../../engine/forecasting.ts";
import type { ShownTrack, TrackGates, TracksQuestion } from "../../engine/tracking.ts";
import type { OpenModel } from "../../models/open-model.ts";
import { TrackPanel } from "./track-panel.tsx";

export type TrackGatesPanelProps = {
  readonly model: OpenModel;
  readonly table: CsvText;
  readonly tableKey: string;
  readonly part: TracksQuestion["part"];
  readonly track: ShownTrack;
  /** Of the track among all, from 0. */
  readonly number: number;
  readonly onClose: () => void;
};

export function TrackGatesPanel({ model, table, tableKey, part, track, number, onClose }: TrackGatesPanelProps) {
  const { value, error } = useNewest(
    () => model.ask("trackGates", table, { part, track: number }),
    JSON.stringify([model.id, tableKey, part, number]),
  );
  return (
    <section class="card inside" aria-labelledby="inside-track">
      <div class="row inside-head">
        <h3 id="inside-track">Inside track {track.id}</h3>
        <button type="button" onClick={onClose}>
          Close
        </button>
      </div>
      {error !== undefined && (
        <p class="error" role="alert">
          {error}
        </p>
      )}
      {value === undefined && error === undefined && <p class="soft small">Reading the gates …</p>}
      {value !== undefined && error === undefined && <Inside track={track} gates={value} />}
    </section>
  );
}

const figure = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 });

function Inside({ track, gates: { values, seen, ahead, path, form } }: { track: ShownTrack; gates: TrackGates }) {
  const count = seen + ahead;
  const [chosen, setChosen] = useState(seen - 1);
  const [pointed, setPointed] = useState<number>();
  const column = Math.min(count - 1, pointed ?? chosen);
  // A column reads the step to its place; nothing leads to the first one.
  const places = {
    x: Float64Array.from([...track.seen.x.subarray(1), ...path.x.subarray(0, ahead)]),
    y: Float64Array.from([...track.seen.y.subarray(1), ...path.y.subarray(0, ahead)]),
  };
  const [x, y] = [places.x[column] as number, places.y[column] as number];
  const which =
    column < seen ? `place ${column + 2} of ${seen + 1} that were seen` : `its own place ${column - seen + 1}`;
  return (
    <div class="inside-body">
      <div>
        <TrackPanel
          track={track}
          read={{
            ...{ places, place: column, path: form === "step" ? path : undefined },
            ...{ onChoose: setChosen, onPoint: setPointed, describedBy: "inside-about" },
          }}
        />
        <p id="inside-about" class="soft small">
          {form === "direct"
            ? `It reads the ${seen} steps between the ${seen + 1} places that were seen, a column each; its last state gives all futures at once, so that there are no gates after it.`
            : `It reads the ${seen} steps between the ${seen + 1} places that were seen, then steps of its own: here along the thin line, which follows the mean of each; each of its futures is a path of draws, read in the same way.`}
        </p>
      </div>
      <div>
        <Gates
          {...{ values, count, column }}
          columns="steps"
          place={`after the step to ${which} (${figure.format(x)}, ${figure.format(y)})`}
          onChoose={setChosen}
          onPoint={setPointed}
        />
      </div>
    </div>
  );
}
