/** The first sight: a word is read letter by letter, and the state after each letter is seen. */
import { useState } from "preact/hooks";
import { heat } from "../../components/heat-colour.ts";
import { useAnswer } from "../../engine/engine.ts";
import { fill, texts } from "../../texts/texts.ts";

const own = texts.learn.reader;

const units = 12;
const longest = 12;
const letters = "abcdefghijklmnopqrstuvwxyz";
const [columnWidth, cellHeight, gap] = [44, 15, 26];

/** One feature a letter, the last for all other signs; large enough for the state to be of many colours. */
const vectorOf = (sign: string): number[] => {
  const at = letters.indexOf(sign.toLowerCase());
  return Array.from({ length: letters.length + 1 }, (_, k) => (k === (at < 0 ? letters.length : at) ? 2.5 : 0));
};

export function WordReader() {
  const [word, setWord] = useState("unrolled");
  const signs = [...(word === "" ? " " : word)];
  const { value } = useAnswer("trace", "simple-rnn", signs.map(vectorOf), { units, seed: 3 });
  // While the answer to a longer word is under way its last letters have no column.
  const states = signs.map((_, t) => value?.h?.[t]);
  const width = signs.length * (columnWidth + gap) - gap;
  return (
    <figure class="reader">
      <svg
        class="drawn"
        viewBox={`-14 0 ${width + 28} ${units * cellHeight + 56}`}
        role="img"
        aria-label={fill(own.states, { units, word })}
      >
        {states.map((state, t) => (
          <g key={`${t}`} transform={`translate(${t * (columnWidth + gap)} 0)`}>
            {state !== undefined && (
              <g class="column" style={{ animationDelay: `${t * 70}ms` }}>
                {Array.from(state, (value, k) => (
                  <rect
                    key={k}
                    y={k * cellHeight}
                    width={columnWidth}
                    height={cellHeight - 2}
                    rx="2"
                    fill={heat(value)}
                  />
                ))}
              </g>
            )}
            {t > 0 && <path class="wire" d={`M${6 - gap} ${(units * cellHeight) / 2}H-8m-5-5 5 5-5 5`} />}
            <path class="wire" d={`M${columnWidth / 2} ${units * cellHeight + 22}v-14m-5 5 5-5 5 5`} />
            <text class="letter" x={columnWidth / 2} y={units * cellHeight + 46} text-anchor="middle">
              {signs[t]}
            </text>
          </g>
        ))}
      </svg>
      <figcaption>
        <label class="field">
          {own.word}
          <input
            value={word}
            maxLength={longest}
            spellcheck={false}
            autocomplete="off"
            onInput={(event) => setWord(event.currentTarget.value)}
          />
        </label>
        <p class="small soft">{fill(own.about, { units })}</p>
      </figcaption>
    </figure>
  );
}
