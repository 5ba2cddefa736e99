// Takes the failpoints out of what is packed: the setting that arms them, and every point. In the repository they break a
// running migration for tests; nobody shall be able to do that to a server that holds keys.
import path from 'node:path'
import type { Rolldown } from 'tsdown'

/** By the name of a module: the little that is left of it. */
const left: Readonly<Record<string, string>> = {
  'has-failpoints.ts': 'export const hasFailpoints = false',
  'failpoint.ts': 'export const noFailpoint = () => undefined',
  'failpoint.d.ts': 'export type ArmFailpoints = never',
  'failpoint-form.ts': 'export const failpointForm = undefined',
}

const point = /^( *)(await (?:parts\.)?failpoint\('[a-z.-]+'\))$/gm

export function withoutFailpoints(): Rolldown.Plugin {
  return {
    name: 'without-failpoints',
    load: {
      order: 'pre',
      filter: { id: /\/server\/src\/(migration\/engine|settings)\/[a-z-]*failpoint[a-z-]*(\.d)?\.ts$/ },
      handler: (id) => left[path.basename(id)],
    },
    transform: {
      filter: { id: /\/server\/src\/migration\// },
      // Positions in the file stay as they are, so that source maps do too.
      handler: (code) => ({
        code: code.replaceAll(
          point,
          (_line, indent: string, call: string) => indent + ' '.repeat(call.length),
        ),
        map: null,
      }),
    },
  }
}
