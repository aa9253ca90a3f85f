/** The panel of the cell: an editor for its equations, and the compiler's result while they are written. */
import { useMemo, useState } from "preact/hooks";
import { about, cells } from "../../../cells/index.ts";
import type { Cell } from "../../../graph/cell.ts";
import { Formula } from "../../components/formula.tsx";
import type { CompiledCell } from "../../engine/explaining.ts";
import { builtInName, type CellText } from "./cell-text.ts";
import type { Compiling, Made } from "./compiling.ts";
import { Editor } from "./editor.tsx";
import { GraphPicture } from "./graph-picture.tsx";

export type CellPanelProps = {
  readonly given: CellText;
  readonly compiling: Compiling;
  /** A setting is not valid, so its default is used. */
  readonly assumed: boolean;
};

export function CellPanel({
  given: { text, write, open, opened, problem, link: linkHere },
  compiling,
  assumed,
}: CellPanelProps) {
  const { made, phase } = compiling;
  // Large parts are drawn when they change, not at each key press.
  const facts = useMemo(() => made && <Facts made={made} assumed={assumed} />, [made, assumed]);
  const all = useMemo(() => made && <Compiled made={made} />, [made]);
  const place = phase === "mistake" || phase === "failed" ? "made stale" : "made";
  return (
    <>
      <div class="cell-panel">
        <div>
          <Start text={text} open={open} />
          {problem !== "" && (
            <p class="error" role="alert">
              {problem}
            </p>
          )}
          <Editor text={text} opened={opened} onChange={write} compiling={compiling} />
          <p class="small soft" id="editor-help">
            One line for each value: <code>x</code> is the input, <code>h'</code> the new value of a state and{" "}
            <code>h</code> its previous value; a name that no line defines is a parameter. Ctrl-Space completes, F8 goes
            to a mistake, Tab leaves the editor.
          </p>
          <Share text={text} link={linkHere} />
        </div>
        <div class={place} aria-busy={phase === "compiling"}>
          <Of phase={phase} made={made} />
          {made !== undefined && (
            <>
              <h3>As maths</h3>
              {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls can be scrolled by keys */}
              <section class="scroll maths" tabIndex={0} aria-label="Maths">
                <Formula display tex={made.compiled.tex} />
              </section>
              {facts}
            </>
          )}
        </div>
      </div>
      {made !== undefined && (
        <section class={place} aria-label="The graph and the plans" aria-busy={phase === "compiling"}>
          <Of phase={phase} made={made} />
          {all}
        </section>
      )}
    </>
  );
}

/** Tells whether the results below belong to the equations in the editor. */
function Of({ phase, made }: Pick<Compiling, "phase" | "made">) {
  if (phase === "made") return <p class="small soft of">Made from these equations.</p>;
  if (made === undefined) {
    return <p class="small soft of">{phase === "compiling" ? "Compiling …" : "Nothing is compiled yet."}</p>;
  }
  return (
    <p class={phase === "compiling" ? "small soft of" : "small of"}>
      {phase === "compiling" && "From the previous equations, while these are compiled:"}
      {phase === "mistake" && "From the last equations without a mistake:"}
      {phase === "failed" && "From the last equations and settings that could be compiled:"}{" "}
      {phase !== "compiling" && <code class="first-line">{made.compiled.firstLine}</code>}
    </p>
  );
}

function Start({ text, open }: Pick<CellText, "text" | "open">) {
  const name = builtInName(text);
  const own = text.trim() === "" ? "empty" : "own";
  return (
    <div class="row">
      <label class="field start">
        Start from
        <select
          value={name ?? own}
          onChange={({ currentTarget: { value } }) => {
            if (value === "empty") open("");
            else if (value !== "own") open((cells[value] as Cell).source);
          }}
        >
          <option value="empty">an empty page</option>
          {own === "own" && name === undefined && <option value="own">equations of your own</option>}
          {Object.keys(cells).map((each) => (
            <option key={each} value={each}>
              {each}: {about[each]?.differs}
            </option>
          ))}
        </select>
      </label>
    </div>
  );
}

function Share({ text, link: linkHere }: Pick<CellText, "text" | "link">) {
  const [shared, setShared] = useState<{ readonly text: string; readonly said: string; readonly link?: string }>();
  const share = async (): Promise<void> => {
    let link: string;
    try {
      link = new URL(await linkHere(), location.href).href;
    } catch {
      setShared({ text, said: "This browser cannot put a cell into a link. Copy the equations themselves." });
      return;
    }
    try {
      await navigator.clipboard.writeText(link);
      setShared({ text, said: "The link is copied: it opens the Lab with these equations and settings." });
    } catch {
      setShared({ text, said: "Copy this link:", link });
    }
  };
  const present = shared?.text === text ? shared : undefined;
  return (
    <div class="row">
      <button type="button" onClick={share}>
        Share this cell as a link
      </button>
      <span class="small" role="status">
        {present?.said}
      </span>
      {present?.link !== undefined && <input class="link" readOnly aria-label="Link" value={present.link} />}
    </div>
  );
}

