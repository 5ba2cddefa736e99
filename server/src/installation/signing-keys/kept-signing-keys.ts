// The public signing keys as this replica has seen them, in a file beside the database: a JWK set, as `GET signing-keys` serves
// it. A database that has lost the key, or has another one, is noticed by it.
import { KeyholdError } from '@keyhold/core'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { writeDurably } from '../write-durably.ts'
import type { PublicSigningKeys } from './public-signing-keys.ts'

export interface KeptSigningKeys {
  readonly file: string
  /**
   * The key in the file that signed last; undefined: there is no file.
   *
   * @throws KeyholdError `ERR_SIGNING_KEY_MISSING` when the file cannot be read
   */
  find(): Promise<{ kid: string; x: string } | undefined>
  /** Writes nothing where the file says the same already. */
  keep(keys: PublicSigningKeys): Promise<void>
}

/** @param stateDir - Keyhold's folder for what it keeps outside of the database */
export function keptSigningKeys(stateDir: string): KeptSigningKeys {
  const file = path.join(stateDir, 'signing-keys.json')

  async function read(): Promise<string | undefined> {
    try {
      return await readFile(file, 'utf8')
    } catch (cause) {
      if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return undefined
      throw unusable(cause)
    }
  }

  const unusable = (cause?: unknown) =>
    new KeyholdError('ERR_SIGNING_KEY_MISSING', {
      message: `The file ${file} cannot be read as the public signing key of this installation: put it back from a backup, or delete it once you know that the database is the right one.`,
      cause,
    })

  return {
    file,
    async find() {
      const text = await read()
      if (text === undefined) return undefined
      const key = lastKeyIn(text)
      if (key === undefined) throw unusable()
      return key
    },
    async keep(keys) {
      const text = `${JSON.stringify(keys, undefined, 2)}\n`
      if ((await read()) !== text) await writeDurably(file, text)
    },
  }
}

function lastKeyIn(text: string): { kid: string; x: string } | undefined {
  let set: unknown
  try {
    set = JSON.parse(text)
  } catch {
    return undefined
  }
  const keys = (set as { keys?: unknown } | null)?.keys
  const last: unknown = Array.isArray(keys) ? keys.at(-1) : undefined
  const { kid, x } = (last ?? {}) as { kid?: unknown; x?: unknown }
  return typeof kid === 'string' && typeof x === 'string' ? { kid, x } : undefined
}
