// One context by its name.
import { CliError } from '../errors/cli-error.ts'
import type { Context, Contexts } from './parse-contexts.ts'

/** @throws CliError `configuration` with `ERR_CLI_NO_CONTEXT` */
export function findContext({ byName }: Pick<Contexts, 'byName'>, name: string): Context {
  const found = byName.get(name)
  if (found !== undefined) return found
  const names = [...byName.keys()]
  throw new CliError('configuration', 'ERR_CLI_NO_CONTEXT', `there is no context ${name}`, {
    hint:
      names.length === 0
        ? 'keyhold context create makes one'
        : `the contexts are ${names.join(', ')}; keyhold context create makes one`,
  })
}
