// CreateAlias, UpdateAlias, DeleteAlias and ListAliases. Each needs permission on the alias, which only identity
// policies can give, and on the key.
import type { Alias, Key } from '../keys/key-record.ts'
import { encodeKmsArn } from '../keys/kms-arn.ts'
import { KmsError, limitExceeded, notFound, unsupportedOperation, validationError } from '../kms-error.ts'
import type { Call } from './call.ts'
import { getKey } from './get-key.ts'
import { toSeconds } from './key-metadata.ts'
import { page, pageFields } from './pages.ts'
import { permitInAccount, permitOnKey } from './permit.ts'
import type { RequestFields } from '../fields/request-fields.ts'
import { requireNotPending } from './state-rules.ts'

const maxAliasesPerKey = 50
const aliasNameLimits = { min: 1, max: 256, pattern: /^[a-zA-Z0-9:/_-]+$/ }

export const aliasOperations = {
  CreateAlias: createAlias,
  UpdateAlias: updateAlias,
  DeleteAlias: deleteAlias,
  ListAliases: listAliases,
}

function createAlias(call: Call): object {
  const { caller, region, store, nowMs } = call
  const { name, target } = call.fields.read(aliasFields)
  checkName(name)
  const key = getKey(call, target, 'own account')
  permitInAccount(call, 'CreateAlias', aliasArn(call, name))
  permitOnKey(call, 'CreateAlias', key, 'own account')
  requireNotPending(call, key)
  if (store.findAlias(caller.account, region, name) !== undefined) {
    throw new KmsError(
      'AlreadyExistsException',
      `An alias with the name ${aliasArn(call, name)} already exists`,
    )
  }
  if (listAliasesOf(call, key).length >= maxAliasesPerKey) {
    throw limitExceeded(`A key can have no more than ${maxAliasesPerKey} aliases.`)
  }
  const { keyId } = key.record
  store.putAlias({ account: caller.account, region, name, keyId, created: nowMs, updated: nowMs })
  return {}
}

function updateAlias(call: Call): object {
  const { name, target } = call.fields.read(aliasFields)
  checkName(name)
  const alias = getAlias(call, name)
  const next = getKey(call, target, 'own account')
  const previous = getKey(call, alias.keyId, 'own account')
  permitInAccount(call, 'UpdateAlias', aliasArn(call, name))
  permitOnKey(call, 'UpdateAlias', previous, 'own account')
  permitOnKey(call, 'UpdateAlias', next, 'own account')
  requireNotPending(call, next)
  if (next.record.spec !== previous.record.spec || next.record.usage !== previous.record.usage) {
    throw unsupportedOperation(
      'The current and new key must be of the same type and have the same key usage.',
    )
  }
  call.store.putAlias({ ...alias, keyId: next.record.keyId, updated: call.nowMs })
  return {}
}

function deleteAlias(call: Call): object {
  const name = call.fields.read((fields) => fields.requiredText('AliasName', aliasNameLimits))
  checkName(name)
  const alias = getAlias(call, name)
  const key = getKey(call, alias.keyId, 'own account')
  permitInAccount(call, 'DeleteAlias', aliasArn(call, name))
  permitOnKey(call, 'DeleteAlias', key, 'own account')
  call.store.deleteAlias(alias)
  return {}
}

function listAliases(call: Call): object {
  const request = call.fields.read((fields) => ({
    keyId: fields.keyId('KeyId'),
    ...pageFields(fields, { maxItems: 100, defaultItems: 50 }),
  }))
  permitInAccount(call, 'ListAliases')
  const aliases =
    request.keyId === undefined
      ? call.store.listAliases(call.caller.account, call.region)
      : listAliasesOf(call, getKey(call, request.keyId, 'own account'))
  const { items, ...more } = page(aliases, (alias) => alias.name, request)
  return { Aliases: items.map((alias) => aliasMetadata(call, alias)), ...more }
}

function aliasFields(fields: RequestFields) {
  return {
    name: fields.requiredText('AliasName', aliasNameLimits),
    target: fields.requiredKeyId('TargetKeyId'),
  }
}

function checkName(name: string): void {
  if (!name.startsWith('alias/') || name === 'alias/') {
    throw validationError(
      'Alias must start with the prefix "alias/". Please see https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html',
    )
  }
  if (name.startsWith('alias/aws/')) throw new KmsError('NotAuthorizedException')
}

function getAlias(call: Call, name: string): Alias {
  const alias = call.store.findAlias(call.caller.account, call.region, name)
  if (alias === undefined) throw notFound(`Alias ${aliasArn(call, name)} is not found.`)
  return alias
}

function listAliasesOf(call: Call, key: Key): Alias[] {
  return call.store
    .listAliases(key.record.account, key.region)
    .filter((alias) => alias.keyId === key.record.keyId)
}

function aliasArn({ region, caller }: Call, name: string): string {
  return encodeKmsArn({ region, account: caller.account, resource: name })
}

function aliasMetadata(call: Call, alias: Alias): object {
  return {
    AliasName: alias.name,
    AliasArn: aliasArn(call, alias.name),
    TargetKeyId: alias.keyId,
    CreationDate: toSeconds(alias.created),
    LastUpdatedDate: toSeconds(alias.updated),
  }
}
