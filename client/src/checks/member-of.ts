// Names a place in a call's arguments: `options.timeoutMs`, `items[3].context`, `body["two words"]`.

const longestName = 64

export function memberOf(parent: string, name: string | number): string {
  if (typeof name === 'number') return `${parent}[${name}]`
  if (/^[A-Za-z_$][\w$]{0,63}$/.test(name)) return `${parent}.${name}`
  // Escaped and cut, because errors end up in logs.
  return `${parent}[${JSON.stringify(name.slice(0, longestName))}]`
}
