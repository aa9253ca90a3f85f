/** Watch a training from inside: how far back the error reaches, the gradient by layer, saturated gates, clipped updates. */
import type { Watched } from "../engine/watching.ts";
import { Curves } from "./curves.tsx";
import { significant } from "./numbers.ts";
import "./watch.css";

export type WatchProps = {
  /** The looks so far, the newest at the end; at least one. */
  readonly looks: readonly (Watched & { readonly updates: number })[];
  /** What the last output is, whose error is followed: "the last answer". */
  readonly last: string;
  /** The largest norm of all gradients together. */
  readonly clipNorm: number;
};

const colours = ["--c1", "--c2", "--c3", "--c4", "--c5", "--c6"];
const colourOf = (k: number): string => colours[k % colours.length] as string;
/** Less than this share of what it is at the end counts as gone. */
export const goneBelow = 0.01;
const percent = (share: number): string => `${Math.round(100 * share)} %`;

/** How many steps back the error reaches: up to the first step where less than a hundredth of it is left. */
export function reachOf(norms: readonly number[]): number {
  const gone = norms.findIndex((norm) => !(norm >= goneBelow * (norms[0] as number)));
  return (gone < 0 ? norms.length : gone) - 1;
}

export function Watch({ looks, last, clipNorm }: WatchProps) {
  const { reach, gates, layers } = looks.at(-1) as WatchProps["looks"][number];
  const steps = Math.max(...reach.map(({ norms }) => norms.length), 2) - 1;
  const totals = looks.reduce(
    (sum, { clipped = { updates: 0, clipped: 0 } }) => ({
      updates: sum.updates + clipped.updates,
      clipped: sum.clipped + clipped.clipped,
    }),
    { updates: 0, clipped: 0 },
  );
  const newest = looks.findLast(({ clipped }) => clipped !== undefined)?.clipped;
  const untrained = looks.at(0)?.updates ?? 0;
  return (
    <section class="watch" aria-label="Watch it learn">
      <h3>Watch it learn</h3>
      <div class="figure">
        <div>
          <h4>How far back the error reaches</h4>
          {reach.length === 0 ? (
            <p class="small soft">No layer has a state, so no error goes back through time.</p>
          ) : (
            <>
              <Curves
                label={`The gradient of ${last} by the states before it, as a share of that at the end. ${reach.map(({ layer, norms }) => `${layer}: 1 % or more up to ${stepsBack(reachOf(norms))}`).join("; ")}.`}
                height={210}
                curves={reach.map(({ layer, norms }, k) => ({
                  name: short(layer),
                  colour: colourOf(k),
                  points: norms.map((norm, at) => ({ at, value: norm / (norms[0] || 1) })),
                }))}
                x={{ label: "steps back", domain: [0, steps] }}
                y={{ label: "share of the gradient", domain: [1e-6, 100], log: true }}
                rule={{ value: goneBelow, name: "1 %" }}
              />
              <p class="small">
                At least 1 % of the error of {last} arrives{" "}
                {reach.map(({ layer, norms }, k) => (
                  <span key={layer}>
                    {k > 0 && ", "}in <code>{layer}</code> up to {stepsBack(reachOf(norms))}
                  </span>
                ))}
                .
              </p>
            </>
          )}
        </div>
        <div>
          <h4>The gradient of each layer</h4>
          <Curves
            label={`The norm of each layer's gradient by updates. Now ${layers.map(({ layer, norm }) => `${layer} ${significant(norm)}`).join(", ")}.`}
            height={210}
            curves={layers.map(({ layer }, k) => ({
              name: short(layer),
              colour: colourOf(k),
              points: looks.map((look) => ({ at: look.updates, value: look.layers[k]?.norm ?? 0 })),
            }))}
            x={{ label: "updates", domain: [untrained, Math.max(untrained + 1, looks.at(-1)?.updates ?? 1)] }}
            y={{ label: "norm of the gradient", domain: domainOf(looks), log: true }}
          />
          <p class="small">
            {newest === undefined
              ? `No update has been clipped to ${clipNorm} yet.`
              : `Clipped to ${clipNorm}: ${percent(newest.clipped / newest.updates)} of the last updates, ${percent(totals.clipped / totals.updates)} of all that were looked at (${totals.updates.toLocaleString("en-US")}).`}
          </p>
        </div>
      </div>
      {gates.length > 0 && (
        <>
          <h4>How many gates are saturated</h4>
          <p class="small soft">
            A gate below 0.05 is closed, one above 0.95 is open. There its derivative is less than a fifth of the
            largest, so it learns slowly.
          </p>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls can be scrolled by keys */}
          <section class="scroll" tabIndex={0} aria-label="Saturated gates">
            <table class="numbers">
              <thead>
                <tr>
                  <th scope="col">Gate</th>
                  <th scope="col" class="number">
                    Closed
                  </th>
                  <th scope="col" class="number">
                    Open
                  </th>
                  <td class="watch-share" />
                </tr>
              </thead>
              <tbody>
                {gates.map(({ layer, name, closed, open }) => (
                  <tr key={`${layer}.${name}`}>
                    <th scope="row">
                      <code>
                        {layer}.{name}
                      </code>
                    </th>
                    <td class="number">{percent(closed)}</td>
                    <td class="number">{percent(open)}</td>
                    <td class="watch-share" aria-hidden="true">
                      <span class="watch-bar">
                        <span class="watch-closed" style={{ width: `${100 * closed}%` }} />
                        <span class="watch-open" style={{ width: `${100 * open}%` }} />
                      </span>
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </section>
        </>
      )}
    </section>
  );
}

/** A layer's name as it fits beside a curve. */
const short = (layer: string): string => (layer.length > 14 ? `${layer.slice(0, 6)}…${layer.slice(-6)}` : layer);
const stepsBack = (steps: number): string => (steps === 1 ? "1 step back" : `${steps} steps back`);

/** Whole powers of ten around all norms. */
function domainOf(looks: WatchProps["looks"]): readonly [number, number] {
  const norms = looks.flatMap(({ layers }) => layers.map(({ norm }) => norm)).filter((norm) => norm > 0);
  if (norms.length === 0) return [0.1, 1];
  const [low, high] = [Math.floor(Math.log10(Math.min(...norms))), Math.ceil(Math.log10(Math.max(...norms)))];
  return [10 ** low, 10 ** Math.max(high, low + 1)];
}
