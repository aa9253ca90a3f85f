/** Buttons that move from token to token. */
import { texts } from "../../texts/texts.ts";

const own = texts.inspect.steps;

export function Steps({
  place,
  count,
  onChoose,
}: {
  readonly place: number;
  readonly count: number;
  readonly onChoose: (place: number) => void;
}) {
  return (
    <span class="steps">
      <button type="button" aria-label={own.previous} disabled={place === 0} onClick={() => onChoose(place - 1)}>
        ‹
      </button>
      <button type="button" aria-label={own.next} disabled={place === count - 1} onClick={() => onChoose(place + 1)}>
        ›
      </button>
    </span>
  );
}
