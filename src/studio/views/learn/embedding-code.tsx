/** The code that puts a chapter into another page, to be copied. */
import { useState } from "preact/hooks";
import { embeddingCode } from "../../embedded.ts";

export type EmbeddingCodeProps = { readonly name: string; readonly title: string };

export function EmbeddingCode({ name, title }: EmbeddingCodeProps) {
  const [said, setSaid] = useState("");
  const [isShown, setIsShown] = useState(false);
  const code = embeddingCode(name, title);
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(code);
      setSaid("The code is copied: put it into a page, and the chapter stands in it.");
    } catch {
      // Without https there is no clipboard.
      setSaid("Copy this code into a page:");
      setIsShown(true);
    }
  };
  return (
    <div class="embedding">
      <button type="button" class="quiet" onClick={copy}>
        Copy the code that embeds this chapter
      </button>
      <span class="small" role="status">
        {said}
      </span>
      {isShown && <textarea class="code" readOnly rows={8} aria-label="The code" value={code} />}
    </div>
  );
}
