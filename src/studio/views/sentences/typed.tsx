/** The sentence that is read: what is typed, which the address follows a moment later. */
import { useEffect, useState } from "preact/hooks";
import { type Address, go, isStillAt, linkTo } from "../../address.ts";
import { TextArea } from "../../components/text-area.tsx";

/** A link should not be longer. */
const maxCharacters = 1000;
const restMs = 400;

export type Typed = { readonly text: string; readonly type: (text: string) => void };

/** Another text in the address, as after going back, counts more than what was typed before. */
export function useTyped(address: Address): Typed {
  const { view, path, query } = address;
  const given = query.text ?? "";
  const [typed, setTyped] = useState({ given, text: given });
  const text = typed.given === given ? typed.text : given;
  useEffect(() => {
    if (text === given) return undefined;
    const timer = setTimeout(() => {
      if (isStillAt(address, ["text"])) go(linkTo(view, path, { ...query, text }), { replace: true });
    }, restMs);
    return () => clearTimeout(timer);
  }, [text, given]);
  return { text, type: (next) => setTyped({ given, text: next }) };
}

export const SentenceField = ({ label, typed: { text, type } }: { readonly label: string; readonly typed: Typed }) => (
  <div class="sentence">
    <TextArea label={label} rows={2} most={maxCharacters} value={text} onText={type} />
  </div>
);

export function Problem({ error }: { readonly error: string | undefined }) {
  if (error === undefined) return null;
  return (
    <p class="error" role="alert">
      {error}
    </p>
  );
}
