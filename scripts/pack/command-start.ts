// The start of a packed command. Node reads all imports before it runs anything, so a Node.js that is too old would stop with a
// syntax error at the first one that it does not know. This module imports nothing before it has looked.

/** Where the start of an entry is, in `dist`. */
export function startOf(entry: string): string {
  return `start-${entry}.js`
}

/** The text of that file. @param oldest - the oldest Node.js, as `22.13` */
export function commandStart(command: string, entry: string, oldest: string): string {
  const [major = '', minor = ''] = oldest.split('.')
  return `#!/usr/bin/env node
const [major, minor] = process.versions.node.split('.').map(Number)
if (major < ${major} || (major === ${major} && minor < ${minor})) {
  console.error('${command}: needs Node.js ${oldest} or later, and this is ' + process.versions.node + ' (ERR_NODE_TOO_OLD). Install a later one, and run the command with it.')
  process.exit(1)
}
await import('./${entry}.js')
`
}
