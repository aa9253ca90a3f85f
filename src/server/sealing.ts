/**
 * Seal bytes as a token, and open it: only who has the key can read or make one. Each token is encrypted and authenticated by
 * AES-256-GCM with a key of its own, which HKDF derives from the server's key and random bytes in the token, so no number of
 * tokens repeats a pair of key and nonce. Knows nothing about what is sealed.
 *
 * A token is `us1.` and, in base64url: the key's id (8 bytes), the random bytes (16), what is sealed, the tag (16).
 */
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto";
import { excerpt } from "../graph/excerpt.ts";
import { ApiError } from "./errors.ts";

export type Sealing = {
  readonly seal: (content: Uint8Array) => string;
  /** @throws ApiError for a token that none of the keys has sealed as it is */
  readonly open: (token: string) => Buffer;
};

const version = 1;
const prefix = `us${version}.`;
const cipher = "aes-256-gcm";
const [idBytes, saltBytes, keyBytes, nonceBytes, tagBytes] = [8, 16, 32, 12, 16];
/** The bytes of a token besides what is sealed. */
const overhead = idBytes + saltBytes + tagBytes;

/** The number of characters of a token for so many bytes. */
export const tokenLength = (bytes: number): number => prefix.length + Math.ceil(((overhead + bytes) * 4) / 3);

/** @param keys the first one seals, all open */
export function createSealing(keys: readonly string[]): Sealing {
  const secrets = keys.map((key) => ({ key, id: derive(key, "", "key id", idBytes) }));
  const [first] = secrets as [(typeof secrets)[number]];
  return {
    seal(content) {
      const salt = randomBytes(saltBytes);
      const { key, nonce } = ofToken(first.key, salt);
      const sealing = createCipheriv(cipher, key, nonce, { authTagLength: tagBytes });
      sealing.setAAD(Buffer.concat([Buffer.from(prefix), first.id]));
      const sealed = [sealing.update(content), sealing.final()];
      return prefix + Buffer.concat([first.id, salt, ...sealed, sealing.getAuthTag()]).toString("base64url");
    },
    open(token) {
      const bytes = bytesOf(token);
      const id = bytes.subarray(0, idBytes);
      const found = secrets.find((one) => one.id.equals(id));
      if (found === undefined) {
        const wrong = "it was sealed with a key that this server does not have";
        throw refused("key", `${wrong}. Give all servers the same --session-key, or begin a new session.`);
      }
      const { key, nonce } = ofToken(found.key, bytes.subarray(idBytes, idBytes + saltBytes));
      const opening = createDecipheriv(cipher, key, nonce, { authTagLength: tagBytes });
      opening.setAAD(Buffer.concat([Buffer.from(prefix), id]));
      opening.setAuthTag(bytes.subarray(-tagBytes));
      try {
        return Buffer.concat([opening.update(bytes.subarray(idBytes + saltBytes, -tagBytes)), opening.final()]);
      } catch {
        throw altered();
      }
    },
  };
}

/** The bytes of a token, if it has the form of one of this version. */
function bytesOf(token: string): Buffer {
  const [, written, text = ""] = /^us(\d{1,4})\.([\w-]+)$/.exec(token) ?? [];
  if (written === undefined) {
    const got = token === "" ? "nothing" : JSON.stringify(excerpt(token, 40));
    throw refused("malformed", `this is not a session token: needs "${prefix}" and base64url, got ${got}. ${asItCame}`);
  }
  if (written !== String(version)) {
    const wrong = `it has version ${Number(written)}, and this server reads version ${version}`;
    throw refused("version", `${wrong}. Send it to a server of the release that made it, or begin a new session.`);
  }
  const bytes = Buffer.from(text, "base64url");
  if (bytes.length <= overhead) throw refused("malformed", `it is only a part of a session token. ${asItCame}`);
  // The last character has bits that no byte has.
  if (bytes.toString("base64url") !== text) throw altered();
  return bytes;
}

const asItCame = "Send the token of the session's last answer, whole and as it came.";
const altered = (): ApiError => refused("altered", `it was altered after a server sealed it. ${asItCame}`);

type Reason = "malformed" | "too_long" | "version" | "key" | "altered" | "expired" | "client" | "model";
/** The error for a token. @param wrong what is wrong with it, and what to do */
export const refused = (reason: Reason, wrong: string): ApiError =>
  new ApiError(`session_token_${reason}`, `token: ${wrong}`, "token");

/** The key and the nonce of a token. */
function ofToken(key: string, salt: Buffer): { readonly key: Buffer; readonly nonce: Buffer } {
  const both = derive(key, salt, "key and nonce", keyBytes + nonceBytes);
  return { key: both.subarray(0, keyBytes), nonce: both.subarray(keyBytes) };
}
const derive = (key: string, salt: Buffer | string, purpose: string, bytes: number): Buffer =>
  Buffer.from(hkdfSync("sha256", key, salt, `unrolled session token ${version}: ${purpose}`, bytes));
