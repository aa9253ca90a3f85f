/** The Inspect view: a model reads a text, and every number of it can be seen. */
import { useEffect, useRef } from "preact/hooks";
import { type Address, go, isStillAt, linkTo, type View } from "../../address.ts";
import { Choice, chosen } from "../../components/choice.tsx";
import { Failed } from "../../components/failed.tsx";
import { NeverSeen } from "../../components/never-seen.tsx";
import { useLoaded } from "../../loading.ts";
import type { OpenModel } from "../../models/open-model.ts";
import { WithModel } from "../../models/picker.tsx";
import { fill, texts } from "../../texts/texts.ts";
import { Inspector } from "./inspector.tsx";
import { carriedSettings, type PartName, type PartProps, parts } from "./parts.ts";
import { useReading } from "./reading.ts";
import { isCut, isElsewhere, maxCharacters, TextChoice, useText } from "./text-choice.tsx";
import "./inspect.css";

const own = texts.inspect;

/** Where the text comes from, in the address: whatever the model. */
const sources = ["text", "book", "kept"];

const Inspect: View = ({ address }) => (
  <>
    <h1>{own.title}</h1>
    <p class="soft">{own.about}</p>
    <WithModel address={address} carried={[...sources, ...carriedSettings]}>
      {(model) => <Opened key={model.id} model={model} address={address} />}
    </WithModel>
  </>
);
export default Inspect;

type OpenedProps = { readonly model: OpenModel; readonly address: Address };

function Opened({ model, address }: OpenedProps) {
  const { query } = address;
  const { value: text, error, retry } = useText(query);
  const { reading, done, error: refused } = useReading(model, text);
  const count = reading?.head.ids.length ?? 0;
  return (
    <>
      <TextChoice query={query} text={text} onChoose={(chosen) => go(linkTo("inspect", [model.id], chosen))} />
      {isElsewhere(query) && <p role="alert">{own.elsewhere}</p>}
      {error !== undefined && <Failed error={error} onRetry={retry} />}
      {refused !== undefined && (
        <p class="error" role="alert">
          {refused}
        </p>
      )}
      {text !== undefined && isCut(query, text) && (
        <p role="status">{fill(own.cut, { count: text.length, most: maxCharacters })}</p>
      )}
      {reading?.head.maxOverall !== undefined && (
        <p role="status">{fill(own.statesOnly, { most: reading.head.maxOverall })}</p>
      )}
      <NeverSeen characters={reading?.head.unknown ?? []} />
      {reading !== undefined && done < count && (
        <progress class="reading" value={done / count} aria-label={own.reading} />
      )}
      {reading !== undefined && done > 0 && text !== undefined && (
        <Part key={text} {...{ model, text, reading, done, address }} />
      )}
    </>
  );
}

/** In the order of the page: the choice of a part, and the part. */
function Part({ address, ...props }: Omit<PartProps, "start" | "onView"> & { readonly address: Address }) {
  const { model } = props;
  const { query } = address;
  const part = chosen(parts, query.show, "units");
  const { load } = parts[part];
  const { value: Loaded, error, retry } = useLoaded(load && part, async () => (await load?.())?.default);
  const source = Object.fromEntries(Object.entries(query).filter(([name]) => sources.includes(name)));
  const show = (next: PartName, view: Readonly<Record<string, string>>, replace: boolean): void =>
    go(linkTo("inspect", [model.id], { ...source, ...(next !== "units" && { show: next }), ...view }), { replace });
  const onView = (view: Readonly<Record<string, string>>): void => {
    if (isStillAt(address, [...sources, "show"])) show(part, view, true);
  };
  const onViewLater = useLater(onView, part);
  return (
    <>
      <Choice
        label={own.parts.label}
        value={part}
        options={own.parts.titles}
        onChoose={(next) => show(next, query.at === undefined ? {} : { at: query.at }, false)}
      />
      {part === "units" && <Inspector {...props} start={query} onView={onView} />}
      {error !== undefined && <Failed error={own.parts.notLoaded} onRetry={retry} />}
      {Loaded !== undefined && <Loaded key={part} {...props} start={query} onView={onViewLater} />}
    </>
  );
}

/** Of many calls that follow each other quickly the last one, by the newest function; none that was made before `part` changed. */
function useLater<Given>(call: (given: Given) => void, part: string): (given: Given) => void {
  const present = useRef(call);
  present.current = call;
  const timer = useRef(0);
  useEffect(() => () => clearTimeout(timer.current), [part]);
  return (given) => {
    clearTimeout(timer.current);
    timer.current = window.setTimeout(() => present.current(given), 400);
  };
}
