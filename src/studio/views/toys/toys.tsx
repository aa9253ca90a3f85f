/** The Toy tasks view: train a cell on sequences made by a rule, see what it learns, and compare runs. */
import { useEffect, useId, useMemo, useRef, useState } from "preact/hooks";
import { blank, type ToyTask, type ToyTaskName, toyTasks } from "../../../data/toy-tasks.ts";
import { type Address, go, linkTo, type View } from "../../address.ts";
import { chosen } from "../../components/choice.tsx";
import { Curves } from "../../components/curves.tsx";
import { Watch } from "../../components/watch.tsx";
import type { ToyReport } from "../../engine/toys.ts";
import { fill, texts as page } from "../../texts/texts.ts";
import { Sample, Validation } from "./example.tsx";
import { type LiveRun, startToys, stopToys, useToys } from "./running.ts";
import { Runs } from "./runs.tsx";
import {
  type Asked,
  askedOf,
  cellOptions,
  cellTitle,
  type FieldName,
  fieldNames,
  fieldsOf,
  maxEquations,
  queryForOther,
  standardCell,
  standardSeeds,
  standardSizes,
} from "./settings.ts";
import { measures, Sweep } from "./sweep.tsx";
import { WhatToTry } from "./what-to-try.tsx";
import "./toys.css";

const own = page.toys.view;

type Query = Address["query"];
const tasks = Object.entries(toyTasks) as [ToyTaskName, ToyTask][];
const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

const Toys: View = ({ address }) => {
  const asked = askedOf(address);
  const { live, waiting, runs, sweep, problem } = useToys();
  const { task, settings, problems } = asked;
  const { title, about } = page.toys.tasks[task];
  const busy = live?.running === true;
  const set = (changed: Readonly<Record<string, string | undefined>>): void => {
    const all = Object.entries({ ...address.query, ...changed });
    const next = Object.fromEntries(all.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));
    go(linkTo("toys", [task], next), { replace: true });
  };
  const sizes = useMemo(
    () => sampleSizes(asked),
    [task, asked.texts.shortest, asked.texts.longest, asked.texts.alphabet],
  );
  const ofSweep = useMemo(() => runs.filter((run) => sweep !== undefined && run.sweep === sweep), [runs, sweep]);
  return (
    <div class="toys">
      <h1>{own.title}</h1>
      <p>{own.about}</p>
      <h2>{own.task.title}</h2>
      <div class="row">
        <label class="field">
          {own.task.label}
          <select
            value={task}
            onChange={({ currentTarget: { value } }) => go(linkTo("toys", [value], queryForOther(address.query)))}
          >
            {tasks.map(([name]) => (
              <option key={name} value={name}>
                {page.toys.tasks[name].title}
              </option>
            ))}
          </select>
        </label>
      </div>
      <p>{about}</p>
      <Sample task={task} sizes={sizes} seed={2} />
      <AllTasks />
      <h2>{own.run}</h2>
      <Settings asked={asked} query={address.query} onChange={set} />
      <div class="row go">
        <button
          type="button"
          class="main"
          disabled={busy || settings === undefined}
          onClick={() => settings !== undefined && void startToys([settings])}
        >
          {own.train}
        </button>
        {busy && (
          <button type="button" disabled={live.stopping} onClick={stopToys}>
            {waiting > 0 ? own.stopSweep : own.stop}
          </button>
        )}
      </div>
      <p role="alert" class="error small message">
        {problem ?? firstProblem(problems)}
      </p>
      {live !== undefined && <Live live={live} waiting={waiting} />}
      <Runs runs={runs} />
      <h2>{own.sweep.title}</h2>
      <p>{own.sweep.about}</p>
      <SweepForm asked={asked} query={address.query} onChange={set} busy={busy} />
      {ofSweep.length > 0 && (
        <>
          <h3>
            {fill(own.sweep.of, {
              task: page.toys.tasks[(ofSweep[0] as (typeof ofSweep)[number]).settings.task].title,
              cell: cellTitle((ofSweep[0] as (typeof ofSweep)[number]).settings),
            })}
          </h3>
          <Sweep
            runs={ofSweep}
            measure={chosen(measures, address.query.measure, "exact")}
            onMeasure={(measure) => set({ measure })}
          />
        </>
      )}
      <WhatToTry />
      <p class="visually-hidden" role="status">
        {live?.running === false && fill(own.ended, { task: title })}
      </p>
    </div>
  );
};
export default Toys;

const firstProblem = (problems: Asked["problems"]): string | undefined =>
  Object.entries(problems).find(([name]) => !["sizes", "seeds"].includes(name))?.[1];

/** Sizes for an example, also while a field is not valid. */
function sampleSizes({ task, settings }: Asked) {
  const fields = fieldsOf(task);
  const [longest, alphabet] = [fields.longest.standard, fields.alphabet.standard];
  const standard = { shortest: longest, longest, alphabet };
  return settings === undefined
    ? standard
    : { shortest: settings.longest, longest: settings.longest, alphabet: settings.alphabet };
}

