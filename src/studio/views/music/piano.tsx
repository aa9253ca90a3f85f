/** A small piano on the screen: two octaves of keys, which arrow keys move through. */
import { useState } from "preact/hooks";
import { fill, texts } from "../../texts/texts.ts";
import { isBlack, pitchName } from "./pitches.ts";

export type PianoProps = {
  readonly label: string;
  /** Those that are held; undefined where a key is struck and let go. */
  readonly held: readonly number[] | undefined;
  readonly onKey: (pitch: number) => void;
};

const keyCount = 25;
/** Every model can write these keys. */
const octaves = [1, 2, 3, 4, 5, 6];

export function Piano({ label, held, onKey }: PianoProps) {
  const [octave, setOctave] = useState(4);
  const first = 12 * (octave + 1);
  const pitches = Array.from({ length: keyCount }, (_, k) => first + k);
  const [focused, setFocused] = useState(0);
  const whites = pitches.filter((pitch) => !isBlack(pitch));
  return (
    <div class="piano">
      <div class="row">
        {octaves.map((one) => (
          <button
            key={one}
            type="button"
            class="quiet small"
            aria-pressed={one === octave}
            aria-label={fill(texts.music.piano.from, { octave: one })}
            onClick={() => setOctave(one)}
          >
            C{one}
          </button>
        ))}
      </div>
      {/* biome-ignore lint/a11y/useSemanticElements: a fieldset would have no keys of its own */}
      <div
        role="group"
        class="piano-keys"
        aria-label={label}
        onKeyDown={(event) => {
          const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
          if (by === undefined) return;
          event.preventDefault();
          const next = Math.max(0, Math.min(keyCount - 1, focused + by));
          setFocused(next);
          (event.currentTarget.children[next] as HTMLElement).focus();
        }}
      >
        {pitches.map((pitch, k) => {
          const before = whites.filter((white) => white < pitch).length;
          const black = isBlack(pitch);
          const width = 100 / whites.length;
          return (
            <button
              key={pitch}
              type="button"
              class={black ? "key black" : "key white"}
              style={{ left: `${(before - (black ? 0.32 : 0)) * width}%`, width: `${width * (black ? 0.64 : 1)}%` }}
              tabIndex={k === focused ? 0 : -1}
              aria-label={pitchName(pitch)}
              aria-pressed={held?.includes(pitch)}
              onFocus={() => setFocused(k)}
              onClick={() => onKey(pitch)}
            >
              {pitch % 12 === 0 && <span aria-hidden="true">{pitchName(pitch)}</span>}
            </button>
          );
        })}
      </div>
    </div>
  );
}
