// Values that a completion can offer and that are no words of the command line itself: contexts, key providers, tenants. Nobody is
// asked for anything, and a server that is slow is not waited for.
import { createKeyholdClient } from '@keyhold/client'
import { Writable } from 'node:stream'
import { readContexts } from '../contexts/context-file.ts'
import type { GlobalOptions } from '../global-options.ts'
import { connectionOf } from '../session/connection.ts'
import type { Shell } from '../shell.ts'
import { nameOf } from '../views/key-provider.ts'

export type ValueKind = 'context' | 'key-provider' | 'tenant'

export interface Candidate {
  value: string
  about?: string
}

const patienceMs = 300

/** @param context - of the line, if it names one */
export async function knownValues(
  kind: ValueKind,
  shell: Shell,
  context: string | undefined,
): Promise<Candidate[]> {
  const timer = new AbortController()
  const limit = setTimeout(() => {
    timer.abort()
  }, patienceMs)
  const late = new Promise<Candidate[]>((resolve) => {
    timer.signal.addEventListener('abort', () => {
      resolve([])
    })
  })
  try {
    return await Promise.race([valuesOf(kind, silent(shell), context, timer.signal).catch(() => []), late])
  } finally {
    clearTimeout(limit)
  }
}

async function valuesOf(
  kind: ValueKind,
  shell: Shell,
  context: string | undefined,
  signal: AbortSignal,
): Promise<Candidate[]> {
  if (kind === 'context') {
    const { byName } = await readContexts(shell)
    return [...byName].map(([value, { server }]) => ({ value, about: server }))
  }
  const options: GlobalOptions = {
    retry: 0,
    interval: 1,
    ...(context !== undefined && { context: { name: context, pairs: {} } }),
  }
  const { client } = await connectionOf(shell, options, kind === 'tenant' ? 'operator' : 'tenant-admin')
  const keyhold = createKeyholdClient({ ...client, timeoutMs: patienceMs })
  if (kind === 'tenant') {
    const { body } = await keyhold.call('listTenants', { query: {}, signal })
    return body.tenants.map(({ id, name }) => ({ value: id, about: name }))
  }
  const { body } = await keyhold.call('listAllKeyProviders', { signal })
  return body.map((provider) => ({ value: provider.arnFingerPrint, about: nameOf(provider) }))
}

/** Whatever a command would say stands in the middle of what is being typed. */
function silent(shell: Shell): Shell {
  const stderr = new Writable({
    write(_piece, _encoding, done) {
      done()
    },
  })
  return {
    ...{ env: shell.env, cwd: shell.cwd, signals: shell.signals },
    stdin: shell.stdin,
    stdout: shell.stdout,
    stderr,
  }
}
