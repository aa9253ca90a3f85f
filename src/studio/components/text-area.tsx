/**
 * A field for a text. A page that lays out 20 MB in a text area stands still for seconds, so what is too long never gets
 * into it: it is cut, and said to be, or handed on whole.
 */
import type { TargetedEvent } from "preact";
import { useState } from "preact/hooks";
import { graphemeEnd } from "../../graph/excerpt.ts";

export type TextAreaProps = {
  readonly label: string;
  readonly rows: number;
  readonly value: string;
  /** The most characters that it takes. */
  readonly most: number;
  readonly onText: (text: string) => void;
  /** Takes the whole text where it would be too long; without it as much is put in as fits. */
  readonly onTooLong?: (text: string) => void;
};

export function TextArea({ label, rows, value, most, onText, onTooLong }: TextAreaProps) {
  const [said, setSaid] = useState("");
  const numbers = (count: number): string => count.toLocaleString("en");
  /** Before what is typed, pasted or dropped is there. */
  const check = (event: TargetedEvent<HTMLTextAreaElement>, put: string): void => {
    const { currentTarget: area } = event;
    const [from, to] = [area.selectionStart, area.selectionEnd];
    const room = Math.max(0, most - (area.value.length - (to - from)));
    if (put === "") return;
    setSaid("");
    if (put.length <= room) return;
    event.preventDefault();
    if (onTooLong !== undefined) {
      onTooLong(area.value.slice(0, from) + put + area.value.slice(to));
      return;
    }
    const fits = put.slice(0, graphemeEnd(put, room));
    area.setRangeText(fits, from, to, "end");
    onText(area.value);
    const cut = put.length > 1 ? `: of ${numbers(put.length)} the first ${numbers(fits.length)} are taken` : "";
    setSaid(`There is room for ${numbers(most)} characters${cut}.`);
  };
  return (
    <>
      <label class="field">
        {label}
        <textarea
          rows={rows}
          value={value}
          // Asked at once: a browser that makes ready to put in 20 MB is busy for long, too.
          onPaste={(event) => check(event, event.clipboardData?.getData("text/plain") ?? "")}
          onBeforeInput={(event) => check(event, event.data ?? event.dataTransfer?.getData("text/plain") ?? "")}
          onInput={({ currentTarget: area }) => {
            // Where a browser does not ask before.
            if (area.value.length > most) area.value = area.value.slice(0, graphemeEnd(area.value, most));
            onText(area.value);
          }}
        />
      </label>
      {said !== "" && (
        <p class="small" role="status">
          {said}
        </p>
      )}
    </>
  );
}
