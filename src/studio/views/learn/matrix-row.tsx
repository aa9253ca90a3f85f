/** A matrix times a list of numbers, drawn: each row of weights times the list makes one number of the new list. */
import { Choice } from "../../components/choice.tsx";
import { written } from "../../components/numbers.ts";
import { useAnswer } from "../../engine/engine.ts";
import { texts } from "../../texts/texts.ts";
import { aName, useShared } from "./shared-values.ts";

const own = texts.learn.matrixRow;

/** Three units, each of which hears all three. */
export const hearing = {
  equations: "y = U @ x",
  /** A row for each unit that hears. */
  weights: [
    [0.5, -1, 0.8],
    [1.2, 0.3, 0],
    [-0.4, 0.9, 0.6],
  ],
  states: [0.9, -0.5, 0.2],
} as const;
const { rows } = own;
const names = Object.keys(rows);
const kinds = { hears: aName<keyof typeof rows>("first", rows) };

export function MatrixRow() {
  const [{ hears }, set] = useShared(kinds);
  const { equations, weights, states } = hearing;
  const { value } = useAnswer("trace", { equations }, [[...states]], {
    units: weights.length,
    parameters: { U: weights.flat() },
  });
  const sums = value?.y?.[0];
  const row = names.indexOf(hears);
  const terms = (weights[row] as readonly number[]).map(
    (weight, k) => `${signed(weight)} · ${signed(states[k] as number)}`,
  );
  return (
    <section class="card matrix-row" aria-label={own.title}>
      <Choice label={own.row} value={hears} options={rows} onChoose={(hears) => set({ hears })} />
      <div class="product" data-figure={own.title}>
        <table>
          <caption>U</caption>
          <tbody>
            {weights.map((all, k) => (
              <tr key={k}>
                {all.map((weight, j) => (
                  <td key={j} class={k === row ? "lit" : ""}>
                    {written(weight, 1)}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
        <span>·</span>
        <div class="list">
          <b>h</b>
          {states.map((state, k) => (
            <span key={k} class="lit">
              {written(state, 1)}
            </span>
          ))}
        </div>
        <span>=</span>
        <div class="list result">
          <b>U h</b>
          {weights.map((_, k) => (
            <span key={k} class={k === row ? "lit" : ""}>
              {sums === undefined ? "…" : written(sums[k] as number)}
            </span>
          ))}
        </div>
      </div>
      <p class="sum numbers" role="status">
        {terms.join(" + ")} = <b>{sums === undefined ? "…" : written(sums[row] as number)}</b>
      </p>
    </section>
  );
}

const signed = (value: number): string => (value < 0 ? `(${written(value, 1)})` : written(value, 1));
