/** The model of a link, `?model=https://...`: its progress, its error, and actions. */
import { useEffect, useState } from "preact/hooks";
import { go, linkTo, readAddress } from "../address.ts";
import { messageOf } from "../loading.ts";
import { fill, rich, texts } from "../texts/texts.ts";
import { fetchModel, linking } from "./linked.ts";
import { keepForGood, type StoredModel } from "./model-store.ts";

const own = texts.models.linkedModel;

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
    <section class="notice row" aria-label={own.label}>
      {state.kind === "loading" && (
        <>
          <progress value={state.all === undefined ? undefined : state.bytes / state.all} aria-label={own.progress} />
          <span class="numbers">
            {state.all === undefined
              ? fill(own.loading, { read: megabytes(state.bytes) })
              : fill(own.loadingOf, { read: megabytes(state.bytes), all: megabytes(state.all) })}
          </span>
          <button type="button" onClick={leave}>
            {own.cancel}
          </button>
        </>
      )}
      {state.kind === "failed" && (
        <>
          <span class="error" role="alert">
            {state.message}
          </span>
          <button type="button" onClick={() => setTries(tries + 1)}>
            {own.again}
          </button>
          <button type="button" class="quiet" onClick={leave}>
            {own.dismiss}
          </button>
        </>
      )}
      {state.kind === "there" && (
        <>
          <span>{rich(own.loaded, { name: state.model.name })}</span>
          <a class="button" href={linkTo("write", [state.model.id])}>
            {own.write}
          </a>
          <a class="button" href={linkTo("inspect", [state.model.id])}>
            {own.inspect}
          </a>
          <button type="button" class="main" onClick={() => keep(state.model)}>
            {own.keep}
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
