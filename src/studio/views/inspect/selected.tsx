/** What the selected points of a map are: kinds and characters, with counts beside those that chance would give. */
import { useId, useMemo } from "preact/hooks";
import { characterKinds, kindOf } from "../../components/character-kinds.ts";
import { visible } from "../../components/heat.ts";
import { written } from "../../components/numbers.ts";
import { fill, language, texts } from "../../texts/texts.ts";
import { type Share, sharesOf } from "./selection.ts";

const says = texts.inspect.stateMap.selected;

export type SelectedProps = {
  /** The text of each point's token. */
  readonly tokens: readonly string[];
  /** Whether points are tokens of the vocabulary, each there once; otherwise they are those of the text. */
  readonly names: boolean;
  /** 1 for each point that is selected. */
  readonly selected: Uint8Array;
};

/** The largest number of tokens that are listed. */
const most = 12;
const mostNames = 100;

export function Selected({ tokens, names, selected }: SelectedProps) {
  const id = useId();
  const count = useMemo(() => selected.reduce((sum, one) => sum + one, 0), [selected]);
  const kinds = useMemo(
    () =>
      sharesOf(
        tokens.map((token) => characterKinds[kindOf(token)] as string),
        selected,
      ),
    [tokens, selected],
  );
  const own = useMemo(() => (names ? [] : sharesOf(tokens, selected)), [tokens, selected, names]);
  const { length: total } = tokens;
  return (
    <section class="selected" aria-labelledby={id}>
      <h2 id={id}>{says.title}</h2>
      <p role="status">
        {count === 0
          ? says.none
          : fill(names ? says.ofVocabulary : says.ofText, { count, total, share: percent(count / total) })}
      </p>
      {count > 0 && (
        <>
          <p class="soft small">{names ? says.chanceInVocabulary : says.chanceInText}</p>
          <div class="beside">
            <Shares label={says.kind} shares={kinds} {...{ count, total }} />
            {names ? (
              <p class="names">{listOf(tokens.filter((_, n) => selected[n] === 1))}</p>
            ) : (
              <Shares label={says.token} shares={own} isToken {...{ count, total }} />
            )}
          </div>
        </>
      )}
    </section>
  );
}

const percent = (share: number): string => `${written(100 * share, 1)} %`;

function listOf(names: readonly string[]): string {
  const first = names.slice(0, mostNames).map(visible).join("  ");
  return names.length > mostNames ? fill(says.names, { names: first, more: names.length - mostNames }) : first;
}

type SharesProps = {
  readonly label: string;
  readonly shares: readonly Share[];
  readonly isToken?: boolean;
  readonly count: number;
  readonly total: number;
};

function Shares({ label, shares, isToken = false, count, total }: SharesProps) {
  const shown = isToken ? shares.slice(0, most) : shares;
  return (
    <div class="scroll">
      <table class="numbers small">
        <thead>
          <tr>
            {[label, says.selected, says.byChance].map((title, k) => (
              <th key={title} scope="col" class={k === 0 ? "" : "number"}>
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {shown.map(({ name, selected, expected, all }) => (
            <tr key={name}>
              <th scope="row">{isToken ? <code>{visible(name)}</code> : name}</th>
              <td class="number">
                <b>{selected.toLocaleString(language)}</b> · {percent(selected / count)}
              </td>
              <td class="number">
                {written(expected, 1)} · {percent(all / total)}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {shares.length > shown.length && (
        <p class="soft small">{fill(says.more, { more: shares.length - shown.length })}</p>
      )}
    </div>
  );
}
