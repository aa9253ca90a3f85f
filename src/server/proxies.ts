/**
 * Find the client of a request that came through proxies. Each proxy appends the address of its client to a header,
 * whose beginning anyone can forge. So the header is read from the end, as far as the proxies are trusted.
 */
import { BlockList, isIP } from "node:net";

/**
 * The trusted proxies, by address (`10.0.0.7`), network (`10.0.0.0/8`) or name (`loopback`, `private`), or their
 * number.
 */
export type TrustProxy = number | readonly string[];

const networks: Readonly<Record<string, readonly string[]>> = {
  loopback: ["127.0.0.0/8", "::1/128"],
  private: ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "fc00::/7", "fe80::/10"],
};

/** Parse a network; undefined if it is not valid. */
function networkOf(name: string): { readonly address: string; readonly bits: number } | undefined {
  const [, address = "", bits] = /^([^/]*)(?:\/(\d{1,3}))?$/.exec(name) ?? [];
  const most = isIP(address) === 4 ? 32 : 128;
  return isIP(address) !== 0 && Number(bits ?? most) <= most ? { address, bits: Number(bits ?? most) } : undefined;
}

export const isTrustable = (name: string): boolean => Object.hasOwn(networks, name) || networkOf(name) !== undefined;

/** Make a function that finds the client's address from the socket's address and the request's headers. */
export function createAddresses(trust: TrustProxy): (socket: string, headers: Headers) => string {
  const trusted = new BlockList();
  for (const name of typeof trust === "number" ? [] : trust.flatMap((one) => networks[one] ?? one)) {
    const { address, bits } = networkOf(name) as { address: string; bits: number };
    trusted.addSubnet(address, bits, isIP(address) === 4 ? "ipv4" : "ipv6");
  }
  const isTrusted = (address: string, hop: number): boolean =>
    typeof trust === "number" ? hop < trust : trusted.check(address, isIP(address) === 4 ? "ipv4" : "ipv6");

  return (socket, headers) => {
    const direct = addressOf(socket) ?? socket;
    /** The last address that a trusted proxy wrote. */
    const follow = (written: readonly string[]): string => {
      let client = direct;
      for (let hop = 0; hop < written.length && isTrusted(client, hop); hop++) {
        const before = addressOf(written.at(-1 - hop) as string);
        if (before === undefined) break;
        client = before;
      }
      return client;
    };
    const [mine, standard] = [headers.get("x-forwarded-for"), headers.get("forwarded")];
    if (mine === null && standard === null) return direct;
    const found = [mine?.split(","), standard === null ? undefined : forwardedFor(standard)].flatMap((written) =>
      written === undefined ? [] : [follow(written)],
    );
    // A proxy that writes one of the headers forwards the other one as the client sent it, and it is unknown which.
    return found.every((one) => one === found[0]) ? (found[0] as string) : direct;
  };
}

/** The clients of the proxies in the header of RFC 7239: `for="[2001:db8::1]:80";proto=https, for=10.0.0.7`. */
function forwardedFor(header: string): readonly string[] {
  const elements = header.match(/(?:[^,"]|"(?:[^"\\]|\\.)*")+/g) ?? [];
  return elements.map((element) => {
    const [, quoted, plain] = /(?:^|;)\s*for\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;\s]*))/i.exec(element) ?? [];
    return quoted ?? plain ?? "";
  });
}

/**
 * The address in `192.0.2.1:80`, `[2001:db8::1]:80` or `::ffff:192.0.2.1` in canonical form; undefined if there is
 * none.
 */
function addressOf(text: string): string | undefined {
  const bare = text
    .trim()
    .replace(/^\[([^\]]*)\](:\d+)?$/, "$1")
    .replace(/^(\d+\.\d+\.\d+\.\d+):\d+$/, "$1")
    .replace(/%.*$/, "");
  const [, mapped] = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(bare) ?? [];
  const address = mapped ?? bare;
  if (isIP(address) === 6) return new URL(`http://[${address}]`).hostname.slice(1, -1);
  return isIP(address) === 4 ? address : undefined;
}

/** The part of an address that identifies a customer: an IPv4 address, or the first 64 bits of an IPv6 address. */
export function customerOf(address: string): string {
  if (isIP(address) !== 6) return address;
  const [left = "", right] = address.split("::");
  const before = left === "" ? [] : left.split(":");
  const after = right === undefined || right === "" ? [] : right.split(":");
  const zeros = right === undefined ? [] : Array<string>(8 - before.length - after.length).fill("0");
  return `${[...before, ...zeros, ...after].slice(0, 4).join(":")}::/64`;
}
