// The data keys of a request whose caller has scopes: only those for whose key names it has one. It decides here, beside the keys,
// and not in the handlers: work in another thread asks for its keys through the same interface.
import { isKeyholdError, KeyholdError, type DataKey } from '@keyhold/core'
import type { Caller } from '../../access/caller.ts'
import { permitsKeyName } from '../../access/scopes.ts'
import type { KeyOutcome, KeysByName, RequestKeys } from '../../data/request-keys.ts'
import { andThen } from '../../event-loop/and-then.ts'
import { leaseKeyName } from '../../keyring/lease-key-name.ts'

/** The call of a route with values. */
export interface KeyRequest {
  tenantId: string
  caller: Pick<Caller, 'scopes'>
  permission: 'encrypt' | 'decrypt' | 'reencrypt'
}

/** @param keys - of the tenant */
export function scopeKeys(
  keys: RequestKeys,
  { caller: { scopes }, permission }: Omit<KeyRequest, 'tenantId'>,
): RequestKeys {
  if (scopes === undefined) return keys

  const refusalOf = (keyName: string | undefined): KeyholdError | undefined =>
    permitsKeyName(scopes, permission, keyName) ? undefined : missingScope(permission, keyName)

  return {
    actives(keyNames) {
      const refused = new Map<string, KeyOutcome>()
      for (const keyName of keyNames) {
        const refusal = refusalOf(keyName)
        if (refusal !== undefined) refused.set(keyName, refusal)
      }
      if (refused.size === 0) return keys.actives(keyNames)
      // One that is refused is not made, either.
      const permitted = new Set([...keyNames].filter((keyName) => !refused.has(keyName)))
      return andThen(keys.actives(permitted), (found) => new Map([...found, ...refused]))
    },

    named: (headers) =>
      andThen(keys.named(headers), (found): KeysByName | Promise<KeysByName> => {
        const ids = new Set(Array.from(found.values(), (key) => (isKeyholdError(key) ? '' : key.id)))
        return keys.keyNames(ids).then((names) => {
          const checked = (key: DataKey): KeyOutcome => {
            const keyName = names.get(key.id)
            // A lease opens all values of a day, whatever they are.
            return refusalOf(keyName === leaseKeyName ? undefined : keyName) ?? key
          }
          return new Map(Array.from(found, ([name, key]) => [name, isKeyholdError(key) ? key : checked(key)]))
        })
      }),

    keyNames: (dataKeyIds) => keys.keyNames(dataKeyIds),
  }
}

/** @param keyName - undefined: a data key without a name of its own */
export function missingScope(permission: string, keyName?: string): KeyholdError {
  const scope = keyName === undefined ? permission : `${permission}:${keyName}`
  return new KeyholdError('ERR_SCOPE_MISSING', { message: `The caller lacks the scope ${scope}.` })
}
