/** The studio: one page that runs completely in the browser. */
import { render } from "preact";
import { isEmbedded } from "./embedded.ts";
import { Shell } from "./shell.tsx";
import { fileOfTexts, language } from "./texts/texts.ts";

document.documentElement.lang = language;
render(<Shell />, document.getElementById("app") as HTMLElement);

/** The page is loaded first; the service worker that makes it work without a network follows. */
const keepMs = 2000;
// Only the built page has it, and a frame of another page needs none; browsers without storage, and hosts without https, have no
// service workers.
if (import.meta.url.includes("/assets/") && !isEmbedded) {
  // The language was read before the service worker that keeps files was there.
  navigator.serviceWorker?.addEventListener("controllerchange", () => {
    if (fileOfTexts !== undefined) fetch(fileOfTexts).catch(() => {});
  });
  const keep = (): void => {
    setTimeout(() => {
      navigator.serviceWorker
        ?.register(new URL("./service-worker.js", document.baseURI), { updateViaCache: "none" })
        .catch(() => {});
    }, keepMs);
  };
  // A page that waits for its language is loaded before this runs.
  if (document.readyState === "complete") keep();
  else addEventListener("load", keep);
}
