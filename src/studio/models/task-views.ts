/** Which view shows models of a task, other than those of text, which several show. */
import type { ViewName } from "../address.ts";
import type { ModelFacts } from "../engine/open-models.ts";

type TaskView = { readonly view: ViewName; readonly action: string };
/** By the kind, or by the kind and what is read. */
const views: Readonly<Record<string, TaskView>> = {
  forecast: { view: "forecast", action: "Forecast" },
  classify: { view: "listen", action: "Listen" },
  "classify text": { view: "sentences", action: "Read sentences" },
  translate: { view: "sentences", action: "Translate" },
  tag: { view: "sentences", action: "Tag" },
  music: { view: "music", action: "Write music" },
  trajectories: { view: "tracks", action: "Predict tracks" },
};
const viewNamed = (name: string): TaskView | undefined => (Object.hasOwn(views, name) ? views[name] : undefined);
/** The view, and the word for what is done there. */
export const viewOfTask = (task: ModelFacts["task"] | undefined): TaskView | undefined =>
  task && (viewNamed(`${task.kind} ${task.reads}`) ?? viewNamed(task.kind));
