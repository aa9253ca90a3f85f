/** An error message with a button to try again. */
import { texts } from "../texts/texts.ts";

export function Failed({ error, onRetry }: { readonly error: string; readonly onRetry: () => void }) {
  return (
    <p class="row" role="alert">
      <span class="error">{error}</span>
      <button type="button" onClick={onRetry}>
        {texts.components.failed.again}
      </button>
    </p>
  );
}
