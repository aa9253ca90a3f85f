/** Files of music that are opened: MIDI files and tunebooks, as pieces. */
import { useEffect, useState } from "preact/hooks";
import type { MusicFiles } from "../../../formats/music-bytes.ts";
import { engine } from "../../engine/engine.ts";
import { fill, texts } from "../../texts/texts.ts";
import { isMendable, said } from "./messages.ts";

const own = texts.music.files;

/** Reads files, and keeps what is wrong with them until others are read. @param onRead is given their pieces */
export function useMusicFiles(onRead: (pieces: MusicFiles["pieces"]) => void) {
  const [told, setTold] = useState<Omit<FilesSaidProps, "onMend">>({ problem: "", left: [] });
  const [refused, setRefused] = useState<readonly File[]>([]);
  const read = async (files: readonly File[], repair = false): Promise<void> => {
    try {
      const bytes = await Promise.all(
        files.map(async (file) => ({ name: file.name, bytes: new Uint8Array(await file.arrayBuffer()) })),
      );
      const { pieces, left } = await engine().ask("readMusic", bytes, repair);
      setTold({ problem: "", left });
      onRead(pieces);
    } catch (error) {
      setRefused(files);
      setTold({ problem: said(error), left: [] });
    }
  };
  return { read, told: { ...told, onMend: () => read(refused, true) } };
}

/** Read files that are dropped into the view, once. */
export function useDropped(
  dropped: readonly File[] | undefined,
  onTaken: () => void,
  read: (files: readonly File[]) => Promise<void>,
): void {
  useEffect(() => {
    if (dropped === undefined) return;
    onTaken();
    void read(dropped);
  }, [dropped]);
}

export type FilesSaidProps = {
  readonly problem: string;
  /** What was left out, a line each. */
  readonly left: readonly string[];
  readonly onMend: () => void;
};

const mostLines = 3;

/** What is wrong with files that were opened, and what was left out of them. */
export function FilesSaid({ problem, left, onMend }: FilesSaidProps) {
  return (
    <>
      {problem !== "" && (
        <p class="error" role="alert">
          {problem}
        </p>
      )}
      {isMendable(problem) && (
        <p>
          <button type="button" onClick={onMend}>
            {own.mend}
          </button>{" "}
          <span class="soft small">{own.mended}</span>
        </p>
      )}
      {left.length > 0 && (
        <p class="small" role="status">
          {fill(left.length > mostLines ? own.leftMore : own.left, {
            lines: left.slice(0, mostLines).join("; "),
            n: (left.length - mostLines).toLocaleString("en"),
          })}
        </p>
      )}
    </>
  );
}

export type MusicFileButtonProps = { readonly label: string; readonly onFiles: (files: readonly File[]) => void };

export const MusicFileButton = ({ label, onFiles }: MusicFileButtonProps) => (
  <label class="button file">
    {label}
    <input
      type="file"
      class="visually-hidden"
      accept=".mid,.midi,.abc,audio/midi"
      multiple
      onChange={({ currentTarget }) => {
        const files = [...(currentTarget.files ?? [])];
        // Choosing the same file again counts as well.
        currentTarget.value = "";
        if (files.length > 0) onFiles(files);
      }}
    />
  </label>
);
