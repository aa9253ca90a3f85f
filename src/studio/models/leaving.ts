/** While something that would be lost goes on, the browser asks whether the page may be closed. */

/** Ask from now on, until the function that is returned is called. */
export function askBeforeLeaving(): () => void {
  const ask = (event: BeforeUnloadEvent): void => event.preventDefault();
  addEventListener("beforeunload", ask);
  return () => removeEventListener("beforeunload", ask);
}
