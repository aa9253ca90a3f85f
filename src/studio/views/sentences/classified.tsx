/** A text with its class, and the words that it hangs on. */
import type { Address } from "../../address.ts";
import { TokenBars } from "../../components/token-bars.tsx";
import { useNewest } from "../../engine/engine.ts";
import type { OpenModel } from "../../models/open-model.ts";
import { rich, texts } from "../../texts/texts.ts";
import { HangsOn } from "./hangs-on.tsx";
import { likeliest } from "./likeliest.ts";
import { Problem, SentenceField, useTyped } from "./typed.tsx";

const own = texts.sentences.classified;

export function Classified({ model, address }: { readonly model: OpenModel; readonly address: Address }) {
  const typed = useTyped(address);
  const { text } = typed;
  const isThere = text.trim() !== "";
  const { value, error } = useNewest(
    async () => ({ text, ...(await model.ask("explainText", text)) }),
    isThere ? text : undefined,
  );
  return (
    <>
      <SentenceField label={own.text} typed={typed} />
      {!isThere && <p role="status">{own.empty}</p>}
      {isThere && <Problem error={error} />}
      {isThere && value !== undefined && error === undefined && (
        <section aria-labelledby="class">
          <h2 id="class">{rich(own.answer, { label: value.label })}</h2>
          <TokenBars {...likeliest(value.probabilities, value.label)} />
          <h2>{own.why}</h2>
          <HangsOn answer={value.label} text={value.text} tokens={value.tokens} />
        </section>
      )}
    </>
  );
}
