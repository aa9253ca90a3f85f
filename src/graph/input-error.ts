/** What is wrong with something the user gave (a file, an option): one plain line that says what to do. */

/**
 * What every public function throws for a mistake of the caller: a wrong option, shape, value or file. The message is one
 * line (three for an `EquationError`): where, what was found, what was expected, what to do.
 */
export class InputError extends Error {
  override name = "InputError";
  constructor(message: string, options?: ErrorOptions, shown = oneLine(message)) {
    super(shown, options);
  }
}

/** Nothing is wrong with what was given: what the work depends on is gone, another process or a graphics card. */
export class Disconnected extends InputError {}

/** Line breaks and other control characters, which a name out of a file may hold, made visible. */
function oneLine(text: string): string {
  return text.replace(
    /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu,
    (character) => `\\u{${(character.codePointAt(0) as number).toString(16)}}`,
  );
}
