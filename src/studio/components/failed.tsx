/** An error message with a button to try again. */
export function Failed({ error, onRetry }: { readonly error: string; readonly onRetry: () => void }) {
  return (
    <p class="row" role="alert">
      <span class="error">{error}</span>
      <button type="button" onClick={onRetry}>
        Try again
      </button>
    </p>
  );
}
