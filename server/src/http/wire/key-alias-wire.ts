// The alias of a key as the wire shows it: the key that it names now, and how to follow it.
import { routes, type KeyAlias as KeyAliasBody } from '@keyhold/contract'
import { keyArnFingerprint } from '@keyhold/core'
import type { KeyProviderRow } from '../../store/key-providers/key-provider-row.ts'
import { wireSeconds } from './wire-time.ts'

const { createKeyProvider, migrateToKeyProvider } = routes

/** Undefined if the key was registered by its own ARN. */
export function keyAliasWire(provider: KeyProviderRow): KeyAliasBody | undefined {
  const { alias, keyArn: pinnedArn } = provider
  if (alias === undefined) return undefined
  const { keyArn } = alias
  const looked = { arn: alias.arn, checkedAt: wireSeconds(alias.checkedAt) }
  if (keyArn === pinnedArn) return { ...looked, state: 'same' }
  if (keyArn === undefined) {
    const message =
      'The alias names no key that Keyhold may see. Either it was deleted, or neither the policy of its key nor a grant admits Keyhold. The registered key stays in use.'
    return { ...looked, state: 'unresolved', message }
  }
  if (alias.problem !== undefined) {
    const why = {
      account: 'a key of another account or region',
      kind: 'a key of another kind: Keyhold needs one that is symmetric (SYMMETRIC_DEFAULT) and made for ENCRYPT_DECRYPT',
    }[alias.problem]
    const message = `The alias names ${keyArn} now, ${why}. The registered key stays in use, and the alias cannot be followed.`
    return { ...looked, state: 'moved', movedTo: keyArn, problem: alias.problem, message }
  }
  const message = `The alias names another key now. The registered key stays in use. To follow the alias, register ${keyArn} and migrate to it.`
  return { ...looked, state: 'moved', movedTo: keyArn, message, offer: offerOf(provider, keyArn) }
}

// The offer registers by the alias again. The registration pins the key that it names then.
function offerOf(
  { name, alias, roleArn, roleAccess }: KeyProviderRow,
  keyArn: string,
): NonNullable<KeyAliasBody['offer']> {
  const arnFingerPrint = keyArnFingerprint(keyArn)
  const body = {
    name,
    arn: alias?.arn ?? keyArn,
    ...(roleArn !== undefined && { roleArn }),
    ...(roleAccess !== undefined && { roleAccess }),
  }
  return {
    arnFingerPrint,
    register: { method: createKeyProvider.method, path: createKeyProvider.path, body },
    migrate: {
      method: migrateToKeyProvider.method,
      path: migrateToKeyProvider.path.replace(':arnFingerPrint', arnFingerPrint),
    },
  }
}
