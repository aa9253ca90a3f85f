/** The characters of a text that a model never saw. */
import { named } from "./heat.ts";

const most = 20;

export const NeverSeen = ({ characters }: { readonly characters: readonly string[] }) =>
  characters.length === 0 ? null : (
    <p role="status">
      The model never saw {characters.slice(0, most).map(named).join(" ")}
      {characters.length > most && ` and ${characters.length - most} more`}; it reads each as unknown.
    </p>
  );
