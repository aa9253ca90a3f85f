/** Watch a training from inside: how far back the error reaches, the gradient by layer, saturated gates, clipped updates. */
import type { Watched } from "../engine/watching.ts";
import { fill, rich, texts } from "../texts/texts.ts";
import { Curves } from "./curves.tsx";
import { significant } from "./numbers.ts";
import "./watch.css";

const own = texts.components.watch;

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
  const reached = reach.map(({ layer, norms }) => ({ layer, steps: reachOf(norms) }));
  const untrained = looks.at(0)?.updates ?? 0;
  return (
    <section class="watch" aria-label={own.title}>
      <h3>{own.title}</h3>
      <div class="figure">
        <div>
          <h4>{own.reach.title}</h4>
          {reach.length === 0 ? (
            <p class="small soft">{own.reach.none}</p>
          ) : (
            <>
              <Curves
                label={fill(own.reach.label, {
                  last,
                  layers: reached.map((layer) => fill(own.reach.layer, layer)).join("; "),
                })}
                height={210}
                curves={reach.map(({ layer, norms }, k) => ({
                  name: short(layer),
                  colour: colourOf(k),
                  points: norms.map((norm, at) => ({ at, value: norm / (norms[0] || 1) })),
                }))}
                x={{ label: own.reach.x, domain: [0, steps] }}
                y={{ label: own.reach.y, domain: [1e-6, 100], log: true }}
                rule={{ value: goneBelow, name: own.reach.gone }}
              />
              <p class="small">
                {rich(own.reach.note, {
                  last,
                  layers: reached.map((each, k) => (
                    <span key={each.layer}>
                      {k > 0 && ", "}
                      {rich(own.reach.inLayer, each)}
                    </span>
                  )),
                })}
              </p>
            </>
          )}
        </div>
        <div>
          <h4>{own.gradient.title}</h4>
          <Curves
            label={fill(own.gradient.label, {
              norms: layers.map(({ layer, norm }) => `${layer} ${significant(norm)}`).join(", "),
            })}
            height={210}
            curves={layers.map(({ layer }, k) => ({
              name: short(layer),
              colour: colourOf(k),
              points: looks.map((look) => ({ at: look.updates, value: look.layers[k]?.norm ?? 0 })),
            }))}
            x={{ label: own.gradient.x, domain: [untrained, Math.max(untrained + 1, looks.at(-1)?.updates ?? 1)] }}
            y={{ label: own.gradient.y, domain: domainOf(looks), log: true }}
          />
          <p class="small">
            {newest === undefined
              ? fill(own.gradient.neverClipped, { norm: clipNorm })
              : fill(own.gradient.clipped, {
                  norm: clipNorm,
                  last: percent(newest.clipped / newest.updates),
                  all: percent(totals.clipped / totals.updates),
                  updates: totals.updates,
                })}
          </p>
        </div>
      </div>
      {gates.length > 0 && (
        <>
          <h4>{own.saturated.title}</h4>
          <p class="small soft">{own.saturated.about}</p>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls can be scrolled by keys */}
          <section class="scroll" tabIndex={0} aria-label={own.saturated.label}>
            <table class="numbers">
              <thead>
                <tr>
                  <th scope="col">{own.saturated.gate}</th>
                  <th scope="col" class="number">
                    {own.saturated.closed}
                  </th>
                  <th scope="col" class="number">
                    {own.saturated.open}
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

/** Whole powers of ten around all norms. */
function domainOf(looks: WatchProps["looks"]): readonly [number, number] {
  const norms = looks.flatMap(({ layers }) => layers.map(({ norm }) => norm)).filter((norm) => norm > 0);
  if (norms.length === 0) return [0.1, 1];
  const [low, high] = [Math.floor(Math.log10(Math.min(...norms))), Math.ceil(Math.log10(Math.max(...norms)))];
  return [10 ** low, 10 ** Math.max(high, low + 1)];
}
