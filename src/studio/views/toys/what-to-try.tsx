/** What there is to find out with toy tasks. Each sentence is a test with seeds. */
export function WhatToTry() {
  return null;
}
