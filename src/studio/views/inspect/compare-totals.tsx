/** The surprise of two models over a whole text, and where they differ most. */
import { useMemo } from "preact/hooks";
import { type Comparison, largestDifferences } from "../../../tasks/surprise-difference.ts";
import { visible } from "../../components/heat.ts";
import { written } from "../../components/numbers.ts";
import { fill, language, texts } from "../../texts/texts.ts";

const { totals: own, difference: differs } = texts.inspect.compare;

type TotalsProps = { readonly names: readonly [string, string]; readonly comparison: Comparison };

export function Totals({ names, comparison }: TotalsProps) {
  const { characters, totals, tokens, leftOut } = comparison;
  if (characters === 0) return <p role="status">{own.nothing}</p>;
  const perCharacter = totals.map((bits) => bits / characters) as [number, number];
  const difference = perCharacter[0] - perCharacter[1];
  const [better, worse] = difference < 0 ? names : [names[1], names[0]];
  return (
    <>
      <p role="status" class="verdict">
        <b>
          {Math.abs(difference) < 0.0005
            ? own.same
            : fill(own.lessSurprised, { better, worse, bits: written(Math.abs(difference), 3) })}
        </b>
      </p>
      <div class="scroll">
        <table class="numbers small">
          <thead>
            <tr>
              <th scope="col">{own.model}</th>
              <th scope="col" class="number">
                {own.bitsACharacter}
              </th>
              <th scope="col" class="number">
                {own.bits}
              </th>
              <th scope="col" class="number">
                {own.tokens}
              </th>
            </tr>
          </thead>
          <tbody>
            {names.map((name, side) => (
              <tr key={side === 0 ? "first" : "second"}>
                <th scope="row">{name}</th>
                <td class="number">{written(perCharacter[side] as number, 3)}</td>
                <td class="number">{Math.round(totals[side] as number).toLocaleString(language)}</td>
                <td class="number">{(tokens[side] as number).toLocaleString(language)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <p class="soft small">{fill(own.about, { characters, leftOut })}</p>
    </>
  );
}

const most = 5;
/** Characters of the text before and after a part. */
const contextCharacters = 12;

type LargestProps = TotalsProps & { readonly part: number; readonly onChoose: (part: number) => void };

export function LargestDifferences({ names, comparison, part, onChoose }: LargestProps) {
  const lists = useMemo(
    () => ([-1, 1] as const).map((sign) => largestDifferences(comparison, sign, most)),
    [comparison],
  );
  return (
    <div class="largest">
      {lists.map((places, side) => (
        <section key={side === 0 ? "first" : "second"}>
          <h3>{fill(differs.ahead, { name: names[side] as string })}</h3>
          {places.length === 0 ? (
            <p class="soft small">{differs.nowhere}</p>
          ) : (
            <ol class="matches">
              {places.map((place) => (
                <li key={place}>
                  <button type="button" aria-pressed={place === part} onClick={() => onChoose(place)}>
                    <Context texts={comparison.texts} from={place} to={place + 1} most={contextCharacters} />
                    <span class="numbers">
                      {fill(differs.bits, { bits: written(Math.abs(comparison.difference[place] as number), 1) })}
                    </span>
                  </button>
                </li>
              ))}
            </ol>
          )}
        </section>
      ))}
    </div>
  );
}

export type ContextProps = {
  readonly texts: readonly string[];
  readonly from: number;
  readonly to: number;
  /** The most characters before and after; of a longer span so many of its beginning and end are shown. */
  readonly most: number;
};

/** Tokens [from, to) of a text, marked, with what stands around them. */
export function Context({ texts, from, to, most }: ContextProps) {
  const line = (parts: readonly string[]): string => parts.join("").replaceAll("\n", "⏎").replaceAll("\t", "⇥");
  const before = line(texts.slice(Math.max(0, from - most), from)).slice(-most);
  const after = line(texts.slice(to, to + most)).slice(0, most);
  const own = visible(line(texts.slice(from, to)));
  const cut = own.length > 4 * most ? `${own.slice(0, 2 * most)} … ${own.slice(-most)}` : own;
  return (
    <span class="context">
      {before}
      <mark>{cut}</mark>
      {after}
    </span>
  );
}
