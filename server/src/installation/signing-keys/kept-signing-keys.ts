// The public signing keys as this replica has seen them, in a file beside the database: a JWK set, as `GET signing-keys` serves
// it. A database that has lost the key, or has another one, is noticed by it.
import { KeyholdError } from '@keyhold/core'
import { createPublicKey } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { writeDurably } from '../write-durably.ts'
import type { PublicSigningKeys } from './public-signing-keys.ts'
import type { KnownKey, SigningKeyHistory } from './signing-key-history.ts'

export interface KeptSigningKeys {
  readonly file: string
  /**
   * The keys that the file names, the one that signed last at the end; undefined: there is no file. Nothing of it is verified.
   *
   * @throws KeyholdError `ERR_SIGNING_KEY_MISSING` when the file cannot be read
   */
  find(): Promise<SigningKeyHistory | undefined>
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
      const history = historyIn(text)
      if (history === undefined) throw unusable()
      return history
    },
    async keep(keys) {
      const text = `${JSON.stringify(keys, undefined, 2)}\n`
      if ((await read()) !== text) await writeDurably(file, text)
    },
  }
}

const isTime = (time: Date | undefined) => time !== undefined && !Number.isNaN(time.getTime())

/** Undefined: it is none. Nobody has verified what it says. */
function historyIn(text: string): SigningKeyHistory | undefined {
  try {
    const { keys, rotations = [] } = JSON.parse(text) as PublicSigningKeys
    const known = keys.map(({ kid, x, validFrom, validTo }): KnownKey => {
      const publicKey = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' })
      return {
        ...{ id: kid, publicKey },
        // A state of Keyhold from before rotations has written one key, without its times.
        validFrom: new Date(validFrom),
        validTo: validTo === undefined ? undefined : new Date(validTo),
      }
    })
    const isSet =
      known.length > 0 &&
      rotations.length === known.length - 1 &&
      known.slice(0, -1).every(({ validFrom, validTo }) => isTime(validFrom) && isTime(validTo)) &&
      rotations.every(
        (each) => typeof each.statement === 'string' && typeof each.counterstatement === 'string',
      )
    return isSet ? { keys: known, rotations, isWhole: (rotations[0]?.number ?? 1) === 1 } : undefined
  } catch {
    return undefined
  }
}
