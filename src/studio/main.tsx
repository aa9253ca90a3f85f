/** The studio: one page, all of it in the browser. */
import { render } from "preact";
import { Shell } from "./shell.tsx";

render(<Shell />, document.getElementById("app") as HTMLElement);
