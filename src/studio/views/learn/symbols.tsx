/** How to read the signs of a formula, where they first stand: each with what it is called and what it means. */
import { Formula } from "../../components/formula.tsx";
import { texts } from "../../texts/texts.ts";
import "./symbols.css";

export type SymbolRow = readonly [tex: string, says: string];

export function Symbols({ of }: { readonly of: readonly SymbolRow[] }) {
  return (
    <dl class="symbols" aria-label={texts.learn.symbols}>
      {of.map(([tex, says]) => (
        <div key={tex}>
          <dt>
            <Formula tex={tex} />
          </dt>
          <dd>{says}</dd>
        </div>
      ))}
    </dl>
  );
}
