/**
 * What becomes of the text in the editor, as one state that every part of the Lab shows: what is wrong with it, and what the
 * compiler last made, with whether that is of this text. The engine reads the equations, once for each change; the page does
 * not. Knows nothing about how it is shown.
 */
import { useEffect, useMemo, useState } from "preact/hooks";
import { type Engine, engine, tellOfDeath, useAsks } from "../../engine/engine.ts";
import type { CompiledCell, Sizes } from "../../engine/explaining.ts";
import { messageOf } from "../../loading.ts";
import { type Mistake, placeOf } from "./words.ts";

/** What the compiler made, and of which sizes. */
export type Made = { readonly compiled: CompiledCell; readonly sizes: Sizes };

export type Compiling = {
  /**
   * `made`: the compiler is done with this text. `compiling`: the text is read, or compiled. `mistake`: the equations have one, or
   * those that were read last had. `failed`: they have none, but what was asked for could not be done.
   */
  readonly phase: "made" | "compiling" | "mistake" | "failed";
  readonly mistake: Mistake | undefined;
  /** The text that was read last. */
  readonly read: string | undefined;
  /** Of `failed`: why. */
  readonly problem: string | undefined;
  /** The last that was made: of this text in the phase `made`, of one before it in the others. */
  readonly made: Made | undefined;
};

export type Question = { readonly key: string; readonly text: string; readonly sizes: Sizes };
/** What is known, by the keys of the questions. */
export type Answers = {
  /** The last text that was read. */
  readonly read?: { readonly key: string; readonly text: string; readonly mistake?: Mistake };
  /** The last that the compiler was done with. */
  readonly done?: { readonly key: string; readonly problem?: string };
  readonly made?: Made;
};

/** How long the reader rests before what fits is compiled: reading is quick, compiling is not. */
const restMs = 150;

/**
 * Answers the newest question, and tells what is known by then. Of those that come while it works on one all but the last are
 * passed over, and of a text that is not the newest any more no more than a mistake is found out.
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

/** What is shown while `key` is asked for. */
export function compilingOf(key: string, { read, done, made }: Answers): Compiling {
  const common = { mistake: undefined, read: read?.text, problem: undefined, made };
  // Until a text is read, which takes a moment, the mistake of the one before stands.
  if (read?.mistake !== undefined) return { ...common, phase: "mistake", mistake: read.mistake };
  if (read?.key !== key || done?.key !== key) return { ...common, phase: "compiling" };
  return done.problem === undefined
    ? { ...common, phase: "made" }
    : { ...common, phase: "failed", problem: done.problem };
}
