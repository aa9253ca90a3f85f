/** What an answer hangs on: its saliency, word by word, as colours, as numbers and as a table. */
import { useId, useState } from "preact/hooks";
import { Choice } from "../../components/choice.tsx";
import { ColouredText } from "../../components/coloured-text.tsx";
import { shadeOf, useRamp, visible } from "../../components/heat.ts";
import { significant } from "../../components/numbers.ts";
import { RampLegend } from "../../components/ramp-legend.tsx";
import { fill, rich, texts } from "../../texts/texts.ts";
import { NumbersTable } from "./numbers-table.tsx";

const own = texts.sentences.hangsOn;

const { kinds } = own;
type Kind = keyof typeof kinds;

export type HangsOnProps = {
  readonly answer: string;
  /** The text that was read. */
  readonly text: string;
  readonly tokens: readonly { readonly token: string; readonly saliency: number; readonly norm: number }[];
};

export function HangsOn({ answer, text, tokens }: HangsOnProps) {
  const ramp = useRamp();
  const readoutId = useId();
  const [kind, setKind] = useState<Kind>("saliency");
  const [chosen, setChosen] = useState<number>();
  const [pointed, setPointed] = useState<number>();
  const names = tokens.map(({ token }) => token);
  // Words stand apart; characters and byte pairs are the text as it is.
  const pieces = names.join("") === text ? names : names.map((token) => `${token} `);
  const most = Math.max(...tokens.map((one) => Math.abs(one[kind])), 1e-9);
  const strongest = tokens.reduce((best, one, t) => (one.norm > (tokens[best]?.norm ?? 0) ? t : best), 0);
  const at = Math.min(pointed ?? chosen ?? strongest, tokens.length - 1);
  const looked = tokens[at];
  return (
    <>
      <div class="row">
        <Choice label={own.shown} value={kind} options={kinds} onChoose={setKind} />
        <RampLegend
          low={kind === "norm" ? "0" : fill(own.against, { most: significant(most) })}
          high={kind === "norm" ? significant(most) : fill(own.for, { most: significant(most) })}
          gate={kind === "norm"}
        />
      </div>
      {looked !== undefined && (
        <output id={readoutId} class="readout small" aria-live={pointed === undefined ? "polite" : "off"}>
          {rich(looked.saliency < 0 ? own.speaksAgainst : own.speaksFor, {
            ...{ token: visible(looked.token), answer, nats: significant(Math.abs(looked.saliency)) },
            norm: significant(looked.norm),
          })}
        </output>
      )}
      <ColouredText
        label={fill(own.label, { answer })}
        describedBy={readoutId}
        tokens={pieces}
        ramp={ramp}
        shade={(t) => shadeOf(tokens[t]?.[kind] ?? 0, most)}
        at={at}
        onChoose={setChosen}
        onPoint={setPointed}
      />
      <NumbersTable
        columns={[own.nats, own.gradient]}
        write={significant}
        rows={tokens.map(({ token, saliency, norm }) => ({ name: token, numbers: [saliency, norm] }))}
      />
      <p class="soft small">{fill(own.about, { answer })}</p>
    </>
  );
}
