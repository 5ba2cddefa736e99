// Encrypts and decrypts one big value as bytes, without JSON and base64. Key name and encryption context are in headers.
// A faulty value fails the request, because the request has no other.
import { keyNamePattern } from '@keyhold/contract'
import {
  checkEncryptionContext,
  decryptValueInSteps,
  encryptValueInSteps,
  isKeyholdError,
  KeyholdError,
  parseBase64Url,
  parseTokenBytes,
  type DataKey,
  type EncryptionContext,
} from '@keyhold/core'
import type { IncomingHttpHeaders } from 'node:http'
import type { KeysByName } from '../../data/request-keys.ts'
import { runInSlices } from '../../event-loop/run-in-slices.ts'
import { parseJson } from '../../json/parse-json.ts'
import type { OctetHandlers } from '../server/handler.ts'
import type { KeysOf } from './data-handlers.ts'

const keyNameForm = new RegExp(keyNamePattern)
const defaultKeyName = 'default'

export function octetStreamHandlers({ keysOf }: KeysOf): OctetHandlers {
  return {
    async encrypt({ tenantId, caller, headers, bytes }) {
      const { 'keyhold-key-name': keyName = defaultKeyName } = headers
      if (typeof keyName !== 'string' || !keyNameForm.test(keyName))
        throw new KeyholdError('ERR_KEY_NAME_INVALID')
      const context = readContext(headers)
      const keys = keysOf({ tenantId, caller, permission: 'encrypt' })
      const dataKey = theKey(keyName, await keys.actives(new Set([keyName])))
      return runInSlices(encryptValueInSteps(dataKey, context, bytes))
    },

    async decrypt({ tenantId, caller, headers, bytes }) {
      const context = readContext(headers)
      const token = parseTokenBytes(bytes)
      const keys = keysOf({ tenantId, caller, permission: 'decrypt' })
      const dataKey = theKey('it', await keys.named(new Map([['it', token.header]])))
      return runInSlices(decryptValueInSteps(dataKey, context, token))
    },
  }
}

function theKey(name: string, byName: KeysByName): DataKey {
  const key = byName.get(name)
  if (key === undefined) throw new TypeError('every key name has an entry')
  if (isKeyholdError(key)) throw key
  return key
}

// The context is base64url of a JSON object of strings, because a header cannot hold all of Unicode.
function readContext({ 'keyhold-context': header }: IncomingHttpHeaders): EncryptionContext {
  if (header === undefined) return {}
  return checkEncryptionContext(parseContext(String(header)) as EncryptionContext)
}

function parseContext(header: string): unknown {
  const bytes = parseBase64Url(header)
  try {
    if (bytes !== undefined) return parseJson(bytes)
  } catch {
    // All faults have the same refusal, below.
  }
  throw new KeyholdError('ERR_CONTEXT_INVALID', {
    message: 'The header Keyhold-Context does not hold base64url of a JSON object.',
  })
}
