/** The characters of a text that a model never saw. */
import { fill, texts } from "../texts/texts.ts";
import { named } from "./heat.ts";

const own = texts.components.neverSeen;
const most = 20;

export type NeverSeenProps = {
  readonly characters: readonly string[];
  /** The model's name, where there are several. */
  readonly name?: string;
};

export const NeverSeen = ({ characters, name }: NeverSeenProps) =>
  characters.length === 0 ? null : (
    <p role="status">
      {fill(name === undefined ? own.model : own.named, {
        ...(name !== undefined && { name }),
        characters: characters.slice(0, most).map(named).join(" "),
        more: Math.max(0, characters.length - most),
      })}
    </p>
  );
