/** A track with the gates of the model that follows it: each place that is read is a column. */
import { useState } from "preact/hooks";
import { Gates } from "../../components/gates.tsx";
import { useNewest } from "../../engine/engine.ts";
import type { CsvText } from "../../engine/forecasting.ts";
import type { ShownTrack, TrackGates, TracksQuestion } from "../../engine/tracking.ts";
import type { OpenModel } from "../../models/open-model.ts";
import { fill, texts } from "../../texts/texts.ts";
import { TrackPanel } from "./track-panel.tsx";

const own = texts.tracks.inside;

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
        <h3 id="inside-track">{fill(own.title, { id: track.id })}</h3>
        <button type="button" onClick={onClose}>
          {own.close}
        </button>
      </div>
      {error !== undefined && (
        <p class="error" role="alert">
          {error}
        </p>
      )}
      {value === undefined && error === undefined && <p class="soft small">{own.reading}</p>}
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
  const point = { x: figure.format(x), y: figure.format(y) };
  const place =
    column < seen
      ? fill(own.afterSeen, { at: column + 2, count: seen + 1, ...point })
      : fill(own.afterOwn, { at: column - seen + 1, ...point });
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
          {fill(form === "direct" ? own.direct : own.byStep, { steps: seen, places: seen + 1 })}
        </p>
      </div>
      <div>
        <Gates {...{ values, count, column, place }} columns={own.columns} onChoose={setChosen} onPoint={setPointed} />
      </div>
    </div>
  );
}
