/** What an answer hangs on: its saliency, word by word, as colours, as numbers and as a table. */
import { useId, useState } from "preact/hooks";
import { Choice } from "../../components/choice.tsx";
import { ColouredText } from "../../components/coloured-text.tsx";
import { shadeOf, useRamp, visible } from "../../components/heat.ts";
import { significant } from "../../components/numbers.ts";
import { RampLegend } from "../../components/ramp-legend.tsx";
import { NumbersTable } from "./numbers-table.tsx";

const kinds = { saliency: "For and against it", norm: "How much" } as const;
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
        <Choice label="What the colours show" value={kind} options={kinds} onChoose={setKind} />
        <RampLegend
          low={kind === "norm" ? "0" : `against it −${significant(most)}`}
          high={kind === "norm" ? significant(most) : `${significant(most)} for it`}
          gate={kind === "norm"}
        />
      </div>
      {looked !== undefined && (
        <output id={readoutId} class="readout small" aria-live={pointed === undefined ? "polite" : "off"}>
          “{visible(looked.token)}” {looked.saliency < 0 ? "speaks against" : "speaks for"} “{answer}” with{" "}
          <b>{significant(Math.abs(looked.saliency))}</b> nats; its gradient is {significant(looked.norm)} long
        </output>
      )}
      <ColouredText
        label={`What “${answer}” hangs on. The left and right arrow keys move from token to token.`}
        describedBy={readoutId}
        tokens={pieces}
        ramp={ramp}
        shade={(t) => shadeOf(tokens[t]?.[kind] ?? 0, most)}
        at={at}
        onChoose={setChosen}
        onPoint={setPointed}
      />
      <NumbersTable
        columns={["nats", "gradient"]}
        write={significant}
        rows={tokens.map(({ token, saliency, norm }) => ({ name: token, numbers: [saliency, norm] }))}
      />
      <p class="soft small">
        The gradient of the log-probability of “{answer}” by the vector of each token: its length, and its product with
        that vector, which says for or against.
      </p>
    </>
  );
}
