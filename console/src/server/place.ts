// Where the console and its server are, whatever path a proxy puts them under.

// This file is in `<console>/assets/`, wherever that is.
const consoleUrl = import.meta.env.DEV
  ? new URL('/console/', location.href)
  : new URL(/* @vite-ignore */ '../', import.meta.url)

/** The path of the console, with a slash at its end. */
export const consolePath = consoleUrl.pathname

/** The base of the API, without a slash at its end. */
export const serverUrl = new URL('../', consoleUrl).href.replace(/\/+$/, '')
