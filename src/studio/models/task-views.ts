/** Which view shows models of a task, other than those of text, which several show. */
import type { ViewName } from "../address.ts";
import type { ModelFacts } from "../engine/open-models.ts";
import { texts } from "../texts/texts.ts";

const own = texts.models.taskViews;

type TaskView = {
  readonly view: ViewName;
  /** What is done there; with the model that was spoken of; with a model of a name. */
  readonly action: string;
  readonly withThis: string;
  readonly withNamed: string;
};
/** By the kind, or by the kind and what is read. */
const views: Readonly<Record<string, TaskView>> = {
  forecast: { view: "forecast", ...own.forecast },
  classify: { view: "listen", ...own.listen },
  "classify text": { view: "sentences", ...own.sentences },
  translate: { view: "sentences", ...own.translate },
  tag: { view: "sentences", ...own.tag },
  music: { view: "music", ...own.music },
  trajectories: { view: "tracks", ...own.tracks },
};
const viewNamed = (name: string): TaskView | undefined => (Object.hasOwn(views, name) ? views[name] : undefined);
/** The view, and the words for what is done there. */
export const viewOfTask = (task: ModelFacts["task"] | undefined): TaskView | undefined =>
  task && (viewNamed(`${task.kind} ${task.reads}`) ?? viewNamed(task.kind));
