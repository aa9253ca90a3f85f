/** What goes before what is written: keys of a piano, or a piece of a file; and the keys that are held meanwhile. */
import { useState } from "preact/hooks";
import type { Piece } from "../../../data/piece.ts";
import type { NamedPiece } from "../../../formats/music-bytes.ts";
import { Choice } from "../../components/choice.tsx";
import { createShared } from "../../shared.ts";
import { rich, texts } from "../../texts/texts.ts";
import { MusicFileButton } from "./files.tsx";
import { Piano } from "./piano.tsx";
import { pitchName } from "./pitches.ts";
import type { Plan } from "./settings.ts";

const own = texts.music.beginning;

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

const { modes } = own;
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
      <Choice label={own.keys} value={mode} options={modes} onChoose={setMode} />
      <Piano
        label={mode === "keys" ? own.toBegin : own.toHold}
        held={mode === "hold" ? hold : undefined}
        onKey={(pitch) => {
          onSound(pitch);
          if (mode === "keys") onChange({ keys: [...keys, pitch], from: undefined });
          else onChange({ hold: hold.includes(pitch) ? hold.filter((one) => one !== pitch) : [...hold, pitch] });
        }}
      />
      <p class="small" role="status">
        {from !== undefined
          ? rich(own.fromFile, { name: from })
          : keys.length > 0
            ? rich(own.fromKeys, { keys: names(keys) })
            : own.fromSilence}{" "}
        {hold.length > 0 && rich(own.held, { n: hold.length, keys: names(hold) })}
      </p>
      <div class="row">
        <MusicFileButton label={own.file} onFiles={onFiles} />
        {pieces.length > 1 && (
          <label class="field">
            {own.piece}
            <select
              value={from ?? ""}
              onChange={({ currentTarget: { value } }) => onChange({ from: value || undefined })}
            >
              <option value="">{own.none}</option>
              {pieces.map(({ name }) => (
                <option key={name}>{name}</option>
              ))}
            </select>
          </label>
        )}
        {(from !== undefined || keys.length > 0 || hold.length > 0) && (
          <button type="button" onClick={() => onChange({ keys: [], hold: [], from: undefined })}>
            {own.clear}
          </button>
        )}
      </div>
    </div>
  );
}
