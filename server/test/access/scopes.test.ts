// Scopes leave a part of what a role allows, and never more than that; a list that lies within another one never allows more either.
import {
  permissions,
  givenRoles,
  permissionsOf,
  permissionsOfKeyNames,
  scopePattern,
} from '@keyhold/contract'
import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { refuseWider } from '../../src/access/key-maker.ts'
import { areWithin, hasPermission, permitsKeyName, readScopes } from '../../src/access/scopes.ts'

// Few permissions besides those of key names, and a short alphabet, so that scopes and names meet.
const permission = fc.constantFrom(...permissionsOfKeyNames, 'lock')
const name = fc.string({ unit: fc.constantFrom('a', 'b', '.'), minLength: 1, maxLength: 3 })
const scope = fc.oneof(
  fc.constantFrom(...permissions),
  fc
    .tuple(fc.constantFrom(...permissionsOfKeyNames), name)
    .map(([permission, text]) => `${permission}:${text}`),
  fc
    .tuple(fc.constantFrom(...permissionsOfKeyNames), fc.oneof(name, fc.constant('')))
    .map(([permission, text]) => `${permission}:${text}*`),
)
const list = fc.array(scope, { maxLength: 6 })
const maybeList = fc.option(list, { nil: undefined })
const allows = (texts: readonly string[] | undefined, permission: string, keyName: string | undefined) =>
  permitsKeyName(texts && readScopes(texts), permission, keyName)

/** By the words of the documents, and by nothing of the code. */
function allowsByWords(texts: readonly string[], permission: string, keyName: string | undefined): boolean {
  return texts.some((text) => {
    const at = text.indexOf(':')
    if (at === -1) return text === permission
    if (text.slice(0, at) !== permission) return false
    const names = text.slice(at + 1)
    if (names === '*') return true
    if (keyName === undefined) return false
    return names.endsWith('*') ? keyName.startsWith(names.slice(0, -1)) : keyName === names
  })
}

describe('scopes', () => {
  it('allow what they name, and nothing else', () => {
    fc.assert(
      fc.property(list, permission, fc.option(name, { nil: undefined }), (texts, permission, keyName) => {
        expect(allows(texts, permission, keyName)).toBe(allowsByWords(texts, permission, keyName))
        expect(hasPermission(readScopes(texts), permission)).toBe(
          texts.some((text) => text.split(':')[0] === permission),
        )
      }),
      { numRuns: 2_000 },
    )
  })

  it('leave everything where there are none, and nothing where the list is empty', () => {
    for (const permission of permissions) {
      expect(allows(undefined, permission, 'a')).toBe(true)
      expect(allows([], permission, 'a')).toBe(false)
      expect(hasPermission(readScopes([]), permission)).toBe(false)
    }
  })

  it('that lie within others never allow more', () => {
    fc.assert(
      fc.property(
        maybeList,
        maybeList,
        permission,
        fc.option(name, { nil: undefined }),
        (given, own, permission, keyName) => {
          fc.pre(areWithin(given, own))
          expect(allows(given, permission, keyName) && !allows(own, permission, keyName)).toBe(false)
        },
      ),
      { numRuns: 2_000 },
    )
  })

  it('lie within themselves, and within no scopes', () => {
    fc.assert(
      fc.property(list, (texts) => {
        expect(areWithin(texts, texts)).toBe(true)
        expect(areWithin(texts, undefined)).toBe(true)
        expect(areWithin(undefined, texts)).toBe(false)
        expect(areWithin([], texts)).toBe(true)
      }),
    )
  })

  it('have the form of the contract, which nothing else has', () => {
    const form = new RegExp(scopePattern)
    fc.assert(fc.property(scope, (text) => form.test(text)))
    for (const text of [
      '',
      '*',
      'encrypt:',
      'lease:pay',
      'encrypt:a*b',
      'encrypt: a',
      '!encrypt',
      'encrypt\n',
      'root',
      `encrypt:${'a'.repeat(65)}`,
    ])
      expect(form.test(text), text).toBe(false)
  })
})

describe('who makes a key', () => {
  const tenantId = 'acme'
  const asked = fc.record({
    role: fc.constantFrom(...givenRoles),
    tenantId: fc.constantFrom(tenantId, 'other', undefined),
    scopes: maybeList,
  })

  it('gives nothing that he does not have, and as an admin of a tenant no key that makes keys', () => {
    fc.assert(
      fc.property(
        maybeList,
        asked,
        permission,
        fc.option(name, { nil: undefined }),
        (own, key, permission, keyName) => {
          try {
            refuseWider({ key: { role: 'tenant-admin', tenantId, scopes: own } }, key)
          } catch {
            return
          }
          expect(key.tenantId).toBe(tenantId)
          expect(allows(key.scopes, permission, keyName) && !allows(own, permission, keyName)).toBe(false)
          const mints =
            permissionsOf(key.role).includes('manage-api-keys') &&
            allows(key.scopes, 'manage-api-keys', undefined)
          expect(mints).toBe(false)
        },
      ),
      { numRuns: 2_000 },
    )
  })
})

test('each role is a set of permissions, and those of security officers and of encrypting services are these', () => {
  expect(permissionsOf('security-officer')).toEqual(['lock', 'read-lock', 'sign-in'])
  expect(permissionsOf('service-encrypt')).toEqual(['encrypt'])
  expect(permissionsOf('service')).toEqual(['encrypt', 'decrypt', 'reencrypt', 'lease', 'blind-index'])
  for (const permission of permissionsOf('auditor')) expect(permission).toMatch(/^read-|^sign-in$/)
})
