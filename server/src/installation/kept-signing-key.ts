// The public signing key as this replica has seen it, in a file beside the database: a JWK set, as `GET signing-keys` serves
// it. A database that has lost the key, or has another one, is noticed by it.
import { KeyholdError } from '@keyhold/core'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { writeDurably } from './write-durably.ts'

/** A public Ed25519 key: RFC 8037 section 2, with the members of RFC 7517 section 4 that say what it is for. */
export interface PublicSigningKey {
  kty: 'OKP'
  crv: 'Ed25519'
  /** base64url of the 32 bytes. */
  x: string
  /** RFC 7638 thumbprint. */
  kid: string
  alg: 'EdDSA'
  use: 'sig'
}

export interface KeptSigningKey {
  readonly file: string
  /**
   * The `kid` in the file; undefined: there is no file.
   *
   * @throws KeyholdError `ERR_SIGNING_KEY_MISSING` when the file cannot be read
   */
  find(): Promise<string | undefined>
  keep(key: PublicSigningKey): Promise<void>
}

/** @param stateDir - Keyhold's folder for what it keeps outside of the database */
export function keptSigningKey(stateDir: string): KeptSigningKey {
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
      const kid = kidOf(text)
      if (kid === undefined) throw unusable()
      return kid
    },
    keep: (key) => writeDurably(file, `${JSON.stringify({ keys: [key] }, undefined, 2)}\n`),
  }
}

function kidOf(text: string): string | undefined {
  let set: unknown
  try {
    set = JSON.parse(text)
  } catch {
    return undefined
  }
  const keys = (set as { keys?: unknown } | null)?.keys
  const last: unknown = Array.isArray(keys) ? keys.at(-1) : undefined
  const kid = (last as { kid?: unknown } | null | undefined)?.kid
  return typeof kid === 'string' ? kid : undefined
}
