/** What goes before what is written: keys of a piano, or a piece of a file; and the keys that are held meanwhile. */
import { useState } from "preact/hooks";
import type { Piece } from "../../../data/piece.ts";
import type { NamedPiece } from "../../../formats/music-bytes.ts";
import { Choice } from "../../components/choice.tsx";
import { createShared } from "../../shared.ts";
import { MusicFileButton } from "./files.tsx";
import { Piano } from "./piano.tsx";
import { pitchName } from "./pitches.ts";
import type { Plan } from "./settings.ts";

/** The pieces of the file that was opened last; they stay while views come and go. */
export const opened = createShared<readonly NamedPiece[]>([]);

/** Velocity of keys on the screen. */
export const velocity = 80;

/** Keys one after the other, half a quarter each. */
export function pieceOfKeys(keys: readonly number[], stepsPerQuarter: number): Piece {
  const duration = Math.max(1, Math.round(stepsPerQuarter / 2));
  return {
    ticksPerQuarter: stepsPerQuarter,
    tempos: [],
    notes: keys.map((pitch, k) => ({ pitch, start: k * duration, duration, velocity, track: 0, channel: 0 })),
  };
}

const modes = { keys: "Begin with keys", hold: "Hold keys" } as const;
type Beginning = Pick<Plan, "hold" | "keys" | "from">;

export type BeginningProps = {
  readonly value: Beginning;
  readonly onChange: (changed: Partial<Beginning>) => void;
  readonly onFiles: (files: readonly File[]) => void;
  readonly onSound: (pitch: number) => void;
};

export function BeginningChoice({ value: { hold, keys, from }, onChange, onFiles, onSound }: BeginningProps) {
  const [mode, setMode] = useState<keyof typeof modes>("keys");
  const pieces = opened.use();
  const names = (pitches: readonly number[]): string => pitches.map(pitchName).join(" ");
  return (
    <div class="beginning">
      <Choice label="What the keys do" value={mode} options={modes} onChoose={setMode} />
      <Piano
        label={mode === "keys" ? "Keys to begin with" : "Keys to hold"}
        held={mode === "hold" ? hold : undefined}
        onKey={(pitch) => {
          onSound(pitch);
          if (mode === "keys") onChange({ keys: [...keys, pitch], from: undefined });
          else onChange({ hold: hold.includes(pitch) ? hold.filter((one) => one !== pitch) : [...hold, pitch] });
        }}
      />
      <p class="small" role="status">
        {from !== undefined ? (
          <>
            It goes on from the end of <strong>{from}</strong>.
          </>
        ) : keys.length > 0 ? (
          <>
            It goes on from <strong>{names(keys)}</strong>.
          </>
        ) : (
          "It begins from silence."
        )}{" "}
        {hold.length > 0 && (
          <>
            <strong>{names(hold)}</strong> {hold.length === 1 ? "sounds" : "sound"} all the time.
          </>
        )}
      </p>
      <div class="row">
        <MusicFileButton label="Begin from a file …" onFiles={onFiles} />
        {pieces.length > 1 && (
          <label class="field">
            Piece
            <select
              value={from ?? ""}
              onChange={({ currentTarget: { value } }) => onChange({ from: value || undefined })}
            >
              <option value="">None</option>
              {pieces.map(({ name }) => (
                <option key={name}>{name}</option>
              ))}
            </select>
          </label>
        )}
        {(from !== undefined || keys.length > 0 || hold.length > 0) && (
          <button type="button" onClick={() => onChange({ keys: [], hold: [], from: undefined })}>
            From silence
          </button>
        )}
      </div>
    </div>
  );
}
