/** The host names that a server accepts: `localhost`, `example.org:8080`, `*.example.org`, `[::1]`, `*`. */

type Host = { readonly name: string; readonly port: string | undefined };

/** Parse a pattern; undefined if it is not valid. */
function hostOf(pattern: string): Host | undefined {
  const [, name, port] = /^(\*|(?:\*\.)?[a-z0-9_.-]+|\[[0-9a-f:.]+\])(?::(\d{1,5}|\*))?$/i.exec(pattern) ?? [];
  return name === undefined ? undefined : { name: name.toLowerCase(), port: port === "*" ? undefined : port };
}

export function isHost(pattern: string): boolean {
  const host = hostOf(pattern);
  return host !== undefined && Number(host.port ?? 0) <= 65_535;
}

/**
 * Make a check of a request's Host. A pattern without a port accepts every port; a Host without a port has the default
 * port of HTTP or HTTPS.
 */
export function createHostCheck(patterns: readonly string[]): (host: string) => boolean {
  const allowed = patterns.flatMap((pattern) => hostOf(pattern) ?? []);
  return (host) => {
    // A dot at the end marks a fully qualified name.
    const [, name, port = ""] = /^(\[[^\]]*\]|[^:]+?)\.?(?::(\d*))?$/.exec(host.toLowerCase()) ?? [];
    if (name === undefined) return false;
    return allowed.some((one) => {
      const isNamed =
        one.name === "*" || one.name === name || (one.name.startsWith("*.") && name.endsWith(one.name.slice(1)));
      const isPort = one.port === undefined || (port === "" ? ["80", "443"].includes(one.port) : one.port === port);
      return isNamed && isPort;
    });
  };
}
