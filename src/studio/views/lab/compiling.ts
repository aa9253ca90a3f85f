/**
 * The state of the text in the editor, which every part of the Lab shows: its error, and the compiler's last result,
 * with whether that belongs to this text. The engine parses the equations, once for each change; the page does not.
 */
import { useEffect, useMemo, useState } from "preact/hooks";
import { type Engine, engine, tellOfDeath, useAsks } from "../../engine/engine.ts";
import type { CompiledCell, Sizes } from "../../engine/explaining.ts";
import { messageOf } from "../../loading.ts";
import { type Mistake, placeOf } from "./words.ts";

/** The compiler's result, and the sizes. */
export type Made = { readonly compiled: CompiledCell; readonly sizes: Sizes };

export type Compiling = {
  /**
   * `made`: the compiler has finished this text. `compiling`: the text is being parsed or compiled. `mistake`: the
   * equations, or those that were parsed last, have an error. `failed`: they have none, but they could not be compiled.
   */
  readonly phase: "made" | "compiling" | "mistake" | "failed";
  readonly mistake: Mistake | undefined;
  /** The text that was parsed last. */
  readonly read: string | undefined;
  /** For `failed`, the reason. */
  readonly problem: string | undefined;
  /** The last result: of this text in the phase `made`, of an earlier text in the others. */
  readonly made: Made | undefined;
};

export type Question = { readonly key: string; readonly text: string; readonly sizes: Sizes };
/** The results, by the keys of the questions. */
export type Answers = {
  /** The last text that was parsed. */
  readonly read?: { readonly key: string; readonly text: string; readonly mistake?: Mistake };
  /** The last text that the compiler finished. */
  readonly done?: { readonly key: string; readonly problem?: string };
  readonly made?: Made;
};

/** The pause after which valid equations are compiled: parsing is fast, compiling is not. */
const restMs = 150;

/**
 * Answers the newest question and reports the state. Of questions that arrive while it works, all but the last are
 * skipped; for a text that is no longer the newest, only errors are found.
 */
export function createCompiler(engine: () => Pick<Engine, "run">, tell: (answers: Answers) => void, rest = restMs) {
  let known: Answers = {};
  let next: Question | undefined;
  let busy = false;
  let wake = (): void => {};
  const learn = (change: Answers): void => {
    known = { ...known, ...change };
    tell(known);
  };
  const answer = async ({ key, text, sizes }: Question): Promise<void> => {
    const job = engine().run("compile", text, sizes);
    const isNewest = async (): Promise<boolean> => {
      if (next === undefined && known.made !== undefined) {
        await new Promise<void>((resolve) => {
          wake = resolve;
          setTimeout(resolve, rest);
        });
      }
      return next === undefined;
    };
    let step = await job.next();
    if (!step.done) {
      learn({ read: { key, text } });
      if (!(await isNewest())) return void (await job.return(undefined as never));
      step = await job.next();
    }
    if (!step.done) return;
    if ("mistake" in step.value) learn({ read: { key, text, mistake: placeOf(text, step.value.mistake) } });
    else learn({ done: { key }, made: { compiled: step.value.compiled, sizes } });
  };
  return {
    async ask(question: Question): Promise<void> {
      next = question;
      wake();
      if (busy) return;
      busy = true;
      while (next !== undefined) {
        const present: Question = next;
        next = undefined;
        await answer(present).catch((error) => {
          const { key, text } = present;
          learn({ read: { key, text }, done: { key, problem: messageOf(error) } });
          tellOfDeath(error);
        });
      }
      busy = false;
    },
  };
}

export function useCompiling(text: string, sizes: Sizes): Compiling {
  const key = JSON.stringify([text, sizes]);
  const asks = useAsks();
  const [answers, setAnswers] = useState<Answers>({});
  const compiler = useMemo(() => createCompiler(engine, setAnswers), []);
  useEffect(() => void compiler.ask({ key, text, sizes }), [key, asks]);
  return compilingOf(key, answers);
}

/** The state that is shown while `key` is computed. */
export function compilingOf(key: string, { read, done, made }: Answers): Compiling {
  const common = { mistake: undefined, read: read?.text, problem: undefined, made };
  // Until a text is parsed, which takes a moment, the previous error stays.
  if (read?.mistake !== undefined) return { ...common, phase: "mistake", mistake: read.mistake };
  if (read?.key !== key || done?.key !== key) return { ...common, phase: "compiling" };
  return done.problem === undefined
    ? { ...common, phase: "made" }
    : { ...common, phase: "failed", problem: done.problem };
}
