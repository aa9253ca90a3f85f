/**
 * A field for a text. A page that lays out 20 MB in a text area freezes for seconds, so a text that is too long never
 * gets into it: it is cut, with a message, or passed on as a whole.
 */
import type { TargetedEvent } from "preact";
import { useState } from "preact/hooks";
import { graphemeEnd } from "../../graph/excerpt.ts";
import { fill, texts } from "../texts/texts.ts";

const own = texts.components.textArea;

export type TextAreaProps = {
  readonly label: string;
  readonly rows: number;
  readonly value: string;
  /** The largest number of characters. */
  readonly most: number;
  readonly onText: (text: string) => void;
  /** Receives the whole text if it is too long; without it, as much is inserted as fits. */
  readonly onTooLong?: (text: string) => void;
};

export function TextArea({ label, rows, value, most, onText, onTooLong }: TextAreaProps) {
  const [said, setSaid] = useState("");
  /** Called before typed, pasted or dropped text is inserted. */
  const check = (event: TargetedEvent<HTMLTextAreaElement>, given: string): void => {
    const { currentTarget: area } = event;
    // A text area has one character for the two that end a line on Windows.
    const put = given.replaceAll(/\r\n?/g, "\n");
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
    setSaid(fill(put.length > 1 ? own.cut : own.full, { most, fit: fits.length, put: put.length }));
  };
  return (
    <>
      <label class="field">
        {label}
        <textarea
          rows={rows}
          value={value}
          // Checked at once, because a browser that prepares to insert 20 MB is busy for long, too.
          onPaste={(event) => check(event, event.clipboardData?.getData("text/plain") ?? "")}
          onBeforeInput={(event) => check(event, event.data ?? event.dataTransfer?.getData("text/plain") ?? "")}
          onInput={({ currentTarget: area }) => {
            // For browsers without that event.
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
