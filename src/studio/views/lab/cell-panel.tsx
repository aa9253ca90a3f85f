/** The panel of the cell: an editor for its equations, and the compiler's result while they are written. */
import { type ComponentChildren, Fragment } from "preact";
import { useMemo, useState } from "preact/hooks";
import { cells } from "../../../cells/index.ts";
import type { Cell } from "../../../graph/cell.ts";
import { differsOf } from "../../components/cells-in-words.ts";
import { Formula } from "../../components/formula.tsx";
import type { CompiledCell } from "../../engine/explaining.ts";
import { fill, language, rich, texts } from "../../texts/texts.ts";
import { builtInName, type CellText } from "./cell-text.ts";
import type { Compiling, Made } from "./compiling.ts";
import { Editor } from "./editor.tsx";
import { GraphPicture } from "./graph-picture.tsx";

const own = texts.lab.cell;

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
            {rich(own.editor.help)}
          </p>
          <Share text={text} link={linkHere} />
        </div>
        <div class={place} aria-busy={phase === "compiling"}>
          <Of phase={phase} made={made} />
          {made !== undefined && (
            <>
              <h3>{own.maths.title}</h3>
              {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls can be scrolled by keys */}
              <section class="scroll maths" tabIndex={0} aria-label={own.maths.label}>
                <Formula display tex={made.compiled.tex} />
              </section>
              {facts}
            </>
          )}
        </div>
      </div>
      {made !== undefined && (
        <section class={place} aria-label={own.graph.section} aria-busy={phase === "compiling"}>
          <Of phase={phase} made={made} />
          {all}
        </section>
      )}
    </>
  );
}

/** Tells whether the results below belong to the equations in the editor. */
function Of({ phase, made }: Pick<Compiling, "phase" | "made">) {
  if (phase === "made") return <p class="small soft of">{own.of.made}</p>;
  if (made === undefined) {
    return <p class="small soft of">{phase === "compiling" ? own.of.compiling : own.of.nothing}</p>;
  }
  return (
    <p class={phase === "compiling" ? "small soft of" : "small of"}>
      {phase === "compiling"
        ? own.of.previous
        : rich(own.of[phase], {
            line: made.compiled.firstLine,
            first: (inside) => <code class="first-line">{inside}</code>,
          })}
    </p>
  );
}

