/** What went wrong, and a way to try it again. */
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
