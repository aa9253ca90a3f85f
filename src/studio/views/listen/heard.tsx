/** What was heard: the probability of each class over time, and the first layer's state. */
import { useEffect, useRef } from "preact/hooks";
import { extentOf, shadeOf, useRamp } from "../../components/heat.ts";
import type { Heard } from "../../engine/listening.ts";

const percent = (share: number): string => `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`;
/** More classes than these are not looked at. */
const maxShown = 12;

export type HeardProps = { readonly heard: Heard; readonly labels: readonly string[]; readonly hopMs: number };

export function HeardSound({ heard, labels, hopMs }: HeardProps) {
  const { count, probabilities, states, stateName } = heard;
  const at = (t: number, c: number): number => probabilities[t * labels.length + c] ?? 0;
  const rows = labels.map((label, c) => {
    let most = 0;
    for (let t = 0; t < count; t++) most = Math.max(most, at(t, c));
    return { label, c, now: at(count - 1, c), most };
  });
  const shown =
    rows.length <= maxShown ? rows : [...rows].sort((a, b) => b.now - a.now || b.most - a.most).slice(0, maxShown);
  const best = rows.reduce((best, row) => (row.now > best.now ? row : best));
  return (
    <>
      <p role="status">
        <strong>{best.label}</strong>, {percent(best.now)}
        {count > 1 && (
          <span class="soft">
            , after {count.toLocaleString("en")} frames, {((count * hopMs) / 1000).toFixed(1)} s
          </span>
        )}
      </p>
      <div class="classes">
        {shown.map(({ label, c, now, most }) => (
          <div key={label} class="class-row">
            <span class="class-name">{label}</span>
            <svg
              viewBox={`0 0 ${Math.max(1, count)} 1`}
              preserveAspectRatio="none"
              role="img"
              aria-label={`${label}: ${percent(now)}, at most ${percent(most)}`}
            >
              <path d={barsOf(count, (t) => at(t, c))} />
            </svg>
            <span class="numbers">{percent(now)}</span>
          </div>
        ))}
      </div>
      {shown.length < rows.length && (
        <p class="soft small">
          The {shown.length} likeliest of {rows.length} classes.
        </p>
      )}
      {states !== undefined && stateName !== undefined && count > 1 && (
        <States states={states} count={count} name={stateName} />
      )}
    </>
  );
}

/** A bar for each frame, as one path. */
function barsOf(count: number, value: (t: number) => number): string {
  let path = "M0,1";
  for (let t = 0; t < count; t++) path += `V${(1 - value(t)).toFixed(3)}H${t + 1}`;
  return `${path}V1Z`;
}

/** Rows of units over frames, as in Inspect. */
function States({
  states,
  count,
  name,
}: {
  readonly states: Float32Array;
  readonly count: number;
  readonly name: string;
}) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const ramp = useRamp();
  const size = states.length / count;
  useEffect(() => {
    const context = canvas.current?.getContext("2d");
    if (context === null || context === undefined) return;
    const image = context.createImageData(count, size);
    const pixels = new Uint32Array(image.data.buffer);
    const extent = extentOf(states);
    for (let t = 0; t < count; t++) {
      for (let j = 0; j < size; j++) {
        pixels[j * count + t] = ramp.pixels[shadeOf(states[t * size + j] as number, extent)] as number;
      }
    }
    context.putImageData(image, 0, 0);
  }, [states, count, size, ramp]);
  return (
    <figure>
      <figcaption class="small soft">
        The state <code>{name}</code> of the first layer: a row for each of its {size} units, a column for each frame
      </figcaption>
      <canvas
        ref={canvas}
        width={count}
        height={size}
        role="img"
        aria-label={`The state ${name}: ${size} units over ${count} frames`}
      />
    </figure>
  );
}
