// Contexts for people and programs. No token is ever among what is shown.
import type { Context, Contexts, ServerFiles } from '../contexts/parse-contexts.ts'
import { formatFields, formatTable } from '../output/aligned-text.ts'
import type { View } from '../output/print-reply.ts'

/** A context without its token. */
export interface ShownContext extends ServerFiles {
  name: string
  server: string
  tenant?: string
  isCurrent: boolean
}

export function shownContext(
  name: string,
  { token: _token, ...shown }: Context,
  current: string | undefined,
): ShownContext {
  return { name, ...shown, isCurrent: name === current }
}

export function shownContexts({ byName, current }: Contexts): ShownContext[] {
  return [...byName].map(([name, context]) => shownContext(name, context, current))
}

export const contextView: View<ShownContext & { file: string }> = {
  ids: ({ name }) => [name],
  text: ({ name, server, tenant, isCurrent, file, caFile, clientCertificate, clientKey }) =>
    formatFields([
      ['name', name],
      ['server', server],
      ['tenant', tenant],
      ['current', isCurrent ? 'yes' : 'no'],
      ['authorities', caFile],
      ['certificate', clientCertificate],
      ['key', clientKey],
      ['token', `in ${file}`],
    ]),
}

export const contextListView: View<{ contexts: ShownContext[] }> = {
  ids: ({ contexts }) => contexts.map(({ name }) => name),
  text: ({ contexts }) =>
    formatTable(
      ['', 'NAME', 'SERVER', 'TENANT'],
      contexts.map(({ name, server, tenant = '', isCurrent }) => [
        isCurrent ? '*' : '',
        name,
        server,
        tenant,
      ]),
    ),
}
