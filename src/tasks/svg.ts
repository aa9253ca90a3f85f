/** Text in SVG and HTML. */

/** A text as the content of an element or of an attribute; control characters, which XML forbids, become blanks. */
export const escapeMarkup = (text: string): string =>
  text
    .replace(/[&<>"]/g, (one) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[one] as string)
    .replace(/\p{Cc}/gu, " ");
