/** The characters of a text that a model never saw. */
import { named } from "./heat.ts";

const most = 20;

export type NeverSeenProps = {
  readonly characters: readonly string[];
  /** The model's name, where there are several. */
  readonly name?: string;
};

export const NeverSeen = ({ characters, name }: NeverSeenProps) =>
  characters.length === 0 ? null : (
    <p role="status">
      {name === undefined ? "The model" : `“${name}”`} never saw {characters.slice(0, most).map(named).join(" ")}
      {characters.length > most && ` and ${characters.length - most} more`}; it reads each as unknown.
    </p>
  );
