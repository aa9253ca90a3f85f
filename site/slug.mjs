/** Anchors as GitHub makes them, so that a link into a page works in the repository and on the site alike. */

/** `Fit, evaluate, predict` to `fit-evaluate-predict`. */
export const slugOf = (heading) =>
  heading
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{M}\p{N}\p{Pc}\- ]/gu, "")
    .replaceAll(" ", "-");
