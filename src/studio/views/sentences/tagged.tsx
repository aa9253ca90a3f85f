/** A sentence, word by word with its labels; and the words that the label of one of them hangs on. */
import { type Address, go, linkTo } from "../../address.ts";
import { percent, TokenBars } from "../../components/token-bars.tsx";
import { useNewest } from "../../engine/engine.ts";
import type { OpenModel } from "../../models/open-model.ts";
import { rich, texts } from "../../texts/texts.ts";
import { HangsOn } from "./hangs-on.tsx";
import { likeliest } from "./likeliest.ts";
import { Problem, SentenceField, useTyped } from "./typed.tsx";

const own = texts.sentences.tagged;

const colours = 6;
/** The colour of a label, by its number among all: parts of one entity (B-PER, I-PER) have one, what is outside has none. */
function colourOf(label: string, labels: readonly string[]): string {
  const typeOf = (one: string): string => one.replace(/^[BIESLU]-/, "");
  if (label === "O") return "var(--line)";
  const types = [...new Set(labels.filter((one) => one !== "O").map(typeOf))];
  return `var(--c${(types.indexOf(typeOf(label)) % colours) + 1})`;
}

export function Tagged({ model, address }: { readonly model: OpenModel; readonly address: Address }) {
  const { path, query } = address;
  const typed = useTyped(address);
  const words = typed.text.split(/\s+/).filter((word) => word !== "");
  const asked = /^\d{1,4}$/.test(query.word ?? "") ? Number(query.word) : 0;
  const word = Math.min(asked, words.length - 1);
  const choose = (next: number): void =>
    go(linkTo("sentences", path, { ...query, text: typed.text, word: String(next) }), { replace: true });
  const { value, error } = useNewest(
    async () => ({ word, ...(await model.ask("explainTag", words, word)) }),
    words.length > 0 ? JSON.stringify([words, word]) : undefined,
  );
  const labels = Object.keys(value?.probabilities ?? {});
  return (
    <>
      <SentenceField label={own.sentence} typed={typed} />
      {words.length === 0 && <p role="status">{texts.sentences.empty}</p>}
      {words.length > 0 && <Problem error={error} />}
      {words.length > 0 && value !== undefined && error === undefined && (
        <>
          <section aria-labelledby="labels">
            <h2 id="labels">{own.labels}</h2>
            <ol class="tagged" aria-label={own.list}>
              {value.tokens.map(({ token, label, probability }, t) => (
                <li key={t}>
                  <button
                    type="button"
                    aria-pressed={t === value.word}
                    style={{ "--own": colourOf(label, labels) }}
                    onClick={() => choose(t)}
                  >
                    <span class="word">{token}</span> <strong>{label}</strong>{" "}
                    <span class="soft small numbers">{percent(probability)}</span>
                  </button>
                </li>
              ))}
            </ol>
          </section>
          <section aria-labelledby="hangs-on">
            <h2 id="hangs-on">{rich(own.why, { label: value.label, token: value.tokens[value.word]?.token })}</h2>
            <div class="beside-text">
              <div>
                <HangsOn answer={value.label} text={typed.text} tokens={value.tokens} />
              </div>
              <div>
                <p class="soft small">{own.probabilities}</p>
                <TokenBars {...likeliest(value.probabilities, value.label)} />
              </div>
            </div>
          </section>
        </>
      )}
    </>
  );
}
