/** The model of a link, `?model=https://...`: its progress, its error, and actions. */
import { useEffect, useState } from "preact/hooks";
import { go, linkTo, readAddress } from "../address.ts";
import { messageOf } from "../loading.ts";
import { fetchModel, linking } from "./linked.ts";
import { keepForGood, type StoredModel } from "./model-store.ts";

type State =
  | { readonly kind: "loading"; readonly bytes: number; readonly all: number | undefined }
  | { readonly kind: "failed"; readonly message: string }
  | { readonly kind: "there"; readonly model: StoredModel; readonly problem?: string }
  | { readonly kind: "done" };

const beginning: State = { kind: "loading", bytes: 0, all: undefined };
const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1);

/** The address stays as long as only the page has the model, so that it can be shared and loaded again. */
function forgetLink(): void {
  history.replaceState(null, "", location.pathname + location.hash);
}

export default function LinkedModel({ link }: { readonly link: string }) {
  const [state, setState] = useState<State>(beginning);
  const [tries, setTries] = useState(0);
  const [end, setEnd] = useState<AbortController>();
  useEffect(() => {
    const control = new AbortController();
    setEnd(control);
    setState(beginning);
    linking.set(true);
    fetchModel(link, control.signal, (bytes, all) => setState({ kind: "loading", bytes, all })).then(
      (model) => {
        setState({ kind: "there", model });
        const { view, query } = readAddress(location.hash);
        if (view === "inspect" || view === "write") go(linkTo(view, [model.id], query));
        linking.set(false);
      },
      (error) => {
        if (control.signal.aborted) return;
        setState({ kind: "failed", message: messageOf(error) });
        linking.set(false);
      },
    );
    return () => control.abort();
  }, [link, tries]);
  const leave = (): void => {
    end?.abort();
    forgetLink();
    linking.set(false);
    setState({ kind: "done" });
  };
  const keep = (model: StoredModel): void => {
    keepForGood(model).then(leave, (error) => setState({ kind: "there", model, problem: messageOf(error) }));
  };
  if (state.kind === "done") return null;
  return (
    <section class="notice row" aria-label="The model of the link">
      {state.kind === "loading" && (
        <>
          <progress
            value={state.all === undefined ? undefined : state.bytes / state.all}
            aria-label="Loading the model"
          />
          <span class="numbers">
            Loading the model of the link: {megabytes(state.bytes)}
            {state.all !== undefined && ` of ${megabytes(state.all)}`} MB
          </span>
          <button type="button" onClick={leave}>
            Cancel
          </button>
        </>
      )}
      {state.kind === "failed" && (
        <>
          <span class="error" role="alert">
            {state.message}
          </span>
          <button type="button" onClick={() => setTries(tries + 1)}>
            Try again
          </button>
          <button type="button" class="quiet" onClick={leave}>
            Dismiss
          </button>
        </>
      )}
      {state.kind === "there" && (
        <>
          <span>
            <strong>{state.model.name}</strong> was loaded from a link, and is available until the page is closed.
          </span>
          <a class="button" href={linkTo("write", [state.model.id])}>
            Write with it
          </a>
          <a class="button" href={linkTo("inspect", [state.model.id])}>
            Look inside
          </a>
          <button type="button" class="main" onClick={() => keep(state.model)}>
            Keep it
          </button>
          {state.problem !== undefined && (
            <span class="error" role="alert">
              {state.problem}
            </span>
          )}
        </>
      )}
    </section>
  );
}
