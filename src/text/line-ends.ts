/**
 * Convert the line ends of Windows (CR LF) and of old Macs (CR) to LF. This is done wherever a text enters the program:
 * in files, on the command line, in requests and in the studio. A text that is passed to the library directly stays as
 * it is.
 */
export const unixLineEnds = (text: string): string => (text.includes("\r") ? text.replace(/\r\n?/g, "\n") : text);
