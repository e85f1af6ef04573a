// The installed npm packages that the client's libraries are copied from, and checked against.
import { readFileSync } from 'node:fs';

export const vendorDir = new URL('../static/vendor/', import.meta.url);

/**
 * Reads a file of an installed package, past its `exports` map.
 * @param {string} name
 * @param {string} path
 */
export function packageFile(name, path) {
  return readFileSync(new URL(`node_modules/${name}/${path}`, import.meta.url));
}

/**
 * The bytes a vendored file must have.
 * @param {{package: string, path: string}} entry
 */
export function source(entry) {
  return packageFile(entry.package, entry.path);
}
