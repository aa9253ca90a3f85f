/** Keys as ABC writes them: by how much each letter is raised. Knows nothing about notes. */

/** Semitones by letter: 1 for a sharp, -1 for a flat. */
export type Key = ReadonlyMap<string, number>;

const sharps = [..."FCGDAEB"];
/** How many fifths above C a major key is. */
const fifths: Readonly<Record<string, number>> = { F: -1, C: 0, G: 1, D: 2, A: 3, E: 4, B: 5 };
/** By the first three letters of a mode: how many fifths it is off the major key. */
const modes: Readonly<Record<string, number>> = {
  ...{ "": 0, maj: 0, ion: 0, m: -3, min: -3, aeo: -3, mix: -1, dor: -2, phr: -4, lyd: 1, loc: -5 },
};

/** What a line `K:` says: "D", "A minor", "Bb mix", "G ^c"; undefined for what is no key. */
export function keyOf(text: string): Key | undefined {
  if (/^(none|$)/i.test(text)) return new Map();
  if (/^H[Pp]/.test(text))
    return new Map([
      ["F", 1],
      ["C", 1],
    ]);
  const [, letter, sign, rest = ""] = /^([A-G])([#b]?)\s*(.*)$/.exec(text) ?? [];
  if (letter === undefined)
    return /^(clef|treble|bass|alto|tenor|[_^=])/.test(text) ? withOwn(new Map(), text) : undefined;
  const [word = ""] = /^[A-Za-z]+(?![A-Za-z]*=)/.exec(rest) ?? [];
  const mode = modes[word.toLowerCase() === "m" ? "m" : word.slice(0, 3).toLowerCase()];
  const isOther = /^(exp|cle|tre|bas|alt|ten)/i.test(word);
  if (mode === undefined && !isOther) return undefined;
  const count = (fifths[letter] as number) + (sign === "#" ? 7 : sign === "b" ? -7 : 0) + (mode ?? 0);
  const raised = /^exp/i.test(word) ? [] : count > 0 ? sharps.slice(0, count) : sharps.slice(count);
  const by = count > 0 ? 1 : -1;
  return withOwn(new Map(count === 0 ? [] : raised.map((one) => [one, by])), rest);
}

/** Accidentals that stand behind a key: "^c _B". */
function withOwn(key: Map<string, number>, rest: string): Key {
  for (const [, sign, letter] of rest.matchAll(/(\^|_|=)([A-Ga-g])(?![a-z])/g)) {
    key.set((letter as string).toUpperCase(), sign === "^" ? 1 : sign === "_" ? -1 : 0);
  }
  return key;
}
