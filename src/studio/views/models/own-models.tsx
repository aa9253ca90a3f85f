/** The reader's models, with actions for each. */
import { useState } from "preact/hooks";
import { go, linkTo } from "../../address.ts";
import { download } from "../../download.ts";
import { messageOf } from "../../loading.ts";
import { dateAndTime } from "../../models/losses.ts";
import {
  forgetModel,
  isOfText,
  keepForGood,
  readModelFile,
  type StoredModel,
  useModels,
} from "../../models/model-store.ts";
import { broughtBy, FileButton, keepBrought, useDroppedFiles } from "../../models/picker.tsx";
import { viewOfTask } from "../../models/task-views.ts";
import { shownFacts } from "../../models/training-facts.ts";
import { fill, rich, texts } from "../../texts/texts.ts";
import { type Untold, UntoldModel } from "./untold-model.tsx";

const words = texts.modelsView.own;

export function OwnModels() {
  const models = useModels();
  const [problem, setProblem] = useState("");
  const attempt = (work: Promise<void>): void => {
    setProblem("");
    work.catch((error) => setProblem(messageOf(error)));
  };
  const [untold, setUntold] = useState<Untold>();
  /** A file of another task than text opens its view. */
  const take = async (files: readonly File[]): Promise<void> => {
    if (files.length === 0) return;
    setUntold(undefined);
    const brought = await broughtBy(files);
    if (!("facts" in brought)) {
      setUntold(brought);
      return;
    }
    const { id, task } = await keepBrought(brought);
    const own = viewOfTask(task);
    if (own !== undefined) go(linkTo(own.view, [id]));
  };
  useDroppedFiles((files) => attempt(take(files)));
  return (
    <section aria-labelledby="own">
      <h2 id="own">{words.title}</h2>
      <p>
        <FileButton onFiles={(files) => attempt(take(files))} />
      </p>
      {untold !== undefined && <UntoldModel model={untold} />}
      {models?.length === 0 && <p>{rich(words.none, { lab: (inside) => <a href={linkTo("lab")}>{inside}</a> })}</p>}
      {models !== undefined && models.length > 0 && (
        <ul class="own">
          {models.map((model) => (
            <OwnModel key={model.id} model={model} attempt={attempt} />
          ))}
        </ul>
      )}
      {problem !== "" && (
        <p class="error" role="alert">
          {problem}
        </p>
      )}
    </section>
  );
}

const figure = new Intl.NumberFormat("en", { maximumSignificantDigits: 12 });
const size = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });

function OwnModel({
  model,
  attempt,
}: {
  readonly model: StoredModel;
  readonly attempt: (work: Promise<void>) => void;
}) {
  const { id, name, bytes, madeMs, inPage = false, task, training } = model;
  const ofText = isOfText(model);
  const own = ofText ? undefined : viewOfTask(task);
  const facts = shownFacts(training?.facts ?? {}).map(
    ({ title, value }) => `${title} ${typeof value === "number" ? figure.format(value) : value}`,
  );
  const save = async (): Promise<void> => download(`${id}.safetensors`, await readModelFile(id));
  const [asked, setAsked] = useState(false);
  return (
    <li class="card">
      <h3>{name}</h3>
      <p class="soft small">
        {[
          fill(words.size, { n: size.format(bytes / 1e6) }),
          madeMs === undefined ? words.given : fill(words.made, { when: dateAndTime(madeMs) }),
          ...(inPage ? [words.inPage] : []),
          ...(task !== undefined && !ofText ? [fill(words.task, { title: task.title, kind: task.kind })] : []),
        ].join(", ")}
      </p>
      {facts.length > 0 && <p class="soft small numbers">{facts.join(" · ")}</p>}
      <p class="row">
        {ofText && (
          <>
            <a class="button" href={linkTo("inspect", [id])} aria-label={fill(words.inspectNamed, { name })}>
              {words.inspect}
            </a>
            <a class="button" href={linkTo("write", [id])} aria-label={fill(words.writeNamed, { name })}>
              {words.write}
            </a>
          </>
        )}
        {own !== undefined && (
          <a class="button" href={linkTo(own.view, [id])} aria-label={fill(own.withNamed, { name })}>
            {own.action}
          </a>
        )}
        <button type="button" aria-label={fill(words.downloadNamed, { name })} onClick={() => attempt(save())}>
          {words.download}
        </button>
        {inPage && (
          <button
            type="button"
            aria-label={fill(words.keepNamed, { name })}
            onClick={() => attempt(keepForGood(model))}
          >
            {words.keep}
          </button>
        )}
        {madeMs !== undefined && !asked && (
          <button
            type="button"
            class="quiet"
            aria-label={fill(words.forgetNamed, { name })}
            onClick={() => setAsked(true)}
          >
            {words.forget}
          </button>
        )}
        {asked && (
          <button type="button" onBlur={() => setAsked(false)} onClick={() => attempt(forgetModel(id))} ref={focused}>
            {fill(words.really, { name })}
          </button>
        )}
      </p>
    </li>
  );
}

/** The question takes the place and the focus of the button. */
const focused = (button: HTMLButtonElement | null): void => button?.focus();