function Start({ text, open }: Pick<CellText, "text" | "open">) {
  const name = builtInName(text);
  const other = text.trim() === "" ? "empty" : "own";
  return (
    <div class="row">
      <label class="field start">
        {own.startFrom}
        <select
          value={name ?? other}
          onChange={({ currentTarget: { value } }) => {
            if (value === "empty") open("");
            else if (value !== "own") open((cells[value] as Cell).source);
          }}
        >
          <option value="empty">{own.empty}</option>
          {other === "own" && name === undefined && <option value="own">{own.own}</option>}
          {Object.keys(cells).map((each) => (
            <option key={each} value={each}>
              {fill(own.builtIn, { name: each, differs: differsOf(each) })}
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
      setShared({ text, said: own.share.cannot });
      return;
    }
    try {
      await navigator.clipboard.writeText(link);
      setShared({ text, said: own.share.copied });
    } catch {
      setShared({ text, said: own.share.copyIt, link });
    }
  };
  const present = shared?.text === text ? shared : undefined;
  return (
    <div class="row">
      <button type="button" onClick={share}>
        {own.share.button}
      </button>
      <span class="small" role="status">
        {present?.said}
      </span>
      {present?.link !== undefined && <input class="link" readOnly aria-label={own.share.link} value={present.link} />}
    </div>
  );
}

const count = (n: number): string => Math.round(n).toLocaleString(language);
const bytes = (n: number): string =>
  n < 1e6
    ? fill(own.facts.kilobytes, { n: count(n / 1000) })
    : fill(own.facts.megabytes, { n: (n / 1e6).toLocaleString(language, { maximumFractionDigits: 1 }) });
const soft = (inside: ComponentChildren) => <span class="soft small">{inside}</span>;

function Facts({ made: { compiled, sizes }, assumed }: { readonly made: Made; readonly assumed: boolean }) {
  const { facts, parameters, trainingMultiplyAdds, trainingBytes, backward, untrained }: CompiledCell = compiled;
  const its = own.facts;
  const lists = { hoisted: facts.hoisted.join(" "), merged: facts.merged.map((one) => `[${one.join(" ")}]`).join(" ") };
  const given = {
    ...{ units: count(sizes.units), input: count(sizes.input) },
    ...{ batch: count(sizes.batch), steps: count(sizes.steps) },
  };
  return (
    <>
      <h3>{its.title}</h3>
      <p class="small soft">{fill(assumed ? its.sizesAssumed : its.sizes, given)}</p>
      <dl class="facts">
        {(["hoisted", "merged"] as const).map((name) => (
          <Fragment key={name}>
            <dt>{its[name]}</dt>
            <dd>
              {lists[name] === "" ? (
                <code>{its.nothing}</code>
              ) : (
                rich(its[`${name}Value`], { names: lists[name], soft })
              )}
            </dd>
          </Fragment>
        ))}
        <dt>{its.fused}</dt>
        <dd>{rich(its.fusedValue, { n: facts.fused, soft })}</dd>
        <dt>{its.gradient}</dt>
        <dd>
          {untrained.length === 0
            ? rich(its.gradientValue, { n: backward, soft })
            : rich(its.gradientUntrained, { n: backward, names: untrained.join(" "), soft })}
        </dd>
        <dt>{its.parameters}</dt>
        <dd>{count(parameters)}</dd>
        <dt>{its.multiplyAdds}</dt>
        <dd>
          {fill(its.multiplyAddsValue, { forward: count(facts.multiplyAdds), training: count(trainingMultiplyAdds) })}
        </dd>
        <dt>{its.memory}</dt>
        <dd>{fill(its.memoryValue, { forward: bytes(facts.bytes), training: bytes(trainingBytes) })}</dd>
      </dl>
    </>
  );
}

function Compiled({ made: { compiled } }: { readonly made: Made }) {
  const { facts, forward, forwardText, bothText, plan, trainingPlan, descriptions, declared } = compiled;
  return (
    <>
      <h3>{own.graph.title}</h3>
      <GraphPicture graph={forward} hoisted={facts.hoisted} descriptions={descriptions} />
      <ul class="legend small soft">
        <li class="state">{own.graph.legend.state}</li>
        <li class="product">{own.graph.legend.product}</li>
        <li class="product hoisted">{own.graph.legend.hoisted}</li>
        <li class="pointwise">{own.graph.legend.pointwise}</li>
        {facts.states.length > 0 && <li class="loop">{own.graph.legend.loop}</li>}
      </ul>
      <Text title={own.texts.forward} text={forwardText} />
      <Text title={own.texts.both} text={bothText} />
      <Text title={own.texts.plan} text={plan} />
      <Text title={own.texts.trainingPlan} text={trainingPlan} />
      <details>
        <summary>{own.values.title}</summary>
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls can be scrolled by keys */}
        <section class="scroll" tabIndex={0} aria-label={own.values.title}>
          <table>
            <thead>
              <tr>
                <th>{own.values.name}</th>
                <th>{own.values.shape}</th>
                <th>{own.values.start}</th>
                <th>{own.values.description}</th>
              </tr>
            </thead>
            <tbody>
              {facts.states.map((name, k) => (
                <tr key={name}>
                  <td>
                    <code>{name}'</code>
                  </td>
                  <td>{facts.stateShapes[k]?.join(" × ")}</td>
                  <td>{own.values.zeros}</td>
                  <td>{descriptions[name] ?? own.values.state}</td>
                </tr>
              ))}
              {facts.parameters.map(({ name, shape }, k) => (
                <tr key={name}>
                  <td>
                    <code>{name}</code>
                  </td>
                  <td>{shape.join(" × ")}</td>
                  <td>{declared[k]?.initializer.replaceAll("_", " ")}</td>
                  <td>{descriptions[name] ?? (declared[k]?.matrix ? own.values.matrix : own.values.vector)}</td>
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
