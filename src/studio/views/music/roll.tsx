/** A piano roll: notes over the steps of their grid, with bars, beats and the names of the keys. It is as wide as its place. */
import { useMemo } from "preact/hooks";
import type { GridNote } from "../../../tasks/music/settings.ts";
import { fill, texts } from "../../texts/texts.ts";
import { isBlack, pitchName } from "./pitches.ts";

export type RollProps = {
  readonly notes: readonly GridNote[];
  readonly count: number;
  readonly stepsPerQuarter: number;
  readonly quartersInBar: number;
  /** The step that is looked at. */
  readonly place: number;
  readonly describedBy: string;
  readonly onChoose: (step: number) => void;
};

/** At least so many keys are shown, so that a note is not as high as the picture. */
const fewestKeys = 18;

/** From below the lowest note to above the highest; around middle C where there is none. */
export function keysShown(notes: readonly GridNote[]): readonly [lowest: number, highest: number] {
  const first = notes[0]?.pitch ?? 60;
  const low = notes.reduce((least, { pitch }) => Math.min(least, pitch), first) - 1;
  const high = notes.reduce((most, { pitch }) => Math.max(most, pitch), first) + 1;
  const from = Math.max(0, low - Math.ceil(Math.max(0, fewestKeys - (high - low + 1)) / 2));
  return [from, Math.min(127, Math.max(high, from + fewestKeys - 1))];
}

/** Where a step is: in which bar, and at which beat of it, both from 1. */
export function placeOf(step: number, stepsPerQuarter: number, quartersInBar: number) {
  const inBar = quartersInBar * stepsPerQuarter;
  const beat = (step % inBar) / stepsPerQuarter + 1;
  return { bar: Math.floor(step / inBar) + 1, beat: Number(beat.toFixed(2)) };
}

export function Roll({ notes, count, stepsPerQuarter, quartersInBar, place, describedBy, onChoose }: RollProps) {
  const [lowest, highest] = keysShown(notes);
  const rows = highest - lowest + 1;
  const rowHeight = Math.max(5, Math.min(14, Math.floor(400 / rows)));
  const height = rows * rowHeight;
  const y = (pitch: number): number => (highest - pitch) * rowHeight;
  const keys = Array.from({ length: rows }, (_, k) => lowest + k);
  const inBar = quartersInBar * stepsPerQuarter;
  const bars = Array.from({ length: Math.ceil(count / inBar) }, (_, k) => k);
  const apart = Math.ceil(bars.length / 16);
  const named = (pitch: number): boolean => (rowHeight < 9 ? pitch % 12 === 0 : !isBlack(pitch));
  const choose = (step: number): void => onChoose(Math.max(0, Math.min(count - 1, step)));
  const moves: Readonly<Record<string, (by: number) => number>> = {
    ArrowLeft: (by) => place - by,
    ArrowRight: (by) => place + by,
    Home: () => 0,
    End: () => count - 1,
  };
  const drawn = useMemo(
    () => (
      <>
        {keys.filter(isBlack).map((pitch) => (
          <rect key={pitch} class="black" x={0} y={y(pitch)} width={count} height={rowHeight} />
        ))}
        {Array.from({ length: Math.floor((count - 1) / stepsPerQuarter) }, (_, k) => (k + 1) * stepsPerQuarter).map(
          (step) => (
            <line
              key={step}
              class={step % inBar === 0 ? "bar" : "beat"}
              x1={step}
              x2={step}
              y1={0}
              y2={height}
              vector-effect="non-scaling-stroke"
            />
          ),
        )}
      </>
    ),
    [lowest, highest, count, stepsPerQuarter, quartersInBar],
  );
  return (
    <div class="gates-row roll">
      <span class="bar-numbers small soft" aria-hidden="true">
        {bars
          .filter((bar) => bar % apart === 0)
          .map((bar) => (
            <span key={bar} style={{ left: `${(100 * bar * inBar) / count}%` }}>
              {bar + 1}
            </span>
          ))}
      </span>
      <svg class="gates-name keys" height={height} aria-hidden="true">
        {keys.map((pitch) => (
          <g key={pitch}>
            <rect class={isBlack(pitch) ? "black" : "white"} y={y(pitch)} width="100%" height={rowHeight} />
            {named(pitch) && (
              <text
                x={4}
                y={y(pitch) + rowHeight / 2}
                dominant-baseline="central"
                font-size={Math.min(11, rowHeight + 3)}
              >
                {pitchName(pitch)}
              </text>
            )}
          </g>
        ))}
      </svg>
      <div
        class="roll-map"
        role="application"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: arrow keys move through it
        tabIndex={0}
        aria-label={fill(texts.music.written.roll, {
          ...{ notes: notes.length, steps: count, lowest: pitchName(lowest), highest: pitchName(highest) },
        })}
        aria-describedby={describedBy}
        onKeyDown={(event) => {
          const { key, shiftKey, altKey, ctrlKey, metaKey } = event;
          if (altKey || ctrlKey || metaKey || !Object.hasOwn(moves, key)) return;
          event.preventDefault();
          choose(moves[key]?.(shiftKey ? inBar : 1) ?? 0);
        }}
        onClick={({ currentTarget, clientX }) => {
          const { left, width } = currentTarget.getBoundingClientRect();
          choose(Math.floor(((clientX - left) / width) * count));
        }}
      >
        <svg viewBox={`0 0 ${count} ${height}`} height={height} preserveAspectRatio="none" aria-hidden="true">
          {drawn}
          {notes.map(({ pitch, start, duration, velocity }) => (
            <rect
              key={`${pitch} ${start}`}
              class={place >= start && place < start + duration ? "note sounding" : "note"}
              data-note={`${pitch} ${start} ${duration} ${velocity}`}
              x={start}
              y={y(pitch) + 0.5}
              width={duration}
              height={rowHeight - 1}
              opacity={0.45 + (0.55 * velocity) / 127}
              vector-effect="non-scaling-stroke"
            />
          ))}
          <rect class="place" x={place} y={0} width={1} height={height} />
        </svg>
      </div>
    </div>
  );
}
