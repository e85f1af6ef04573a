import { html, useEffect, useState } from '../lib/html.js';

/**
 * A view whose module is fetched when it is first shown.
 * @param {() => Promise<(props: any) => any>} load
 * @param {string} [sheet] a style sheet that only such views need
 * @param {() => void} [onMissing] hears that it could not be fetched
 * @returns {(props: any) => any}
 */
export function lazy(load, sheet, onMissing) {
  /** @type {Promise<(props: any) => any> | undefined} */
  let loading;
  return function Lazy(props) {
    const [View, setView] = useState(/** @type {any} */ (null));
    useEffect(() => {
      let gone = false;
      loading ??= Promise.all([load(), sheet && dress(sheet)]).then(([found]) => found);
      loading.then(
        (found) => gone || setView(() => found),
        // The network is away: the next time it is shown tries again.
        () => {
          loading = undefined;
          if (!gone) onMissing?.();
        },
      );
      return () => {
        gone = true;
      };
    }, []);
    return View && html`<${View} ...${props} />`;
  };
}

/** @param {string} sheet @returns {Promise<unknown>} */
function dress(sheet) {
  if (document.querySelector(`link[href="${sheet}"]`)) return Promise.resolve();
  const link = Object.assign(document.createElement('link'), { rel: 'stylesheet', href: sheet });
  return new Promise((resolve, reject) => {
    link.onload = resolve;
    link.onerror = () => {
      link.remove();
      reject(new Error(`${sheet} is missing`));
    };
    document.head.append(link);
  });
}