function AllTasks() {
  return (
    <details>
      <summary>{fill(own.all.title, { count: tasks.length })}</summary>
      <dl class="all-tasks">
        {tasks.map(([name, { length, alphabet }]) => (
          <div key={name}>
            <dt>
              <a href={linkTo("toys", [name])}>{page.toys.tasks[name].title}</a>
            </dt>
            <dd>
              <p class="small">{page.toys.tasks[name].about}</p>
              <Sample
                task={name}
                sizes={{
                  shortest: Math.min(5, length.longest),
                  longest: Math.min(5, length.longest),
                  alphabet: alphabet.standard,
                }}
                seed={4}
              />
            </dd>
          </div>
        ))}
      </dl>
      <p class="small soft">{fill(own.all.blank, { blank })}</p>
    </details>
  );
}

type FormProps = {
  readonly asked: Asked;
  readonly query: Query;
  readonly onChange: (changed: Readonly<Record<string, string | undefined>>) => void;
};

function Settings({ asked: { task, texts, problems }, query, onChange }: FormProps) {
  const fields = fieldsOf(task);
  const id = useId();
  const isOwn = query.equations !== undefined;
  // What cannot be changed is not asked.
  const shown = fieldNames.filter((name) => fields[name].min < fields[name].max);
  return (
    <form class="settings" onSubmit={(event) => event.preventDefault()}>
      <div class="field cell">
        <label for={`${id}-cell`}>{page.toys.settings.cell.label}</label>
        <select
          id={`${id}-cell`}
          value={isOwn ? "own equations" : (query.cell ?? standardCell)}
          aria-invalid={problems.cell !== undefined}
          onChange={({ currentTarget: { value } }) =>
            onChange(
              value === "own equations"
                ? { cell: undefined, equations: ownCell }
                : { cell: value === standardCell ? undefined : value, equations: undefined },
            )
          }
        >
          {cellOptions.map(({ name, title }) => (
            <option key={name} value={name}>
              {title}
            </option>
          ))}
          <option value="own equations">{page.toys.settings.cell.equations}</option>
        </select>
      </div>
      {isOwn && <Equations text={query.equations ?? ""} onChange={(equations) => onChange({ equations })} />}
      {shown.map((name) => (
        <NumberField
          key={name}
          name={name}
          text={texts[name]}
          label={fields[name].label}
          hint={problems[name] ?? fields[name].hint}
          wrong={problems[name] !== undefined}
          onInput={(text) => onChange({ [name]: text === `${fields[name].standard}` ? undefined : text })}
        />
      ))}
    </form>
  );
}

/** A GRU with one gate, to begin with. */
const ownCell = `f  = sigmoid(W_f @ x + U_f @ h + b_f)
h' = (1 - f) * h + f * tanh(W @ x + U @ h + b)`;
/** The pause after which the address follows the equations. */
const restMs = 300;

function Equations({ text, onChange }: { readonly text: string; readonly onChange: (text: string) => void }) {
  const [draft, setDraft] = useState(text);
  const timer = useRef(0);
  const told = useRef(text);
  useEffect(() => {
    if (text === told.current) return;
    told.current = text;
    setDraft(text);
  }, [text]);
  useEffect(() => () => clearTimeout(timer.current), []);
  const tell = (next: string): void => {
    clearTimeout(timer.current);
    told.current = next;
    onChange(next);
  };
  return (
    <label class="field equations">
      {page.toys.settings.cell.title}
      <textarea
        class="code"
        rows={5}
        maxLength={maxEquations}
        spellcheck={false}
        value={draft}
        onInput={({ currentTarget: { value } }) => {
          setDraft(value);
          clearTimeout(timer.current);
          timer.current = window.setTimeout(() => tell(value), restMs);
        }}
        onBlur={({ currentTarget: { value } }) => tell(value)}
      />
    </label>
  );
}

type NumberFieldProps = {
  readonly name: FieldName | "sizes" | "seeds";
  readonly label: string;
  readonly hint: string;
  readonly text: string;
  readonly wrong: boolean;
  readonly onInput: (text: string) => void;
};

function NumberField({ name, label, hint, text, wrong, onInput }: NumberFieldProps) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input
        id={id}
        name={name}
        inputMode="decimal"
        autocomplete="off"
        value={text}
        aria-invalid={wrong}
        aria-describedby={`${id}-about`}
        onInput={({ currentTarget: { value } }) => onInput(value)}
      />
      <span id={`${id}-about`} class={wrong ? "error small" : "soft small"}>
        {hint}
      </span>
    </div>
  );
}

