// Takes the failpoints out of what is packed: the setting that arms them, and every point. In the repository they break a
// running migration for tests; nobody shall be able to do that to a server that holds keys.
import type { Rolldown } from 'tsdown'

const constant = 'export const hasFailpoints = true as boolean'
const point = /^( *)(await (?:parts\.)?failpoint\('[a-z.-]+'\))$/gm

/** Positions in the file stay as they are, so that source maps do too. */
export function withoutFailpoints(): Rolldown.Plugin {
  return {
    name: 'without-failpoints',
    transform: {
      filter: { id: /\/server\/src\/migration\// },
      handler(code, id) {
        return {
          code: id.endsWith('/has-failpoints.ts') ? withoutConstant(code) : withoutPoints(code),
          map: null,
        }
      },
    },
  }
}

function withoutConstant(code: string): string {
  if (!code.includes(constant)) throw new Error(`"${constant}" is missing`)
  return code.replace(constant, 'export const hasFailpoints = false')
}

function withoutPoints(code: string): string {
  return code.replaceAll(point, (_line, indent: string, call: string) => indent + ' '.repeat(call.length))
}
