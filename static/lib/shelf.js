// What the browser keeps for the next visit. A page without storage works, it only forgets.

/** @returns {Storage | undefined} reading the property already throws where storage is forbidden */
export function shelf() {
  try {
    return localStorage;
  } catch {
    return undefined;
  }
}

/** @param {string} key @returns {string} '' when there is nothing */
export function load(key) {
  return shelf()?.getItem(key) ?? '';
}

/** @param {string} key @param {string} value '' to forget it */
export function save(key, value) {
  try {
    if (value) shelf()?.setItem(key, value);
    else shelf()?.removeItem(key);
  } catch {
    // Full: it then lasts as long as the page.
  }
}
