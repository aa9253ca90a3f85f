/** Gather the settings of the parts of a view for its link. */
import { useMemo, useRef } from "preact/hooks";

type View = Readonly<Record<string, string>>;

/** Two functions, each for the settings of one part; `onView` gets those of both and the given ones. */
export function useView(
  given: View,
  onView: (view: View) => void,
): readonly [(view: View) => void, (view: View) => void] {
  const views = useRef<[View, View]>([{}, {}]);
  const present = useRef({ given, onView });
  present.current = { given, onView };
  return useMemo(() => {
    const tell = (which: 0 | 1) => (view: View) => {
      views.current[which] = view;
      const { given, onView } = present.current;
      onView({ ...given, ...views.current[0], ...views.current[1] });
    };
    return [tell(0), tell(1)] as const;
  }, []);
}
