/** Which view shows models of a task, other than those of text, which several show. */
import type { ViewName } from "../address.ts";

type TaskView = { readonly view: ViewName; readonly action: string };
const views: Readonly<Record<string, TaskView>> = {
  forecast: { view: "forecast", action: "Forecast" },
  classify: { view: "listen", action: "Listen" },
  trajectories: { view: "tracks", action: "Predict tracks" },
};
/** The view, and the word for what is done there. */
export const viewOfTask = (kind: string | undefined): TaskView | undefined =>
  kind !== undefined && Object.hasOwn(views, kind) ? views[kind] : undefined;
