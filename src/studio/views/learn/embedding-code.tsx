/** The code that puts a chapter into another page, to be copied. */
import { useState } from "preact/hooks";
import { embeddingCode } from "../../embedded.ts";
import { texts } from "../../texts/texts.ts";

const own = texts.learn.embedding;

export type EmbeddingCodeProps = { readonly name: string; readonly title: string };

export function EmbeddingCode({ name, title }: EmbeddingCodeProps) {
  const [said, setSaid] = useState("");
  const [isShown, setIsShown] = useState(false);
  const code = embeddingCode(name, title);
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(code);
      setSaid(own.copied);
    } catch {
      // Without https there is no clipboard.
      setSaid(own.copy);
      setIsShown(true);
    }
  };
  return (
    <div class="embedding">
      <button type="button" class="quiet" onClick={copy}>
        {own.button}
      </button>
      <span class="small" role="status">
        {said}
      </span>
      {isShown && <textarea class="code" readOnly rows={8} aria-label={own.code} value={code} />}
    </div>
  );
}