function SweepForm({ asked, query, onChange, busy }: FormProps & { readonly busy: boolean }) {
  const { problems, sweep } = asked;
  const { sizes = standardSizes as string, seeds = standardSeeds as string } = query;
  return (
    <>
      <form class="settings" onSubmit={(event) => event.preventDefault()}>
        <NumberField
          name="sizes"
          label={page.toys.settings.sizes.label}
          hint={problems.sizes ?? page.toys.settings.sizes.hint}
          text={sizes}
          wrong={problems.sizes !== undefined}
          onInput={(text) => onChange({ sizes: text === standardSizes ? undefined : text })}
        />
        <NumberField
          name="seeds"
          label={page.toys.settings.seeds.label}
          hint={problems.seeds ?? fill(page.toys.settings.seeds.hint, { seed: asked.texts.seed })}
          text={seeds}
          wrong={problems.seeds !== undefined}
          onInput={(text) => onChange({ seeds: text === standardSeeds ? undefined : text })}
        />
      </form>
      <p>
        <button
          type="button"
          disabled={busy || sweep === undefined}
          onClick={() => sweep !== undefined && void startToys(sweep, { isSweep: true })}
        >
          {sweep === undefined ? own.sweep.button : fill(own.sweep.train, { runs: sweep.length })}
        </button>
      </p>
    </>
  );
}

function Live({ live, waiting }: { readonly live: LiveRun; readonly waiting: number }) {
  const { settings, points, looks, latest, running } = live;
  const done = latest?.updates ?? 0;
  const losses = points.flatMap(({ loss, trainingLoss = 0 }) => [loss, trainingLoss]);
  const curves = [
    {
      name: own.live.whole,
      colour: "--c1",
      points: points.map(({ updates, exact }) => ({ at: updates, value: exact })),
    },
    {
      name: own.live.answers,
      colour: "--c2",
      points: points.map(({ updates, answers }) => ({ at: updates, value: answers })),
    },
  ];
  const lossCurves = [
    {
      name: own.live.heldOut,
      colour: "--c1",
      points: points.map(({ updates, loss }) => ({ at: updates, value: loss })),
    },
    {
      name: own.live.training,
      colour: "--c2",
      points: points.flatMap(({ updates, trainingLoss }) =>
        trainingLoss === undefined ? [] : [{ at: updates, value: trainingLoss }],
      ),
    },
  ];
  const x = { label: own.live.updates, domain: [0, Math.max(settings.updates, done)] } as const;
  return (
    <section class="card live" aria-label={own.live.label}>
      <h3>
        {fill(own.live.title, {
          ...{ task: page.toys.tasks[settings.task].title, cell: cellTitle(settings), units: settings.units },
          ...{ layers: settings.layers, seed: settings.seed },
        })}
      </h3>
      <progress value={done} max={settings.updates} aria-label={own.live.progress} />
      <p class="small numbers">
        {running && latest === undefined
          ? fill(own.live.preparing, { waiting })
          : fill(own.live.done, {
              ...{ done: done.toLocaleString("en-US"), updates: settings.updates.toLocaleString("en-US"), waiting },
            })}
      </p>
      {latest !== undefined && (
        <>
          <p class="numbers said">
            {fill(own.live.said, {
              ...{ exact: percent(latest.held.exact), answers: percent(latest.held.answers) },
              ...{ met: percent(latest.met), often: latest.met > 0.5 ? "yes" : "no" },
            })}
          </p>
          <div class="figure">
            <Curves
              label={fill(own.live.shares, {
                ...{ exact: percent(latest.held.exact), answers: percent(latest.held.answers) },
              })}
              curves={curves}
              x={x}
              y={{ label: own.live.right, domain: [0, 1] }}
            />
            <Curves
              label={fill(own.live.losses, { loss: latest.loss.toFixed(3) })}
              curves={lossCurves}
              x={x}
              y={{ label: own.live.loss, domain: [0, Math.max(...losses, 0.1)] }}
            />
          </div>
          <Validation
            task={settings.task}
            alphabet={settings.alphabet}
            examples={latest.examples}
            updates={latest.updates}
          />
          <ByLength byLength={latest.byLength} />
          <Watch looks={looks} last={own.live.last} clipNorm={settings.clipNorm} />
        </>
      )}
    </section>
  );
}

function ByLength({ byLength: { updates, scores } }: Pick<ToyReport, "byLength">) {
  return (
    <>
      <h3>{own.byLength.title}</h3>
      <table class="numbers">
        <caption class="small soft">{fill(own.byLength.caption, { updates: updates.toLocaleString("en-US") })}</caption>
        <thead>
          <tr>
            <th scope="col" class="number">
              {own.byLength.length}
            </th>
            <th scope="col" class="number">
              {own.byLength.whole}
            </th>
            <th scope="col" class="number">
              {own.byLength.answers}
            </th>
          </tr>
        </thead>
        <tbody>
          {scores.map(({ length, exact, answers }, k) => (
            <tr key={length}>
              <th scope="row" class="number">
                {length}
                {k === 0 && <span class="small soft">{own.byLength.longest}</span>}
              </th>
              <td class="number">{percent(exact)}</td>
              <td class="number">{percent(answers)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}
