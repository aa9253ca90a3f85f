/** The font of labels on canvases. */
import { visible } from "./heat.ts";

export const canvasFont = "11px ui-monospace, monospace";

// On Linux, Chromium waits in fillText for the system's fonts, by a task in a queue that work of its own can fill which waits
// for the page, for ever. What labels are written with is looked up now, while there is no such work.
const looking = document.createElement("canvas").getContext("2d") as CanvasRenderingContext2D;
looking.font = canvasFont;
looking.measureText(`0a…${visible("\n\t \0")}`);
