/** The Inspect view: a model reads a text, and every number of it can be seen. */
import { type Address, go, isStillAt, linkTo, type View } from "../../address.ts";
import { Failed } from "../../components/failed.tsx";
import { NeverSeen } from "../../components/never-seen.tsx";
import type { OpenModel } from "../../models/open-model.ts";
import { WithModel } from "../../models/picker.tsx";
import { Inspector } from "./inspector.tsx";
import { useReading } from "./reading.ts";
import { isCut, isElsewhere, maxCharacters, TextChoice, useText } from "./text-choice.tsx";
import "./inspect.css";

/** Where the text comes from, in the address: whatever the model. */
const sources = ["text", "book", "kept"];

const Inspect: View = ({ address }) => (
  <>
    <h1>Look inside</h1>
    <p class="soft">
      A model reads a text one token at a time. Here is every gate and state at every step, what it expected next, and
      which of its units follow something in the text.
    </p>
    <WithModel address={address} carried={sources}>
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
      {isElsewhere(query) && (
        <p role="alert">
          This text is stored in another tab and is not in the link. Paste it here, or choose another one.
        </p>
      )}
      {error !== undefined && <Failed error={error} onRetry={retry} />}
      {refused !== undefined && (
        <p class="error" role="alert">
          {refused}
        </p>
      )}
      {text !== undefined && isCut(query, text) && (
        <p role="status">
          Only the first {text.length.toLocaleString("en")} characters of this text are read: a page can hold at most{" "}
          {maxCharacters.toLocaleString("en")}.
        </p>
      )}
      {reading?.head.maxOverall !== undefined && (
        <p role="status">
          Of so long a text only what the model remembers is kept. Gates too fit for at most{" "}
          {reading.head.maxOverall.toLocaleString("en")} tokens.
        </p>
      )}
      <NeverSeen characters={reading?.head.unknown ?? []} />
      {reading !== undefined && done < count && <progress class="reading" value={done / count} aria-label="Reading" />}
      {reading !== undefined && done > 0 && (
        <Inspector
          key={text}
          model={model}
          reading={reading}
          done={done}
          start={query}
          onView={(view) => {
            if (!isStillAt(address, sources)) return;
            const source = Object.entries(query).filter(([name]) => sources.includes(name));
            go(linkTo("inspect", [model.id], { ...Object.fromEntries(source), ...view }), { replace: true });
          }}
        />
      )}
    </>
  );
}
