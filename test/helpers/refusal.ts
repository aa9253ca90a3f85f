/** What is said to who gives something wrong. */
import { expect } from "vitest";
import { InputError } from "../../src/graph/input-error.ts";

function messageOf(error: unknown, kind: abstract new (...args: never[]) => Error): string {
  expect(error).toBeInstanceOf(kind);
  return (error as Error).message;
}

/** The message of the error, of this kind, that a call throws. */
export function refusal(call: () => unknown, kind: abstract new (...args: never[]) => Error = InputError): string {
  let thrown: unknown;
  try {
    call();
  } catch (error) {
    thrown = error;
  }
  return messageOf(thrown, kind);
}

/** The same of a promise. */
export async function rejection(promise: Promise<unknown>): Promise<string> {
  return messageOf(
    await promise.then(
      () => undefined,
      (error: unknown) => error,
    ),
    InputError,
  );
}