const count = (n: number): string => Math.round(n).toLocaleString("en-US");
const bytes = (n: number): string =>
  n < 1e6 ? `${count(n / 1000)} kB` : `${(n / 1e6).toLocaleString("en-US", { maximumFractionDigits: 1 })} MB`;

function Facts({ made: { compiled, sizes }, assumed }: { readonly made: Made; readonly assumed: boolean }) {
  const { facts, parameters, trainingMultiplyAdds, trainingBytes, backward, untrained }: CompiledCell = compiled;
  const names = (list: readonly string[]) => (list.length === 0 ? "nothing" : list.join(" "));
  return (
    <>
      <h3>As the compiler runs it</h3>
      <p class="small soft">
        {count(sizes.units)} units, {count(sizes.input)} features of input, {count(sizes.batch)} sequences of{" "}
        {count(sizes.steps)} steps at once: the settings below
        {assumed && ", with defaults for the ones that are not valid"}.
      </p>
      <dl class="facts">
        <dt>hoisted</dt>
        <dd>
          <code>{names(facts.hoisted)}</code>
          {facts.hoisted.length > 0 && (
            <span class="soft small"> products for all time steps at once, before the time loop</span>
          )}
        </dd>
        <dt>merged</dt>
        <dd>
          <code>{facts.merged.map((one) => `[${one.join(" ")}]`).join(" ") || "nothing"}</code>
          {facts.merged.length > 0 && <span class="soft small"> matrices side by side, one product each</span>}
        </dd>
        <dt>fused</dt>
        <dd>
          {facts.fused} {facts.fused === 1 ? "pass" : "passes"}
          <span class="soft small"> over memory in the time loop, for everything between the products</span>
        </dd>
        <dt>gradient</dt>
        <dd>
          {count(backward)} {backward === 1 ? "operation" : "operations"}
          <span class="soft small"> derived from the equations</span>
          {untrained.length > 0 && (
            <>
              ; none reaches <code>{names(untrained)}</code>
              <span class="soft small">, which training does not change</span>
            </>
          )}
        </dd>
        <dt>parameters</dt>
        <dd>{count(parameters)}</dd>
        <dt>multiply-adds</dt>
        <dd>
          {count(facts.multiplyAdds)} a step, {count(trainingMultiplyAdds)} with the gradient
        </dd>
        <dt>memory</dt>
        <dd>
          {bytes(facts.bytes)}, {bytes(trainingBytes)} with the gradient
        </dd>
      </dl>
    </>
  );
}

function Compiled({ made: { compiled } }: { readonly made: Made }) {
  const { facts, forward, forwardText, bothText, plan, trainingPlan, descriptions, declared } = compiled;
  return (
    <>
      <h3>As a graph, one time step</h3>
      <GraphPicture graph={forward} hoisted={facts.hoisted} descriptions={descriptions} />
      <ul class="legend small soft">
        <li class="state">previous value of a state</li>
        <li class="product">product with a matrix</li>
        <li class="product hoisted">hoisted product</li>
        <li class="pointwise">elementwise</li>
        {facts.states.length > 0 && <li class="loop">passed to the next step</li>}
      </ul>
      <Text title="The graph as text" text={forwardText} />
      <Text title="The graph with its gradient, as text" text={bothText} />
      <Text title="The plan, without the gradient" text={plan} />
      <Text title="The plan of training" text={trainingPlan} />
      <details>
        <summary>Parameters and states</summary>
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls can be scrolled by keys */}
        <section class="scroll" tabIndex={0} aria-label="Parameters and states">
          <table>
            <thead>
              <tr>
                <th>name</th>
                <th>shape</th>
                <th>starts as</th>
                <th>description</th>
              </tr>
            </thead>
            <tbody>
              {facts.states.map((name, k) => (
                <tr key={name}>
                  <td>
                    <code>{name}'</code>
                  </td>
                  <td>{facts.stateShapes[k]?.join(" × ")}</td>
                  <td>zeros</td>
                  <td>{descriptions[name] ?? "a state"}</td>
                </tr>
              ))}
              {facts.parameters.map(({ name, shape }, k) => (
                <tr key={name}>
                  <td>
                    <code>{name}</code>
                  </td>
                  <td>{shape.join(" × ")}</td>
                  <td>{declared[k]?.initializer.replaceAll("_", " ")}</td>
                  <td>{descriptions[name] ?? (declared[k]?.matrix ? "a matrix" : "a vector")}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      </details>
    </>
  );
}

function Text({ title, text }: { readonly title: string; readonly text: string }) {
  return (
    <details>
      <summary>{title}</summary>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls can be scrolled by keys */}
      <pre class="scroll" tabIndex={0}>
        {text}
      </pre>
    </details>
  );
}
