/** Tokens with their probabilities as bars; each can be selected. */
import { visible } from "./heat.ts";
import "./token-bars.css";
import { texts } from "../texts/texts.ts";

export type LikelyText = { readonly text: string; readonly token: number; readonly probability: number };

export type TokenBarsProps = {
  readonly tokens: readonly LikelyText[];
  /** The current token. */
  readonly present?: number | undefined;
  /** Called when another token is selected; without it, the tokens are only shown. */
  readonly onTake?: ((token: LikelyText) => void) | undefined;
};

export function TokenBars({ tokens, present, onTake }: TokenBarsProps) {
  return (
    <ol data-figure={texts.pictures.names.bars} class="token-bars">
      {tokens.map((each) => {
        const { text, token, probability } = each;
        const row = (
          <>
            <code>{visible(text)}</code>
            <span class="bar" style={{ inlineSize: `${100 * probability}%` }} />
            <span class="percent">{percent(probability)}</span>
          </>
        );
        return (
          <li key={token} aria-current={token === present ? "true" : undefined}>
            {onTake === undefined || token === present ? (
              <span class="each">{row}</span>
            ) : (
              <button type="button" class="each" onClick={() => onTake(each)}>
                {row}
              </button>
            )}
          </li>
        );
      })}
    </ol>
  );
}

export const percent = (probability: number): string =>
  probability < 0.001 && probability > 0 ? "< 0.1 %" : `${(100 * probability).toFixed(1)} %`;
