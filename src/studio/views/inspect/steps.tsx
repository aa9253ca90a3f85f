/** Buttons that move from token to token. */
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
      <button type="button" aria-label="Previous token" disabled={place === 0} onClick={() => onChoose(place - 1)}>
        ‹
      </button>
      <button type="button" aria-label="Next token" disabled={place === count - 1} onClick={() => onChoose(place + 1)}>
        ›
      </button>
    </span>
  );
}
