/** Bytes as tokens: what comes back, and what does not. */
import { createCipheriv, hkdfSync } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ApiError } from "../../src/server/errors.ts";
import { createSealing, tokenLength } from "../../src/server/sealing.ts";
import { cases } from "../helpers/cases.ts";

const [key, other, third] = ["a", "b", "c"].map((letter) => letter.repeat(32)) as [string, string, string];
const own = createSealing([key]);
const refusal = (token: string, { open } = own): [string, string] => {
  try {
    open(token);
  } catch (error) {
    if (error instanceof ApiError) return [error.kind, error.message];
    throw error;
  }
  return ["opened", ""];
};
const bytes = fc.uint8Array({ minLength: 1, maxLength: 300 });

describe("a token", () => {
  test("gives back what was sealed, whatever it is, in the stated number of characters, and is another one each time", () => {
    fc.assert(
      fc.property(bytes, (content) => {
        const [one, two] = [own.seal(content), own.seal(content)];
        expect(one).not.toBe(two);
        expect(one).toMatch(/^us1\.[\w-]+$/);
        expect(one).toHaveLength(tokenLength(content.length));
        for (const token of [one, two]) expect([...own.open(token)]).toEqual([...content]);
      }),
      { numRuns: cases(50) },
    );
  });

  test("with any character changed, left out, added or moved is refused", () => {
    const letters = "ABCXYZabcxyz0189-_.+/= é";
    const change = fc.record({ at: fc.nat(), letter: fc.constantFrom(...letters), how: fc.nat(3) });
    fc.assert(
      fc.property(bytes, change, (content, { at, letter, how }) => {
        const token = own.seal(content);
        const k = at % token.length;
        const rest = token.slice(k + 1);
        const changed = [
          token.slice(0, k) + letter + rest,
          token.slice(0, k) + rest,
          token.slice(0, k) + letter + token.slice(k),
          token.slice(0, k) + (rest[0] ?? letter) + token[k] + rest.slice(1),
        ][how] as string;
        if (changed !== token) expect(refusal(changed)[0]).toMatch(/^session_token_(malformed|version|key|altered)$/);
      }),
      { numRuns: cases(300) },
    );
  });

  test("with any bit of its bytes changed is refused, and so is one whose last character has other bits that no byte has", () => {
    const token = own.seal(Uint8Array.of(1, 2, 3));
    const sealed = Buffer.from(token.slice(4), "base64url");
    for (let bit = 0; bit < 8 * sealed.length; bit++) {
      const changed = Buffer.from(sealed);
      changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7));
      const reason = bit < 64 ? "session_token_key" : "session_token_altered";
      expect([bit, refusal(`us1.${changed.toString("base64url")}`)[0]]).toEqual([bit, reason]);
    }
    const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const twin = token.slice(0, -1) + letters[letters.indexOf(token.at(-1) as string) ^ 1];
    expect(Buffer.from(twin.slice(4), "base64url").equals(sealed)).toBe(true);
    expect(refusal(twin)[0]).toBe("session_token_altered");
  });

  test("is sealed by the first key, and opened by any", () => {
    const [before, after] = [createSealing([key, third]), createSealing([other, key])];
    const content = Uint8Array.of(7);
    expect([...after.open(before.seal(content))]).toEqual([7]);
    expect(refusal(after.seal(content), before)).toEqual([
      "session_token_key",
      "token: it was sealed with a key that this server does not have. Give all servers the same --session-key, or begin a new session.",
    ]);
  });

  test("is AES-256-GCM with a key and a nonce by HKDF, as the file says", () => {
    const token = own.seal(Buffer.from("content"));
    const sealed = Buffer.from(token.slice(4), "base64url");
    const [id, salt] = [sealed.subarray(0, 8), sealed.subarray(8, 24)];
    const info = "unrolled session token 1: ";
    expect(id.equals(Buffer.from(hkdfSync("sha256", key, "", `${info}key id`, 8)))).toBe(true);
    const derived = Buffer.from(hkdfSync("sha256", key, salt, `${info}key and nonce`, 44));
    const cipher = createCipheriv("aes-256-gcm", derived.subarray(0, 32), derived.subarray(32));
    cipher.setAAD(Buffer.concat([Buffer.from("us1."), id]));
    const again = Buffer.concat([cipher.update("content"), cipher.final(), cipher.getAuthTag()]);
    expect(sealed.subarray(24).equals(again)).toBe(true);
  });
});

test("what is no token, a part of one, or one of another version says so in one line", () => {
  const token = own.seal(Uint8Array.of(1));
  const last = "Send the token of the session's last answer, whole and as it came.";
  const none = 'token: this is not a session token: needs "us1." and base64url, got';
  expect(refusal("")).toEqual(["session_token_malformed", `${none} nothing. ${last}`]);
  expect(refusal("hello\nthere")).toEqual(["session_token_malformed", `${none} "hello\\nthere". ${last}`]);
  expect(refusal(token.slice(0, 50))).toEqual([
    "session_token_malformed",
    `token: it is only a part of a session token. ${last}`,
  ]);
  expect(refusal(token.replace("us1.", "us2."))).toEqual([
    "session_token_version",
    "token: it has version 2, and this server reads version 1. Send it to a server of the release that made it, or begin a new session.",
  ]);
});
