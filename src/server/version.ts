/**
 * The version of the package, equal to package.json's, which a test checks. Reading that file would fail in a bundle.
 */
export const version = "0.1.0";
