// Small things that all of the page use. Text from the server is set as text, never as HTML.

export const find = (id) => document.getElementById(id);

export function make(tag, options = {}, children = []) {
  const made = Object.assign(document.createElement(tag), options);
  made.append(...children);
  return made;
}

export const percent = (share) => (share > 0 && share < 0.0005 ? "< 0.1 %" : `${(100 * share).toFixed(1)} %`);
export const seconds = (time) => `${time.toFixed(2)} s`;
export const megabytes = (bytes) => `${Math.ceil(bytes / 1e6).toLocaleString()} MB`;
