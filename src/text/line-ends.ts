/**
 * Line ends of Windows (CR LF) and of old Macs (CR) as LF. It is done where texts come in: in files, on the command line, in
 * requests, in the studio. What a program hands to the library is left as it is.
 */
export const unixLineEnds = (text: string): string => (text.includes("\r") ? text.replace(/\r\n?/g, "\n") : text);
