/** Which version of the package this is: package.json's, as a test holds. Read from there, it would be lost in a bundle. */
export const version = "0.1.0";
