// CreateAlias, UpdateAlias, DeleteAlias and ListAliases. Each needs permission on the alias, which only identity
// policies can give, and on the key.
import { kmsArn } from '../keys/kms-arn.ts'
import type { Call, Operation } from './call.ts'
import { findKey } from './get-key.ts'
import { seconds } from './key-metadata.ts'
import type { Alias, Key } from '../keys/key-record.ts'
import { KmsError, notFound, unsupportedOperation, validationError } from '../kms-error.ts'
import { permitInAccount, permitOnKey } from './permit.ts'
import type { RequestFields } from './request-fields.ts'
import { page, pageFields } from './pages.ts'
import { requireNotPending } from './state-rules.ts'

const MAX_ALIASES_PER_KEY = 50

export const createAlias: Operation = (call) => {
  const { name, target } = call.fields.read(aliasFields)
  checkName(name)
  const key = findKey(call, target, 'own account')
  permitInAccount(call, 'CreateAlias', aliasArn(call, name))
  permitOnKey(call, 'CreateAlias', key, 'own account')
  requireNotPending(call, key)
  if (call.store.findAlias(call.caller.account, call.region, name) !== undefined) {
    throw new KmsError(
      'AlreadyExistsException',
      `An alias with the name ${aliasArn(call, name)} already exists`,
    )
  }
  if (aliasesOf(call, key).length >= MAX_ALIASES_PER_KEY) {
    throw new KmsError(
      'LimitExceededException',
      `A key can have no more than ${MAX_ALIASES_PER_KEY} aliases.`,
    )
  }
  const { caller, region, now } = call
  call.store.putAlias({
    account: caller.account,
    region,
    name,
    keyId: key.record.keyId,
    created: now,
    updated: now,
  })
  return {}
}

export const updateAlias: Operation = (call) => {
  const { name, target } = call.fields.read(aliasFields)
  checkName(name)
  const alias = requireAlias(call, name)
  const next = findKey(call, target, 'own account')
  const previous = findKey(call, alias.keyId, 'own account')
  permitInAccount(call, 'UpdateAlias', aliasArn(call, name))
  permitOnKey(call, 'UpdateAlias', previous, 'own account')
  permitOnKey(call, 'UpdateAlias', next, 'own account')
  requireNotPending(call, next)
  if (next.record.spec !== previous.record.spec || next.record.usage !== previous.record.usage) {
    throw unsupportedOperation(
      'The current and new key must be of the same type and have the same key usage.',
    )
  }
  call.store.putAlias({ ...alias, keyId: next.record.keyId, updated: call.now })
  return {}
}

export const deleteAlias: Operation = (call) => {
  const name = call.fields.read((fields) => fields.requiredText('AliasName', ALIAS_NAME))
  checkName(name)
  const alias = requireAlias(call, name)
  const key = findKey(call, alias.keyId, 'own account')
  permitInAccount(call, 'DeleteAlias', aliasArn(call, name))
  permitOnKey(call, 'DeleteAlias', key, 'own account')
  call.store.deleteAlias(alias)
  return {}
}

export const listAliases: Operation = (call) => {
  const request = call.fields.read((fields) => ({
    keyId: fields.keyId('KeyId'),
    ...pageFields(fields, { max: 100, usual: 50 }),
  }))
  permitInAccount(call, 'ListAliases')
  const aliases =
    request.keyId === undefined
      ? call.store.aliasesIn(call.caller.account, call.region)
      : aliasesOf(call, findKey(call, request.keyId, 'own account'))
  const { items, ...more } = page(aliases, (alias) => alias.name, request)
  return { Aliases: items.map((alias) => describe(call, alias)), ...more }
}

const ALIAS_NAME = { min: 1, max: 256, pattern: /^[a-zA-Z0-9:/_-]+$/ }

function aliasFields(fields: RequestFields) {
  return { name: fields.requiredText('AliasName', ALIAS_NAME), target: fields.requiredKeyId('TargetKeyId') }
}

function checkName(name: string): void {
  if (!name.startsWith('alias/') || name === 'alias/') {
    throw validationError(
      'Alias must start with the prefix "alias/". Please see https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html',
    )
  }
  if (name.startsWith('alias/aws/')) throw new KmsError('NotAuthorizedException')
}

function requireAlias(call: Call, name: string): Alias {
  const alias = call.store.findAlias(call.caller.account, call.region, name)
  if (alias === undefined) throw notFound(`Alias ${aliasArn(call, name)} is not found.`)
  return alias
}

function aliasesOf(call: Call, key: Key): Alias[] {
  return call.store
    .aliasesIn(key.record.account, key.region)
    .filter((alias) => alias.keyId === key.record.keyId)
}

function aliasArn(call: Call, name: string): string {
  return kmsArn(call.region, call.caller.account, name)
}

function describe(call: Call, alias: Alias): object {
  return {
    AliasName: alias.name,
    AliasArn: aliasArn(call, alias.name),
    TargetKeyId: alias.keyId,
    CreationDate: seconds(alias.created),
    LastUpdatedDate: seconds(alias.updated),
  }
}
