/** The studio: one page, all of it in the browser. */
import { render } from "preact";
import { Shell } from "./shell.tsx";

render(<Shell />, document.getElementById("app") as HTMLElement);

/** The page comes first; what keeps it for when there is no network follows. */
const keepMs = 2000;
// Only what is built has it; browsers without storage, and hosts without https, have no service workers.
if (import.meta.url.includes("/assets/")) {
  addEventListener("load", () => {
    setTimeout(() => {
      navigator.serviceWorker
        ?.register(new URL("./service-worker.js", document.baseURI), { updateViaCache: "none" })
        .catch(() => {});
    }, keepMs);
  });
}
